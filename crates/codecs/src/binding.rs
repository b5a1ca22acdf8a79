//! How the headers of a broker carry attributes.

use std::borrow::Cow;

use compact_str::{CompactString, ToCompactString};
use laneway_domain::Headers;

use crate::attribute::Attribute;
use crate::percent;

/// The header that says what a record's value is, and in an envelope's headers, what its payload is.
pub(crate) const CONTENT_TYPE: &str = "content-type";

/// A protocol binding of CloudEvents: the names and values of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md>
    Kafka,
    /// <https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md>, whose binary mode
    /// came after 1.0.2.
    Nats,
}

impl Binding {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Kafka => "ce_",
            Self::Nats => "ce-",
        }
    }

    /// The header of an attribute; short enough to need no allocation.
    pub(crate) fn header(self, name: &str) -> CompactString {
        let mut header = self.prefix().to_compact_string();
        header.push_str(name);
        header
    }

    /// The name of the attribute that a header carries, known or not.
    pub(crate) fn name(self, header: &str) -> Option<&str> {
        let (prefix, name) = header.split_at_checked(3)?;
        let ours = match self {
            Self::Kafka => prefix == "ce_",
            Self::Nats => prefix.eq_ignore_ascii_case("ce-"),
        };
        ours.then_some(name)
    }

    /// The attribute that a header carries. NATS does not tell upper from lower case.
    #[inline]
    pub(crate) fn attribute(self, header: &str) -> Option<Attribute> {
        let name = self.name(header)?;
        match self {
            Self::Nats if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Attribute::of(&name.to_ascii_lowercase())
            }
            _ => Attribute::of(name),
        }
    }

    pub(crate) fn encode(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Kafka => Cow::Borrowed(value),
            Self::Nats => percent::encode(value),
        }
    }

    pub(crate) fn decode(self, value: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Kafka => std::str::from_utf8(value).ok().map(Cow::Borrowed),
            Self::Nats => percent::decode(value),
        }
    }
}

/// The content type of a structured event, where a header says that this is one.
pub(crate) fn structured(headers: &Headers) -> Option<&str> {
    let values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
    let media = values.filter_map(|(_, value)| value).find(|value| is_media(value))?;
    Some(std::str::from_utf8(media).unwrap_or("application/cloudevents"))
}

/// Whether a content type is that of an event, not of its data.
pub(crate) fn is_media(value: &[u8]) -> bool {
    const MEDIA: &[u8] = b"application/cloudevents";
    value.get(..MEDIA.len()).is_some_and(|start| start.eq_ignore_ascii_case(MEDIA))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_an_attribute_by_its_prefix() {
        assert_eq!(Binding::Kafka.attribute("ce_id"), Some(Attribute::Id));
        assert_eq!(Binding::Nats.attribute("CE-Id"), Some(Attribute::Id));
        for other in ["ce-id", "CE_id", "ce_ID", "ce_", "id", "", "größe"] {
            assert_eq!(Binding::Kafka.attribute(other), None, "{other}");
        }
        assert_eq!(Binding::Kafka.header("aggregateversion"), "ce_aggregateversion");
    }

    #[test]
    fn a_structured_event_is_known_by_any_of_its_content_types() {
        let headers = |value: &'static str| -> Headers {
            [("content-type", None), ("Content-Type", Some(value.into()))].into_iter().collect()
        };
        let json = "Application/CloudEvents+json; charset=UTF-8";
        assert_eq!(structured(&headers(json)), Some(json));
        assert_eq!(structured(&headers("application/json")), None);
    }
}
