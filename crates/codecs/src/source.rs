//! Who says that something happened.

use compact_str::CompactString;
use laneway_domain::Invalid;

/// The `source` of a CloudEvent: a URI-reference that names the context in which events happen, `/billing` or
/// `https://example.com/shop`.
///
/// The default is `laneway`: legal, and of little use to others. Name the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(CompactString);

impl Source {
    /// The most bytes that a source may have.
    pub const MAX_LEN: usize = 1024;

    /// Checks the text: 1 to [`Source::MAX_LEN`] bytes of those that
    /// [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986) allows in a URI-reference.
    ///
    /// # Errors
    /// [`Invalid`] with the rule that the text breaks.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
        if text.is_empty() {
            return Err(Invalid::new("source", "is not empty", text));
        }
        if text.len() > Self::MAX_LEN {
            return Err(Invalid::new("source", "has at most 1024 bytes", text));
        }
        if !text.bytes().all(legal) {
            return Err(Invalid::new("source", "is a URI-reference (RFC 3986)", text));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Source {
    fn default() -> Self {
        Self(CompactString::const_new("laneway"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uri_reference_is_a_source() {
        for good in ["/billing", "https://example.com/a?b=c#d", "urn:uuid:6e8bc430", "laneway"] {
            assert_eq!(Source::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "with space", "größe", "a\nb", &"x".repeat(1025)] {
            assert_eq!(Source::new(bad).unwrap_err().field(), "source");
        }
    }
}
