//! What a broker and a dead-letter queue are allowed to hold, and what a broker does when that is full.

use std::fmt;
use std::time::Duration;

use laneway_domain::Invalid;

/// The settings of a [`MemoryBroker`](crate::MemoryBroker): plain data, checked by
/// [`MemoryBroker::new`](crate::MemoryBroker::new).
///
/// ```
/// use laneway_memory::{MemoryConfig, Overflow};
/// let config = MemoryConfig { partitions: 32, overflow: Overflow::DropOldest, ..MemoryConfig::default() };
/// assert!(config.faults().is_empty());
/// assert_eq!(MemoryConfig { partitions: 0, ..config }.faults()[0].field(), "memory.partitions");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryConfig {
    /// The partitions of a topic that is made by its first use. Default 8: enough members for the cores of a usual
    /// machine, and cheap where a topic stays small. At most 10,000.
    pub partitions: u32,
    /// The largest payload plus headers of an event, in bytes. Default 1 MiB, as with Kafka, so that what works here
    /// works there.
    pub max_event_bytes: usize,
    /// The most events that a partition keeps. Default 65,536: seconds of a fast publisher.
    pub retention_events: usize,
    /// The most bytes of payloads and headers that a partition keeps, at least `max_event_bytes`. Default 64 MiB:
    /// eight partitions stay within half a gigabyte.
    pub retention_bytes: usize,
    /// What publishing does to a full partition. Default [`Overflow::Wait`]: nothing that a group still needs is lost.
    pub overflow: Overflow,
    /// How long publishing waits for room before it answers `Busy`, at most one hour. Default 5 s: longer than a
    /// pause of a consumer, shorter than a caller's patience.
    pub publish_wait: Duration,
    /// By how many percent of the bounds a handler's publish may exceed them, at most 100. Default 25: handlers that
    /// publish go on while callers wait, so a full broker drains.
    pub handler_reserve: u8,
    /// The most bytes of a checkpoint's state, at most 16 MiB; 0 where checkpoints carry none. Default 65,536: the
    /// open positions of several thousand lanes.
    pub state_bytes: usize,
}

/// What publishing does to a partition whose retention is full of events that some group has not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overflow {
    /// Publishing waits for a commit, first come first served, and answers `Busy` in the end.
    #[default]
    Wait,
    /// The oldest events go; a reader that had not read them reports a gap.
    DropOldest,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            partitions: 8,
            max_event_bytes: 1 << 20,
            retention_events: 65_536,
            retention_bytes: 64 << 20,
            overflow: Overflow::Wait,
            publish_wait: Duration::from_secs(5),
            handler_reserve: 25,
            state_bytes: 65_536,
        }
    }
}

/// The settings of a [`MemoryDeadLetters`](crate::MemoryDeadLetters): plain data, checked by
/// [`MemoryDeadLetters::bounded`](crate::MemoryDeadLetters::bounded).
///
/// ```
/// use laneway_memory::DeadLetterConfig;
/// let config = DeadLetterConfig { letters: 100, ..DeadLetterConfig::default() };
/// assert!(config.faults().is_empty());
/// assert_eq!(DeadLetterConfig { letters: 0, ..config }.faults()[0].field(), "memory.dead_letters.letters");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterConfig {
    /// The most letters of all groups. Default 65,536: more than anybody reads, and fewer than fill a machine.
    pub letters: usize,
    /// The most bytes of all letters: events, messages, and the entries themselves. Default 64 MiB: as much as a
    /// partition keeps.
    pub bytes: usize,
}

impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self { letters: 65_536, bytes: 64 << 20 }
    }
}

impl DeadLetterConfig {
    /// Every rule that the settings break; none where they are sound.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Faults(Vec::new());
        faults.check((1..=GIB).contains(&self.letters), LETTERS, self.letters);
        let bytes = 1_024..=GIB.saturating_mul(1_024);
        faults.check(bytes.contains(&self.bytes), LETTER_BYTES, self.bytes);
        faults.0
    }
}

