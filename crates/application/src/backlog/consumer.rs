//! How far groups are behind: what a check found.

use std::time::Duration;

use laneway_domain::{GroupId, PartitionLag, Timestamp, TopicName};

use super::publisher::PublisherBacklog;
use super::settings::BacklogThresholds;
use crate::recovery::BacklogSample;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacklogReport {
    /// When.
    pub at: Timestamp,
    /// Every group that is watched, in the order of the settings.
    pub groups: Vec<GroupBacklog>,
    /// What waits on the way to the broker, where that is watched.
    pub publisher: Option<PublisherBacklog>,
}

/// How far one group is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupBacklog {
    /// The group.
    pub group: GroupId,
    /// Events that it has not committed, over all topics.
    pub events: u64,
    /// The age of the oldest of them: from when the broker took it to now.
    pub oldest: Option<Duration>,
    /// Whether a threshold is reached. After a failed check, as it was before.
    pub over: bool,
    /// Its topics.
    pub topics: Vec<TopicBacklog>,
    /// Topics that do not exist.
    pub missing: Vec<TopicName>,
    /// Why nothing could be found out; then the figures are zero.
    pub error: Option<String>,
}

/// How far a group is behind in one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicBacklog {
    /// The topic.
    pub topic: TopicName,
    /// Events that the group has not committed.
    pub events: u64,
    /// Whether `events` is exact; else it is an upper bound.
    pub exact: bool,
    /// The age of the oldest of them.
    pub oldest: Option<Duration>,
    /// Partitions that no member of the group owns.
    pub unowned: usize,
    /// The shortest time that is left until the broker drops events of this topic by their age alone, as far as what it keeps
    /// now tells: the age of the oldest event that it still has, less that of the oldest unhandled one. Zero means that events may
    /// be lost now.
    pub margin: Option<Duration>,
    /// Whether the topic is part of why its group is over a threshold.
    pub affected: bool,
}

impl BacklogReport {
    /// The groups over a threshold.
    pub fn over(&self) -> impl Iterator<Item = &GroupBacklog> {
        self.groups.iter().filter(|group| group.over)
    }

    /// The topics that are part of a backlog of any group, each once.
    #[must_use]
    pub fn affected_topics(&self) -> Vec<&TopicName> {
        let mut topics = Vec::new();
        for topic in self.over().flat_map(GroupBacklog::affected) {
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }
}

impl GroupBacklog {
    /// The topics that are part of the backlog.
    pub fn affected(&self) -> impl Iterator<Item = &TopicName> {
        self.topics.iter().filter(|topic| topic.affected).map(|topic| &topic.topic)
    }

    /// What [`Recovery::observe`](crate::recovery::Recovery::observe) looks at; nothing after a failed check.
    #[must_use]
    pub fn sample(&self) -> Option<BacklogSample> {
        let oldest = self.oldest.unwrap_or_default();
        self.error.is_none().then_some(BacklogSample { events: self.events, oldest })
    }

    /// Sums up what the broker said.
    pub(super) fn of(
        group: GroupId,
        rows: &[PartitionLag],
        limits: BacklogThresholds,
        now: Timestamp,
    ) -> Self {
        let mut topics: Vec<TopicBacklog> = Vec::new();
        for row in rows {
            let known = topics.iter().position(|topic| topic.topic == row.topic);
            let at = known.unwrap_or_else(|| {
                topics.push(TopicBacklog::none(row.topic.clone()));
                topics.len() - 1
            });
            topics[at].add(row, now);
        }
        let events = topics.iter().map(|topic| topic.events).sum();
        let oldest = topics.iter().filter_map(|topic| topic.oldest).max();
        let (many, old) = (events >= limits.events, oldest >= Some(limits.age));
        for topic in &mut topics {
            // By age the old ones are affected; by count whoever holds a share of it.
            topic.affected = (many && topic.events > 0) || topic.oldest >= Some(limits.age);
        }
        Self { group, events, oldest, over: many || old, topics, missing: Vec::new(), error: None }
    }

    /// Nothing could be found out.
    pub(super) fn unknown(group: GroupId, over: bool, error: String) -> Self {
        let (topics, missing) = (Vec::new(), Vec::new());
        Self { group, events: 0, oldest: None, over, topics, missing, error: Some(error) }
    }
}

impl TopicBacklog {
    fn none(topic: TopicName) -> Self {
        Self { topic, events: 0, exact: true, oldest: None, unowned: 0, margin: None, affected: false }
    }

    fn add(&mut self, row: &PartitionLag, now: Timestamp) {
        let age = |at: Option<Timestamp>| at.map(|at| now.since(at));
        let oldest = age(row.oldest);
        self.events = self.events.saturating_add(row.events);
        self.exact &= row.exact;
        self.oldest = self.oldest.max(oldest);
        self.unowned += usize::from(!row.owned);
        if let (Some(oldest), Some(retained)) = (oldest, age(row.oldest_retained)) {
            let margin = retained.saturating_sub(oldest);
            self.margin = Some(self.margin.map_or(margin, |least| least.min(margin)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laneway_domain::PartitionNumber;

    fn row(topic: &str, events: u64, second: Option<i64>) -> PartitionLag {
        let at = |second| Timestamp::from_unix_millis(second * 1_000);
        PartitionLag {
            topic: TopicName::new(topic).unwrap(),
            number: PartitionNumber(0),
            events,
            exact: topic != "gaps",
            oldest: second.map(at),
            oldest_retained: Some(at(10)),
            owned: false,
        }
    }

    fn group(rows: &[PartitionLag]) -> GroupBacklog {
        let limits = BacklogThresholds { events: 100, age: Duration::from_secs(30) };
        GroupBacklog::of(GroupId::new("g").unwrap(), rows, limits, Timestamp::from_unix_millis(100_000))
    }

    fn affected(group: &GroupBacklog) -> Vec<&str> {
        group.affected().map(TopicName::as_str).collect()
    }

    #[test]
    fn a_group_is_over_by_the_sum_of_its_topics() {
        let rows =
            [row("a", 50, Some(90)), row("a", 20, Some(95)), row("gaps", 30, Some(99)), row("c", 0, None)];
        let sum = group(&rows);
        assert!(sum.over && sum.events == 100);
        assert_eq!(affected(&sum), ["a", "gaps"]);
        assert_eq!(sum.oldest, Some(Duration::from_secs(10)));
        let a = &sum.topics[0];
        assert_eq!((a.events, a.exact, a.unowned), (70, true, 2));
        assert!(!sum.topics[1].exact);
        assert!(!group(&rows[..2]).over);
    }

    #[test]
    fn a_group_is_over_by_age_and_then_only_the_old_topics_are_affected() {
        let old = group(&[row("a", 1, Some(70)), row("b", 50, Some(71))]);
        assert!(old.over);
        assert_eq!(affected(&old), ["a"]);
        assert!(!group(&[row("b", 99, Some(71))]).over);
    }

    #[test]
    fn the_margin_shrinks_as_the_oldest_unhandled_becomes_the_oldest_kept() {
        let margin = |second| group(&[row("a", 1, Some(second))]).topics[0].margin;
        assert_eq!(margin(50), Some(Duration::from_secs(40)));
        assert_eq!(margin(10), Some(Duration::ZERO));
    }
}
