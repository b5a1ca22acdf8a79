//! Upcasters that were checked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use laneway_domain::EventKind;
use serde_json::Value;

use super::builder::UpcastersBuilder;
use super::error::UpcastError;
use super::step::Step;

/// How payloads of older versions become those of the next, step by step. Clones share the steps.
///
/// ```
/// use laneway_application::route::Upcasters;
/// use laneway_domain::EventType;
/// const PLACED: EventType = EventType::from_static("order.placed");
/// let upcasters = Upcasters::builder()
///     .step((PLACED, 1), (PLACED, 2), |mut order| {
///         order["currency"] = "EUR".into();
///         Ok(order)
///     })
///     .build()?;
/// let (newest, order) = upcasters.lift((PLACED, 1).into(), br#"{"total":5}"#)?;
/// assert_eq!((newest.version, &order["currency"]), (2, &"EUR".into()));
/// assert!(Upcasters::builder().step((PLACED, 2), (PLACED, 1), Ok).build().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Upcasters {
    steps: Arc<HashMap<EventKind, Step>>,
}

impl Upcasters {
    /// Begins with no step.
    pub fn builder() -> UpcastersBuilder {
        UpcastersBuilder::default()
    }

    pub(super) fn new(steps: Vec<Step>) -> Self {
        Self { steps: Arc::new(steps.into_iter().map(|step| (step.from.clone(), step)).collect()) }
    }

    /// Brings a payload up to the end of its chain.
    ///
    /// # Errors
    /// [`UpcastError`] where the payload is no JSON, or an upcaster fails or panics.
    pub fn lift(&self, kind: EventKind, payload: &[u8]) -> Result<(EventKind, Value), UpcastError> {
        let steps: Vec<_> = self.from(&kind).collect();
        let end = steps.last().map_or_else(|| kind.clone(), |step| step.to.clone());
        match take(&steps, payload)? {
            Some(value) => Ok((end, value)),
            None => match serde_json::from_slice(payload) {
                Ok(value) => Ok((end, value)),
                Err(cause) => Err(UpcastError::Unreadable { kind, cause }),
            },
        }
    }

    /// Brings a payload up to the first of these kinds on its way; nothing where none is.
    pub(crate) fn lift_to(
        &self,
        kind: &EventKind,
        payload: &[u8],
        ends: &[EventKind],
    ) -> Option<Result<(EventKind, Value), UpcastError>> {
        let mut steps: Vec<_> = self.from(kind).collect();
        let last = steps.iter().position(|step| ends.contains(&step.to))?;
        steps.truncate(last + 1);
        let end = steps[last].to.clone();
        take(&steps, payload).map(|value| value.map(|value| (end, value))).transpose()
    }

    /// The steps from a kind to the end of its chain.
    pub(crate) fn from(&self, kind: &EventKind) -> impl Iterator<Item = &Step> {
        std::iter::successors(self.steps.get(kind), |step| self.steps.get(&step.to))
    }

    /// The kinds from which steps lead.
    pub(crate) fn starts(&self) -> impl Iterator<Item = &EventKind> {
        self.steps.keys()
    }
}

fn take(steps: &[&Step], payload: &[u8]) -> Result<Option<Value>, UpcastError> {
    steps.iter().try_fold(None, |lifted, step| step.take(lifted, payload).map(Some))
}

impl fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps: Vec<_> = self.steps.values().collect();
        steps.sort_by(|a, b| a.from.cmp(&b.from));
        f.debug_list().entries(steps).finish()
    }
}
