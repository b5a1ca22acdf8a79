//! A CloudEvent as a JSON text says it.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use laneway_domain::CodecError;
use serde_json::value::RawValue;

use super::{DATA_CONTENT_TYPE, FORMAT};
use crate::attribute::Attribute;
use crate::attributes::Attributes;
use crate::fault::malformed;
use crate::members::{each_member, string};

/// What stands in the JSON text.
#[derive(Default)]
pub(crate) struct Document<'r> {
    pub(crate) attributes: Attributes<'r>,
    pub(crate) content_type: Option<Cow<'r, str>>,
    /// Attributes that nobody here knows, by their name.
    pub(crate) extensions: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    data: Option<&'r RawValue>,
    base64: Option<Cow<'r, str>>,
}

impl<'r> Document<'r> {
    pub(crate) fn read(json: &'r [u8]) -> Result<Self, CodecError> {
        let mut document = Self::default();
        each_member(FORMAT, json, &mut |name, value| document.take(name, value))?;
        let mut names: Vec<_> = document.extensions.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(twice(pair[0])),
            None if document.data.is_some() && document.base64.is_some() => {
                Err(malformed(FORMAT, "data and data_base64 exclude each other: leave one of them out"))
            }
            None => Ok(document),
        }
    }

    fn take(&mut self, name: Cow<'r, str>, value: &'r RawValue) -> Result<(), CodecError> {
        let is_first = match (&*name, Attribute::of(&name)) {
            ("data", _) => self.data.replace(value).is_none(),
            // For attributes null is the same as none.
            _ if value.get() == "null" => true,
            ("data_base64", _) => self.base64.replace(text(&name, value)?).is_none(),
            (DATA_CONTENT_TYPE, _) => self.content_type.replace(text(&name, value)?).is_none(),
            (_, Some(attribute @ (Attribute::AggregateVersion | Attribute::SchemaVersion))) => {
                self.attributes.set(attribute, simple(&name, value)?)
            }
            (_, Some(attribute)) => self.attributes.set(attribute, text(&name, value)?),
            (_, None) => {
                let text = simple(&name, value)?;
                self.extensions.push((name, text));
                return Ok(());
            }
        };
        if is_first { Ok(()) } else { Err(twice(&name)) }
    }

    /// The bytes of the event's data: those of `value` itself where they stand there unchanged.
    pub(crate) fn payload(&self, value: &Bytes) -> Result<Bytes, CodecError> {
        if let Some(text) = &self.base64 {
            let bytes = BASE64_STANDARD.decode(text.as_bytes());
            return bytes
                .map(Bytes::from)
                .map_err(|error| malformed(FORMAT, format!("data_base64: {error}")));
        }
        let Some(data) = self.data else { return Ok(Bytes::new()) };
        let encoded = self.content_type.as_deref().is_some_and(|media| !is_json(media));
        Ok(match string(data).filter(|_| encoded) {
            Some(text) => Bytes::copy_from_slice(text.as_bytes()),
            None => value.slice_ref(data.get().as_bytes()),
        })
    }
}

fn twice(name: &str) -> CodecError {
    malformed(FORMAT, format!("{name} stands twice"))
}

fn text<'r>(name: &str, value: &'r RawValue) -> Result<Cow<'r, str>, CodecError> {
    string(value).ok_or_else(|| malformed(FORMAT, format!("{name} is not a string")))
}

/// An extension's value as text; CloudEvents knows no others.
fn simple<'r>(name: &str, value: &'r RawValue) -> Result<Cow<'r, str>, CodecError> {
    match value.get().as_bytes().first() {
        Some(b'"') => text(name, value),
        Some(b'{' | b'[') => {
            Err(malformed(FORMAT, format!("{name} is an object or an array: attributes are simple values")))
        }
        _ => Ok(Cow::Borrowed(value.get())),
    }
}

/// Whether a content type says that data is JSON.
pub(crate) fn is_json(media: &str) -> bool {
    let subtype =
        media.split(';').next().and_then(|media| media.trim().split_once('/')).map(|(_, subtype)| subtype);
    subtype.is_some_and(|subtype| {
        let end = subtype.rsplit('+').next().unwrap_or(subtype);
        end.eq_ignore_ascii_case("json")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_its_subtype_or_suffix() {
        for json in ["application/json", "text/JSON; charset=utf-8", "application/vnd.x+json", "a/json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "json", "application/xml", "application/jsonx", "application/json+xml"] {
            assert!(!is_json(other), "{other}");
        }
    }
}
