//! A scenario, and how it is conducted.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use laneway_application::SystemClock;
use laneway_domain::{BoxFuture, Clock};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

use super::factory::Factory;
use super::feature::Feature;
use super::lab::Lab;
use super::watched::Watched;

/// A sentence about every adapter, and the code that sees whether it is true.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// The sentence.
    pub name: &'static str,
    /// What it cannot do without.
    pub needs: &'static [Feature],
    /// Sees whether it is true; panics where it is not.
    pub run: fn(Lab) -> BoxFuture<()>,
}

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The sentence is true.
    Passed,
    /// The adapter lacks what the scenario needs.
    Skipped(Feature),
    /// It is not true, or not within [`Factory::limit`]: why, and what everything was doing then.
    Failed(String),
}

impl Scenario {
    /// The first feature that the adapter lacks.
    #[must_use]
    pub fn lacking(&self, factory: &dyn Factory) -> Option<Feature> {
        let capabilities = factory.capabilities();
        self.needs.iter().copied().find(|feature| !feature.is_in(&capabilities))
    }

    /// Runs it on a runtime of its own, in real time. Not to be called from a runtime.
    #[must_use]
    pub fn conduct(&self, factory: Arc<dyn Factory>) -> Verdict {
        if let Some(feature) = self.lacking(&*factory) {
            return Verdict::Skipped(feature);
        }
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return Verdict::Failed(format!("no runtime: {error}")),
        };
        let verdict = runtime.block_on(self.attempt(factory));
        // A handler that blocks its thread must not hold up the suite.
        runtime.shutdown_background();
        verdict
    }

    async fn attempt(&self, factory: Arc<dyn Factory>) -> Verdict {
        let clock = SystemClock::new();
        let watched = Arc::new(Watched::default());
        let most = factory.limit();
        let task = tokio::spawn((self.run)(Lab::new(factory, watched.clone())));
        let limit = clock.wake_at(clock.monotonic() + most);
        let why = match select(pin!(task), pin!(limit)).await {
            Either::Left((Ok(()), _)) => match watched.objections() {
                None => return Verdict::Passed,
                Some(objections) => objections,
            },
            Either::Left((Err(error), _)) => words(error),
            Either::Right(_) => format!("it is not through after {most:?}"),
        };
        Verdict::Failed(format!("{}: {why}\n{}", self.name, watched.dump(&clock).await))
    }
}

fn runtime() -> std::io::Result<Runtime> {
    // Some scenarios block a thread: the others go on.
    Builder::new_multi_thread().worker_threads(4).enable_all().build()
}

fn words(error: JoinError) -> String {
    let panic = match error.try_into_panic() {
        Ok(panic) => panic,
        Err(error) => return error.to_string(),
    };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}
