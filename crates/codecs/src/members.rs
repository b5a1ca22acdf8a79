//! The members of a JSON object, one by one, without a tree.

use std::borrow::Cow;
use std::fmt;

use laneway_domain::CodecError;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::fault::malformed;

type Each<'r, 'e> = &'e mut dyn FnMut(Cow<'r, str>, &'r RawValue) -> Result<(), CodecError>;

/// A string of a JSON text, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'r>(#[serde(borrow)] Cow<'r, str>);

/// Shows each member of the object in `json`, names decoded and values as they stand, in the order of the text.
///
/// # Errors
/// That of `each`, at which reading stops, or that `json` is not exactly one object.
pub(crate) fn each_member<'r>(
    format: &'static str,
    json: &'r [u8],
    each: Each<'r, '_>,
) -> Result<(), CodecError> {
    let mut stopped = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = Walk { each, stopped: &mut stopped }.deserialize(&mut reader).and_then(|()| reader.end());
    match (stopped, read) {
        (Some(error), _) => Err(error),
        (None, read) => read.map_err(|error| not_read(format, &error)),
    }
}

/// What serde says of JSON that is none, or of another shape.
pub(crate) fn not_read(format: &'static str, error: &serde_json::Error) -> CodecError {
    malformed(format, format!("the value is not what the format says: {error}"))
}

/// The text of a JSON string; none where the value is something else.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok().map(|Text(text)| text)
}

/// A payload that is one JSON value with nothing around it, so that it can stand in a JSON text byte for byte.
pub(crate) fn json_value(payload: &[u8]) -> Option<&RawValue> {
    let value: &RawValue = serde_json::from_slice(payload).ok()?;
    (value.get().len() == payload.len()).then_some(value)
}

struct Walk<'r, 'e> {
    each: Each<'r, 'e>,
    stopped: &'e mut Option<CodecError>,
}

impl<'r> DeserializeSeed<'r> for Walk<'r, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'r>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'r> Visitor<'r> for Walk<'r, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = members.next_key()? {
            let value = members.next_value()?;
            if let Err(error) = (self.each)(name, value) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// Writes a JSON object, member by member.
pub(crate) struct Members {
    json: Vec<u8>,
    failed: Option<serde_json::Error>,
}

impl Members {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { json: Vec::with_capacity(bytes), failed: None }
    }

    /// Adds a member; raw values as they stand.
    pub(crate) fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.json.push(if self.json.is_empty() { b'{' } else { b',' });
        let written = serde_json::to_writer(&mut self.json, name).and_then(|()| {
            self.json.push(b':');
            serde_json::to_writer(&mut self.json, value)
        });
        self.failed = self.failed.take().or(written.err());
    }

    /// The text.
    pub(crate) fn end(mut self) -> Result<Vec<u8>, serde_json::Error> {
        self.json.push(b'}');
        self.failed.map_or(Ok(self.json), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(json: &[u8]) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        let read = each_member("test", json, &mut |name, value| {
            names.push(format!("{name}={}", value.get()));
            Ok(())
        });
        read.map(|()| names).map_err(|error| error.to_string())
    }

    #[test]
    fn members_come_in_order_with_their_values_as_they_stand() {
        let seen = names(br#" {"b" : [1,  2] ,"\u0061":null,"a":"\u0062"} "#).unwrap();
        assert_eq!(seen, ["b=[1,  2]", "a=null", r#"a="\u0062""#]);
    }

    #[test]
    fn what_is_not_one_object_is_told() {
        for bad in
            [&b""[..], b"[]", b"{", b"{}x", b"{} {}", b"null", b"{\"a\":\xff}", b"{\"\xff\":1}", b"{a:1}"]
        {
            let error = names(bad).unwrap_err();
            assert!(error.starts_with("test: the value is not what the format says"), "{error}");
        }
    }

    #[test]
    fn nesting_of_any_depth_takes_no_stack() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(names(deep.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn only_json_without_white_space_around_it_stands_in_a_text_byte_for_byte() {
        for good in [&b"{ }"[..], b"null", b"1e5", b"\"a\""] {
            assert_eq!(json_value(good).map(|value| value.get().as_bytes()), Some(good));
        }
        for bad in [&b""[..], b" 1", b"1\n", b"{", b"\xff", b"1 1"] {
            assert!(json_value(bad).is_none(), "{bad:?}");
        }
    }
}
