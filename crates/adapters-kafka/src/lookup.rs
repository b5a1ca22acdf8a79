//! Where a group stands, and what its partitions still have.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use laneway_domain::{Resume, StartFrom, StoredCheckpoint};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::metadata::{self, Found};
use crate::place::{self, Place};
use crate::run;

/// What is known of a partition when it is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) place: Place,
    /// The first offset that the broker still has.
    pub(crate) low: i64,
    /// The offset behind its last record.
    pub(crate) high: i64,
    /// What the group committed; none where it never did.
    pub(crate) stored: Option<Stored>,
    /// Where it begins that has committed nothing.
    pub(crate) initial: i64,
}

/// What a group committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

impl Standing {
    /// The group's point, whether or not the partition still has it.
    pub(crate) fn wanted(&self) -> i64 {
        self.stored.as_ref().map_or(self.initial, |stored| stored.offset)
    }

    /// A point that can be read from.
    pub(crate) fn clamp(&self, offset: i64) -> i64 {
        if offset > self.high || offset < self.low { self.low } else { offset }
    }

    /// What goes up to the engine; state that is not ours is left out, with a warning.
    pub(crate) fn checkpoint(&self) -> Option<StoredCheckpoint> {
        let stored = self.stored.as_ref()?;
        let state = match metadata::read(&stored.metadata) {
            Found::State(state) => state,
            Found::Foreign => {
                let Place { topic, number } = &self.place;
                tracing::warn!(%topic, partition = %number, "the metadata of the committed offset is not ours and is ignored");
                Bytes::new()
            }
        };
        Some(StoredCheckpoint { resume: Resume::At(run::position(stored.offset)), state })
    }
}

/// Asks for what a group committed in these partitions, what they have, and where a new group begins.
///
/// Blocks for as long as `timeout`, several times over.
pub(crate) fn standings<C: ConsumerContext, D: ConsumerContext>(
    group: &BaseConsumer<C>,
    scout: &BaseConsumer<D>,
    places: &[Place],
    start: StartFrom,
    timeout: Duration,
) -> KafkaResult<Vec<Standing>> {
    let committed = group.committed_offsets(place::list(places), timeout)?;
    let low = offsets(scout, places, Offset::Beginning, timeout)?;
    let high = offsets(scout, places, Offset::End, timeout)?;
    let initial = match start {
        StartFrom::Earliest => low.clone(),
        StartFrom::Latest => high.clone(),
        StartFrom::At(time) => offsets(scout, places, Offset::Offset(time.unix_millis()), timeout)?,
    };
    let mut standings = Vec::with_capacity(places.len());
    for (at, place) in places.iter().enumerate() {
        let stored = stored(&committed, place)?;
        standings.push(Standing {
            place: place.clone(),
            low: low[at].unwrap_or(0),
            high: high[at].unwrap_or(0),
            stored,
            initial: initial[at].or(high[at]).unwrap_or(0),
        });
    }
    Ok(standings)
}

/// The offset of each partition that stands for a point in time; none where nothing is that late.
pub(crate) fn offsets<C: ConsumerContext>(
    scout: &BaseConsumer<C>,
    places: &[Place],
    point: Offset,
    timeout: Duration,
) -> KafkaResult<Vec<Option<i64>>> {
    let mut list = place::list(places);
    list.set_all_offsets(point)?;
    let found = scout.offsets_for_times(list, timeout)?;
    places.iter().map(|place| offset(&found, place)).collect()
}

fn offset(found: &TopicPartitionList, place: &Place) -> KafkaResult<Option<i64>> {
    let Some(element) = found.find_partition(place.topic.as_str(), place.raw()) else { return Ok(None) };
    element.error()?;
    Ok(match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}

fn stored(committed: &TopicPartitionList, place: &Place) -> KafkaResult<Option<Stored>> {
    let Some(element) = committed.find_partition(place.topic.as_str(), place.raw()) else { return Ok(None) };
    element.error()?;
    let Offset::Offset(offset) = element.offset() else { return Ok(None) };
    // The client panics where another program wrote what is no text; that is foreign metadata like any other.
    let metadata = catch_unwind(AssertUnwindSafe(|| element.metadata().to_owned()));
    Ok(Some(Stored { offset, metadata: metadata.unwrap_or_else(|_| "not text".to_owned()) }))
}

/// Whether asking again may help.
pub(crate) fn may_pass(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    !matches!(
        error.rdkafka_error_code(),
        Some(
            Code::GroupAuthorizationFailed
                | Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::SaslAuthenticationFailed
                | Code::Authentication
        )
    )
}
