//! From an event's type and version to who handles it.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use laneway_domain::{Envelope, EventKind, EventType, HandlerMask};

use super::entry::Takes;
use super::error::{EventRouterError, RouteError};
use super::plan::{Plan, Stage};
use crate::route::upcast::Upcasters;

/// From an event's type and version to who handles it; made once, when the router is built.
#[derive(Debug, Default)]
pub(super) struct Table(HashMap<EventType, Versions, foldhash::fast::RandomState>);

/// The versions of a type.
#[derive(Debug, Default)]
struct Versions {
    /// Few, so that looking through them is quickest.
    known: Vec<(u32, Plan)>,
    /// For a type of which no handler asks for a version.
    any: Option<Plan>,
}

impl Table {
    /// Who handles an event.
    #[inline]
    pub(super) fn plan(&self, event: &Envelope) -> Result<&Plan, RouteError> {
        let Some(event_type) = event.event_type() else {
            return Err(RouteError::UnknownType { found: None });
        };
        let Some(versions) = self.0.get(event_type) else {
            return Err(RouteError::UnknownType { found: Some(event_type.clone()) });
        };
        let version = event.schema_version();
        let known = versions.known.iter().find(|(known, _)| *known == version).map(|(_, plan)| plan);
        known.or(versions.any.as_ref()).ok_or_else(|| versions.unknown(event_type, version))
    }

    /// # Errors
    /// Where upcasters lead to a version that nobody takes.
    pub(super) fn new<'a>(
        takes: impl Iterator<Item = &'a Takes>,
        upcasters: &Upcasters,
    ) -> Result<Self, EventRouterError> {
        let wishes = Wishes::of(takes);
        wishes.check_ends(upcasters)?;
        let starts: BTreeSet<_> = wishes.kinds().chain(upcasters.starts()).collect();
        let mut table = Self::default();
        for start in starts {
            if let Some(plan) = wishes.plan(start, upcasters) {
                let versions = table.0.entry(start.event_type.clone()).or_default();
                versions.known.push((start.version, plan.with(wishes.any(&start.event_type))));
            }
        }
        for (event_type, handlers) in wishes.types {
            let versions = table.0.entry(event_type).or_default();
            if versions.known.is_empty() {
                versions.any = Plan::new(vec![Stage { step: None, handlers }]);
            }
        }
        Ok(table)
    }
}

impl Versions {
    #[cold]
    fn unknown(&self, event_type: &EventType, version: u32) -> RouteError {
        let known = self.known.iter().map(|(known, _)| *known).collect();
        RouteError::UnknownVersion { found: EventKind::new(event_type.clone(), version), known }
    }
}

/// Which handlers want what.
#[derive(Default)]
struct Wishes {
    /// As it came, or brought up.
    lifted: BTreeMap<EventKind, HandlerMask>,
    /// As it came.
    exact: BTreeMap<EventKind, HandlerMask>,
    /// As it came, in any version.
    types: BTreeMap<EventType, HandlerMask>,
}

impl Wishes {
    fn of<'a>(takes: impl Iterator<Item = &'a Takes>) -> Self {
        let mut wishes = Self::default();
        for (number, takes) in takes.enumerate() {
            match takes {
                Takes::Kinds(kinds) => kinds.iter().for_each(|kind| add(&mut wishes.lifted, kind, number)),
                Takes::Version(kind) => add(&mut wishes.exact, kind, number),
                Takes::Type(event_type) => add(&mut wishes.types, event_type, number),
            }
        }
        wishes
    }

    fn kinds(&self) -> impl Iterator<Item = &EventKind> {
        self.lifted.keys().chain(self.exact.keys())
    }

    fn any(&self, event_type: &EventType) -> HandlerMask {
        self.types.get(event_type).copied().unwrap_or(HandlerMask::NONE)
    }

    /// The way up from a kind, as far as somebody wants what is there.
    fn plan(&self, start: &EventKind, upcasters: &Upcasters) -> Option<Plan> {
        let lifted = |kind| self.lifted.get(kind).copied().unwrap_or(HandlerMask::NONE);
        let exact = self.exact.get(start).copied().unwrap_or(HandlerMask::NONE);
        let first = Stage { step: None, handlers: lifted(start).or(exact) };
        let above = upcasters.from(start);
        let above = above.map(|step| Stage { step: Some(step.clone()), handlers: lifted(&step.to) });
        Plan::new(std::iter::once(first).chain(above).collect())
    }

    fn check_ends(&self, upcasters: &Upcasters) -> Result<(), EventRouterError> {
        let ends = upcasters.starts().filter_map(|start| upcasters.from(start).last()).map(|step| &step.to);
        for end in ends.filter(|end| !self.lifted.contains_key(end)) {
            let same = self.lifted.keys().filter(|kind| kind.event_type == end.event_type);
            let known: Vec<_> = same.map(|kind| kind.version).collect();
            if !known.is_empty() {
                return Err(EventRouterError::ChainEnd { end: end.clone(), known });
            }
        }
        Ok(())
    }
}

fn add<K: Ord + Clone>(wishes: &mut BTreeMap<K, HandlerMask>, key: &K, number: usize) {
    let handlers = wishes.entry(key.clone()).or_insert(HandlerMask::NONE);
    *handlers = handlers.or(HandlerMask::of([number]));
}
