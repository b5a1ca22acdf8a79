//! A connection that is cut and mended by hand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use laneway_domain::{
    Checkpoint, ConnectionChange, Epoch, Flow, Flushed, Monotonic, Outgoing, PartitionId, PublishError,
    PublishFault, Published, Publisher, PublisherCapabilities, Resume, RevocationId, Session, SessionEvent,
    SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
};

/// What stands between a bus and its broker. Clones are the same wire.
#[derive(Debug, Clone, Default)]
pub struct Wire(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cut: bool,
    sessions: u64,
    wakers: BTreeMap<u64, Waker>,
}

const CUT: &str = "the wire is cut";

impl Wire {
    /// Cuts it: publishing and opening fail, and sessions hear nothing but that.
    pub fn cut(&self) {
        self.set(true);
    }

    /// Mends it: sessions go on where they were.
    pub fn mend(&self) {
        self.set(false);
    }

    fn set(&self, cut: bool) {
        let mut state = self.lock();
        state.cut = cut;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_values().for_each(Waker::wake);
    }

    fn is_cut(&self) -> bool {
        self.lock().cut
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self) -> u64 {
        let mut state = self.lock();
        state.sessions += 1;
        state.sessions
    }

    /// Whether it is cut; a change wakes the session of this number.
    fn watch(&self, session: u64, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        state.wakers.insert(session, cx.waker().clone());
        state.cut
    }
}

/// A port behind a wire.
#[derive(Debug, Clone)]
pub struct Wired<P> {
    inner: P,
    wire: Wire,
}

impl<P> Wired<P> {
    /// Puts a wire before `inner`.
    pub const fn new(inner: P, wire: Wire) -> Self {
        Self { inner, wire }
    }
}

#[async_trait]
impl<P: Publisher> Publisher for Wired<P> {
    fn capabilities(&self) -> &PublisherCapabilities {
        self.inner.capabilities()
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        if self.wire.is_cut() {
            let unavailable = |_| Err(PublishError::new(PublishFault::Unavailable, CUT));
            return batch.events.into_iter().map(unavailable).collect();
        }
        self.inner.publish(batch).await
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        self.inner.flush(deadline).await
    }
}

#[async_trait]
impl<S: Subscriber> Subscriber for Wired<S> {
    fn capabilities(&self) -> &SubscriberCapabilities {
        self.inner.capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        if self.wire.is_cut() {
            return Err(SubscribeError::Unavailable { reason: CUT.to_owned(), cause: None });
        }
        let inner = Some(self.inner.open(subscription).await?);
        let (wire, number) = (self.wire.clone(), self.wire.join());
        Ok(Box::new(WiredSession { inner, wire, number, life: Life::Up, sent: VecDeque::new() }))
    }
}

/// A session behind a wire. What its user asks for while that is cut is sent when it is mended.
struct WiredSession {
    /// Gone once it was closed without a connection: to the broker, that is a crash.
    inner: Option<Box<dyn Session>>,
    wire: Wire,
    number: u64,
    life: Life,
    sent: VecDeque<Sent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Up,
    /// Its user knows that the wire is cut.
    Down,
    /// It was closed without a connection; its user does not know yet.
    Left,
    Over,
}

enum Sent {
    Commit(Vec<Checkpoint>),
    Release(RevocationId, Vec<Checkpoint>),
}

impl WiredSession {
    fn send(&mut self, sent: Sent) {
        self.sent.push_back(sent);
        if !self.wire.is_cut() {
            self.deliver();
        }
    }

    fn hear(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        let Some(inner) = &mut self.inner else { return Poll::Pending };
        let event = std::task::ready!(inner.poll_next(cx));
        if matches!(event, SessionEvent::Failed(_) | SessionEvent::Closed) {
            self.life = Life::Over;
        }
        Poll::Ready(event)
    }

    fn deliver(&mut self) {
        let Some(inner) = &mut self.inner else { return };
        for sent in self.sent.drain(..) {
            match sent {
                Sent::Commit(checkpoints) => inner.commit(checkpoints),
                Sent::Release(revocation, last) => inner.release(revocation, last),
            }
        }
    }
}

impl Session for WiredSession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        let cut = self.wire.watch(self.number, cx);
        match (self.life, cut) {
            (Life::Over, _) | (Life::Down, true) => Poll::Pending,
            (Life::Left, _) => {
                self.life = Life::Over;
                Poll::Ready(SessionEvent::Closed)
            }
            (Life::Up, true) => {
                self.life = Life::Down;
                let reason = CUT.to_owned();
                Poll::Ready(SessionEvent::Connection(ConnectionChange::Down { reason }))
            }
            (Life::Down, false) => {
                self.life = Life::Up;
                self.deliver();
                Poll::Ready(SessionEvent::Connection(ConnectionChange::Up))
            }
            (Life::Up, false) => self.hear(cx),
        }
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        if let Some(inner) = &mut self.inner {
            inner.start(partition, epoch, from);
        }
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        if let Some(inner) = &mut self.inner {
            inner.flow(partition, epoch, flow);
        }
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        self.send(Sent::Commit(checkpoints));
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        self.send(Sent::Release(revocation, last));
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        if self.life == Life::Over {
            return;
        }
        if self.wire.is_cut() {
            // Whoever gives the command polls, and does so again.
            (self.inner, self.life) = (None, Life::Left);
            return;
        }
        self.deliver();
        self.life = Life::Up;
        if let Some(inner) = &mut self.inner {
            inner.close(last, deadline);
        }
    }
}

impl Drop for WiredSession {
    fn drop(&mut self) {
        self.wire.lock().wakers.remove(&self.number);
    }
}
