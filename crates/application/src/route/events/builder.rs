//! Building a router.

use std::collections::HashSet;

use laneway_domain::{Envelope, EventKind, EventType, HandlerMask};

use super::entry::{Entry, Takes};
use super::error::EventRouterError;
use super::filter::Filter;
use super::router::EventRouter;
use super::table::Table;
use super::unknown::Unknown;
use crate::route::arguments::{EventHandler, at_least_one_payload, at_most_one_payload};
use crate::route::upcast::Upcasters;

/// The handlers of a router, checked together when it is built.
#[must_use]
pub struct EventRouterBuilder<S> {
    state: S,
    entries: Vec<Entry<S>>,
    filters: Vec<Filter>,
    unknown: Unknown,
    upcasters: Upcasters,
}

impl<S: Send + Sync + 'static> EventRouterBuilder<S> {
    pub(super) fn new(state: S) -> Self {
        let (unknown, upcasters) = (Unknown::default(), Upcasters::default());
        Self { state, entries: Vec::new(), filters: Vec::new(), unknown, upcasters }
    }

    /// Adds a handler for the events that its argument `Typed<E>` reads, and for older versions from which upcasters lead
    /// there.
    ///
    /// The name stands in errors and dead letters. The order of handlers is the order in which they run, and their place
    /// says which of them an event is still due for: new ones go to the end.
    pub fn on<A, H: EventHandler<A, S>>(self, name: impl Into<String>, handler: H) -> Self {
        const {
            assert!(
                at_least_one_payload(H::KINDS),
                "the handler has no `Typed<E>`: use `on_type` or `on_version`"
            )
        };
        self.add(name.into(), Takes::Kinds(H::KINDS.concat()), handler)
    }

    /// Adds a handler for every version of a type, as it came.
    pub fn on_type<A, H: EventHandler<A, S>>(
        self,
        event_type: EventType,
        name: impl Into<String>,
        handler: H,
    ) -> Self {
        self.add(name.into(), Takes::Type(event_type), handler)
    }

    /// Adds a handler for one version of a type, as it came.
    pub fn on_version<A, H: EventHandler<A, S>>(
        self,
        kind: impl Into<EventKind>,
        name: impl Into<String>,
        handler: H,
    ) -> Self {
        self.add(name.into(), Takes::Version(kind.into()), handler)
    }

    fn add<A, H: EventHandler<A, S>>(mut self, name: String, takes: Takes, handler: H) -> Self {
        const {
            assert!(at_most_one_payload(H::KINDS), "a handler takes one `Typed<E>`: an event has one payload")
        };
        self.entries.push(Entry::new(name, takes, handler));
        self
    }

    /// Handles only events for which this is true; the others are acknowledged. Where it panics, the attempt has failed.
    pub fn filter(
        mut self,
        name: impl Into<String>,
        passes: impl Fn(&Envelope) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.filters.push(Filter::new(name.into(), passes));
        self
    }

    /// Says what becomes of events of a type that no handler takes. Default: they are dead letters.
    pub fn unknown(mut self, rule: Unknown) -> Self {
        self.unknown = rule;
        self
    }

    /// Brings older versions up for handlers of newer ones.
    pub fn upcasters(mut self, upcasters: Upcasters) -> Self {
        self.upcasters = upcasters;
        self
    }

    /// Builds the router.
    ///
    /// # Errors
    /// [`EventRouterError`] where there is no handler, or more than 64, or one without a name or with that of another, or
    /// where upcasters lead to a version that no handler takes.
    pub fn build(self) -> Result<EventRouter<S>, EventRouterError> {
        check(self.entries.iter().map(|entry| &*entry.name))?;
        let table = Table::new(self.entries.iter().map(|entry| &entry.takes), &self.upcasters)?;
        let Self { state, entries, filters, unknown, .. } = self;
        Ok(EventRouter { state, entries, filters, unknown, table })
    }
}

fn check<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Result<(), EventRouterError> {
    match names.len() {
        0 => return Err(EventRouterError::NoHandlers),
        found if found > HandlerMask::WIDTH => return Err(EventRouterError::TooMany { found }),
        _ => {}
    }
    let mut seen = HashSet::new();
    for (at, name) in names.enumerate() {
        if name.is_empty() {
            return Err(EventRouterError::Nameless { number: at + 1 });
        }
        if !seen.insert(name) {
            return Err(EventRouterError::Twice { name: name.to_owned() });
        }
    }
    Ok(())
}

impl<S> std::fmt::Debug for EventRouterBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.entries.iter().map(|entry| &entry.name);
        f.debug_set().entries(names).finish()
    }
}
