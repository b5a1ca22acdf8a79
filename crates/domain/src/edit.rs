//! What operators may change of an event: what it says, and not which event it is.

use std::fmt;

use crate::envelope::Envelope;
use crate::error::Invalid;
use crate::record::{Body, Record};

/// What to do about an edit that changes which event it is.
const RULE: &str = "is that of the entry: make the edit from `StoredLetter::original`, with `with_payload`";

impl Body {
    /// Checks that an edit of this event is still this event: every store asks before it writes anything.
    ///
    /// Of an event the id, the topic, the aggregate and the tenant stay; of a record, which nobody has decoded, the key.
    /// An event stays an event, and a record a record. What `edited` says may not decode: then it dies again when it is
    /// redriven.
    ///
    /// ```
    /// use laneway_domain::{AggregateId, Body, Envelope, TopicName};
    /// # fn main() -> Result<(), laneway_domain::Invalid> {
    /// let order = Envelope::new(TopicName::new("orders")?, "?").with_aggregate(AggregateId::new("order:42")?);
    /// let repaired = Body::Event(order.clone().with_payload("1250"));
    /// let other = Body::Event(Envelope::new(TopicName::new("orders")?, "1250"));
    /// let order = Body::Event(order);
    /// assert!(order.check_edit(&repaired).is_ok());
    /// assert_eq!(order.check_edit(&other).unwrap_err().field(), "edit.aggregate");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Invalid`] with the first field that is not the entry's, and what was found there.
    pub fn check_edit(&self, edited: &Self) -> Result<(), Invalid> {
        match (self, edited) {
            (Self::Event(event), Self::Event(edited)) => is_same_event(event, edited),
            (Self::Record(record), Self::Record(edited)) => is_same_record(record, edited),
            (Self::Event(_), Self::Record(_)) => {
                Err(Invalid::new("edit", "is an event, as the entry is", "a record"))
            }
            (Self::Record(_), Self::Event(_)) => {
                Err(Invalid::new("edit", "is a record, as the entry is", "an event"))
            }
        }
    }
}

fn is_same_event(event: &Envelope, edited: &Envelope) -> Result<(), Invalid> {
    is_kept("edit.id", event.id().as_ref(), edited.id().as_ref())?;
    is_kept("edit.topic", Some(event.topic()), Some(edited.topic()))?;
    is_kept("edit.aggregate", event.aggregate(), edited.aggregate())?;
    is_kept("edit.tenant", event.tenant(), edited.tenant())
}

fn is_same_record(record: &Record, edited: &Record) -> Result<(), Invalid> {
    let text = |record: &Record| record.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned());
    if record.key == edited.key {
        return Ok(());
    }
    Err(Invalid::new("edit.key", RULE, text(edited).unwrap_or_default()))
}

fn is_kept<T: PartialEq + fmt::Display>(
    field: &'static str,
    was: Option<&T>,
    found: Option<&T>,
) -> Result<(), Invalid> {
    if was == found {
        return Ok(());
    }
    Err(Invalid::new(field, RULE, found.map(ToString::to_string).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::identity::{AggregateId, EventId, TenantId};
    use crate::topic::TopicName;

    fn id(number: u128) -> EventId {
        EventId::new(uuid::Uuid::from_u128(number)).unwrap()
    }

    fn event() -> Envelope {
        of_topic("t")
    }

    fn of_topic(topic: &str) -> Envelope {
        Envelope::new(TopicName::new(topic).unwrap(), "1")
            .with_id(id(1))
            .with_aggregate(AggregateId::new("a").unwrap())
            .with_tenant(TenantId::new("acme").unwrap())
    }

    #[test]
    fn an_edit_that_is_another_event_is_refused_with_the_field() {
        let entry = Body::Event(event());
        let field =
            |edited: Envelope| entry.check_edit(&Body::Event(edited)).err().map(|e| e.field().to_owned());
        assert_eq!(field(event().with_payload("2").with_schema_version(2).with_header("h", None)), None);
        let refused = |name: &str| Some(format!("edit.{name}"));
        assert_eq!(field(event().with_id(id(2))), refused("id"));
        assert_eq!(field(of_topic("u")), refused("topic"));
        assert_eq!(field(event().with_aggregate(AggregateId::new("b").unwrap())), refused("aggregate"));
        assert_eq!(field(event().with_tenant(TenantId::new("other").unwrap())), refused("tenant"));
        let error = entry.check_edit(&Body::Event(event().with_id(id(2)))).unwrap_err();
        assert!(error.to_string().contains("with_payload"), "{error}");
    }

    #[test]
    fn an_edit_of_a_record_keeps_its_key_and_is_a_record() {
        let of = |key: &'static str, value: &'static str| {
            let (key, value) =
                (Some(Bytes::from_static(key.as_bytes())), Some(Bytes::from_static(value.as_bytes())));
            Body::Record(Record { key, value, ..Record::default() })
        };
        assert_eq!(of("a", "1").check_edit(&of("a", "2")), Ok(()));
        let moved = of("a", "1").check_edit(&of("b", "2")).unwrap_err();
        assert_eq!((moved.field(), moved.to_string().ends_with("found `b`")), ("edit.key", true));
        assert_eq!(of("a", "1").check_edit(&Body::Event(event())).unwrap_err().field(), "edit");
        assert_eq!(Body::Event(event()).check_edit(&of("a", "1")).unwrap_err().field(), "edit");
    }
}