impl MemoryConfig {
    /// The most partitions of a topic.
    pub const MAX_PARTITIONS: u32 = 10_000;

    /// Every rule that the settings break; none where they are sound.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        const HOUR: Duration = Duration::from_secs(3_600);
        let mut faults = Faults(Vec::new());
        faults.check((1..=Self::MAX_PARTITIONS).contains(&self.partitions), PARTITIONS, self.partitions);
        faults.check((1..=GIB).contains(&self.max_event_bytes), EVENT_BYTES, self.max_event_bytes);
        faults.check((1..=GIB).contains(&self.retention_events), EVENTS, self.retention_events);
        let bytes = self.max_event_bytes..=GIB.saturating_mul(1_024);
        if !bytes.contains(&self.retention_bytes) {
            let least = self.max_event_bytes;
            let rule = format!("is at least max_event_bytes, which is {least}, and at most 1 TiB");
            faults.0.push(Invalid::new("memory.retention_bytes", rule, self.retention_bytes));
        }
        faults.check(self.publish_wait <= HOUR, WAIT, format_args!("{:?}", self.publish_wait));
        faults.check(self.handler_reserve <= 100, RESERVE, self.handler_reserve);
        faults.check(self.state_bytes <= 16 << 20, STATE, self.state_bytes);
        faults.0
    }
}

const GIB: usize = 1 << 30;

type Rule = (&'static str, &'static str);

const PARTITIONS: Rule = ("memory.partitions", "is between 1 and 10,000");
const EVENT_BYTES: Rule = ("memory.max_event_bytes", "is between 1 and 1,073,741,824 (1 GiB)");
const EVENTS: Rule = ("memory.retention_events", "is between 1 and 1,073,741,824");
const WAIT: Rule = ("memory.publish_wait", "is at most one hour");
const RESERVE: Rule = ("memory.handler_reserve", "is at most 100 percent");
const LETTERS: Rule = ("memory.dead_letters.letters", "is between 1 and 1,073,741,824");
const LETTER_BYTES: Rule = ("memory.dead_letters.bytes", "is between 1,024 and 1 TiB");
const STATE: Rule = ("memory.state_bytes", "is at most 16,777,216 (16 MiB)");

struct Faults(Vec<Invalid>);

impl Faults {
    fn check(&mut self, sound: bool, (field, rule): Rule, found: impl fmt::Display) {
        if !sound {
            self.0.push(Invalid::new(field, rule, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let config = MemoryConfig {
            partitions: 10_001,
            max_event_bytes: 0,
            retention_events: 0,
            retention_bytes: usize::MAX,
            publish_wait: Duration::MAX,
            handler_reserve: 101,
            state_bytes: usize::MAX,
            ..MemoryConfig::default()
        };
        let faults = config.faults();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field().trim_start_matches("memory.")).collect();
        let all = ["partitions", "max_event_bytes", "retention_events", "retention_bytes", "publish_wait"];
        assert_eq!(fields[..5], all);
        assert_eq!(fields[5..], ["handler_reserve", "state_bytes"]);
    }

    #[test]
    fn a_dead_letter_queue_without_room_or_without_end_is_refused() {
        for absurd in [0, usize::MAX] {
            let faults = DeadLetterConfig { letters: absurd, bytes: absurd }.faults();
            let fields: Vec<_> = faults.iter().map(Invalid::field).collect();
            assert_eq!(fields, ["memory.dead_letters.letters", "memory.dead_letters.bytes"]);
        }
    }

    #[test]
    fn an_event_of_the_maximum_size_must_fit_into_the_retention() {
        let config = MemoryConfig { retention_bytes: 1_000, ..MemoryConfig::default() };
        assert_eq!(config.faults()[0].field(), "memory.retention_bytes");
    }
}
