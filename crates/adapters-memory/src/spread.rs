//! A batch on its way to partitions: sorted without a lock, answered in the order in which it came.

use std::collections::VecDeque;
use std::iter::Flatten;
use std::ops::Range;
use std::sync::Arc;

use laneway_domain::{
    AggregateKey, Envelope, PartitionNumber, Position, PublishError, PublishFault, Published,
};

use crate::piece::{Bound, Piece};
use crate::room::{Answer, Ticket};
use crate::topic::Topic;
use crate::topics::{Closed, Topics};

/// The events of one call, by partition.
pub(crate) struct Spread {
    pub(crate) routes: Vec<Route>,
    /// The route of each event, or [`REFUSED`].
    ways: Vec<u32>,
    refusals: Vec<PublishError>,
}

const REFUSED: u32 = u32::MAX;

/// What goes to one partition.
pub(crate) struct Route {
    pub(crate) topic: Arc<Topic>,
    pub(crate) number: PartitionNumber,
    /// Where the rest waits.
    pub(crate) ticket: Option<Ticket>,
    answer: Answer,
    expected: usize,
    chunk: Bound,
    filling: Piece,
}

impl Route {
    fn new(topic: Arc<Topic>, number: PartitionNumber) -> Self {
        let chunk = topic.chunk();
        let (answer, filling) = (Answer::default(), Piece::default());
        Self { topic, number, ticket: None, answer, expected: 0, chunk, filling }
    }

    #[inline]
    fn push(&mut self, envelope: Envelope) {
        let bytes = envelope.size();
        if self.filling.rows.capacity() == 0 || self.filling.is_full(bytes, self.chunk) {
            self.next_piece();
        }
        self.expected -= 1;
        self.filling.push(envelope, bytes);
    }

    fn next_piece(&mut self) {
        let piece = Piece::with_capacity(self.expected.min(self.chunk.events));
        let full = std::mem::replace(&mut self.filling, piece);
        if !full.rows.is_empty() {
            self.answer.left.push_back(full);
        }
    }

    /// The pieces, to be appended.
    pub(crate) fn load(&mut self) -> VecDeque<Piece> {
        let mut pieces = std::mem::take(&mut self.answer.left);
        pieces.push_back(std::mem::take(&mut self.filling));
        pieces
    }

    /// Takes note of what became of the pieces.
    pub(crate) fn settle(&mut self, answer: Answer) {
        self.ticket = None;
        self.answer = answer;
    }

    fn fault(&self) -> PublishError {
        let (number, topic) = (self.number, self.topic.name());
        if self.answer.closed {
            return PublishError::new(PublishFault::Closed, "the broker was closed");
        }
        let full =
            format!("partition {number} of `{topic}` is full of events that a group has not committed");
        PublishError::new(PublishFault::Busy, full)
    }
}

impl Spread {
    /// Sorts `events`. What is larger than `max_bytes` is refused, and so is what follows it in its lane: a later event
    /// must not be stored where an earlier one is not.
    pub(crate) fn new(events: Vec<Envelope>, topics: &Topics, max_bytes: usize) -> Result<Self, Closed> {
        let mut sorter = Sorter::new(topics, max_bytes, events.len());
        let ways = events.iter().map(|event| sorter.way(event)).collect::<Result<Vec<_>, Closed>>()?;
        let Sorter { mut routes, refusals, .. } = sorter;
        for (event, way) in events.into_iter().zip(&ways) {
            if let Some(route) = routes.get_mut(*way as usize) {
                route.push(event);
            }
        }
        Ok(Self { routes, ways, refusals })
    }

