//! Publishers that wait for room in a partition.

use std::collections::VecDeque;
use std::ops::Range;
use std::task::Waker;

use laneway_domain::{Origin, Timestamp};

use crate::aftermath::Aftermath;
use crate::log::{Log, Terms};
use crate::piece::Piece;
use crate::rules::Rules;

/// Names a publisher that waits in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// What became of a publisher's pieces.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The positions that were given, in order.
    pub(crate) spans: Vec<Range<u64>>,
    /// What was not appended.
    pub(crate) left: VecDeque<Piece>,
    /// Whether the partition was closed meanwhile.
    pub(crate) closed: bool,
}

/// The queue of one partition: first come, first served, handlers before callers.
///
/// Whoever makes room appends for those who wait, so a publisher that is not polled holds up nobody. What waits is
/// owned here and leaves with its ticket.
#[derive(Debug, Default)]
pub(crate) struct Room {
    handlers: VecDeque<Waiting>,
    callers: VecDeque<Waiting>,
    answered: Vec<(Ticket, Answer)>,
    tickets: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    answer: Answer,
    waker: Option<Waker>,
}

impl Room {
    /// Whether somebody stands before a new publisher of this origin.
    #[inline]
    pub(crate) fn is_taken(&self, origin: Origin) -> bool {
        !self.handlers.is_empty() || (origin == Origin::Caller && !self.callers.is_empty())
    }

    /// Puts the rest of a publisher's pieces behind those who wait.
    pub(crate) fn wait(&mut self, origin: Origin, answer: Answer) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let queue = match origin {
            Origin::Handler => &mut self.handlers,
            Origin::Caller => &mut self.callers,
        };
        queue.push_back(Waiting { ticket, answer, waker: None });
        ticket
    }

    /// Appends for those who wait as much as there is room for; whether anything was appended.
    pub(crate) fn serve(
        &mut self,
        log: &mut Log,
        rules: Rules,
        (floor, at): (u64, Timestamp),
        after: &mut Aftermath,
    ) -> bool {
        let before = log.next();
        for (queue, origin) in [(&mut self.handlers, Origin::Handler), (&mut self.callers, Origin::Caller)] {
            let limit = rules.limit(origin);
            while let Some(first) = queue.front_mut() {
                let Answer { left, spans, .. } = &mut first.answer;
                log.append(left, Terms { limit, floor, at }, spans, &mut after.dropped);
                if !left.is_empty() {
                    return log.next() > before;
                }
                answer(queue.pop_front(), &mut self.answered, after);
            }
        }
        log.next() > before
    }

    /// The answer, once there is one; until then `waker` is woken for it.
    pub(crate) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Option<Answer> {
        let answered = self.take_answer(ticket);
        if answered.is_none()
            && let Some((queue, at)) = self.find(ticket)
        {
            match &mut queue[at].waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
        answered
    }

    /// Takes a publisher out of the queue, with what it has got so far.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> Answer {
        let waiting = self.find(ticket).and_then(|(queue, at)| queue.remove(at));
        waiting.map(|waiting| waiting.answer).or_else(|| self.take_answer(ticket)).unwrap_or_default()
    }

    /// Answers everybody: nothing more is appended.
    pub(crate) fn close(&mut self, after: &mut Aftermath) {
        for mut waiting in self.handlers.drain(..).chain(self.callers.drain(..)) {
            waiting.answer.closed = true;
            answer(Some(waiting), &mut self.answered, after);
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.handlers.is_empty() && self.callers.is_empty()
    }

    fn take_answer(&mut self, ticket: Ticket) -> Option<Answer> {
        let at = self.answered.iter().position(|(known, _)| *known == ticket)?;
        Some(self.answered.swap_remove(at).1)
    }

    fn find(&mut self, ticket: Ticket) -> Option<(&mut VecDeque<Waiting>, usize)> {
        [&mut self.handlers, &mut self.callers].into_iter().find_map(|queue| {
            let at = queue.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()?;
            Some((queue, at))
        })
    }
}

fn answer(waiting: Option<Waiting>, answered: &mut Vec<(Ticket, Answer)>, after: &mut Aftermath) {
    if let Some(Waiting { ticket, answer, waker }) = waiting {
        answered.push((ticket, answer));
        after.publishers.extend(waker);
    }
}
