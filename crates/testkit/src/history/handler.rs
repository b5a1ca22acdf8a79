//! Recording what handlers do.

use laneway_domain::invariant::{Happening, MemberId, Outcome, Place, RunId, Sighting, Start};
use laneway_domain::{Cancellation, Event, Handler, HandlerContext, HandlerError, Scope};

use super::recorder::Recorder;

/// A handler whose runs are recorded: start, and end by success, failure, panic or dropping.
#[derive(Debug, Clone)]
pub struct RecordedHandler<H> {
    inner: H,
    recorder: Recorder,
    member: MemberId,
}

impl<H> RecordedHandler<H> {
    /// Records around `inner`, as a handler of the bus `member`.
    pub const fn new(inner: H, recorder: Recorder, member: MemberId) -> Self {
        Self { inner, recorder, member }
    }
}

impl<H: Handler> Handler for RecordedHandler<H> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let running = Running::begin(self, event, context);
        let result = self.inner.handle(event, context).await;
        running.end(match &result {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::Failed(error.class()),
        });
        result
    }

    fn cancellation(&self) -> Cancellation {
        self.inner.cancellation()
    }
}

/// A run that has not ended; dropped before its end, it was dropped or it panicked.
struct Running<'a> {
    run: RunId,
    recorder: &'a Recorder,
    outcome: Option<Outcome>,
}

impl<'a> Running<'a> {
    fn begin<H: Handler>(of: &'a RecordedHandler<H>, event: &Event, context: &HandlerContext<'_>) -> Self {
        let run = of.recorder.run();
        let scope = Scope {
            group: context.group.clone(),
            topic: event.topic().clone(),
            partition: event.partition(),
        };
        of.recorder.record(Happening::HandlerStarted(Start {
            run,
            member: of.member,
            place: Place { scope, position: event.position() },
            event: Sighting::from(&**event),
            attempt: context.attempt,
            cancellation: of.cancellation(),
        }));
        Self { run, recorder: &of.recorder, outcome: None }
    }

    fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let broken = if std::thread::panicking() { Outcome::Panicked } else { Outcome::Dropped };
        let outcome = self.outcome.unwrap_or(broken);
        self.recorder.record(Happening::HandlerEnded { run: self.run, outcome });
    }
}
