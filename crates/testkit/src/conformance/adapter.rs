//! An adapter under test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use laneway_domain::{
    BacklogChecker, BoxFuture, Clock, Codec, DeadLetterQueue, GroupId, Publisher, Subscriber, TopicName,
};

/// A fresh instance of an adapter: nobody else uses its topics and groups.
#[derive(Clone)]
pub struct Adapter {
    /// The way down.
    pub publisher: Arc<dyn Publisher>,
    /// The way up.
    pub subscriber: Arc<dyn Subscriber>,
    /// Where events go that cannot be handled.
    pub dead_letters: Arc<dyn DeadLetterQueue>,
    /// The lag of groups, where the adapter tells it.
    pub backlog: Option<Arc<dyn BacklogChecker>>,
    /// Reads records, where the adapter does not pass envelopes.
    pub codec: Option<Arc<dyn Codec>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Topics as [`Needs`] say, empty; as many as [`Needs::topics`].
    pub topics: Vec<TopicName>,
    /// Begins the names of all groups, so that instances on one broker do not meet; at most 64 bytes.
    pub group_prefix: String,
    /// What the broker does on request.
    pub controls: Controls,
}

/// Something that a broker does to a group or a topic on request.
pub type Control<T> = Arc<dyn Fn(T) -> BoxFuture<()> + Send + Sync>;

/// What only some brokers do on request.
#[derive(Clone, Default)]
pub struct Controls {
    /// Leaves the newest [`Needs::keep`] events of each partition of the topic and deletes the others. May do nothing
    /// where that happened by itself.
    pub trim: Option<Control<TopicName>>,
    /// Takes all partitions from every member of the group at once, and gives them out anew.
    pub expel: Option<Control<GroupId>>,
    /// Puts something behind the newest event of each partition of the topic that has a position and reaches no reader:
    /// an aborted transaction, a control record, an event that is deleted at once.
    pub pad: Option<Control<TopicName>>,
    /// Cuts every connection of the instance to its broker; ready when no byte passes any more.
    pub disconnect: Option<Control<()>>,
    /// Lets the connections of the instance be made again.
    pub reconnect: Option<Control<()>>,
}

/// What a scenario asks of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// How many topics. 1.
    pub topics: usize,
    /// The partitions of each. 4, or 1 where the adapter has no partitions.
    pub partitions: u32,
    /// The largest event; `None` leaves it to the adapter.
    pub max_event_bytes: Option<usize>,
    /// How many events a partition keeps; `None` for more than the scenario publishes, 200,000 at most.
    pub keep: Option<usize>,
    /// What a partition does that holds `keep` events.
    pub when_full: WhenFull,
    /// How long publishing waits for room.
    pub publish_wait: Duration,
    /// Whether the scenario uses [`pad`](Controls::pad), [`disconnect`](Controls::disconnect) or fences. An adapter
    /// that can do these only through a wrapper needs the wrapper only then.
    pub faults: bool,
    /// The most bytes of a checkpoint's state; `None` leaves it to the adapter, and so may an adapter without a choice.
    pub state_bytes: Option<usize>,
}

/// What publishing does to a full partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// It waits, then says `Busy`.
    #[default]
    Wait,
    /// The oldest events go.
    DropOldest,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            topics: 1,
            partitions: 4,
            max_event_bytes: None,
            keep: None,
            when_full: WhenFull::Wait,
            publish_wait: Duration::from_secs(5),
            faults: false,
            state_bytes: None,
        }
    }
}

impl Needs {
    /// One topic of so many partitions.
    #[must_use]
    pub fn partitions(partitions: u32) -> Self {
        Self { partitions, ..Self::default() }
    }

    /// The same, with [`faults`](Self::faults).
    #[must_use]
    pub fn with_faults(self) -> Self {
        Self { faults: true, ..self }
    }
}

impl fmt::Debug for Controls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trim, expel, pad, disconnect, reconnect } = self;
        f.debug_struct("Controls")
            .field("trim", &trim.is_some())
            .field("expel", &expel.is_some())
            .field("pad", &pad.is_some())
            .field("disconnect", &disconnect.is_some())
            .field("reconnect", &reconnect.is_some())
            .finish()
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let adapter = &mut f.debug_struct("Adapter");
        adapter.field("topics", &self.topics).field("controls", &self.controls).finish_non_exhaustive()
    }
}
