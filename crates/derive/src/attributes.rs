//! What `#[event(..)]` says.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result};

use crate::rules;

/// What `#[event(..)]` says, each value checked by itself.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) event_type: Option<LitStr>,
    pub(crate) version: Option<LitInt>,
    pub(crate) aggregate: Option<LitStr>,
    pub(crate) topic: Option<LitStr>,
    domain: Option<Path>,
}

impl Attributes {
    /// Reads all `#[event(..)]` of a type, which may have these keys.
    pub(crate) fn of(attributes: &[Attribute], keys: &[&str]) -> Result<Self> {
        let mut said = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| said.read(&meta, keys))?;
        }
        Ok(said)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>, keys: &[&str]) -> Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match key.as_str() {
            key if !keys.contains(&key) => {
                Err(meta.error(format!("unknown key: the keys here are {}", keys.join(", "))))
            }
            "type" => set(&mut self.event_type, meta, |name: &LitStr| rules::of_event_type(&name.value())),
            "topic" => set(&mut self.topic, meta, |name: &LitStr| rules::of_topic(&name.value())),
            "version" => set(&mut self.version, meta, broken_version),
            "aggregate" => set(&mut self.aggregate, meta, |_| None),
            _ => set(&mut self.domain, meta, |_| None),
        }
    }

    /// The path of the domain.
    pub(crate) fn domain(&self, span: Span) -> TokenStream {
        match &self.domain {
            Some(path) => quote_spanned!(path.span()=> #path),
            None => quote_spanned!(span=> ::laneway::domain),
        }
    }
}

fn broken_version(version: &LitInt) -> Option<&'static str> {
    match version.base10_parse::<u32>() {
        Ok(1..) => None,
        _ => Some("is a number from 1 to 4294967295"),
    }
}

/// Reads `key = value` into its place, once, where no rule is broken.
fn set<T: syn::parse::Parse + Spanned>(
    place: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    broken: impl Fn(&T) -> Option<&'static str>,
) -> Result<()> {
    let value: T = meta.value()?.parse()?;
    if let Some(rule) = broken(&value) {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        return Err(Error::new(value.span(), format!("`{key}` {rule}")));
    }
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new_spanned(&meta.path, "given twice")),
    }
}
