//! Short names: tail numbers, carriers, airports.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A short name in eight bytes: 1 to 8 printable ASCII characters. Ordered as text, copied as a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Code([u8; Code::MAX_LEN]);

impl Code {
    /// The most characters that a code has.
    pub(crate) const MAX_LEN: usize = 8;
    /// What is allowed, as a rule for error messages.
    pub(crate) const RULE: &'static str = "is 1 to 8 printable ASCII characters";

    /// Takes the text, where it keeps [`Code::RULE`].
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_LEN];
        let fits = !text.is_empty() && text.iter().all(u8::is_ascii_graphic);
        bytes.get_mut(..text.len()).filter(|_| fits)?.copy_from_slice(text);
        Some(Self(bytes))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX_LEN);
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }

    /// The text as a number: equal for equal codes, on every machine.
    pub(crate) const fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }
}

impl Hash for Code {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.number());
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CodeVisitor)
    }
}

struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = Code;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1 to 8 printable ASCII characters")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Code, E> {
        Code::new(text.as_bytes()).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_text_up_to_the_last_byte() {
        for text in ["N", "N14228", "RA-12345"] {
            assert_eq!(Code::new(text.as_bytes()).unwrap().as_str(), text);
        }
    }

    #[test]
    fn empty_overlong_and_unprintable_text_is_no_code() {
        for text in [&b""[..], b"123456789", b"N 1", b"N\0", "é".as_bytes(), b"\xff"] {
            assert_eq!(Code::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn codes_are_ordered_as_text() {
        let [a, ab, b] = ["A", "AB", "B"].map(|text| Code::new(text.as_bytes()).unwrap());
        assert!(a < ab && ab < b);
    }

    #[test]
    fn a_code_that_breaks_the_rule_does_not_decode() {
        assert_eq!(serde_json::from_str::<Code>(r#""UA""#).unwrap().as_str(), "UA");
        let error = serde_json::from_str::<Code>(r#""much too long""#).unwrap_err().to_string();
        assert!(error.contains("1 to 8 printable ASCII characters"), "{error}");
    }
}
