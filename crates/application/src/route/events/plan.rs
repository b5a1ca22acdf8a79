//! Who handles events of one kind, and which upcasters come before.

use laneway_domain::{HandlerMask, Payload};
use serde_json::Value;

use crate::route::arguments::Given;
use crate::route::upcast::{Step, UpcastError};

/// Who handles events of one kind: stage by stage up their chain of upcasters.
#[derive(Debug)]
pub(super) struct Plan {
    stages: Vec<Stage>,
    /// Everyone who handles the event.
    all: HandlerMask,
}

/// A version on the way up.
#[derive(Debug)]
pub(super) struct Stage {
    /// The step that leads to it; none for the event as it came.
    pub(super) step: Option<Step>,
    /// The handlers that take this version.
    pub(super) handlers: HandlerMask,
}

impl Plan {
    /// A plan of these stages, as far as somebody handles what is there; nothing where nobody does.
    pub(super) fn new(mut stages: Vec<Stage>) -> Option<Self> {
        let last = stages.iter().rposition(|stage| !stage.handlers.is_empty())?;
        stages.truncate(last + 1);
        let all = stages.iter().fold(HandlerMask::NONE, |all, stage| all.or(stage.handlers));
        Some(Self { stages, all })
    }

    /// The same, with handlers that take the event as it came.
    pub(super) fn with(mut self, handlers: HandlerMask) -> Self {
        if let Some(first) = self.stages.first_mut() {
            first.handlers = first.handlers.or(handlers);
            self.all = self.all.or(handlers);
        }
        self
    }

    /// Those who have not handled it yet. Where nobody is left, the mask is that of another program: all of them.
    pub(super) fn due(&self, due: HandlerMask) -> HandlerMask {
        let left = self.all.and(due);
        if left.is_empty() { self.all } else { left }
    }

    /// The stages that have to be reached for these handlers.
    pub(super) fn stages(&self, due: HandlerMask) -> &[Stage] {
        let last = self.stages.iter().rposition(|stage| !stage.handlers.and(due).is_empty());
        last.map_or(&[], |last| &self.stages[..=last])
    }
}

impl Stage {
    /// Brings the payload up to this version.
    pub(super) fn lift(&self, lifted: Option<Value>, payload: &[u8]) -> Result<Option<Value>, UpcastError> {
        match &self.step {
            None => Ok(lifted),
            Some(step) => step.take(lifted, payload).map(Some),
        }
    }

    /// The given as handlers of this version see it.
    pub(super) fn given<'a>(&'a self, came: Given<'a>, lifted: Option<&'a Value>) -> Given<'a> {
        match (&self.step, lifted) {
            (Some(step), Some(value)) => Given {
                event_type: Some(&step.to.event_type),
                version: step.to.version,
                payload: Payload::Json(value),
                ..came
            },
            _ => came,
        }
    }
}
