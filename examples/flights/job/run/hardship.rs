//! What a handler goes through before it may do its work: the time it takes, and the trouble that was planned.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use laneway::domain::{Clock, HandlerError};
use thiserror::Error;

use super::settings::Settings;
use crate::job::arguments::HandlerTime;
use crate::job::chaos::{Fate, Plan};
use crate::job::events::FlightEvent;

/// Trouble that was planned.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The attempt fails.
    #[error("this attempt was to fail")]
    Fail,
    /// The event fails for good.
    #[error("this aircraft is poison")]
    Poison,
}

/// What a handler goes through before it may do its work.
pub(super) struct Hardship {
    /// Which attempts go wrong.
    plan: Option<Plan>,
    /// How long a handler takes.
    time: Option<HandlerTime>,
    /// Decides the times.
    seed: u64,
    /// Waits.
    clock: Arc<dyn Clock>,
    /// Whether what was poison is repaired.
    repaired: AtomicBool,
}

impl Hardship {
    /// What the settings ask for; `clock` waits.
    pub(super) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let Settings { plan, handler_time: time, seed, .. } = settings.clone();
        Self { plan, time, seed, clock, repaired: AtomicBool::new(false) }
    }

    /// Repairs the poison aircraft: from now on nothing of it fails.
    pub(super) fn end(&self) {
        self.repaired.store(true, Ordering::Release);
    }

    /// Takes the time that the event of this number takes, and meets the fate of this attempt.
    ///
    /// # Errors
    /// [`Trouble`], where that is the fate.
    pub(super) async fn meet(
        &self,
        number: u64,
        event: &FlightEvent,
        attempt: u32,
    ) -> Result<(), HandlerError> {
        let time = self.time.map(|time| time.draw(self.seed, number)).filter(|time| !time.is_zero());
        if let Some(time) = time {
            self.clock.wake_at(self.clock.monotonic() + time).await;
        }
        match self.plan.as_ref().map_or(Fate::Handled, |plan| plan.fate(event, attempt)) {
            Fate::Handled => Ok(()),
            Fate::Poison if self.repaired.load(Ordering::Acquire) => Ok(()),
            Fate::Fail => Err(HandlerError::retryable(Trouble::Fail)),
            Fate::Poison => Err(HandlerError::fatal(Trouble::Poison)),
            Fate::Hang => std::future::pending().await,
            // Unwinds as `panic!` does, past the hook that would print it: nobody needs to read of what was planned.
            Fate::Panic => std::panic::resume_unwind(Box::new("this attempt was to panic")),
        }
    }
}
