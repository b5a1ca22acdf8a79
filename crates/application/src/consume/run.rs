//! Runs: a worker's part of a batch, from the loop to the worker, and the worker's table of them.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use laneway_domain::{
    AggregateKey, Body, Codec, Envelope, Event, HandlerMask, Monotonic, ParkEntry, ParkState,
    PartitionNumber, Position, Received, Record, Rows, Timestamp, TopicName, Undecodable,
};

use crate::lanes::Ticket;
use crate::ledger::{Slot, Tenure};
use crate::sabotage::returned;

/// One event of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Its row among the rows of the run; [`GONE`] once the worker is through with it.
    pub(crate) row: u32,
    /// Its place in the ledger.
    pub(crate) slot: Slot,
    /// The hash of its lane's key; none where it has no lane.
    pub(crate) hash: Option<NonZeroU64>,
    /// The bytes that the credit counts for it, as they were when it was opened.
    pub(crate) bytes: u32,
}

/// What few entries of a run have, by the entry's number.
pub(crate) type ByEntry<T> = HashMap<u32, T, foldhash::fast::FixedState>;

const GONE: u32 = u32::MAX;

/// A worker's part of a batch.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) tenure: Tenure,
    pub(crate) topic: TopicName,
    pub(crate) number: PartitionNumber,
    pub(crate) rows: Rows,
    pub(crate) entries: Vec<Entry>,
    /// The keys of events that do not name their aggregate themselves, by entry; empty where all do.
    pub(crate) keys: ByEntry<AggregateKey>,
    /// Failed attempts of entries, from before a crash or a rebalance.
    pub(crate) attempts: ByEntry<u32>,
    /// The handlers that entries are still due for, where those are not all.
    pub(crate) due: ByEntry<HandlerMask>,
    /// Whether its events run apart from the lanes of their aggregates.
    pub(crate) unordered: bool,
}

impl Run {
    /// Stands in a lane for an aggregate that is parked up to `last`.
    pub(crate) fn marker(
        tenure: Tenure,
        (topic, number): (&TopicName, PartitionNumber),
        key: AggregateKey,
        hash: NonZeroU64,
        last: Position,
    ) -> Self {
        let mut run = Self::of_entries(tenure, (topic, number), Some((key, hash)), Vec::new(), false);
        let rows = run.rows.as_slice().iter().cloned();
        run.rows = rows.map(|row| Received { position: last, ..row }).collect::<Vec<_>>().into();
        run
    }

    /// Entries that come back from the dead-letter store; behind those of a parked aggregate stands a marker.
    pub(crate) fn of_entries(
        tenure: Tenure,
        (topic, number): (&TopicName, PartitionNumber),
        lane: Option<(AggregateKey, NonZeroU64)>,
        parked: Vec<ParkEntry>,
        loose: bool,
    ) -> Self {
        let (key, hash) = lane.unzip();
        let slot = if loose { Slot::LOOSE } else { Slot::PARKED };
        let (mut keys, mut attempts, mut due) = (ByEntry::default(), ByEntry::default(), ByEntry::default());
        let (mut rows, mut entries) = (Vec::new(), Vec::new());
        for (row, entry) in (0..).zip(parked) {
            if let ParkState::Backoff { attempts: failed, .. } = entry.state {
                attempts.insert(row, failed);
            }
            let handlers = entry.state.handlers();
            if handlers != HandlerMask::ALL {
                due.insert(row, handlers);
            }
            let Received { position, appended, body } = entry.event;
            rows.push(Received { position, appended, body: returned(body) });
            entries.push(Entry { row, slot, hash, bytes: 0 });
        }
        if !loose {
            let row = u32::try_from(rows.len()).unwrap_or(GONE);
            let position = rows.last().map_or(Position::new(0), |row: &Received| row.position);
            let appended = Timestamp::default();
            rows.push(Received { position, appended, body: Body::Record(Record::default()) });
            entries.push(Entry { row, slot: Slot::MARKER, hash, bytes: 0 });
        }
        if let Some(key) = key {
            (0..).zip(&entries).for_each(|(row, _)| drop(keys.insert(row, key.clone())));
        }
        let (topic, rows, unordered) = (topic.clone(), rows.into(), false);
        Self { tenure, topic, number, rows, entries, keys, attempts, due, unordered }
    }
}

