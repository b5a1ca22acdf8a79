//! What stands between a session and the threads behind it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use atomic_waker::AtomicWaker;
use laneway_domain::{
    Assignment, Checkpoint, Epoch, Monotonic, PartitionId, Resume, RevocationId, SessionEvent,
};
use rdkafka::error::KafkaError;

use crate::lookup::Standing;
use crate::place::Place;
use crate::wake::Wake;

/// The letter box of a session: events up, orders down. Neither side waits for the other.
#[derive(Default)]
pub(crate) struct Mail {
    up: Mutex<VecDeque<Letter>>,
    down: Mutex<Vec<Order>>,
    reader: AtomicWaker,
    /// The thread that carries out orders.
    pub(crate) member: Wake,
}

/// What the session says next.
pub(crate) enum Letter {
    /// Partitions, with the taps that its commands turn.
    Assigned(Vec<(Assignment, Arc<Tap>)>),
    /// Anything else.
    Event(SessionEvent),
    /// A batch; taking it makes room for another of its partition.
    Batch(laneway_domain::Batch, Arc<Tap>),
}

/// What the session's user wants, and what other threads found out.
pub(crate) enum Order {
    Start {
        partition: PartitionId,
        epoch: Epoch,
        from: Resume,
    },
    Release {
        revocation: RevocationId,
        last: Vec<Checkpoint>,
    },
    Close {
        last: Vec<Checkpoint>,
        deadline: Monotonic,
    },
    /// The session was dropped.
    Abandon,
    /// Where the group stands in what it was assigned.
    Found(Result<Vec<Standing>, KafkaError>),
    /// What a partition still has whose next offset is gone.
    Left(Place, Result<(i64, i64), KafkaError>),
    /// The last commit of a revocation, or of the session where none is named, has an answer.
    Committed(Option<RevocationId>),
    /// A commit was refused because the group knows this member no more.
    Expelled,
    /// The broker answered.
    Reached,
}

/// How many batches of a partition may wait for the session's user: what a closed flow may still deliver.
const AHEAD: usize = 1;

/// Whether a partition may deliver more, as seen from both sides.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) epoch: Epoch,
    closed: AtomicBool,
    waiting: AtomicUsize,
}

impl Tap {
    pub(crate) const fn new(epoch: Epoch) -> Self {
        Self { epoch, closed: AtomicBool::new(false), waiting: AtomicUsize::new(0) }
    }

    /// Whether another batch may be made.
    pub(crate) fn runs(&self) -> bool {
        !self.closed.load(Ordering::Acquire) && self.waiting.load(Ordering::Acquire) < AHEAD
    }

    /// Opens or closes it; whether it was closed before.
    pub(crate) fn turn(&self, closed: bool) -> bool {
        self.closed.swap(closed, Ordering::AcqRel)
    }
}

impl Mail {
    pub(crate) fn post(&self, event: SessionEvent) {
        self.post_letter(Letter::Event(event));
    }

    pub(crate) fn post_letter(&self, letter: Letter) {
        if let Letter::Batch(_, tap) = &letter {
            tap.waiting.fetch_add(1, Ordering::AcqRel);
        }
        held(&self.up).push_back(letter);
        self.reader.wake();
    }

    pub(crate) fn next(&self) -> Option<Letter> {
        let letter = held(&self.up).pop_front();
        if let Some(Letter::Batch(_, tap)) = &letter
            && tap.waiting.fetch_sub(1, Ordering::AcqRel) == AHEAD
        {
            self.member.wake();
        }
        letter
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.reader.register(waker);
    }

    pub(crate) fn order(&self, order: Order) {
        held(&self.down).push(order);
        self.member.wake();
    }

    /// Whether no order waits.
    pub(crate) fn is_quiet(&self) -> bool {
        held(&self.down).is_empty()
    }

    pub(crate) fn orders(&self) -> Vec<Order> {
        std::mem::take(&mut *held(&self.down))
    }
}

/// A lock whose holder panicked still guards what it guarded: nothing here is left half done.
pub(crate) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
