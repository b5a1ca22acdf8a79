//! What is refused before a broker sees it.

use std::collections::HashSet;

use laneway_domain::{Envelope, PublishError, PublishFault, PublisherCapabilities};

/// Why this event cannot be published, if it cannot.
#[inline]
pub(crate) fn refusal(event: &Envelope, capabilities: &PublisherCapabilities) -> Option<PublishError> {
    let size = event.size();
    if size <= capabilities.max_bytes && event.check().is_ok() {
        return None;
    }
    Some(why(event, size, capabilities.max_bytes))
}

#[cold]
fn why(event: &Envelope, size: usize, most: usize) -> PublishError {
    match event.check() {
        Err(invalid) => PublishError::new(PublishFault::Rejected, invalid.to_string()).because(invalid),
        Ok(()) => {
            let reason = format!("payload and headers have {size} bytes, the broker takes {most}");
            PublishError::new(PublishFault::Rejected, reason)
        }
    }
}

/// Splits a batch into what may go and what may not. What is behind a refused event of its aggregate may not either: a
/// batch never publishes an event whose predecessor is missing.
pub(crate) fn split(
    events: Vec<Envelope>,
    capabilities: &PublisherCapabilities,
) -> (Vec<Envelope>, Vec<Option<PublishError>>) {
    let mut refused = HashSet::new();
    let mut passed = Vec::with_capacity(events.len());
    let mut errors = Vec::with_capacity(events.len());
    for event in events {
        let error = refusal(&event, capabilities).or_else(|| {
            let behind = event.key().is_some_and(|key| refused.contains(&key));
            behind.then(|| {
                let reason = "an earlier event of its aggregate in this batch was rejected";
                PublishError::new(PublishFault::Behind, reason)
            })
        });
        if error.is_none() {
            passed.push(event);
        } else {
            refused.extend(event.key());
        }
        errors.push(error);
    }
    (passed, errors)
}
