//! Building upcasters.

use laneway_domain::{Cause, DomainEvent, EventKind, Payload};
use serde_json::Value;

use super::chain;
use super::error::ChainError;
use super::step::Step;
use super::upcasters::Upcasters;

/// The steps of upcasters, checked together when they are built.
#[derive(Debug, Default)]
#[must_use]
pub struct UpcastersBuilder {
    steps: Vec<Step>,
}

impl UpcastersBuilder {
    /// Adds a step on JSON: from a version to the next one of its type, or to another type.
    pub fn step(
        mut self,
        from: impl Into<EventKind>,
        to: impl Into<EventKind>,
        change: impl Fn(Value) -> Result<Value, Cause> + Send + Sync + 'static,
    ) -> Self {
        self.steps.push(Step::new(from.into(), to.into(), change));
        self
    }

    /// Adds a step from one Rust type to another; both are JSON.
    pub fn typed<Old: DomainEvent, New: DomainEvent>(
        self,
        change: impl Fn(Old) -> Result<New, Cause> + Send + Sync + 'static,
    ) -> Self {
        self.step(EventKind::of::<Old>(), EventKind::of::<New>(), move |value| {
            let new = change(Old::decode(Payload::Json(&value))?)?;
            Ok(serde_json::to_value(new)?)
        })
    }

    /// Checks the chains.
    ///
    /// # Errors
    /// [`ChainError`] where a version has two steps, or none between others of its type, or where steps lead downwards or
    /// round in a circle.
    pub fn build(self) -> Result<Upcasters, ChainError> {
        chain::check(&self.steps)?;
        Ok(Upcasters::new(self.steps))
    }
}
