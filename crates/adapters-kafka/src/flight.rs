//! Events that were handed over and wait for the broker's answer.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use atomic_waker::AtomicWaker;
use laneway_domain::{Monotonic, PublishError, Published, Timer};

use crate::mail::held;

/// What became of an event.
pub(crate) type Receipt = Result<Published, PublishError>;

/// The events of one call. Each is answered once, on the client's thread.
pub(crate) struct Flight {
    receipts: Mutex<Vec<Option<Receipt>>>,
    open: AtomicUsize,
    waker: AtomicWaker,
}

/// An event's place in its flight, carried by the client; what is dropped without an answer stays unknown.
pub(crate) struct Ticket {
    flight: Arc<Flight>,
    at: usize,
}

impl Flight {
    pub(crate) fn new(events: usize) -> Arc<Self> {
        let receipts = (0..events).map(|_| None).collect();
        Arc::new(Self {
            receipts: Mutex::new(receipts),
            open: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
        })
    }

    /// An event leaves: the flight lands when it has an answer.
    pub(crate) fn ticket(self: &Arc<Self>, at: usize) -> Ticket {
        self.open.fetch_add(1, Ordering::AcqRel);
        Ticket { flight: self.clone(), at }
    }

    /// An event has its answer without a ticket.
    pub(crate) fn answer(&self, at: usize, receipt: Receipt) {
        held(&self.receipts)[at] = Some(receipt);
    }

    /// Waits until all are answered, at the latest until `deadline`.
    pub(crate) async fn land(&self, timer: &mut Timer, deadline: Monotonic) -> Vec<Option<Receipt>> {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.open.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { timer.poll(cx, deadline) }
        })
        .await;
        let mut receipts = held(&self.receipts);
        let empty = (0..receipts.len()).map(|_| None).collect();
        std::mem::replace(&mut *receipts, empty)
    }
}

impl Ticket {
    pub(crate) fn answer(self, receipt: Receipt) {
        self.flight.answer(self.at, receipt);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.flight.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.flight.waker.wake();
        }
    }
}
