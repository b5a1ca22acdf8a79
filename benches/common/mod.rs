//! What the benches share: alternating runs, medians, one JSON object a line.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

pub mod bus;
pub mod load;

use std::time::{Duration, Instant};

/// The median of figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// How often each side runs: `LANEWAY_BENCH_RUNS`, or five times.
pub fn runs() -> usize {
    number("LANEWAY_BENCH_RUNS", 5).max(1)
}

/// How many events go through: `LANEWAY_BENCH_EVENTS`, or so many.
pub fn events(default: usize) -> usize {
    number("LANEWAY_BENCH_EVENTS", default)
}

/// A number from the environment, or this one.
pub fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs two sides in turn, so that a drifting machine meets both; the medians of what they return. For a profile,
/// `LANEWAY_BENCH_SIDE=ours` leaves the floor out.
pub fn alternate(mut ours: impl FnMut() -> f64, mut floor: impl FnMut() -> f64) -> (f64, f64) {
    if std::env::var("LANEWAY_BENCH_SIDE").is_ok_and(|side| side == "ours") {
        return (median((0..runs()).map(|_| ours()).collect()), f64::NAN);
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for run in 0..runs() {
        if run % 2 == 0 {
            a.push(ours());
            b.push(floor());
        } else {
            b.push(floor());
            a.push(ours());
        }
    }
    (median(a), median(b))
}

/// How long `work` takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// One row of the table.
pub struct Row<'a> {
    pub id: &'a str,
    pub workload: String,
    pub unit: &'a str,
    pub ours: f64,
    pub floor: Option<(&'a str, f64)>,
    pub ratio: Option<f64>,
    pub target: &'a str,
}

impl Row<'_> {
    pub fn print(&self) {
        let (name, floor) = self.floor.map_or((None, None), |(name, floor)| (Some(name), Some(floor)));
        let row = serde_json::json!({
            "id": self.id, "workload": self.workload, "unit": self.unit, "ours": self.ours, "floor": floor,
            "floor_name": name, "ratio": self.ratio, "target": self.target, "runs": runs(),
        });
        println!("{row}");
    }
}

/// A small generator for keys; the same numbers for the same seed.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number (xorshift64*, Vigna 2014).
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A number in [0, 1).
    #[allow(clippy::cast_precision_loss)]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Keys drawn by Zipf's law with exponent `s` over `n` keys.
pub struct Zipf(Vec<f64>);

impl Zipf {
    #[allow(clippy::cast_precision_loss)]
    pub fn new(n: usize, s: f64) -> Self {
        let mut sum = 0.0;
        let mut edges: Vec<f64> = (1..=n)
            .map(|rank| {
                sum += 1.0 / (rank as f64).powf(s);
                sum
            })
            .collect();
        edges.iter_mut().for_each(|edge| *edge /= sum);
        Self(edges)
    }

    pub fn draw(&self, random: &mut Random) -> usize {
        let at = random.unit();
        self.0.partition_point(|edge| *edge < at).min(self.0.len() - 1)
    }
}