impl Run {
    /// The key that an entry was routed by, or names itself.
    #[inline]
    fn key(&self, entry: u32) -> Option<KeyRef<'_>> {
        if !self.keys.is_empty()
            && let Some(key) = self.keys.get(&entry)
        {
            return Some(KeyRef::of(key));
        }
        match &self.rows.row(self.entries[entry as usize].row).body {
            Body::Event(envelope) => key_of(&self.topic, envelope),
            Body::Record(_) => None,
        }
    }
}

/// The key of a lane, borrowed from an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRef<'a> {
    pub(crate) topic: &'a TopicName,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) id: &'a str,
}

impl<'a> KeyRef<'a> {
    pub(crate) fn of(key: &'a AggregateKey) -> Self {
        let tenant = key.tenant.as_ref().map(laneway_domain::TenantId::as_str);
        Self { topic: &key.topic, tenant, id: key.id.as_str() }
    }
}

#[derive(Debug)]
struct Held {
    run: Run,
    shared: Arc<laneway_domain::Run>,
    undecodable: ByEntry<Box<Undecodable>>,
    /// What was decoded, as it came, by entry; none where nothing had to be.
    raw: Option<Vec<Received>>,
    live: u32,
    /// How many events the rows were for when they were last looked at.
    held_for: usize,
    since: Monotonic,
}

/// The runs that a worker holds: an event's bytes stay until the last event of its run is through. After
/// [`Runs::LOOSE_AFTER`] the few that are left of a run are copied out, so that they do not pin a buffer for long.
pub(crate) struct Runs {
    held: Vec<Option<Held>>,
    free: Vec<u32>,
    ages: VecDeque<(Monotonic, u32, Tenure)>,
    codec: Option<Arc<dyn Codec>>,
}

impl Runs {
    /// How long a run may pin the buffer that it came in.
    pub(crate) const LOOSE_AFTER: Duration = Duration::from_secs(1);

    pub(crate) fn new(codec: Option<Arc<dyn Codec>>) -> Self {
        Self { held: Vec::new(), free: Vec::new(), ages: VecDeque::new(), codec }
    }

    /// Takes a run; its number, and how many entries it has.
    pub(crate) fn take(&mut self, mut run: Run, now: Monotonic) -> (u32, u32) {
        let (undecodable, raw) = self.decode(&mut run);
        let live = u32::try_from(run.entries.len()).unwrap_or(u32::MAX);
        let redriven = run.entries.first().is_some_and(|entry| !entry.slot.is_open());
        let shared =
            Arc::new(laneway_domain::Run { rows: run.rows.clone(), partition: run.number, redriven });
        let tenure = run.tenure;
        let held_for = run.entries.len();
        let held = Some(Held { run, shared, undecodable, raw, live, held_for, since: now });
        let at = self.free.pop().unwrap_or_else(|| {
            self.held.push(None);
            u32::try_from(self.held.len() - 1).unwrap_or(u32::MAX)
        });
        self.held[at as usize] = held;
        self.ages.push_back((now, at, tenure));
        (at, live)
    }

