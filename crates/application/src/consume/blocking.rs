//! Handlers that block their thread, declared as such.

use std::panic::resume_unwind;
use std::sync::Arc;

use laneway_domain::{Cancellation, Event, Handler, HandlerContext, HandlerError};

use super::origin::within_handler;
use crate::publish::hops::{hops, within};

/// A handler made of a closure that blocks; see [`blocking`].
#[derive(Debug)]
pub struct Blocking<F>(Arc<F>);

/// Makes a handler of a closure that blocks its thread: it runs on the runtime's blocking pool and stops no worker.
///
/// It cannot be cancelled: when its time is up, or its partition goes away, its lane stays closed until it returns, and a
/// success then counts.
///
/// ```
/// use laneway_application::consume::blocking;
/// use laneway_domain::{Event, HandlerError};
/// let handler = blocking(|event: &Event| {
///     std::fs::write("last-event", event.payload())?;
///     Ok::<(), HandlerError>(())
/// });
/// # let _ = handler;
/// ```
pub fn blocking<F>(handle: F) -> Blocking<F>
where
    F: Fn(&Event) -> Result<(), HandlerError> + Send + Sync + 'static,
{
    Blocking(Arc::new(handle))
}

impl<F> Handler for Blocking<F>
where
    F: Fn(&Event) -> Result<(), HandlerError> + Send + Sync + 'static,
{
    fn handle<'a>(
        &'a self,
        event: &'a Event,
        _context: &'a HandlerContext<'a>,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send + 'a {
        let (handle, event) = (self.0.clone(), event.clone());
        async move {
            // What counts hops counts on this thread, and what publishes runs on another one.
            let hops = hops();
            let run = move || within(hops, || within_handler(|| handle(&event)));
            match tokio::task::spawn_blocking(run).await {
                Ok(result) => result,
                // The panic guard around the attempt sees it as any other.
                Err(join) if join.is_panic() => resume_unwind(join.into_panic()),
                Err(join) => Err(HandlerError::retryable(join)),
            }
        }
    }

    fn cancellation(&self) -> Cancellation {
        Cancellation::Finish
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laneway_domain::{
        Body, Envelope, GroupId, HandlerMask, Origin, PartitionNumber, Position, Received, Run, Timestamp,
        TopicName,
    };

    fn event() -> Event {
        let body = Body::Event(Envelope::new(TopicName::new("t").unwrap(), "x"));
        let received = Received { position: Position::new(1), appended: Timestamp::default(), body };
        Event::new(
            Arc::new(Run { rows: vec![received].into(), partition: PartitionNumber(0), redriven: false }),
            0,
        )
    }

    #[tokio::test]
    async fn blocking_code_runs_on_another_thread_and_publishes_as_a_handler() {
        let here = std::thread::current().id();
        let handler = blocking(move |event: &Event| {
            assert_ne!(std::thread::current().id(), here);
            assert_eq!(super::super::origin::origin(), Origin::Handler);
            if event.payload() == "x" { Err(HandlerError::fatal("seen")) } else { Ok(()) }
        });
        let group = GroupId::new("g").unwrap();
        let context = HandlerContext { group: &group, attempt: 1, due: HandlerMask::ALL };
        let answer = handler.handle(&event(), &context).await;
        assert_eq!(answer.unwrap_err().cause().to_string(), "seen");
        assert_eq!(handler.cancellation(), Cancellation::Finish);
    }

    #[tokio::test]
    #[should_panic(expected = "in blocking code")]
    async fn its_panic_reaches_the_guard_of_the_worker() {
        let handler = blocking(|_: &Event| panic!("in blocking code"));
        let group = GroupId::new("g").unwrap();
        let _ = handler
            .handle(&event(), &HandlerContext { group: &group, attempt: 1, due: HandlerMask::ALL })
            .await;
    }
}
