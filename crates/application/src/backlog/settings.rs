//! What a monitor watches, how often, and what counts as a backlog.

use std::time::Duration;

use laneway_domain::{GroupId, Invalid, TopicName};

/// A monitor's settings: plain data, checked when it starts.
#[derive(Debug, Clone)]
pub struct BacklogSettings {
    /// The groups, and the topics of each.
    pub watch: Vec<BacklogWatch>,
    /// How often to look. Default 5 s: a check asks the broker about every partition.
    pub interval: Duration,
    /// What counts as a backlog.
    pub thresholds: BacklogThresholds,
    /// How long the broker may take to answer for one group. Default 5 s.
    pub check_limit: Duration,
    /// How long a callback may take; at most the interval, so that no check waits for one. Default 2 s.
    pub callback_limit: Duration,
}

/// A group and the topics that it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacklogWatch {
    /// The group.
    pub group: GroupId,
    /// Its topics.
    pub topics: Vec<TopicName>,
}

/// A group has a backlog from either of these on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BacklogThresholds {
    /// Events that the group has not committed, over all its topics. Default 10,000.
    pub events: u64,
    /// Age of the oldest of them, from when the broker took it. Default 60 s.
    pub age: Duration,
}

impl Default for BacklogThresholds {
    fn default() -> Self {
        Self { events: 10_000, age: Duration::from_secs(60) }
    }
}

impl BacklogSettings {
    /// Watches these groups with the defaults.
    pub fn new(watch: impl IntoIterator<Item = BacklogWatch>) -> Self {
        Self {
            watch: watch.into_iter().collect(),
            interval: Duration::from_secs(5),
            thresholds: BacklogThresholds::default(),
            check_limit: Duration::from_secs(5),
            callback_limit: Duration::from_secs(2),
        }
    }

    /// Every rule that the settings break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = self.watch_faults();
        let mut time = |field: &'static str, value: Duration, most: Duration, rule: &str| {
            if value.is_zero() || value > most {
                faults.push(Invalid::new(field, rule.to_owned(), format!("{value:?}")));
            }
        };
        let hour = Duration::from_secs(3_600);
        time("backlog.interval", self.interval, hour, "is longer than 0 and at most 1h");
        time("backlog.check_limit", self.check_limit, hour, "is longer than 0 and at most 1h");
        let rule = format!("is longer than 0 and at most interval, which is {:?}", self.interval);
        time("backlog.callback_limit", self.callback_limit, self.interval, &rule);
        if self.thresholds.events == 0 {
            faults.push(Invalid::new("backlog.thresholds.events", "is at least 1", 0));
        }
        if self.thresholds.age.is_zero() {
            faults.push(Invalid::new("backlog.thresholds.age", "is longer than 0", "0ns"));
        }
        faults
    }

    fn watch_faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        if self.watch.is_empty() {
            faults.push(Invalid::new("backlog.watch", "names at least one group", "none"));
        }
        for (at, watch) in self.watch.iter().enumerate() {
            if self.watch[..at].iter().any(|other| other.group == watch.group) {
                faults.push(Invalid::new("backlog.watch", "names no group twice", &watch.group));
            }
            if watch.topics.is_empty() {
                faults.push(Invalid::new("backlog.watch.topics", "names at least one topic", &watch.group));
            }
            let twice =
                watch.topics.iter().enumerate().filter(|(at, topic)| watch.topics[..*at].contains(topic));
            faults.extend(
                twice.map(|(_, topic)| Invalid::new("backlog.watch.topics", "names no topic twice", topic)),
            );
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_said_at_once() {
        let topic = TopicName::new("t").unwrap();
        let watch = |topics: &[&TopicName]| BacklogWatch {
            group: GroupId::new("g").unwrap(),
            topics: topics.iter().map(|topic| (*topic).clone()).collect(),
        };
        let good = BacklogSettings::new([watch(&[&topic])]);
        assert_eq!(good.faults(), []);
        let absurd = BacklogSettings {
            watch: vec![watch(&[&topic, &topic]), watch(&[])],
            interval: Duration::from_secs(1),
            thresholds: BacklogThresholds { events: 0, age: Duration::ZERO },
            check_limit: Duration::ZERO,
            callback_limit: Duration::from_secs(2),
        };
        let fields: Vec<_> = absurd.faults().iter().map(|fault| fault.field().to_owned()).collect();
        assert_eq!(
            fields,
            [
                "backlog.watch.topics",
                "backlog.watch",
                "backlog.watch.topics",
                "backlog.check_limit",
                "backlog.callback_limit",
                "backlog.thresholds.events",
                "backlog.thresholds.age"
            ]
        );
        assert_eq!(BacklogSettings::new([]).faults()[0].field(), "backlog.watch");
    }
}
