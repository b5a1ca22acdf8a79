//! When to commit.

use std::time::Duration;

use laneway_domain::{Invalid, Monotonic};

/// Commits are batched by time and by count, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitPolicy {
    /// The longest that a finished event waits for its commit. Default 100 ms: what a crash repeats at most, beyond
    /// what the checkpoint's state says.
    pub interval: Duration,
    /// How many finished events make a commit due at once, or as many as are open, if those are more. Default 4,096.
    pub events: usize,
}

impl Default for CommitPolicy {
    fn default() -> Self {
        Self { interval: Duration::from_millis(100), events: 4_096 }
    }
}

impl CommitPolicy {
    /// Every rule that the policy breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        if self.interval.is_zero() || self.interval > Duration::from_secs(5) {
            let found = format!("{:?}", self.interval);
            faults.push(Invalid::new("commit.interval", "is longer than 0 and at most 5s", found));
        }
        if self.events == 0 {
            faults.push(Invalid::new("commit.events", "is at least 1", 0));
        }
        faults
    }
}

/// What has changed since the last commit, and when the next one is due.
#[derive(Debug)]
pub struct Commits {
    policy: CommitPolicy,
    events: usize,
    due: Monotonic,
}

impl Commits {
    /// Nothing to commit yet.
    #[must_use]
    pub fn new(policy: CommitPolicy) -> Self {
        Self { policy, events: 0, due: Monotonic::NEVER }
    }

    /// Notes that `events` were finished, or that something else changed (0), while `open` are open.
    ///
    /// A checkpoint is as long as what is open, so the count that makes one due grows with that: a commit costs an event
    /// the same however much is open.
    pub fn changed(&mut self, events: usize, open: usize, now: Monotonic) {
        self.events = self.events.saturating_add(events);
        if self.events >= self.policy.events.max(open) {
            self.due = now;
        } else if self.due == Monotonic::NEVER {
            self.due = now + self.policy.interval;
        }
    }

    /// Makes a commit due.
    pub fn at_once(&mut self, now: Monotonic) {
        self.due = self.due.min(now);
    }

    /// When the next commit is due.
    #[must_use]
    pub fn due(&self) -> Monotonic {
        self.due
    }

    /// Whether a commit is due; says so once.
    pub fn take(&mut self, now: Monotonic) -> bool {
        let due = self.due <= now;
        if due {
            self.events = 0;
            self.due = Monotonic::NEVER;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_due_by_count_at_once_and_by_time_after_the_interval() {
        let mut commits = Commits::new(CommitPolicy { interval: Duration::from_nanos(10), events: 3 });
        let at = Monotonic::from_nanos;
        commits.changed(2, 0, at(1));
        commits.changed(0, 0, at(5));
        assert_eq!(commits.due(), at(11));
        assert!(!commits.take(at(10)));
        commits.changed(1, 0, at(6));
        assert!(commits.take(at(6)) && !commits.take(at(100)));
        commits.changed(0, 0, at(20));
        assert!(commits.take(at(30)));
    }

    #[test]
    fn the_count_that_makes_a_commit_due_grows_with_what_is_open() {
        let mut commits = Commits::new(CommitPolicy { interval: Duration::from_nanos(10), events: 3 });
        commits.changed(9, 10, Monotonic::ZERO);
        assert!(!commits.take(Monotonic::ZERO));
        commits.changed(1, 10, Monotonic::ZERO);
        assert!(commits.take(Monotonic::ZERO));
    }
}
