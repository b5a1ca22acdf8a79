//! A bus that can crash.

use std::fmt;
use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions};
use laneway_domain::Handler;
use tokio::runtime::{Builder, Runtime};

use super::member::Member;
use super::said::{given, sure};

/// How long a thread may take to come to its next await.
const DYING: Duration = Duration::from_secs(5);

/// A bus on a runtime of its own: what a process is to a broker. Dropping it is a crash.
pub(crate) struct Process {
    bus: Member,
    runtime: Option<Runtime>,
}

impl Process {
    pub(crate) fn new(bus: Member) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { bus, runtime: Some(sure("a runtime", runtime)) }
    }

    /// Subscribes on the process's own runtime.
    pub(crate) async fn subscribe<H: Handler>(
        &self,
        options: SubscriptionOptions,
        handler: H,
    ) -> Subscription {
        let bus = self.bus.clone();
        let runtime = given("process", self.runtime.as_ref());
        let subscribed = runtime.spawn(async move { bus.subscribe(options, handler).await }).await;
        sure("a subscription", sure("the process", subscribed))
    }

    /// Ends everything at its next await: nothing is committed, nobody says goodbye. Ready when nothing of it runs.
    pub(crate) async fn crash(mut self) {
        let runtime = given("process", self.runtime.take());
        let gone = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(DYING)).await;
        sure("the end of the process", gone);
        self.bus.died();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("bus", &self.bus).finish_non_exhaustive()
    }
}
