//! The event router.

use laneway_domain::{Event, Handler, HandlerContext, HandlerError, HandlerMask};

use super::builder::EventRouterBuilder;
use super::entry::{Entry, finish};
use super::failures::Failures;
use super::filter::Filter;
use super::plan::Plan;
use super::table::Table;
use super::unknown::Unknown;
use crate::route::arguments::Given;

/// Several handlers on one subscription, found by an event's type and version.
///
/// The handlers of an event run one after the other, each whatever becomes of the others. Where some fail, another
/// attempt is for these alone; a success before a timeout or a rebalance is forgotten, and comes again.
///
/// ```
/// use laneway_application::route::{EventRouter, State, Typed, Unknown};
/// use laneway_derive::DomainEvent;
/// use laneway_domain::{Event, EventType, HandlerError};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, DomainEvent)]
/// #[event(type = "order.placed", aggregate = "order", crate = laneway_domain)]
/// struct OrderPlaced { order: u64, total: u64 }
///
/// async fn bill(Typed(placed): Typed<OrderPlaced>, State(vat): State<u64>) -> Result<(), HandlerError> {
///     println!("bill for {}: {}", placed.order, placed.total * (100 + vat) / 100);
///     Ok(())
/// }
/// async fn audit(event: Event) -> Result<(), HandlerError> {
///     println!("{} bytes", event.payload().len());
///     Ok(())
/// }
/// let router = EventRouter::with_state(19)
///     .on("bill", bill)
///     .on_type(EventType::from_static("order.placed"), "audit", audit)
///     .filter("not a test", |event| event.headers().first("test").is_none())
///     .unknown(Unknown::Skip)
///     .build()?;
/// # fn is_a_handler(_: impl laneway_domain::Handler) {}
/// # is_a_handler(router);
/// # Ok::<(), laneway_application::route::EventRouterError>(())
/// ```
pub struct EventRouter<S = ()> {
    pub(super) state: S,
    pub(super) entries: Vec<Entry<S>>,
    pub(super) filters: Vec<Filter>,
    pub(super) unknown: Unknown,
    pub(super) table: Table,
}

impl EventRouter {
    /// Begins with no handler.
    pub fn builder() -> EventRouterBuilder<()> {
        EventRouterBuilder::new(())
    }

    /// Begins with no handler, and with a state for the argument [`State`](crate::route::State).
    pub fn with_state<S: Send + Sync + 'static>(state: S) -> EventRouterBuilder<S> {
        EventRouterBuilder::new(state)
    }
}

impl<S: Send + Sync + 'static> EventRouter<S> {
    /// The names of the handlers, by the number that they have in a [`HandlerMask`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.name)
    }

    async fn run(&self, plan: &Plan, came: Given<'_>) -> Result<(), HandlerError> {
        let due = plan.due(came.context.due);
        let (mut failures, mut lifted, mut left) = (Failures::default(), None, due);
        for stage in plan.stages(due) {
            lifted = match stage.lift(lifted, came.event.payload()) {
                Ok(lifted) => lifted,
                Err(error) => {
                    failures.add(left, HandlerError::fatal(error));
                    break;
                }
            };
            for number in stage.handlers.and(due).iter() {
                left = left.without(number);
                let given = stage.given(came, lifted.as_ref());
                let ended = match self.entries[number].attempt(&given, &self.state) {
                    Ok(attempt) => finish(attempt).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = ended {
                    failures.add(HandlerMask::of([number]), error);
                }
            }
        }
        failures.into_result(|number| self.entries[number].name.clone())
    }

    fn passes(&self, event: &Event) -> Result<bool, HandlerError> {
        for filter in &self.filters {
            if !filter.passes(event)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<S: Send + Sync + 'static> Handler for EventRouter<S> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        if !self.passes(event)? {
            return Ok(());
        }
        match self.table.plan(event) {
            Ok(plan) => self.run(plan, Given::new(event, context)).await,
            Err(error) => self.unknown.answer(error),
        }
    }
}

impl<S> std::fmt::Debug for EventRouter<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.entries.iter().map(|entry| (&entry.name, &entry.takes)).collect();
        f.debug_struct("EventRouter")
            .field("handlers", &names)
            .field("unknown", &self.unknown)
            .finish_non_exhaustive()
    }
}
