//! What handlers do.

use std::time::Duration;

use laneway_domain::EventId;

use super::chance::{Chance, mix};

/// How a group's handlers behave: shares of all attempts, in percent, the rest succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Temper {
    /// Decides each attempt, with the event's id and the attempt's number.
    pub seed: u64,
    /// Attempts that are not ready at once.
    pub slow: u32,
    /// Attempts that fail.
    pub fails: u32,
    /// Attempts that fail for good.
    pub fatal: u32,
    /// Attempts that panic.
    pub panics: u32,
    /// Attempts that hang.
    pub hangs: u32,
    /// Events that fail at every attempt.
    pub poison: u32,
    /// Events that kill their process at every attempt, of a thousand.
    pub kills: u32,
    /// Attempts that publish an event before they end.
    pub publishes: u32,
    /// The longest that a slow attempt takes.
    pub longest: Duration,
}

/// What one attempt does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// How often it yields first.
    pub yields: u32,
    /// How long it waits then.
    pub wait: Duration,
    /// Whether it publishes then.
    pub publishes: bool,
    /// How it ends.
    pub ending: Ending,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It succeeds.
    Done,
    /// It fails and says that trying again can help.
    Fails,
    /// It fails for good.
    Fatal,
    /// It panics.
    Panics,
    /// It never ends, or long after its time where it cannot be cancelled.
    Hangs,
}

impl Temper {
    /// Handlers that succeed at once.
    #[must_use]
    pub const fn calm() -> Self {
        let (slow, fails, fatal, panics, hangs, poison, kills, publishes) = (0, 0, 0, 0, 0, 0, 0, 0);
        Self { seed: 0, slow, fails, fatal, panics, hangs, poison, kills, publishes, longest: Duration::ZERO }
    }

    pub(super) fn draw(chance: &mut Chance) -> Self {
        let mut share = |likely: u32, most: usize| {
            let most = if chance.percent(likely) { most } else { 0 };
            u32::try_from(chance.between(0..=most)).unwrap_or(0)
        };
        let (slow, fails, fatal) = (share(80, 100), share(60, 40), share(30, 6));
        let (panics, hangs, poison) = (share(40, 15), share(25, 6), share(30, 8));
        let publishes = share(20, 100);
        let longest = chance.millis(1..=400);
        let seed = chance.seed();
        let of_kills = mix(!seed);
        let kills = if percent(of_kills) < 8 { u32::try_from((of_kills >> 32) % 25).unwrap_or(0) } else { 0 };
        Self { seed, slow, fails, fatal, panics, hangs, poison, kills, publishes, longest }
    }

    /// Whether an event kills its process.
    #[must_use]
    pub fn kills(&self, event: EventId) -> bool {
        let (high, low) = event.uuid().as_u64_pair();
        self.kills > 0 && mix(mix(!self.seed ^ low) ^ high) % 1_000 < u64::from(self.kills)
    }

    /// What this attempt at this event does: the same whenever it is asked.
    #[must_use]
    pub fn behaviour(&self, event: EventId, attempt: u32) -> Behaviour {
        let (high, low) = event.uuid().as_u64_pair();
        let of_event = mix(mix(self.seed ^ high) ^ low);
        let of_attempt = mix(of_event ^ (u64::from(attempt) + 1));
        let ending = if percent(of_event) < self.poison { Ending::Fails } else { self.ending(of_attempt) };
        let of_time = mix(of_attempt);
        let slow = percent(of_time) < self.slow;
        let longest = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX).max(1);
        let waits = slow && of_time >> 40 & 3 != 0;
        Behaviour {
            yields: if slow { u32::try_from(of_time >> 32 & 3).unwrap_or(0) } else { 0 },
            wait: if waits { Duration::from_millis(mix(of_time) % longest) } else { Duration::ZERO },
            publishes: percent(mix(mix(of_time))) < self.publishes,
            ending,
        }
    }

    fn ending(&self, chance: u64) -> Ending {
        let mut left = percent(chance);
        let endings = [
            (self.fails, Ending::Fails),
            (self.fatal, Ending::Fatal),
            (self.panics, Ending::Panics),
            (self.hangs, Ending::Hangs),
        ];
        for (share, ending) in endings {
            if left < share {
                return ending;
            }
            left -= share;
        }
        Ending::Done
    }
}

fn percent(chance: u64) -> u32 {
    u32::try_from(chance % 100).unwrap_or(0)
}
