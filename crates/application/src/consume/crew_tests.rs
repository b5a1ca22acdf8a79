//! Workers: what whoever hears their reports may rely on.

use std::sync::Mutex;
use std::task::{Wake, Waker};

use laneway_domain::{
    AfterDeadLetter, Assignment, Body, Envelope, Epoch, GroupId, PartitionId, PartitionNumber, Position,
    Received, Resume, Timestamp, TopicName, handler_fn,
};
use tokio::sync::Notify;

use super::super::options::SubscriptionOptions;
use super::super::run::{ByEntry, Entry, Run};
use super::super::subscription::share;
use super::*;
use crate::SystemClock;
use crate::ledger::{Ledger, Opening};

fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

/// One event without an aggregate.
fn run() -> Run {
    let mut ledger = Ledger::default();
    let tenure = ledger.assign(&Assignment {
        partition: PartitionId(0),
        epoch: Epoch(1),
        topic: topic(),
        number: PartitionNumber(0),
        stored: None,
        initial: Resume::Start,
    });
    let position = Position::new(0);
    let Opening::Fresh(slot, _) = ledger.book(tenure).unwrap().open(position) else { unreachable!() };
    let body = Body::Event(Envelope::new(topic(), "x"));
    let rows = vec![Received { position, appended: Timestamp::default(), body }].into();
    let entries = vec![Entry { row: 0, slot, hash: None, bytes: 1 }];
    let (keys, attempts, due) = (ByEntry::default(), ByEntry::default(), ByEntry::default());
    let (topic, number, unordered) = (topic(), PartitionNumber(0), false);
    Run { tenure, topic, number, rows, entries, keys, attempts, due, unordered }
}

/// Counts the lanes at the very moment at which a report comes.
struct Listener {
    shared: Arc<Shared>,
    lanes: Mutex<Option<usize>>,
}

impl Wake for Listener {
    fn wake(self: Arc<Self>) {
        self.lanes.lock().unwrap().get_or_insert(self.shared.counters.lanes());
    }
}

#[tokio::test]
async fn lanes_are_counted_before_the_report_that_empties_them_is_heard() {
    let options = SubscriptionOptions::new(GroupId::new("g").unwrap(), [topic()]);
    let options = SubscriptionOptions { workers: 1, ..options };
    let shared = share(&options, Arc::new(SystemClock::new()), AfterDeadLetter::Skip, false);
    let shared = Arc::new(shared);
    let ends = Arc::new(Notify::new());
    let end = ends.clone();
    let handler = handler_fn(move |_| {
        let end = end.clone();
        async move {
            end.notified().await;
            Ok(())
        }
    });
    let mut crew = Crew::start(&Arc::new(handler), &shared, 1);
    let listener = Arc::new(Listener { shared: shared.clone(), lanes: Mutex::default() });
    let waker = Waker::from(listener.clone());
    assert!(crew.reports().poll_recv(&mut Context::from_waker(&waker)).is_pending());
    crew.send(0, Command::Run(Box::new(run())));
    tokio::task::yield_now().await;
    assert_eq!(shared.counters.lanes(), 1);
    ends.notify_one();
    tokio::task::yield_now().await;
    assert!(matches!(crew.reports().try_recv(), Ok(Report::Done { .. })));
    assert_eq!(*listener.lanes.lock().unwrap(), Some(0));
}
