//! `#[derive(DomainEvent)]`: a struct becomes a typed event.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Generics, LitInt, LitStr, Member, Result};

use crate::attributes::Attributes;

const KEYS: [&str; 5] = ["type", "version", "aggregate", "topic", "crate"];

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let fields = fields(input)?;
    refuse_generics(&input.generics)?;
    let said = Attributes::of(&input.attrs, &KEYS)?;
    let (event_type, aggregate) = both(event_type(name, &said), aggregate(name, &said, fields))?;
    let version = said.version.clone().unwrap_or_else(|| LitInt::new("1", Span::call_site()));
    let domain = said.domain(name.span());
    let topic = on_topic(name, &said, &domain);
    let of = quote_spanned!(aggregate.span()=> #domain::AggregateId::of);
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #domain::DomainEvent for #name {
            const EVENT_TYPE: #domain::EventType = #domain::EventType::from_static(#event_type);
            const VERSION: u32 = #version;

            fn aggregate_id(&self) -> ::core::result::Result<#domain::AggregateId, #domain::Invalid> {
                #of(&self.#aggregate)
            }
        }
        #topic
    })
}

/// The impl that gives a type its topic, where it has one.
pub(crate) fn on_topic(name: &syn::Ident, said: &Attributes, domain: &TokenStream) -> Option<TokenStream> {
    let topic = said.topic.as_ref()?;
    Some(quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #domain::OnTopic for #name {
            const TOPIC: #domain::TopicName = #domain::TopicName::from_static(#topic);
        }
    })
}

/// An event is one type in one version, so that a generic one is none.
pub(crate) fn refuse_generics(generics: &Generics) -> Result<()> {
    match generics.params.first() {
        None => Ok(()),
        Some(first) => Err(Error::new_spanned(first, "a domain event has no parameters: it is one type")),
    }
}

fn fields(input: &DeriveInput) -> Result<&Fields> {
    match &input.data {
        Data::Struct(data) => Ok(&data.fields),
        Data::Enum(data) => {
            let what = "a domain event is a struct; for an enum of events derive `DomainEvents`";
            Err(Error::new(data.enum_token.span, what))
        }
        Data::Union(data) => Err(Error::new(data.union_token.span, "a domain event is a struct")),
    }
}

fn event_type<'a>(name: &syn::Ident, said: &'a Attributes) -> Result<&'a LitStr> {
    said.event_type.as_ref().ok_or_else(|| {
        Error::new(name.span(), format!("`{name}` names no event type: write `#[event(type = \"..\")]`"))
    })
}

/// The field that holds the aggregate's id, at the span of its name in the attribute.
fn aggregate(name: &syn::Ident, said: &Attributes, fields: &Fields) -> Result<TokenStream> {
    let members: Vec<Member> = fields.members().collect();
    let Some(wanted) = &said.aggregate else {
        let what = format!(
            "`{name}` has no aggregate id: name the field that holds it, `#[event(aggregate = \"field\")]`{}",
            list(&members)
        );
        return Err(Error::new(name.span(), what));
    };
    let found = members.iter().find(|member| shown(member) == wanted.value());
    let found = found.ok_or_else(|| {
        let what = format!("`{name}` has no field `{}`{}", wanted.value(), list(&members));
        Error::new(wanted.span(), what)
    })?;
    let (span, found) = (wanted.span(), respanned(found, wanted.span()));
    Ok(quote_spanned!(span=> #found))
}

fn respanned(member: &Member, span: Span) -> Member {
    let mut member = member.clone();
    match &mut member {
        Member::Named(ident) => ident.set_span(span),
        Member::Unnamed(index) => index.span = span,
    }
    member
}

fn shown(member: &Member) -> String {
    let text = member.to_token_stream().to_string();
    text.strip_prefix("r#").map_or(text.clone(), ToOwned::to_owned)
}

fn list(members: &[Member]) -> String {
    match members {
        [] => "; it has no fields".to_owned(),
        members => format!("; its fields: {}", members.iter().map(shown).collect::<Vec<_>>().join(", ")),
    }
}

/// Both, or what is wrong with either.
fn both<A, B>(a: Result<A>, b: Result<B>) -> Result<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut first), Err(second)) => {
            first.combine(second);
            Err(first)
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said about a struct, and the source text that it points to.
    fn refused(source: &str) -> Vec<(String, String)> {
        let errors = expand(&syn::parse_str(source).unwrap()).unwrap_err();
        let pointed = |error: Error| (error.to_string(), error.span().source_text().unwrap_or_default());
        errors.into_iter().map(pointed).collect()
    }

    fn refused_once(source: &str) -> (String, String) {
        let mut errors = refused(source);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    #[test]
    fn a_type_without_an_aggregate_id_is_told_what_to_write() {
        let (what, at) = refused_once("#[event(type = \"t\")] struct Placed { order: u64, total: u64 }");
        assert_eq!(
            what,
            "`Placed` has no aggregate id: name the field that holds it, `#[event(aggregate = \"field\")]`; its \
             fields: order, total"
        );
        assert_eq!(at, "Placed");
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let errors = refused("struct Placed;");
        assert_eq!(errors.len(), 2);
        assert!(errors[0].0.contains("names no event type") && errors[1].0.contains("it has no fields"));
    }

    #[test]
    fn a_wrong_value_is_shown_where_it_stands() {
        for (said, what, at) in [
            ("type = \"\"", "`type` is not empty", "\"\""),
            ("type = \"a\\nb\"", "`type` has no control characters", "\"a\\nb\""),
            ("version = 0", "`version` is a number from 1 to 4294967295", "0"),
            ("version = 4294967296", "`version` is a number from 1 to 4294967295", "4294967296"),
            ("version = \"2\"", "expected integer literal", "\"2\""),
            ("aggregate = \"id\"", "`Placed` has no field `id`; its fields: order", "\"id\""),
            ("topic = \"no spaces\"", "`topic` has only the characters A-Z a-z 0-9 . _ -", "\"no spaces\""),
        ] {
            let rest = [("type", "type = \"t\""), ("aggregate", "aggregate = \"order\"")];
            let rest = rest.iter().filter(|(key, _)| !said.starts_with(key)).map(|(_, all)| *all);
            let all = rest.chain([said]).collect::<Vec<_>>().join(", ");
            let found = refused_once(&format!("#[event({all})] struct Placed {{ order: u64 }}"));
            assert_eq!(found, (what.to_owned(), at.to_owned()), "{said}");
        }
    }

    #[test]
    fn an_unknown_key_and_one_given_twice_are_refused() {
        let (what, at) = refused_once("#[event(type = \"t\", verison = 2)] struct Placed { order: u64 }");
        assert_eq!(what, "unknown key: the keys here are type, version, aggregate, topic, crate");
        assert_eq!(at, "verison");
        let (what, at) =
            refused_once("#[event(version = 1)] #[event(version = 2)] struct Placed { order: u64 }");
        assert_eq!((what.as_str(), at.as_str()), ("given twice", "version"));
    }

    #[test]
    fn what_is_no_single_event_is_refused() {
        assert!(refused_once("enum Placed { A }").0.contains("derive `DomainEvents`"));
        assert!(refused_once("struct Placed<T> { order: T }").0.contains("no parameters"));
        assert!(refused_once("union Placed { a: u64 }").0.contains("is a struct"));
    }
}
