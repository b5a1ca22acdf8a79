//! Who gives way to whom, and for how long.

use std::time::Duration;

use laneway_domain::{Invalid, Monotonic, PartitionLag, PartitionNumber, Timestamp, TopicName};

/// Whether a subscription gives way while others of its bus recover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// It does not, and those of low priority give way to it.
    #[default]
    Normal,
    /// It pauses while one of normal priority recovers: what runs ends, nothing starts.
    Low(PausePolicy),
}

/// How long a pause may last. It also ends with the recovery that it was for; and once it has ended early, there is no other before all
/// recoveries of the bus have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PausePolicy {
    /// The longest. Default 10 min.
    pub max_pause: Duration,
    /// It ends where the oldest unhandled event is so old. Default 1 h: far below what brokers keep.
    pub max_age: Duration,
    /// It ends where the broker drops old events and the oldest unhandled one is so near, in time between the two. Default 5 min.
    pub margin: Duration,
    /// How often to look. Default 5 s.
    pub interval: Duration,
}

impl Default for PausePolicy {
    fn default() -> Self {
        let (max_pause, max_age) = (Duration::from_secs(600), Duration::from_secs(3_600));
        Self { max_pause, max_age, margin: Duration::from_secs(300), interval: Duration::from_secs(5) }
    }
}

impl PausePolicy {
    /// Every rule that the policy breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let times = [
            ("priority.max_pause", self.max_pause),
            ("priority.max_age", self.max_age),
            ("priority.margin", self.margin),
            ("priority.interval", self.interval),
        ];
        let wrong =
            times.into_iter().filter(|(_, time)| time.is_zero() || *time > Duration::from_secs(24 * 3_600));
        let said =
            |(field, time)| Invalid::new(field, "is longer than 0 and at most 24h", format!("{time:?}"));
        wrong.map(said).collect()
    }
}

/// Why a pause ended before the recovery did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// It lasted for its longest time.
    TooLong,
    /// The oldest unhandled event has waited for so long.
    TooOld(Duration),
    /// The broker drops old events, and the oldest unhandled one comes so soon.
    NearRetention(Duration),
}

/// One pause, and its watch on what the broker keeps.
///
/// No port tells a limit of retention. That the broker drops events shows in the oldest one that it has: it becomes younger. How near it is
/// to our oldest unhandled one is then the time that is left.
#[derive(Debug)]
pub(crate) struct Pause {
    policy: PausePolicy,
    since: Monotonic,
    kept: Vec<(TopicName, PartitionNumber, Timestamp)>,
}

impl Pause {
    pub(crate) fn new(policy: PausePolicy, now: Monotonic) -> Self {
        Self { policy, since: now, kept: Vec::new() }
    }

    /// When it ends in any case.
    pub(crate) fn until(&self) -> Monotonic {
        self.since + self.policy.max_pause
    }

    /// Takes a look at the lag, where there is one: whether the pause has to end.
    pub(crate) fn observe(
        &mut self,
        rows: &[PartitionLag],
        now: Monotonic,
        wall: Timestamp,
    ) -> Option<Resumed> {
        if now >= self.until() {
            return Some(Resumed::TooLong);
        }
        let nearest = rows.iter().filter_map(|row| self.margin(row)).min();
        if let Some(margin) = nearest.filter(|margin| *margin <= self.policy.margin) {
            return Some(Resumed::NearRetention(margin));
        }
        let oldest = rows.iter().filter_map(|row| Some(wall.since(row.oldest?))).max()?;
        (oldest >= self.policy.max_age).then_some(Resumed::TooOld(oldest))
    }

    /// How far the broker's dropping is from our oldest event, where it drops.
    fn margin(&mut self, row: &PartitionLag) -> Option<Duration> {
        let (oldest, kept) = (row.oldest?, row.oldest_retained?);
        let known = self.kept.iter().find(|(topic, number, _)| *topic == row.topic && *number == row.number);
        match known {
            Some((_, _, first)) => (kept > *first).then(|| oldest.since(kept)),
            None => {
                self.kept.push((row.topic.clone(), row.number, kept));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::ZERO + Duration::from_secs(seconds)
    }

    fn wall(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1_000)
    }

    fn row(oldest: i64, kept: i64) -> PartitionLag {
        PartitionLag {
            topic: TopicName::new("t").unwrap(),
            number: PartitionNumber(0),
            events: 1,
            exact: true,
            oldest: Some(wall(oldest)),
            oldest_retained: Some(wall(kept)),
            owned: true,
        }
    }

    #[test]
    fn a_pause_ends_at_its_longest_also_where_no_lag_is_told() {
        let mut pause = Pause::new(PausePolicy::default(), at(10));
        assert_eq!(pause.observe(&[], at(609), wall(609)), None);
        assert_eq!(pause.observe(&[], at(610), wall(610)), Some(Resumed::TooLong));
    }

    #[test]
    fn a_pause_ends_where_the_oldest_event_is_too_old() {
        let mut pause = Pause::new(PausePolicy::default(), at(0));
        assert_eq!(pause.observe(&[row(1, 1)], at(1), wall(3_600)), None, "nothing is dropped, however near");
        let old = Resumed::TooOld(Duration::from_secs(3_600));
        assert_eq!(pause.observe(&[row(1, 1)], at(2), wall(3_601)), Some(old));
    }

    #[test]
    fn a_pause_ends_where_the_broker_drops_events_and_ours_are_next() {
        let mut pause = Pause::new(PausePolicy::default(), at(0));
        assert_eq!(pause.observe(&[row(1_000, 1)], at(1), wall(1_000)), None);
        assert_eq!(pause.observe(&[row(1_000, 699)], at(2), wall(1_000)), None, "301 s are left");
        let near = Resumed::NearRetention(Duration::from_secs(300));
        assert_eq!(pause.observe(&[row(1_000, 700)], at(3), wall(1_000)), Some(near));
    }

    #[test]
    fn absurd_settings_are_named_all_at_once() {
        let (zero, long) = (Duration::ZERO, Duration::MAX);
        let absurd = PausePolicy { max_pause: zero, max_age: long, margin: zero, interval: zero };
        assert_eq!(absurd.faults().len(), 4);
        assert_eq!(PausePolicy::default().faults(), []);
    }
}
