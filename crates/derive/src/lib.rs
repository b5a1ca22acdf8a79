//! Derives of typed events.
//!
//! What they write stands on `laneway::domain`; `#[event(crate = path)]` names another place for it.

mod attributes;
mod event;
mod events;
mod rules;

use proc_macro::TokenStream;

/// Makes a struct a `DomainEvent`.
///
/// ```
/// use laneway_derive::DomainEvent;
/// use laneway_domain::DomainEvents;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, DomainEvent)]
/// #[event(type = "order.placed", version = 2, aggregate = "order_id", topic = "orders", crate = laneway_domain)]
/// struct OrderPlaced {
///     order_id: u64,
///     total: u64,
/// }
/// let envelope = OrderPlaced { order_id: 42, total: 1250 }.envelope()?;
/// assert_eq!(envelope.schema_version(), 2);
/// # Ok::<(), laneway_domain::EncodeError>(())
/// ```
///
/// - `type`: the name of the event's type; required.
/// - `aggregate`: the field that holds the aggregate's id, of any type that implements `Display`; required.
/// - `version`: the version of the schema, from 1. Default: 1.
/// - `topic`: the topic of the event's own, for `envelope()`. Default: none.
/// - `crate`: where the domain is found. Default: `::laneway::domain`.
#[proc_macro_derive(DomainEvent, attributes(event))]
pub fn derive_domain_event(input: TokenStream) -> TokenStream {
    let expanded = syn::parse(input).and_then(|input| event::expand(&input));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum, each of whose variants holds one `DomainEvent`, a `DomainEvents`: read by type and version.
///
/// ```
/// # use laneway_derive::{DomainEvent, DomainEvents};
/// # use laneway_domain::DomainEvents;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, DomainEvent)]
/// # #[event(type = "order.placed", aggregate = "order", crate = laneway_domain)]
/// # struct OrderPlaced { order: u64 }
/// # #[derive(Serialize, Deserialize, DomainEvent)]
/// # #[event(type = "order.shipped", aggregate = "order", crate = laneway_domain)]
/// # struct OrderShipped { order: u64 }
/// #[derive(DomainEvents)]
/// #[event(topic = "orders", crate = laneway_domain)]
/// enum OrderEvent {
///     Placed(OrderPlaced),
///     Shipped(OrderShipped),
/// }
/// assert_eq!(OrderEvent::KINDS.len(), 2);
/// ```
///
/// `topic` and `crate` as for `DomainEvent`; both may be left out.
#[proc_macro_derive(DomainEvents, attributes(event))]
pub fn derive_domain_events(input: TokenStream) -> TokenStream {
    let expanded = syn::parse(input).and_then(|input| events::expand(&input));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
