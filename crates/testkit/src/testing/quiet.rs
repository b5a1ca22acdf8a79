//! What keeps a bus from being quiet.

use std::fmt;
use std::time::Duration;

use laneway_application::consume::{LaneDetail, Subscription};
use laneway_application::lanes::Phase;
use laneway_domain::{
    AggregateKey, DeadLetterDesk, Filter, GroupId, LetterId, ParkState, PartitionNumber, Position,
    StoredLetter, Timestamp, TopicName, WishId,
};

use crate::conformance::Adapter;

/// Something that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnderWay {
    /// Events were handed to the publisher and have no answer.
    Publishing(u64),
    /// The broker cannot be reached.
    Disconnected {
        /// Whose session it is.
        group: GroupId,
        /// What the session says.
        reason: String,
    },
    /// The dead-letter store refuses entries; their lanes wait.
    StoreRefuses {
        /// Whose entries.
        group: GroupId,
        /// What the store says.
        reason: String,
    },
    /// A lane has work in memory.
    Lane {
        /// The group.
        group: GroupId,
        /// The aggregate; none for an event without one.
        aggregate: Option<AggregateKey>,
        /// Where its head stands.
        position: Position,
        /// What its head is doing.
        phase: Phase,
        /// How many attempts at its head have failed.
        attempts: u32,
    },
    /// Events were read and are not finished, though no lane has them now: they are on their way, or in the store's hands.
    Open {
        /// The group.
        group: GroupId,
        /// How many.
        events: usize,
    },
    /// Events are not committed.
    Uncommitted {
        /// The group.
        group: GroupId,
        /// The topic.
        topic: TopicName,
        /// The partition.
        partition: PartitionNumber,
        /// How many.
        events: u64,
    },
    /// An event waits in the dead-letter store for its next attempt.
    Backoff {
        /// Which one.
        letter: LetterId,
        /// When that is due.
        due: Timestamp,
    },
    /// An operator asked for something, and the owner has not answered.
    Wish {
        /// The wish.
        wish: WishId,
        /// An entry that it is about.
        letter: LetterId,
    },
    /// The adapter does not say how things stand.
    Unknown(String),
}

impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publishing(events) => write!(f, "{events} events wait for the publisher's answer"),
            Self::Disconnected { group, reason } => write!(f, "{group}: no connection: {reason}"),
            Self::StoreRefuses { group, reason } => {
                write!(f, "{group}: the dead-letter store refuses: {reason}")
            }
            Self::Lane { group, aggregate, position, phase, attempts } => {
                let whose = aggregate.as_ref().map_or_else(|| "no aggregate".to_owned(), ToString::to_string);
                let what = doing(*phase);
                write!(f, "{group}: {whose}, position {position}: {what}, {attempts} attempts failed")
            }
            Self::Open { group, events } => {
                write!(f, "{group}: {events} events were read and are not finished")
            }
            Self::Uncommitted { group, topic, partition, events } => {
                write!(f, "{group}: {events} events of {topic}/{partition} are not committed")
            }
            Self::Backoff { letter, due } => {
                write!(f, "{}: position {} waits in the store until {due:?}", letter.group, letter.position)
            }
            Self::Wish { wish, letter } => {
                write!(f, "{}: wish {} for position {} has no answer", letter.group, wish.0, letter.position)
            }
            Self::Unknown(reason) => f.write_str(reason),
        }
    }
}

const fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Ready => "it waits for its turn",
        Phase::Asking => "it waits for a checkpoint that names it, since its partition is on probation",
        Phase::Running => "its handler runs",
        Phase::Waiting => "it waits for its next attempt",
        Phase::Burying => "it is on its way to the dead letters",
        Phase::Blocked => "it is dead and blocks its lane",
        Phase::Ghost => "its handler runs though its partition is gone",
        Phase::Parked => "it waits in the dead-letter store",
    }
}

/// A bus did not become quiet in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotQuiet {
    /// How long it was waited, on the bus's clock.
    pub waited: Duration,
    /// What was under way then.
    pub under_way: Vec<UnderWay>,
}

/// The most lines that are shown.
const LINES: usize = 20;

impl fmt::Display for NotQuiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bus is not quiet after {:?}:", self.waited)?;
        self.under_way.iter().take(LINES).try_for_each(|one| write!(f, "\n  {one}"))?;
        let more = self.under_way.len().saturating_sub(LINES);
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}

impl std::error::Error for NotQuiet {}

/// Lanes that are told of each worker.
const LANES: usize = 64;
/// More entries than a test has.
const ALL: usize = 100_000;

/// What a subscription has under way.
pub(super) async fn of_subscription(subscription: &Subscription) -> Vec<UnderWay> {
    let (group, health) = (subscription.group(), subscription.health());
    let down = health.connection.map(|reason| UnderWay::Disconnected { group: group.clone(), reason });
    let refuses = health.dead_letter_store;
    let refuses = refuses.map(|reason| UnderWay::StoreRefuses { group: group.clone(), reason });
    let busy = |lane: &LaneDetail| lane.phase != Phase::Parked;
    let lanes = subscription.lanes(LANES).await.into_iter().filter(busy);
    let lanes = lanes.map(|LaneDetail { key: aggregate, phase, head: position, attempts }| UnderWay::Lane {
        group: group.clone(),
        aggregate,
        position,
        phase,
        attempts,
    });
    let mut all: Vec<_> = down.into_iter().chain(refuses).chain(lanes).collect();
    let events = subscription.stats().open;
    if events > 0 && all.is_empty() {
        all.push(UnderWay::Open { group: group.clone(), events });
    }
    all
}

/// What a group has not committed.
pub(super) async fn of_backlog(adapter: &Adapter, group: &GroupId, topics: &[TopicName]) -> Vec<UnderWay> {
    let Some(backlog) = &adapter.backlog else { return Vec::new() };
    match backlog.backlog(group, topics).await {
        Ok(lags) => {
            let behind = lags.into_iter().filter(|lag| lag.events > 0);
            let uncommitted = behind.map(|lag| UnderWay::Uncommitted {
                group: group.clone(),
                topic: lag.topic,
                partition: lag.number,
                events: lag.events,
            });
            uncommitted.collect()
        }
        // Nobody has published to a topic that is not there.
        Err(laneway_domain::BacklogError::UnknownTopic(_)) => Vec::new(),
        Err(error) => vec![UnderWay::Unknown(error.to_string())],
    }
}

/// What waits in the store and does not wait for an operator.
pub(super) async fn of_store(desk: &dyn DeadLetterDesk, group: &GroupId) -> Vec<UnderWay> {
    match desk.list(&Filter::group(group.clone()), None, ALL).await {
        Ok(letters) => letters.into_iter().filter_map(of_letter).collect(),
        Err(error) => vec![UnderWay::Unknown(error.to_string())],
    }
}

fn of_letter(letter: StoredLetter) -> Option<UnderWay> {
    match (letter.wish, letter.state) {
        (Some(wish), _) => Some(UnderWay::Wish { wish, letter: letter.id }),
        (None, ParkState::Backoff { due, .. }) => Some(UnderWay::Backoff { letter: letter.id, due }),
        (None, ParkState::Dead(_) | ParkState::Follower) => None,
    }
}
