//! S2: what lanes and ledger cost per event, alone, on one core, from a thousand to ten million aggregates.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_precision_loss)]

mod common;

use common::{Random, Row, median, runs, timed};
use laneway_application::lanes::{LaneId, Lanes, Start, Ticket};
use laneway_application::ledger::{Opening, PartitionLedger, Slot};
use laneway_domain::{
    Assignment, Epoch, Monotonic, PartitionId, PartitionNumber, Position, Resume, TopicName,
};
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
            self.lanes.admit(hasher.hash_one(key), None, ticket, |other| keys[other.row as usize] == key);
        }
        self.start();
        while self.book().open_count() > WINDOW {
            self.end(random.below(self.running.len() as u64) as usize, slots);
        }
        self.ledger.checkpoints(0);
    }

    fn start(&mut self) {
        while let Start::Head(lane, ticket) = self.lanes.start(Monotonic::ZERO) {
            self.running.push((lane, ticket));
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
    let mut slots = vec![any_slot(); 1 << 23];
    let ((), took) = timed(|| {
        for at in (0..keys.len()).step_by(BATCH) {
            run.batch(at, keys, &mut slots, &mut random);
        }
    });
    took.as_nanos() as f64 / keys.len() as f64
}

/// A slot to fill a table with.
fn any_slot() -> Slot {
    match Run::new().book().open(Position::new(1)) {
        Opening::Fresh(slot, _) => slot,
        Opening::Done => unreachable!("nothing was opened before"),
    }
}

/// The instructions an event takes, as valgrind counts them: two runs of this program, one three times as long.
fn instructions(aggregates: u64) -> Option<f64> {
    let (short, long) = (100_000 / BATCH * BATCH, 300_000 / BATCH * BATCH);
    let count = |events: usize| {
        let this = std::env::current_exe().ok()?;
        let output = std::process::Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(this)
            .env("LANEWAY_BENCH_COUNT", format!("{aggregates} {events}"))
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected"))?;
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    Some((count(long)? - count(short)?) / (long - short) as f64)
}

fn keys(aggregates: u64, events: usize) -> Vec<u32> {
    let mut random = Random::new(aggregates);
    (0..events).map(|_| random.below(aggregates) as u32).collect()
}

/// What a run under valgrind does: the work alone, over keys that cost nothing to draw.
fn count(order: &str) {
    let mut numbers = order.split(' ').map(|number| number.parse::<u64>().unwrap());
    let (aggregates, events) = (numbers.next().unwrap(), numbers.next().unwrap());
    // The same few keys over and over, so that drawing them does not count.
    let few = keys(aggregates, 1 << 16);
    let keys: Vec<u32> = (0..events as usize).map(|at| few[at % few.len()]).collect();
    std::hint::black_box(measure(&keys));
}

fn main() {
    if let Ok(order) = std::env::var("LANEWAY_BENCH_COUNT") {
        return count(&order);
    }
    let events = common::events(4_000_000) / BATCH * BATCH;
    for aggregates in [1_000u64, 10_000, 100_000, 1_000_000, 10_000_000] {
        let keys = keys(aggregates, events);
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
    for aggregates in [1_000, 10_000_000] {
        match instructions(aggregates) {
            Some(ours) => Row {
                id: "S2",
                workload: format!("lanes + ledger, {aggregates} aggregates, counted by callgrind"),
                unit: "instructions/event",
                ours,
                floor: None,
                ratio: None,
                target: "beside the time",
            }
            .print(),
            None => eprintln!("SKIPPED the instruction count: valgrind is not here"),
        }
    }
}
