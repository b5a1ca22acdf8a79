//! Attribute values in NATS headers: percent-encoded, as the binding says.

use std::borrow::Cow;
use std::fmt::Write;

/// Writes what is not printable ASCII, and space, `"` and `%`, as `%XY`.
pub(crate) fn encode(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'%';
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// Reads a value, in double quotes or not; none where it is not UTF-8.
pub(crate) fn decode(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = match value {
        [b'"', quoted @ .., b'"'] => unquoted(quoted),
        plain => Cow::Borrowed(plain),
    };
    match value {
        Cow::Borrowed(value) if !value.contains(&b'%') => std::str::from_utf8(value).ok().map(Cow::Borrowed),
        value => String::from_utf8(unescaped(&value)).ok().map(Cow::Owned),
    }
}

fn unquoted(quoted: &[u8]) -> Cow<'_, [u8]> {
    if !quoted.contains(&b'\\') {
        return Cow::Borrowed(quoted);
    }
    let mut bytes = quoted.iter();
    let next = || bytes.next().map(|byte| if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte });
    Cow::Owned(std::iter::from_fn(next).copied().collect())
}

/// A sign without two digits behind it stands for itself.
fn unescaped(value: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, behind @ ..] = rest {
        let escaped = match behind {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        out.push(escaped.map_or(*first, |(high, low)| high * 16 + low));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_binding_is_written_as_it_says() {
        assert_eq!(encode("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
    }

    #[test]
    fn quotes_lower_case_and_needless_escapes_are_read() {
        assert_eq!(decode(br#""a \"b\" %e2%82%AC""#).unwrap(), "a \"b\" €");
        assert_eq!(decode(b"%61%zz%").unwrap(), "a%zz%");
        assert_eq!(decode(b"%C0%A0"), None);
        assert_eq!(decode(&[0xff]), None);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            let decoded = decode(encoded.as_bytes());
            prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes);
        }
    }
}