    /// Decodes the records of a run into rows of its own, and keeps them as they came. Those that do not decode stay.
    fn decode(&self, run: &mut Run) -> (ByEntry<Box<Undecodable>>, Option<Vec<Received>>) {
        let mut failed = ByEntry::default();
        let is_record = |entry: &Entry| {
            entry.slot != Slot::MARKER && matches!(run.rows.row(entry.row).body, Body::Record(_))
        };
        let Some(codec) = self.codec.as_ref().filter(|_| run.entries.iter().any(is_record)) else {
            return (failed, None);
        };
        let raw: Vec<Received> = run.entries.iter().map(|entry| run.rows.row(entry.row).clone()).collect();
        let mut rows = Vec::with_capacity(run.entries.len());
        for (at, entry) in (0..).zip(&mut run.entries) {
            let mut received = run.rows.row(entry.row).clone();
            if let Body::Record(record) = &received.body
                && entry.slot != Slot::MARKER
            {
                match decode(&**codec, &run.topic, record) {
                    Ok(envelope) => received.body = Body::Event(envelope),
                    Err(undecodable) => drop(failed.insert(at, undecodable)),
                }
            }
            entry.row = at;
            rows.push(received);
        }
        run.rows = rows.into();
        (failed, Some(raw))
    }

    #[inline]
    fn held(&self, at: u32) -> &Held {
        match &self.held[at as usize] {
            Some(held) => held,
            None => unreachable!("a ticket outlives no run"),
        }
    }

    #[inline]
    pub(crate) fn entry(&self, ticket: Ticket) -> Entry {
        self.held(ticket.run).run.entries[ticket.row as usize]
    }

    #[inline]
    pub(crate) fn tenure(&self, run: u32) -> Tenure {
        self.held(run).run.tenure
    }

    pub(crate) fn topic(&self, ticket: Ticket) -> (&TopicName, PartitionNumber) {
        let run = &self.held(ticket.run).run;
        (&run.topic, run.number)
    }

    #[inline]
    pub(crate) fn received(&self, ticket: Ticket) -> &Received {
        let run = &self.held(ticket.run).run;
        run.rows.row(run.entries[ticket.row as usize].row)
    }

    /// The event as it came, byte for byte.
    pub(crate) fn original(&self, ticket: Ticket) -> &Body {
        let raw = self.held(ticket.run).raw.as_ref().and_then(|raw| raw.get(ticket.row as usize));
        &raw.unwrap_or_else(|| self.received(ticket)).body
    }

    /// The key of an event's lane; none where it has none.
    #[inline]
    pub(crate) fn key(&self, ticket: Ticket) -> Option<KeyRef<'_>> {
        let run = &self.held(ticket.run).run;
        run.entries[ticket.row as usize].hash.and_then(|_| run.key(ticket.row))
    }

    /// The key of an event that runs apart from the lane of its aggregate.
    pub(crate) fn key_apart(&self, ticket: Ticket) -> Option<KeyRef<'_>> {
        let run = &self.held(ticket.run).run;
        let is_apart = run.unordered && run.entries[ticket.row as usize].hash.is_none();
        is_apart.then(|| run.key(ticket.row)).flatten()
    }

    /// From now on an event has no lane.
    pub(crate) fn set_apart(&mut self, ticket: Ticket) {
        if let Some(held) = &mut self.held[ticket.run as usize] {
            held.run.entries[ticket.row as usize].hash = None;
        }
    }

    /// The tenant of an event without a lane.
    pub(crate) fn tenant(&self, ticket: Ticket) -> Option<&str> {
        match &self.received(ticket).body {
            Body::Event(envelope) => envelope.tenant().map(laneway_domain::TenantId::as_str),
            Body::Record(_) => None,
        }
    }

    /// The event as handlers see it; nothing where it does not decode.
    #[inline]
    pub(crate) fn event(&self, ticket: Ticket) -> Option<Event> {
        let held = self.held(ticket.run);
        let row = held.run.entries[ticket.row as usize].row;
        let decoded = matches!(held.run.rows.row(row).body, Body::Event(_));
        decoded.then(|| Event::new(held.shared.clone(), row))
    }

    /// Why an event does not decode.
    pub(crate) fn undecodable(&self, ticket: Ticket) -> Option<&Undecodable> {
        self.held(ticket.run).undecodable.get(&ticket.row).map(|undecodable| &**undecodable)
    }

    /// Failed attempts from before a crash or a rebalance.
    #[inline]
    pub(crate) fn attempts(&self, ticket: Ticket) -> u32 {
        let attempts = &self.held(ticket.run).run.attempts;
        if attempts.is_empty() { 0 } else { attempts.get(&ticket.row).copied().unwrap_or(0) }
    }

    /// The handlers that an event is due for.
    #[inline]
    pub(crate) fn due(&self, ticket: Ticket) -> HandlerMask {
        let due = &self.held(ticket.run).run.due;
        if due.is_empty() { HandlerMask::ALL } else { due.get(&ticket.row).copied().unwrap_or_default() }
    }

    /// The worker is through with an event.
    #[inline]
    pub(crate) fn release(&mut self, ticket: Ticket) {
        let Some(held) = &mut self.held[ticket.run as usize] else { return };
        debug_assert!(held.run.entries[ticket.row as usize].row != GONE, "released twice");
        held.run.entries[ticket.row as usize].row = GONE;
        held.live -= 1;
        if held.live == 0 {
            self.held[ticket.run as usize] = None;
            self.free.push(ticket.run);
        }
    }

    /// Copies out what is left of runs that are old and mostly through. One that is mostly waiting still pins at most
    /// twice what it counts, and is looked at again later.
    pub(crate) fn loosen(&mut self, now: Monotonic) {
        while let Some((since, at, tenure)) = self.ages.front().copied() {
            let known = |held: &&mut Held| held.run.tenure == tenure && held.since == since;
            let held = self.held[at as usize].as_mut().filter(known);
            match held {
                Some(_) if since + Self::LOOSE_AFTER > now => return,
                Some(held) => {
                    if held.is_sparse() {
                        held.copy_out();
                    }
                    held.since = now;
                    self.ages.push_back((now, at, tenure));
                }
                None => {}
            }
            self.ages.pop_front();
        }
    }

    /// When the oldest run that still pins its buffer has to let go of it.
    pub(crate) fn next_loosening(&self) -> Monotonic {
        self.ages.front().map_or(Monotonic::NEVER, |(since, ..)| *since + Self::LOOSE_AFTER)
    }
}

