//! How fast redrives may go.

use std::collections::HashMap;
use std::time::Duration;

use laneway_domain::Monotonic;

/// The caps of redrives: those with the same cap share it, in one process.
#[derive(Debug, Default)]
pub(crate) struct Paces(HashMap<u32, Monotonic>);

impl Paces {
    /// Takes up to `wanted` events out of a cap of so many a second; how many, or when to ask again.
    ///
    /// At most a tenth of a second's events come at once, and the next ones when these are paid for.
    pub(crate) fn take(
        &mut self,
        per_second: u32,
        wanted: usize,
        now: Monotonic,
    ) -> Result<usize, Monotonic> {
        let per_second = per_second.max(1);
        let free = self.0.entry(per_second).or_insert(now);
        if *free > now {
            return Err(*free);
        }
        let taken = wanted.min((per_second / 10).max(1) as usize);
        let cost = Duration::from_secs(taken as u64) / per_second;
        *free = now + cost;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redrives_with_one_cap_share_it() {
        let mut paces = Paces::default();
        let (mut now, mut taken) = (Monotonic::ZERO, 0);
        while now < Monotonic::from_nanos(2_000_000_000) {
            for _ in 0..2 {
                match paces.take(100, 64, now) {
                    Ok(events) => taken += events,
                    Err(again) => now = again,
                }
            }
        }
        assert!((200..=220).contains(&taken), "{taken}");
        assert_eq!(paces.take(0, 64, now), Ok(1), "a cap of nothing would never end");
    }
}
