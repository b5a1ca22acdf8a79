//! A partition as the client names it.

use laneway_domain::{PartitionNumber, TopicName};
use rdkafka::topic_partition_list::TopicPartitionList;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) topic: TopicName,
    pub(crate) number: PartitionNumber,
}

impl Place {
    /// The number as the client takes it.
    pub(crate) fn raw(&self) -> i32 {
        i32::try_from(self.number.0).unwrap_or(i32::MAX)
    }
}

/// What a list of the client names; a topic that is none of ours is passed over.
pub(crate) fn places(list: &TopicPartitionList) -> Vec<Place> {
    let named = list.elements();
    named.iter().filter_map(|element| place(element.topic(), element.partition())).collect()
}

fn place(topic: &str, number: i32) -> Option<Place> {
    let topic = TopicName::new(topic).ok()?;
    Some(Place { topic, number: PartitionNumber(u32::try_from(number).ok()?) })
}

/// A list for the client.
pub(crate) fn list<'a>(places: impl IntoIterator<Item = &'a Place>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for place in places {
        list.add_partition(place.topic.as_str(), place.raw());
    }
    list
}