impl Held {
    /// Whether less than half of the run still waits.
    fn is_sparse(&self) -> bool {
        (self.live as usize) * 2 < self.held_for
    }

    fn copy_out(&mut self) {
        let rows = &self.run.rows;
        let live = self.run.entries.iter_mut().filter(|entry| entry.row != GONE);
        let mut own = Vec::with_capacity(self.live as usize);
        for (row, entry) in (0..).zip(live) {
            let Received { position, appended, ref body } = *rows.row(entry.row);
            own.push(Received { position, appended, body: body.detached() });
            entry.row = row;
        }
        if let Some(raw) = &mut self.raw {
            for (entry, received) in self.run.entries.iter().zip(raw) {
                let gone = entry.row == GONE;
                received.body = if gone { Body::Record(Record::default()) } else { received.body.detached() };
            }
        }
        self.held_for = self.live as usize;
        self.run.rows = own.into();
        let (rows, partition, redriven) = (self.run.rows.clone(), self.run.number, self.shared.redriven);
        self.shared = Arc::new(laneway_domain::Run { rows, partition, redriven });
    }
}

/// The key of an envelope that names its aggregate.
#[inline]
pub(crate) fn key_of<'a>(topic: &'a TopicName, envelope: &'a Envelope) -> Option<KeyRef<'a>> {
    let id = envelope.aggregate()?.as_str();
    Some(KeyRef { topic, tenant: envelope.tenant().map(laneway_domain::TenantId::as_str), id })
}

fn decode(codec: &dyn Codec, topic: &TopicName, record: &Record) -> Result<Envelope, Box<Undecodable>> {
    let decoded = crate::guard::guarded(|| codec.decode(topic, record.clone()));
    decoded.unwrap_or_else(|panic| {
        let error = laneway_domain::CodecError::Malformed {
            format: "codec",
            reason: format!("it panicked: {panic}"),
        };
        Err(Box::new(Undecodable { record: record.clone(), error }))
    })
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
