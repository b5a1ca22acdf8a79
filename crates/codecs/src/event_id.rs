//! Ids of other systems' events.

use laneway_domain::EventId;
use uuid::Uuid;

/// The namespace of ids that are no UUIDs: the UUID of version 5 of `https://github.com/laneway-rs/laneway#event-id`
/// among addresses ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#section-5.5)).
pub const EVENT_ID_NAMESPACE: Uuid = Uuid::from_u128(0xc8d90520_a4425a66_b8e1a86f_1dd5961f);

/// The id of an event whose producer calls it `text`; `source` is who the producer is, where ids are unique to it alone.
///
/// A UUID is itself, in whatever form it is written; any other text is the UUID of version 5 of the source, a zero
/// byte and the text, in [`EVENT_ID_NAMESPACE`]. The same text has the same id wherever and whenever it is read.
pub(crate) fn event_id(source: Option<&str>, text: &str) -> Option<EventId> {
    if text.is_empty() {
        return None;
    }
    let uuid = Uuid::try_parse(text).ok().and_then(EventId::new);
    uuid.or_else(|| {
        let name = match source {
            Some(source) => [source.as_bytes(), b"\0", text.as_bytes()].concat(),
            None => text.as_bytes().to_vec(),
        };
        EventId::new(Uuid::new_v5(&EVENT_ID_NAMESPACE, &name))
    })
}

/// Whether `text` is how this id is written here, so that it needs no keeping.
pub(crate) fn is_own_form(id: EventId, text: &str) -> bool {
    id.uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_what_its_documentation_says() {
        let address = b"https://github.com/laneway-rs/laneway#event-id";
        assert_eq!(EVENT_ID_NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_URL, address));
    }

    #[test]
    fn any_text_but_none_has_one_id() {
        let upper = "0190D9C2-6C3E-7B3A-9A51-3F3D6A1E0B01";
        let id = event_id(None, upper).unwrap();
        assert_eq!(id.to_string(), upper.to_lowercase());
        assert!(!is_own_form(id, upper) && is_own_form(id, &upper.to_lowercase()));
        assert_eq!(event_id(None, ""), None);
        for text in ["42", "00000000-0000-0000-0000-000000000000", "größe"] {
            let id = event_id(None, text).unwrap();
            assert_eq!(event_id(None, text), Some(id));
            assert_eq!(id.uuid().get_version_num(), 5, "{text}");
            assert!(!is_own_form(id, text));
        }
    }

    #[test]
    fn one_id_of_two_sources_is_two_events() {
        assert_ne!(event_id(Some("/a"), "42"), event_id(Some("/b"), "42"));
    }
}
