//! What a subscription does about its backlog, as plain data.

use std::time::Duration;

use laneway_domain::Invalid;

use super::callbacks::RecoveryCallbacks;
use super::concurrency::ConcurrencyPolicy;
use super::machine::RecoveryPolicy;

/// A subscription's recovery: when it begins and ends, what it may use, who is told.
///
/// Times are [`Duration`]s, which cannot be negative.
#[derive(Debug, Clone)]
pub struct RecoveryOptions {
    /// When it begins and ends.
    pub policy: RecoveryPolicy,
    /// How many handlers run at once while recovering; `max_in_flight` again afterwards.
    pub concurrency: ConcurrencyPolicy,
    /// What the limits of `buffer` are multiplied by while recovering, so that more is fetched and more lanes have work: partitions
    /// stay open for so much longer, and a broker with a backlog fills every read. The size of one read, `batch_events` and
    /// `batch_bytes`, stays: clients fix theirs when they connect. Default 4: 1 GiB of the default buffers at most.
    pub fetch_factor: usize,
    /// How often to ask the broker for the lag. Default 5 s.
    pub interval: Duration,
    /// The same while recovering, where the estimate of the end wants samples. Default 1 s.
    pub recovering_interval: Duration,
    /// How long the broker may take to answer; without an answer the mode stays. Default 5 s.
    pub check_limit: Duration,
    /// Who is told.
    pub callbacks: RecoveryCallbacks,
    /// How long a callback may take. Default 2 s.
    pub callback_limit: Duration,
}

impl Default for RecoveryOptions {
    fn default() -> Self {
        Self {
            policy: RecoveryPolicy::default(),
            concurrency: ConcurrencyPolicy::default(),
            fetch_factor: 4,
            interval: Duration::from_secs(5),
            recovering_interval: Duration::from_secs(1),
            check_limit: Duration::from_secs(5),
            callbacks: RecoveryCallbacks::default(),
            callback_limit: Duration::from_secs(2),
        }
    }
}

impl RecoveryOptions {
    /// Every rule that the options break, for a subscription that runs `max_in_flight` handlers at once in normal times.
    #[must_use]
    pub fn faults(&self, max_in_flight: usize) -> Vec<Invalid> {
        let mut faults = self.policy.faults();
        faults.extend(self.concurrency.faults());
        if self.concurrency.max < max_in_flight {
            let rule = format!(
                "is at least max_in_flight, which is {max_in_flight}: else recovering would be slower"
            );
            faults.push(Invalid::new("recovery.concurrency.max", rule, self.concurrency.max));
        }
        if !(1..=1_024).contains(&self.fetch_factor) {
            faults.push(Invalid::new("recovery.fetch_factor", "lies between 1 and 1024", self.fetch_factor));
        }
        let times = [
            ("recovery.interval", self.interval),
            ("recovery.recovering_interval", self.recovering_interval),
            ("recovery.check_limit", self.check_limit),
            ("recovery.callback_limit", self.callback_limit),
        ];
        let wrong =
            times.into_iter().filter(|(_, time)| time.is_zero() || *time > Duration::from_secs(3_600));
        let said =
            |(field, time)| Invalid::new(field, "is longer than 0 and at most 1h", format!("{time:?}"));
        faults.extend(wrong.map(said));
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_said_at_once() {
        assert_eq!(RecoveryOptions::default().faults(256), []);
        let absurd = RecoveryOptions {
            policy: RecoveryPolicy { enter_events: 0, exit_events: 0, ..RecoveryPolicy::default() },
            concurrency: ConcurrencyPolicy { min: 64, max: 32, ..ConcurrencyPolicy::default() },
            fetch_factor: 0,
            interval: Duration::ZERO,
            recovering_interval: Duration::from_secs(3_601),
            check_limit: Duration::ZERO,
            callback_limit: Duration::ZERO,
            ..RecoveryOptions::default()
        };
        let faults = absurd.faults(256);
        let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let slower = "is at least max_in_flight, which is 256: else recovering would be slower; found `32`";
        assert!(said[3].ends_with(slower), "{said:?}");
        assert!(said[2].contains("lies between min, which is 64, and 1,000,000; found `32`"), "{said:?}");
        let fields: Vec<_> = faults.iter().map(Invalid::field).collect();
        assert_eq!(
            fields,
            [
                "recovery.policy.enter_events",
                "recovery.policy.exit_events",
                "recovery.concurrency.max",
                "recovery.concurrency.max",
                "recovery.fetch_factor",
                "recovery.interval",
                "recovery.recovering_interval",
                "recovery.check_limit",
                "recovery.callback_limit"
            ]
        );
    }
}
