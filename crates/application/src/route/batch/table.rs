//! Who sits in which batch, who leads it, and what each is answered: decides, and waits for nothing.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use hashbrown::HashMap;
use laneway_domain::{BoxFuture, HandlerError};

use super::handler::Member;
use crate::publish::hops::hops;

/// The user's code at work on a batch: an answer for each event that was handed over.
pub(super) type Work = BoxFuture<Vec<Result<(), HandlerError>>>;
/// Where that stands. Only the leader polls it, so its lock is never waited for.
pub(super) type Job = Mutex<Option<Work>>;

/// The batches of one handler, until the last event of each has its answer.
pub(super) struct Table {
    size: usize,
    rounds: HashMap<u64, Round, foldhash::fast::FixedState>,
    gathering: Option<u64>,
    next: u64,
    /// Batches that run on for fewer events than they were given.
    strays: usize,
    /// Leaders that wait until there are none.
    at_the_door: Vec<Waker>,
    /// Whom to wake when the lock is given back.
    bell: Vec<Waker>,
}

/// One batch, from its first event to its last answer.
struct Round {
    seats: Vec<Seat>,
    phase: Phase,
    leader: usize,
    live: usize,
    stray: bool,
    job: Arc<Job>,
    /// The seats of the events that were handed over, in their order.
    order: Vec<usize>,
    /// The most hops of its events, where a guard counts them.
    hops: Option<u32>,
}

/// A batch that its last event has left.
pub(super) struct Abandoned {
    was_stray: bool,
}

/// A batch on its way to the user.
pub(super) struct HandOver {
    pub(super) members: Vec<Member>,
    pub(super) hops: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Gathering,
    Closed,
    Running,
    Ended,
}

struct Seat {
    member: Option<Member>,
    waker: Option<Waker>,
    answer: Option<Answer>,
    gone: bool,
}

/// What an event is told.
pub(super) enum Answer {
    Returned(Result<(), HandlerError>),
    Panicked(Arc<str>),
}

impl Answer {
    /// Returns it; a panic goes on in whoever asks, and its guard sees it as any other.
    pub(super) fn give(self) -> Result<(), HandlerError> {
        match self {
            Self::Returned(result) => result,
            Self::Panicked(message) => resume_unwind(Box::new(message.to_string())),
        }
    }
}

/// Where an event sits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    round: u64,
    at: usize,
}

/// What an event's future has to do now.
pub(super) enum Turn {
    /// Return.
    Answer(Answer),
    /// Wait; somebody else leads.
    Wait,
    /// Lead: see whether the time to gather is over.
    Gather,
    /// Lead: hand the batch over.
    Start,
    /// Lead: poll the user's code.
    Run,
}

impl Table {
    pub(super) fn new(size: usize) -> Self {
        let (rounds, at_the_door, bell) = (HashMap::default(), Vec::new(), Vec::new());
        Self { size, rounds, gathering: None, next: 0, strays: 0, at_the_door, bell }
    }

