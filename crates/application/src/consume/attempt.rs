//! The handler stack around one attempt: span, context, the user's code. Panic guard and timeout stand around it where
//! it is polled.

use laneway_domain::{Event, GroupId, Handler, HandlerContext, HandlerError, HandlerMask};
use tracing::Instrument;

/// Runs one attempt.
pub(crate) async fn attempt<H: Handler>(
    handler: &H,
    group: &GroupId,
    event: Event,
    attempt: u32,
    due: HandlerMask,
) -> Result<(), HandlerError> {
    // A disabled span costs one look at a static.
    let span = tracing::debug_span!(
        "handle",
        %group,
        topic = %event.topic(),
        partition = %event.partition(),
        position = %event.position(),
        aggregate = event.aggregate().map(tracing::field::display),
        event_type = event.event_type().map(tracing::field::display),
        trace = event.trace().map(|trace| tracing::field::display(trace.parent())),
        correlation = event.correlation().map(tracing::field::display),
        attempt,
    );
    let context = HandlerContext { group, attempt, due };
    handler.handle(&event, &context).instrument(span).await
}
