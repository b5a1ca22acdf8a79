//! Publishing the table.

use std::ops::Range;

use laneway::prelude::*;

use super::content::{raw, seal};
use super::departures::{BATCH, Departures};
use super::error::RunError;
use crate::job::input::Input;

/// Publishes those batches of the malformed rows, and then all events in the order of time, that `batches` names; each is awaited.
///
/// # Errors
/// [`RunError`] where the bus does not take one of them.
pub(super) async fn publish(
    bus: &EventBus,
    topic: &TopicName,
    input: &Input,
    departures: &Departures,
    batches: Range<usize>,
) -> Result<(), RunError> {
    let rows = input.malformed.iter().zip(0..).map(|(row, number)| Ok(raw(topic, number, row.raw.clone())));
    let events = input.timeline.events().zip(input.malformed.len() as u64..);
    let envelopes = rows.chain(events.map(|(event, number)| seal(topic, number, &event)));
    let mut envelopes = envelopes.skip(batches.start.saturating_mul(BATCH));
    for batch in batches {
        let next = envelopes.by_ref().take(BATCH).collect::<Result<Vec<_>, RunError>>()?;
        if next.is_empty() {
            break;
        }
        departures.publish(batch);
        for answer in bus.publish_batch(next).await {
            answer?;
        }
    }
    Ok(())
}
