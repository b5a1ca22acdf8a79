//! How a record that breaks its format is told.

use laneway_domain::{Codec, CodecError, Envelope, Invalid, Record};

/// The longest reason in bytes: what is told must not grow with what a peer sends.
const LONGEST: usize = 240;

/// The bytes are not what `format` says.
pub(crate) fn malformed(format: &'static str, reason: impl Into<String>) -> CodecError {
    let mut reason = reason.into();
    if reason.len() > LONGEST {
        reason.truncate(reason.floor_char_boundary(LONGEST));
        reason.push('…');
    }
    if reason.contains(char::is_control) {
        reason = reason.escape_debug().to_string();
    }
    CodecError::Malformed { format, reason }
}

/// An envelope has no id.
pub(crate) fn unstamped() -> Invalid {
    Invalid::new("event_id", "is stamped before an event is written: publish it, or set it by `with_id`", "")
}

/// Refuses an envelope whose headers would come back as something else: asked only where one of them has a name that
/// the format uses itself.
pub(crate) fn comes_back(
    codec: &dyn Codec,
    envelope: &Envelope,
    record: &Record,
    header: &str,
) -> Result<(), CodecError> {
    match codec.decode(envelope.topic(), record.clone()) {
        Ok(read) if read == *envelope => Ok(()),
        _ => {
            let rule =
                "is a name that the format uses: set the envelope's field, or give the header another name";
            Err(Invalid::new("header", rule, header).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let text = malformed("x", "ä".repeat(1_000)).to_string();
        assert!(text.len() < 260 && text.ends_with("ä…"), "{text}");
    }
}
