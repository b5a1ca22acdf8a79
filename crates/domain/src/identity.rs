//! Who and what: ids of events, groups, tenants and aggregates, and the names of event types.

use std::fmt;
use std::num::NonZeroU64;

use compact_str::CompactString;
use uuid::Uuid;

use crate::error::Invalid;
use crate::name::Name;

/// The id of an event. Publishing stamps a UUID of version 7 where there is none; redrive and retry keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid);

impl EventId {
    /// Stands in an envelope that has not been stamped yet.
    pub(crate) const UNSTAMPED: Self = Self(Uuid::nil());

    /// Takes any UUID but the nil one, which is none.
    #[must_use]
    pub fn new(id: Uuid) -> Option<Self> {
        (!id.is_nil()).then_some(Self(id))
    }

    /// The UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number of an event among the events of its aggregate: consecutive from 1.
pub type AggregateVersion = NonZeroU64;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $field:literal, $longest:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(CompactString);

        impl $name {
            /// The most bytes that the text may have.
            pub const MAX_LEN: usize = $longest;

            /// Checks the text: 1 to [`Self::MAX_LEN`] bytes, no control characters.
            ///
            /// # Errors
            /// [`Invalid`] with the rule that the text breaks.
            pub fn new(text: impl AsRef<str>) -> Result<Self, Invalid> {
                let text = text.as_ref();
                check($field, text, Self::MAX_LEN)?;
                Ok(Self(CompactString::new(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Invalid;
            fn try_from(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }
    };
}

text!(
    /// The id of an aggregate: the key of order. Events of one aggregate are handled one after the other.
    AggregateId, "aggregate_id", 256
);
impl AggregateId {
    /// The id that a value shows: a number, a UUID, a name.
    ///
    /// # Errors
    /// [`Invalid`] with the rule that the text breaks.
    pub fn of(value: impl fmt::Display) -> Result<Self, Invalid> {
        let text = compact_str::format_compact!("{value}");
        check("aggregate_id", &text, Self::MAX_LEN)?;
        Ok(Self(text))
    }
}

text!(
    /// A consumer group: every group sees every event, and each of its events has one owner at a time.
    GroupId, "group", 128
);
text!(
    /// A tenant: part of the key of a lane.
    TenantId, "tenant", 128
);
text!(
    /// What belongs together over several services; copied from event to event.
    CorrelationId, "correlation_id", 256
);
text!(
    /// The event or command that caused this event.
    CausationId, "causation_id", 256
);
text!(
    /// The owner of a claim: one process's run, unique for its life.
    OwnerId, "owner", 128
);

fn check(field: &'static str, text: &str, longest: usize) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(field, "is not empty", text));
    }
    if text.len() > longest {
        return Err(Invalid::new(field, format!("has at most {longest} bytes"), text));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(field, "has no control characters", text));
    }
    Ok(())
}

/// What kind of thing happened: `OrderPlaced`. Cloning copies a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Name);

impl EventType {
    /// The most bytes that the name may have.
    pub const MAX_LEN: usize = 256;

    /// Names a type that is known at compile time; costs nothing.
    ///
    /// # Panics
    /// Where the name is empty or longer than [`EventType::MAX_LEN`]; in a `const`, that is a compile error.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(!name.is_empty() && name.len() <= Self::MAX_LEN, "an event type has 1 to 256 bytes");
        Self(Name::from_static(name))
    }

    /// Checks the name: 1 to 256 bytes, no control characters.
    ///
    /// # Errors
    /// [`Invalid`] with the rule that the name breaks.
    pub fn new(name: &str) -> Result<Self, Invalid> {
        check("event_type", name, Self::MAX_LEN)?;
        Ok(Self(Name::new(name)))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_overlong_aggregate_id_is_refused_by_name_and_rule() {
        let empty = AggregateId::new("").unwrap_err();
        assert_eq!((empty.field(), empty.rule()), ("aggregate_id", "is not empty"));
        let long = AggregateId::new("x".repeat(257)).unwrap_err();
        assert_eq!((long.field(), long.rule()), ("aggregate_id", "has at most 256 bytes"));
        assert!(AggregateId::new("a\0b").is_err());
        assert!(AggregateId::new("x".repeat(256)).is_ok());
    }

    #[test]
    fn the_nil_uuid_is_no_event_id() {
        assert_eq!(EventId::new(Uuid::nil()), None);
    }
}
