//! The load of the scorecard: events of 200 bytes over aggregates drawn by Zipf's law.
#![allow(dead_code)]

use bytes::Bytes;
use laneway_domain::{AggregateId, Envelope, TopicName};

use super::{Random, Zipf};

/// Makes batches of events.
pub struct Load {
    topic: TopicName,
    ids: Vec<AggregateId>,
    draws: Vec<u32>,
    next: usize,
}

const SIZE: usize = 200;

impl Load {
    /// Events of `topic` over so many aggregates, with Zipf's exponent 0.9; the same for the same seed.
    #[allow(clippy::cast_possible_truncation)]
    pub fn new(topic: &TopicName, aggregates: usize, seed: u64) -> Self {
        let (zipf, mut random) = (Zipf::new(aggregates, 0.9), Random::new(seed));
        let ids = (0..aggregates).map(|n| AggregateId::new(format!("order:{n:08}")).unwrap()).collect();
        let draws = (0..1 << 20).map(|_| zipf.draw(&mut random) as u32).collect();
        Self { topic: topic.clone(), ids, draws, next: 0 }
    }

    /// The next batch; its payloads are slices of one buffer.
    pub fn batch(&mut self, events: usize) -> Vec<Envelope> {
        let buffer = Bytes::from(vec![b'x'; events * SIZE]);
        (0..events).map(|at| self.event(buffer.slice(at * SIZE..(at + 1) * SIZE))).collect()
    }

    /// The next event.
    pub fn event(&mut self, payload: Bytes) -> Envelope {
        let id = &self.ids[self.draws[self.next] as usize];
        self.next = (self.next + 1) % self.draws.len();
        Envelope::new(self.topic.clone(), payload).with_aggregate(id.clone())
    }
}
