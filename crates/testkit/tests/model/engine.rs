//! A naive engine that is correct: one step at a time, with crashes, retries, rebalances and commits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use laneway_domain::invariant::{
    Digest, Happening, History, MemberId, Outcome, Place, RunId, Sighting, Start,
};
use laneway_domain::{
    AggregateId, AggregateKey, Cancellation, DeathCause, Epoch, ErrorClass, EventId, GroupId, Monotonic,
    PartitionNumber, Position, Resume, Scope, TopicName,
};

const PARTITIONS: u32 = 2;
const MEMBERS: u32 = 3;
const AGGREGATES: u32 = 6;
const ATTEMPTS: u32 = 2;

/// The broker, the members and what they did so far.
pub(crate) struct Engine {
    history: History,
    now: Monotonic,
    partitions: Vec<Partition>,
    runs: u64,
    events: u64,
    epochs: u64,
}

#[derive(Default)]
struct Partition {
    /// Position, number and aggregate of each event.
    log: BTreeMap<u64, (u64, u32)>,
    next: u64,
    committed: Option<Resume>,
    owner: Option<Tenure>,
}

struct Tenure {
    member: u32,
    epoch: u64,
    resume: Resume,
    terminal: BTreeSet<u64>,
    failures: BTreeMap<u64, u32>,
    /// What runs, by position.
    running: BTreeMap<u64, u64>,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let partitions = (0..PARTITIONS).map(|_| Partition::default()).collect();
        Self { history: History::new(), now: Monotonic::ZERO, partitions, runs: 0, events: 0, epochs: 0 }
    }

    /// Does what `choice` says, or nothing where that is not possible now.
    pub(crate) fn step(&mut self, choice: u32) {
        self.now = self.now + Duration::from_millis(u64::from(choice % 7));
        let (partition, pick) = ((choice >> 8) % PARTITIONS, choice >> 16);
        match choice % 64 {
            0..6 => self.publish(pick % AGGREGATES, choice >> 8),
            6..14 => self.assign(partition, pick % MEMBERS),
            14..38 => self.start(partition, pick),
            38..56 => self.end(partition, pick),
            56..61 => self.commit(partition),
            61 | 62 => self.release(partition),
            _ => self.crash(pick % MEMBERS),
        }
    }

    /// Handles what is left, commits it, and stays quiet for a while.
    pub(crate) fn finish(mut self) -> History {
        for partition in 0..PARTITIONS {
            self.assign(partition, partition);
            while self.tenure(partition).is_some_and(|tenure| !tenure.running.is_empty())
                || !self.startable(partition).is_empty()
            {
                self.start(partition, 0);
                self.end(partition, 0);
            }
            self.commit(partition);
        }
        self.history.watched_until(self.now + Duration::from_secs(60));
        self.history
    }

    fn say(&mut self, what: Happening) {
        self.history.push(self.now, what);
    }

    fn tenure(&mut self, partition: u32) -> Option<&mut Tenure> {
        self.partitions[partition as usize].owner.as_mut()
    }

    fn publish(&mut self, aggregate: u32, skip: u32) {
        self.events += 1;
        let (number, partition) = (self.events, aggregate % PARTITIONS);
        let into = &mut self.partitions[partition as usize];
        let position = into.next + u64::from(skip % 3);
        into.next = position + 1;
        into.log.insert(position, (number, aggregate));
        self.say(Happening::Published {
            event: event(number, aggregate),
            partition: PartitionNumber(partition),
            position: Some(Position::new(position)),
        });
    }

    fn assign(&mut self, partition: u32, member: u32) {
        let to = &mut self.partitions[partition as usize];
        if to.owner.is_some() {
            return;
        }
        self.epochs += 1;
        let (epoch, stored) = (self.epochs, to.committed);
        to.owner = Some(Tenure {
            member,
            epoch,
            resume: stored.unwrap_or_default(),
            terminal: BTreeSet::new(),
            failures: BTreeMap::new(),
            running: BTreeMap::new(),
        });
        self.say(Happening::Assigned {
            member: MemberId(member),
            scope: scope(partition),
            epoch: Epoch(epoch),
            stored,
            initial: Resume::Start,
        });
    }

    /// The head of each lane that is neither running nor terminal.
    fn startable(&self, partition: u32) -> Vec<u64> {
        let of = &self.partitions[partition as usize];
        let Some(tenure) = &of.owner else { return Vec::new() };
        let mut heads = BTreeMap::new();
        for (position, (_, aggregate)) in of.log.range(tenure.resume.rank()..) {
            if !tenure.terminal.contains(position) {
                heads.entry(aggregate).or_insert(*position);
            }
        }
        heads.into_values().filter(|head| !tenure.running.contains_key(head)).collect()
    }

    fn start(&mut self, partition: u32, pick: u32) {
        let heads = self.startable(partition);
        let Some(position) = picked(&heads, pick) else { return };
        let (number, aggregate) = self.partitions[partition as usize].log[&position];
        self.runs += 1;
        let run = self.runs;
        let Some(tenure) = self.tenure(partition) else { return };
        tenure.running.insert(position, run);
        let (member, failed) = (tenure.member, tenure.failures.get(&position).copied().unwrap_or(0));
        self.say(Happening::HandlerStarted(Start {
            run: RunId(run),
            member: MemberId(member),
            place: place(partition, position),
            event: event(number, aggregate),
            attempt: failed + 1,
            cancellation: Cancellation::Drop,
        }));
    }

    fn end(&mut self, partition: u32, pick: u32) {
        let Some(tenure) = self.tenure(partition) else { return };
        let running: Vec<_> = tenure.running.keys().copied().collect();
        let Some(position) = picked(&running, pick) else { return };
        let Some(run) = tenure.running.remove(&position) else { return };
        let outcome = match pick % 9 {
            1 => Outcome::Failed(None),
            3 => Outcome::Panicked,
            5 => Outcome::Failed(Some(ErrorClass::Fatal)),
            7 => Outcome::Dropped,
            _ => Outcome::Done,
        };
        let failures = tenure.failures.entry(position).or_default();
        *failures += u32::from(outcome != Outcome::Done);
        let fatal = outcome == Outcome::Failed(Some(ErrorClass::Fatal));
        let dead = fatal || *failures >= ATTEMPTS;
        if outcome == Outcome::Done || dead {
            tenure.terminal.insert(position);
        }
        self.say(Happening::HandlerEnded { run: RunId(run), outcome });
        if outcome != Outcome::Done && dead {
            self.bury(partition, position, if fatal { DeathCause::Fatal } else { DeathCause::Exhausted });
        }
    }

    fn bury(&mut self, partition: u32, position: u64, cause: DeathCause) {
        let (number, aggregate) = self.partitions[partition as usize].log[&position];
        let Sighting { id, key, digest, .. } = event(number, aggregate);
        self.say(Happening::DeadLettered {
            place: place(partition, position),
            id,
            key,
            digest,
            cause,
            parks: false,
        });
    }

    fn commit(&mut self, partition: u32) {
        let of = &mut self.partitions[partition as usize];
        let Some(tenure) = &mut of.owner else { return };
        let mut ahead = of.log.range(tenure.resume.rank()..).map(|(position, _)| *position);
        let open = ahead.find(|position| !tenure.terminal.contains(position));
        let resume = match (open, of.log.keys().next_back()) {
            (Some(open), _) => Resume::At(Position::new(open)),
            (None, Some(last)) => Resume::After(Position::new(*last)),
            (None, None) => return,
        };
        let (member, epoch) = (MemberId(tenure.member), Epoch(tenure.epoch));
        tenure.resume = resume;
        of.committed = Some(resume);
        self.say(Happening::Committed { member, scope: scope(partition), epoch, resume });
        self.say(Happening::CommitStored { scope: scope(partition), resume });
    }

    /// Drops what runs, commits and gives the partition up.
    fn release(&mut self, partition: u32) {
        let Some(tenure) = self.tenure(partition) else { return };
        let (member, epoch) = (MemberId(tenure.member), Epoch(tenure.epoch));
        let running = std::mem::take(&mut tenure.running);
        for run in running.into_values() {
            self.say(Happening::HandlerEnded { run: RunId(run), outcome: Outcome::Dropped });
        }
        self.commit(partition);
        self.say(Happening::Released { member, scope: scope(partition), epoch });
        self.partitions[partition as usize].owner = None;
    }

    fn crash(&mut self, member: u32) {
        self.say(Happening::Crashed { member: MemberId(member) });
        for partition in &mut self.partitions {
            partition.owner = partition.owner.take().filter(|tenure| tenure.member != member);
        }
    }
}

fn picked(from: &[u64], pick: u32) -> Option<u64> {
    from.get(pick as usize % from.len().max(1)).copied()
}

fn topic() -> TopicName {
    TopicName::new("model").unwrap()
}

fn scope(partition: u32) -> Scope {
    Scope { group: GroupId::new("g").unwrap(), topic: topic(), partition: PartitionNumber(partition) }
}

fn place(partition: u32, position: u64) -> Place {
    Place { scope: scope(partition), position: Position::new(position) }
}

fn event(number: u64, aggregate: u32) -> Sighting {
    let id = AggregateId::new(format!("a{aggregate}")).unwrap();
    Sighting {
        id: EventId::new(uuid::Uuid::from_u128(u128::from(number))),
        topic: topic(),
        key: Some(AggregateKey { topic: topic(), tenant: None, id }),
        digest: Digest(number),
    }
}
