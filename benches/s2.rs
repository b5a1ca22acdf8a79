//! S2: what lanes and ledger cost per event, alone, on one core, from a thousand to ten million aggregates.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_precision_loss)]

mod common;

use common::{Random, Row, median, runs, timed};
use laneway_application::lanes::{LaneId, Lanes, Ticket};
use laneway_application::ledger::{Opening, PartitionLedger, Slot};
use laneway_domain::{Assignment, Epoch, PartitionId, PartitionNumber, Position, Resume, TopicName};
use std::hash::BuildHasher;

const WINDOW: usize = 4096;
const BATCH: usize = 256;

struct Run {
    lanes: Lanes,
    ledger: laneway_application::ledger::Ledger,
    tenure: laneway_application::ledger::Tenure,
    running: Vec<(LaneId, Ticket)>,
}

impl Run {
    fn new() -> Self {
        let mut ledger = laneway_application::ledger::Ledger::default();
        let tenure = ledger.assign(&Assignment {
            partition: PartitionId(0),
            epoch: Epoch(1),
            topic: TopicName::new("bench").unwrap(),
            number: PartitionNumber(0),
            stored: None,
            initial: Resume::Start,
        });
        Self { lanes: Lanes::new(1 << 20), ledger, tenure, running: Vec::with_capacity(WINDOW) }
    }

    fn book(&mut self) -> &mut PartitionLedger {
        self.ledger.book(self.tenure).unwrap()
    }

    /// Opens a batch, admits it, starts what may start, and ends as much as stands above the window, in any order.
    fn batch(&mut self, at: usize, keys: &[u32], slots: &mut [Slot], random: &mut Random) {
        let hasher = foldhash::fast::FixedState::with_seed(7);
        for row in at..at + BATCH {
            let Opening::Fresh(slot, _) = self.book().open(Position::new(row as u64)) else { unreachable!() };
            slots[row % slots.len()] = slot;
        }
        for row in at..at + BATCH {
            let key = keys[row];
            let ticket = Ticket { run: 0, row: row as u32 };
            self.lanes.admit(hasher.hash_one(key), ticket, |other| keys[other.row as usize] == key);
        }
        self.start();
        while self.book().open_count() > WINDOW {
            self.end(random.below(self.running.len() as u64) as usize, slots);
        }
        self.ledger.checkpoints(0);
    }

    fn start(&mut self) {
        while let Some(started) = self.lanes.start() {
            self.running.push(started);
        }
    }

    fn end(&mut self, at: usize, slots: &[Slot]) {
        let (lane, ticket) = self.running.swap_remove(at);
        self.lanes.finish(lane);
        self.ledger.settle(self.tenure, slots[ticket.row as usize % slots.len()]);
        self.start();
    }
}

/// The nanoseconds an event takes.
fn measure(keys: &[u32]) -> f64 {
    let mut run = Run::new();
    let mut random = Random::new(11);
    let Opening::Fresh(none, _) = PartitionLedgerProbe::slot() else { unreachable!() };
    let mut slots = vec![none; 1 << 23];
    let ((), took) = timed(|| {
        for at in (0..keys.len()).step_by(BATCH) {
            run.batch(at, keys, &mut slots, &mut random);
        }
    });
    took.as_nanos() as f64 / keys.len() as f64
}

/// A slot to fill a table with.
struct PartitionLedgerProbe;

impl PartitionLedgerProbe {
    fn slot() -> Opening {
        let mut run = Run::new();
        run.book().open(Position::new(1))
    }
}

fn main() {
    let events: usize =
        std::env::var("LANEWAY_BENCH_EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000_000);
    let events = events / BATCH * BATCH;
    for aggregates in [1_000u64, 10_000, 100_000, 1_000_000, 10_000_000] {
        let mut random = Random::new(aggregates);
        let keys: Vec<u32> = (0..events).map(|_| random.below(aggregates) as u32).collect();
        let ns = median((0..runs()).map(|_| measure(&keys)).collect());
        Row {
            id: "S2",
            workload: format!("lanes + ledger, {aggregates} aggregates, {WINDOW} open"),
            unit: "ns/event",
            ours: ns,
            floor: None,
            ratio: None,
            target: "<= 100, flat",
        }
        .print();
    }
}