    /// Whom to wake now that the lock is given back.
    pub(super) fn rings(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.bell)
    }

    /// Gives an event a seat in the batch that gathers.
    pub(super) fn join(&mut self, member: Member) -> (Place, Arc<Job>) {
        let id = *self.gathering.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let round = self.rounds.entry(id).or_insert_with(Round::new);
        let at = round.seats.len();
        round.seats.push(Seat { member: Some(member), waker: None, answer: None, gone: false });
        round.live += 1;
        round.hops = round.hops.max(hops());
        let job = round.job.clone();
        if round.live == self.size {
            self.close(id);
        }
        (Place { round: id, at }, job)
    }

    /// What the event at `place` has to do; `waker` is told when that changes.
    pub(super) fn turn(&mut self, place: Place, waker: &Waker) -> Turn {
        let Some(round) = self.rounds.get_mut(&place.round) else { return Turn::Wait };
        let seat = &mut round.seats[place.at];
        if let Some(answer) = seat.answer.take() {
            // It has ended: nothing of it is left to drop.
            let _ = self.leave(place);
            return Turn::Answer(answer);
        }
        if !seat.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            seat.waker = Some(waker.clone());
        }
        match round.phase {
            _ if round.leader != place.at => Turn::Wait,
            Phase::Gathering => Turn::Gather,
            Phase::Closed => Turn::Start,
            Phase::Running => Turn::Run,
            Phase::Ended => Turn::Wait,
        }
    }

    /// The oldest event of a batch has waited long enough.
    pub(super) fn time_is_up(&mut self, place: Place) {
        self.close(place.round);
    }

    fn close(&mut self, id: u64) {
        if self.gathering == Some(id) {
            self.gathering = None;
        }
        if let Some(round) = self.rounds.get_mut(&id).filter(|round| round.phase == Phase::Gathering) {
            round.phase = Phase::Closed;
            self.bell.extend(round.seats[round.leader].waker.take());
        }
    }

    /// Hands a batch over; nothing while another runs on without one of its events. That event's lane is open again,
    /// and what it holds next must not run beside what the batch still does for it.
    pub(super) fn start(&mut self, place: Place, waker: &Waker) -> Option<HandOver> {
        if self.strays > 0 {
            self.at_the_door.push(waker.clone());
            return None;
        }
        let round = self.rounds.get_mut(&place.round)?;
        round.phase = Phase::Running;
        let mut members = Vec::with_capacity(round.live);
        for (at, seat) in round.seats.iter_mut().enumerate() {
            if let Some(member) = seat.member.take() {
                round.order.push(at);
                members.push(member);
            }
        }
        Some(HandOver { members, hops: round.hops })
    }

    /// The user's code ended, or panicked: who is still there gets its answer.
    pub(super) fn settle(&mut self, place: Place, ended: Result<Vec<Result<(), HandlerError>>, String>) {
        let Some(round) = self.rounds.get_mut(&place.round) else { return };
        round.phase = Phase::Ended;
        let (mut answers, panic) = match ended {
            Ok(answers) => (answers.into_iter(), "a batch handler gave too few answers".into()),
            Err(panic) => (Vec::new().into_iter(), Arc::<str>::from(panic)),
        };
        for at in &round.order {
            let answer = answers.next().map_or_else(|| Answer::Panicked(panic.clone()), Answer::Returned);
            let seat = &mut round.seats[*at];
            if !seat.gone {
                seat.answer = Some(answer);
                self.bell.extend(seat.waker.take());
            }
        }
        let was_stray = std::mem::take(&mut round.stray);
        self.stray_ended(Abandoned { was_stray });
    }

    /// The event at `place` has its answer, or its future was dropped. What it was the last to leave, and must be told
    /// of as [ended](Self::stray_ended) once that is dropped.
    pub(super) fn leave(&mut self, place: Place) -> Option<Abandoned> {
        let round = self.rounds.get_mut(&place.round)?;
        let seat = &mut round.seats[place.at];
        seat.gone = true;
        // Dropped last: what drops with them is the user's.
        let _remains = (seat.member.take(), seat.waker.take(), seat.answer.take());
        round.live -= 1;
        if round.live == 0 {
            return self.rounds.remove(&place.round).map(|round| Abandoned { was_stray: round.stray });
        }
        if round.phase == Phase::Running && !round.stray {
            round.stray = true;
            self.strays += 1;
        }
        if round.phase != Phase::Ended && round.leader == place.at {
            let behind = round.seats[place.at..].iter().position(|seat| !seat.gone).unwrap_or(0);
            round.leader += behind;
            self.bell.extend(round.seats[round.leader].waker.take());
        }
        None
    }

    /// A batch is over, or dropped: where some of its events had left before, others may start now.
    pub(super) fn stray_ended(&mut self, Abandoned { was_stray }: Abandoned) {
        self.strays -= usize::from(was_stray);
        if was_stray && self.strays == 0 {
            self.bell.append(&mut self.at_the_door);
        }
    }
}

impl Round {
    fn new() -> Self {
        let (job, seats, order) = (Arc::default(), Vec::new(), Vec::new());
        Self { seats, phase: Phase::Gathering, leader: 0, live: 0, stray: false, job, order, hops: None }
    }
}
