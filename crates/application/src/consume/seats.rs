//! Seats: where handlers' futures stand while they run.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use atomic_waker::AtomicWaker;
use crossbeam_queue::SegQueue;
use laneway_domain::Monotonic;

use crate::guard::guarded;
use crate::lanes::{LaneId, Ticket};

/// The futures of one worker, each in a box that is used again, so that starting a handler allocates nothing.
///
/// Every seat has a waker of its own: only futures that were woken are polled.
pub(crate) struct Seats<F> {
    seats: Vec<Seat<F>>,
    free: Vec<u32>,
    woken: Arc<Woken>,
}

struct Seat<F> {
    future: Pin<Box<Option<F>>>,
    bell: Arc<Bell>,
    waker: Waker,
    sitter: Sitter,
}

/// Whose future stands in a seat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sitter {
    pub(crate) lane: LaneId,
    pub(crate) ticket: Ticket,
    /// When it began.
    pub(crate) since: Monotonic,
    /// When its time is up; never, once it is and nothing can be done about it.
    pub(crate) deadline: Monotonic,
    /// Whether its time was up, and it cannot be stopped.
    pub(crate) overdue: bool,
}

/// Seats that were woken, and the worker to wake for them.
struct Woken {
    seats: SegQueue<u32>,
    worker: AtomicWaker,
}

/// Rings for one seat: queues it once until it is polled.
struct Bell {
    at: u32,
    rung: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.woken.seats.push(self.at);
            self.woken.worker.wake();
        }
    }
}

/// How a poll of a seat ended.
pub(crate) enum Polled<T> {
    /// The future is not through.
    Pending,
    /// It returned.
    Returned(T),
    /// It panicked, with this message.
    Panicked(String),
}

impl<F: Future> Seats<F> {
    pub(crate) fn new() -> Self {
        let woken = Woken { seats: SegQueue::new(), worker: AtomicWaker::new() };
        Self { seats: Vec::new(), free: Vec::new(), woken: Arc::new(woken) }
    }

    /// Says whom to wake when a seat is.
    pub(crate) fn register(&self, worker: &Waker) {
        self.woken.worker.register(worker);
    }

    /// How many futures run.
    pub(crate) fn taken(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    /// Puts a future in a seat and polls it once; its seat, unless it is through already.
    #[inline]
    pub(crate) fn sit(&mut self, sitter: Sitter, future: F) -> (u32, Polled<F::Output>) {
        let at = self.free.pop().unwrap_or_else(|| self.add());
        let seat = &mut self.seats[at as usize];
        seat.sitter = sitter;
        seat.future.set(Some(future));
        (at, self.poll(at))
    }

    fn add(&mut self) -> u32 {
        let at = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        let bell = Arc::new(Bell { at, rung: AtomicBool::new(false), woken: self.woken.clone() });
        let waker = Waker::from(bell.clone());
        let lane = LaneId { at: u32::MAX, generation: 0 };
        let (since, deadline) = (Monotonic::ZERO, Monotonic::NEVER);
        let sitter = Sitter { lane, ticket: Ticket { run: 0, row: 0 }, since, deadline, overdue: false };
        self.seats.push(Seat { future: Box::pin(None), bell, waker, sitter });
        at
    }

    #[inline]
    fn poll(&mut self, at: u32) -> Polled<F::Output> {
        let seat = &mut self.seats[at as usize];
        let Some(future) = seat.future.as_mut().as_pin_mut() else { return Polled::Pending };
        let mut cx = Context::from_waker(&seat.waker);
        let polled = guarded(|| super::origin::within_handler(|| future.poll(&mut cx)));
        match polled {
            Ok(Poll::Pending) => Polled::Pending,
            Ok(Poll::Ready(output)) => {
                self.leave(at);
                Polled::Returned(output)
            }
            Err(panic) => {
                self.leave(at);
                Polled::Panicked(panic)
            }
        }
    }

    /// Polls the next seat that was woken and is taken.
    pub(crate) fn poll_woken(&mut self) -> Option<(Sitter, Polled<F::Output>)> {
        loop {
            let at = self.woken.seats.pop()?;
            let seat = &self.seats[at as usize];
            seat.bell.rung.store(false, Ordering::Release);
            // A seat may have been left since, or woken by someone who remembers a former sitter.
            if seat.future.is_some() {
                let sitter = seat.sitter;
                return Some((sitter, self.poll(at)));
            }
        }
    }

    /// Drops the future in a seat; the panic where dropping it panics.
    pub(crate) fn evict(&mut self, at: u32) -> Option<String> {
        self.leave(at)
    }

    #[inline]
    fn leave(&mut self, at: u32) -> Option<String> {
        self.free.push(at);
        let seat = &mut self.seats[at as usize];
        let dropped = guarded(|| seat.future.set(None));
        dropped
            .err()
            .inspect(|panic| tracing::error!(panic, "a handler's future panicked when it was dropped"))
    }

    /// The taken seats.
    pub(crate) fn sitters(&self) -> impl Iterator<Item = (u32, Sitter)> + '_ {
        let taken = |(at, seat): (u32, &Seat<F>)| seat.future.is_some().then_some((at, seat.sitter));
        (0..).zip(&self.seats).filter_map(taken)
    }

    pub(crate) fn sitter_mut(&mut self, at: u32) -> &mut Sitter {
        &mut self.seats[at as usize].sitter
    }
}
