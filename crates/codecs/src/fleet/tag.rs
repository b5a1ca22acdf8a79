//! The headers beside an envelope of the fleet.

use laneway_domain::{CodecError, Envelope, Headers};
use uuid::Uuid;

use crate::fault::unstamped;

/// A header that the fleet sets on Kafka; the last four are Laneway's, for what the fleet's envelope has no field for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    EventId,
    AggregateId,
    EventVersion,
    EventType,
    TraceId,
    CorrelationId,
    TenantId,
    AggregateVersion,
    CausationId,
    TraceParent,
    TraceState,
}

impl Tag {
    const COUNT: usize = 11;

    const ALL: [Self; Self::COUNT] = [
        Self::EventId,
        Self::AggregateId,
        Self::EventVersion,
        Self::EventType,
        Self::TraceId,
        Self::CorrelationId,
        Self::TenantId,
        Self::AggregateVersion,
        Self::CausationId,
        Self::TraceParent,
        Self::TraceState,
    ];

    pub(super) fn of(header: &str) -> Option<Self> {
        Some(match header {
            "X-Event-ID" => Self::EventId,
            "X-Aggregate-ID" => Self::AggregateId,
            "X-Event-Version" => Self::EventVersion,
            "X-Event-Type" => Self::EventType,
            "X-Trace-ID" => Self::TraceId,
            "X-Correlation-ID" => Self::CorrelationId,
            "X-Tenant-ID" => Self::TenantId,
            "X-Aggregate-Version" => Self::AggregateVersion,
            "X-Causation-ID" => Self::CausationId,
            "traceparent" => Self::TraceParent,
            "tracestate" => Self::TraceState,
            _ => return None,
        })
    }

    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::EventId => "X-Event-ID",
            Self::AggregateId => "X-Aggregate-ID",
            Self::EventVersion => "X-Event-Version",
            Self::EventType => "X-Event-Type",
            Self::TraceId => "X-Trace-ID",
            Self::CorrelationId => "X-Correlation-ID",
            Self::TenantId => "X-Tenant-ID",
            Self::AggregateVersion => "X-Aggregate-Version",
            Self::CausationId => "X-Causation-ID",
            Self::TraceParent => "traceparent",
            Self::TraceState => "tracestate",
        }
    }

    /// Whether a value says that there is none.
    fn is_none(self, text: &str) -> bool {
        match self {
            Self::TenantId => text.is_empty() || text == "0",
            // An empty state is one.
            Self::TraceState => false,
            _ => text.is_empty(),
        }
    }
}

/// The first header of each tag.
#[derive(Debug, Default)]
pub(super) struct Tags<'r> {
    values: [Option<&'r [u8]>; Tag::COUNT],
    /// A header may be there and null.
    there: [bool; Tag::COUNT],
}

impl<'r> Tags<'r> {
    pub(super) fn of(headers: &'r Headers) -> Self {
        let mut tags = Self::default();
        for (header, value) in headers.iter() {
            if let Some(place) = Tag::of(header).map(|tag| tag as usize).filter(|place| !tags.there[*place]) {
                (tags.values[place], tags.there[place]) = (value, true);
            }
        }
        tags
    }

    /// What a tag says, where it is text and says something.
    pub(super) fn get(&self, tag: Tag) -> Option<&'r str> {
        let text = std::str::from_utf8(self.values[tag as usize]?).ok()?;
        (!tag.is_none(text)).then_some(text)
    }

    fn says_nothing(&self, tag: Tag) -> bool {
        let text = self.values[tag as usize].and_then(|value| std::str::from_utf8(value).ok());
        text.is_some_and(|text| tag.is_none(text))
    }

    pub(super) fn is_there(&self, tag: Tag) -> bool {
        self.there[tag as usize]
    }

    /// Leaves out of `headers` the tags that repeat what `event` says, or that say nothing.
    pub(super) fn strip(&self, headers: &mut Headers, event: &Envelope) {
        let mut strips = Tag::ALL.map(|tag| self.says_nothing(tag));
        each_tag(event, |tag, text| {
            strips[tag as usize] |= self.values[tag as usize] == Some(text.as_bytes());
        });
        headers.retain(|header, _| match Tag::of(header) {
            // The first of a name is the tag; what stands behind it is somebody's header.
            Some(tag) => !std::mem::take(&mut strips[tag as usize]),
            None => true,
        });
    }
}

/// Says each tag of `event`, in the order in which they are written.
pub(super) fn each_tag(event: &Envelope, mut put: impl FnMut(Tag, &str)) {
    if let Some(id) = event.id() {
        put(Tag::EventId, id.uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
    if let Some(aggregate) = event.aggregate() {
        put(Tag::AggregateId, aggregate.as_str());
    }
    put(Tag::EventVersion, &event.schema_version().to_string());
    if let Some(of) = event.event_type() {
        put(Tag::EventType, of.as_str());
    }
    if let Some(id) = trace_id(event) {
        put(Tag::TraceId, id);
    }
    if let Some(id) = event.correlation() {
        put(Tag::CorrelationId, id.as_str());
    }
    if let Some(tenant) = event.tenant() {
        put(Tag::TenantId, tenant.as_str());
    }
    if let Some(version) = event.version() {
        put(Tag::AggregateVersion, &version.to_string());
    }
    if let Some(id) = event.causation() {
        put(Tag::CausationId, id.as_str());
    }
    if let Some(trace) = event.trace() {
        put(Tag::TraceParent, trace.parent());
        trace.state().into_iter().for_each(|state| put(Tag::TraceState, state));
    }
}

/// The fleet's id of a trace: the second part of a `traceparent`.
pub(super) fn trace_id(event: &Envelope) -> Option<&str> {
    event.trace()?.parent().split('-').nth(1)
}

/// The fleet's id of an event: that which was kept, else the envelope's own.
pub(super) fn id_text(event: &Envelope, given: &Tags<'_>) -> Result<String, CodecError> {
    let id = event.id().ok_or_else(unstamped)?;
    Ok(given.get(Tag::EventId).map_or_else(|| id.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tag_has_its_place_and_its_header() {
        for (place, tag) in Tag::ALL.into_iter().enumerate() {
            assert_eq!((tag as usize, Tag::of(tag.header())), (place, Some(tag)));
        }
    }
}
