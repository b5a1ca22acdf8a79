//! `#[derive(DomainEvents)]`: an enum of events.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, Type, Variant};

use crate::attributes::Attributes;
use crate::event::{on_topic, refuse_generics};

const KEYS: [&str; 2] = ["topic", "crate"];

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    refuse_generics(&input.generics)?;
    let said = Attributes::of(&input.attrs, &KEYS)?;
    let variants = variants(input)?;
    let (idents, types): (Vec<_>, Vec<_>) = variants.into_iter().unzip();
    let domain = said.domain(name.span());
    let topic = on_topic(name, &said, &domain);
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_qualifications)]
        impl #domain::DomainEvents for #name {
            const KINDS: &'static [#domain::EventKind] = &[#(#domain::EventKind::of::<#types>()),*];

            fn read_payload(
                event_type: &#domain::EventType,
                version: u32,
                payload: #domain::Payload<'_>,
            ) -> ::core::result::Result<Self, #domain::DecodeError> {
                #(
                    if version == <#types as #domain::DomainEvent>::VERSION
                        && *event_type == <#types as #domain::DomainEvent>::EVENT_TYPE
                    {
                        let event = <#types as #domain::DomainEvents>::read_payload(event_type, version, payload);
                        return event.map(Self::#idents);
                    }
                )*
                ::core::result::Result::Err(#domain::DecodeError::unknown(event_type, version, Self::KINDS))
            }

            fn envelope_for(
                &self,
                topic: #domain::TopicName,
            ) -> ::core::result::Result<#domain::Envelope, #domain::EncodeError> {
                match self {
                    #(Self::#idents(event) => #domain::DomainEvents::envelope_for(event, topic),)*
                }
            }
        }
        #topic
    })
}

fn variants(input: &DeriveInput) -> Result<Vec<(&syn::Ident, &Type)>> {
    let Data::Enum(data) = &input.data else {
        let what = "`DomainEvents` is derived for an enum of events; for a struct derive `DomainEvent`";
        return Err(Error::new(input.ident.span(), what));
    };
    if data.variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum of events has at least one variant"));
    }
    data.variants.iter().map(variant).collect()
}

fn variant(variant: &Variant) -> Result<(&syn::Ident, &Type)> {
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Ok((&variant.ident, &fields.unnamed[0].ty)),
        _ => {
            let what = format!("a variant holds one domain event: `{0}({0})`", variant.ident);
            Err(Error::new_spanned(variant, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> String {
        expand(&syn::parse_str(source).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_enum_of_events_is_refused() {
        assert!(refused("struct Placed;").contains("derive `DomainEvent`"));
        assert!(refused("enum Order {}").contains("at least one variant"));
        assert_eq!(refused("enum Order { Placed }"), "a variant holds one domain event: `Placed(Placed)`");
        assert!(refused("enum Order { Placed(A, B) }").contains("one domain event"));
        assert!(refused("enum Order { Placed { a: A } }").contains("one domain event"));
        assert!(
            refused("#[event(type = \"t\")] enum Order { A(A) }").ends_with("keys here are topic, crate")
        );
    }
}