    /// The answers, one for each event.
    pub(crate) fn results(self) -> Vec<Result<Published, PublishError>> {
        type Positions = Flatten<std::vec::IntoIter<Range<u64>>>;
        let take = |mut route: Route| {
            let spans = std::mem::take(&mut route.answer.spans);
            (spans.into_iter().flatten(), route)
        };
        let mut routes: Vec<(Positions, Route)> = self.routes.into_iter().map(take).collect();
        let mut refusals = self.refusals.into_iter();
        let answer = |way: u32| {
            let Some((positions, route)) = routes.get_mut(way as usize) else {
                return Err(refusals.next().unwrap_or_else(refused_with_its_lane));
            };
            let position = positions.next().ok_or_else(|| route.fault())?;
            Ok(Published { partition: route.number, position: Some(Position::new(position)) })
        };
        self.ways.into_iter().map(answer).collect()
    }
}

fn refused_with_its_lane() -> PublishError {
    PublishError::new(PublishFault::Behind, "an earlier event of the same aggregate was rejected")
}

/// Finds the route of one event after the other.
struct Sorter<'a> {
    topics: &'a Topics,
    max_bytes: usize,
    routes: Vec<Route>,
    refusals: Vec<PublishError>,
    refused: Vec<AggregateKey>,
    /// Routes by topic and partition: open addressing, twice as large as the batch, numbers from 1.
    table: Vec<u32>,
    topic: Option<Arc<Topic>>,
    /// The partition for events of `topic` that have no aggregate.
    turn: Option<PartitionNumber>,
}

impl<'a> Sorter<'a> {
    fn new(topics: &'a Topics, max_bytes: usize, events: usize) -> Self {
        let table = vec![0; (events * 2).next_power_of_two()];
        let (routes, refusals, refused) = (Vec::new(), Vec::new(), Vec::new());
        Self { topics, max_bytes, routes, refusals, refused, table, topic: None, turn: None }
    }

    #[inline]
    fn way(&mut self, event: &Envelope) -> Result<u32, Closed> {
        if (event.size() > self.max_bytes || !self.refused.is_empty())
            && let Some(refusal) = self.refusal(event)
        {
            self.refusals.push(refusal);
            return Ok(REFUSED);
        }
        let topic = match &self.topic {
            Some(topic) if topic.name() == event.topic() => topic,
            _ => {
                self.turn = None;
                self.topic.insert(self.topics.find_or_make(event.topic())?)
            }
        };
        let number = match event.aggregate() {
            Some(aggregate) => topic.home(aggregate),
            None => *self.turn.get_or_insert_with(|| topic.next_turn()),
        };
        Ok(find(&mut self.routes, &mut self.table, topic, number))
    }

    #[cold]
    fn refusal(&mut self, event: &Envelope) -> Option<PublishError> {
        let (size, most) = (event.size(), self.max_bytes);
        if event.key().is_some_and(|key| self.refused.contains(&key)) {
            return Some(refused_with_its_lane());
        }
        if size <= most {
            return None;
        }
        self.refused.extend(event.key());
        let reason = format!("its payload and headers have {size} bytes, and {most} are allowed");
        Some(PublishError::new(PublishFault::Rejected, reason))
    }
}

/// The route to a partition, made if there is none.
#[inline]
fn find(routes: &mut Vec<Route>, table: &mut [u32], topic: &Arc<Topic>, number: PartitionNumber) -> u32 {
    let mask = table.len() - 1;
    let mut at = number.0.wrapping_add(topic.index().wrapping_mul(0x9e37_79b9)) as usize & mask;
    let way = loop {
        match table[at] {
            0 => break make(routes, &mut table[at], topic, number),
            known => {
                let route = &routes[known as usize - 1];
                if route.number == number && Arc::ptr_eq(&route.topic, topic) {
                    break known - 1;
                }
            }
        }
        at = (at + 1) & mask;
    };
    routes[way as usize].expected += 1;
    way
}

fn make(routes: &mut Vec<Route>, entry: &mut u32, topic: &Arc<Topic>, number: PartitionNumber) -> u32 {
    routes.push(Route::new(topic.clone(), number));
    *entry = u32::try_from(routes.len()).unwrap_or(REFUSED);
    *entry - 1
}
