//! What handlers saw, written down by themselves: it knows nothing of the engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_domain::{Cancellation, Event, Handler, HandlerContext, HandlerError, PartitionNumber, Position};

/// A journal of handler runs. Clones are the same journal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    lines: Vec<Line>,
    count: BTreeMap<What, usize>,
}

/// Something that a handler's run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) what: What,
    /// The bus, as the scenario numbers it.
    pub(crate) bus: u32,
    /// Tenant and aggregate, as `tenant/aggregate`; empty where the event has neither.
    pub(crate) lane: String,
    /// The number in the payload.
    pub(crate) number: u64,
    pub(crate) partition: PartitionNumber,
    pub(crate) position: Position,
    pub(crate) attempt: u32,
}

/// What it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum What {
    Started,
    Done,
    Failed,
    Panicked,
    /// Its future was dropped.
    Dropped,
}

impl Journal {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self, line: Line) {
        let mut book = self.book();
        *book.count.entry(line.what).or_default() += 1;
        book.lines.push(line);
    }

    /// How often that happened.
    pub(crate) fn count(&self, what: What) -> usize {
        self.book().count.get(&what).copied().unwrap_or(0)
    }

    pub(crate) fn done(&self) -> usize {
        self.count(What::Done)
    }

    /// Whether that happened to event `number` of a lane.
    pub(crate) fn has(&self, what: What, lane: &str, number: u64) -> bool {
        self.times(what, lane, number) > 0
    }

    /// How often that happened to event `number` of a lane.
    pub(crate) fn times(&self, what: What, lane: &str, number: u64) -> usize {
        let same = |line: &&Line| line.what == what && line.lane == lane && line.number == number;
        self.book().lines.iter().filter(same).count()
    }

    /// What happened to a lane's events, in order.
    pub(crate) fn of(&self, lane: &str) -> Vec<(What, u64)> {
        let lines = self.lines().into_iter().filter(|line| line.lane == lane);
        lines.map(|line| (line.what, line.number)).collect()
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.book().lines.clone()
    }

    pub(crate) fn summary(&self) -> String {
        let book = self.book();
        let last: Vec<_> = book.lines.iter().rev().take(6).rev().collect();
        format!("{:?}, the last lines {last:#?}", book.count)
    }

    /// A handler that writes itself down and then does what `act` does with the event and the attempt's number.
    pub(crate) fn handler<F, Fut>(&self, act: F) -> Witness<F>
    where
        F: Fn(Event, u32) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Witness { journal: self.clone(), act, bus: 0, cancellation: Cancellation::Drop }
    }

    /// A handler that writes itself down and succeeds.
    pub(crate) fn plain(&self) -> impl Handler + use<> {
        self.of_bus(0)
    }

    /// A handler of bus number `bus` that writes itself down and succeeds, at its second poll.
    pub(crate) fn of_bus(&self, bus: u32) -> impl Handler + use<> {
        self.handler(|_, _| async {
            tokio::task::yield_now().await;
            Ok(())
        })
        .of_bus(bus)
    }
}

/// A handler that writes itself down.
#[derive(Debug)]
pub(crate) struct Witness<F> {
    journal: Journal,
    act: F,
    bus: u32,
    cancellation: Cancellation,
}

impl<F> Witness<F> {
    /// Sets the number of the bus.
    pub(crate) fn of_bus(mut self, bus: u32) -> Self {
        self.bus = bus;
        self
    }

    /// Says that dropping its future does not end its work.
    pub(crate) fn that_finishes(mut self) -> Self {
        self.cancellation = Cancellation::Finish;
        self
    }
}

impl<F, Fut> Handler for Witness<F>
where
    F: Fn(Event, u32) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let mut run = Run::start(&self.journal, self.bus, event, context.attempt);
        let result = (self.act)(event.clone(), context.attempt).await;
        run.line.what = if result.is_ok() { What::Done } else { What::Failed };
        result
    }

    fn cancellation(&self) -> Cancellation {
        self.cancellation
    }
}

/// A run under way; it writes down how it ended when it is dropped.
struct Run {
    journal: Journal,
    line: Line,
}

impl Run {
    fn start(journal: &Journal, bus: u32, event: &Event, attempt: u32) -> Self {
        let line = Line {
            what: What::Started,
            bus,
            lane: lane_of(event),
            number: number_of(event),
            partition: event.partition(),
            position: event.position(),
            attempt,
        };
        journal.write(line.clone());
        Self { journal: journal.clone(), line: Line { what: What::Dropped, ..line } }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let panicked = std::thread::panicking() && self.line.what == What::Dropped;
        let what = if panicked { What::Panicked } else { self.line.what };
        self.journal.write(Line { what, ..self.line.clone() });
    }
}

/// The number in an event's payload; 0 where it is none.
pub(crate) fn number_of(event: &Event) -> u64 {
    std::str::from_utf8(event.payload()).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn lane_of(event: &Event) -> String {
    let aggregate = event.aggregate().map_or("", |id| id.as_str());
    match event.tenant() {
        Some(tenant) => format!("{tenant}/{aggregate}"),
        None => aggregate.to_owned(),
    }
}
