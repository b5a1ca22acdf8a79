//! Ids and times for events that have none.

use laneway_domain::{Envelope, EventId, Timestamp};
use uuid::Builder;

use super::hops;
use crate::sabotage::{Bug, is_planted};

/// Stamps the events of one call: one look at the clock, one draw of chance.
///
/// Ids are UUIDs of version 7 (RFC 9562, section 5.7) with the monotonic random method (section 6.2, method 2): chance
/// for the first of a call, one more for each that follows, so ids of a batch sort as the batch does.
pub(crate) struct Stamp {
    now: Timestamp,
    millis: u64,
    high: u16,
    low: u64,
    /// The hops of what is published, where a guarded handler does.
    hops: Option<u32>,
}

impl Stamp {
    pub(crate) fn new(now: Timestamp) -> Self {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        // The top bits stay clear, so that counting up within a call never overflows into the variant.
        let hops = hops::hops().map(|hops| hops.saturating_add(1));
        Self { now, millis, high: rand::random(), low: rand::random::<u64>() >> 3, hops }
    }

    #[inline]
    pub(crate) fn put_on(&mut self, event: &mut Envelope) {
        let (millis, high) = (self.millis, self.high);
        let low = &mut self.low;
        event.stamp(|| next(millis, high, low), self.now);
        if let Some(hops) = self.hops.filter(|_| !is_planted(Bug::HopsNotCarried)) {
            hops::put_on(event, hops);
        }
    }
}

#[inline]
fn next(millis: u64, high: u16, low: &mut u64) -> EventId {
    let mut chance = [0; 10];
    chance[..2].copy_from_slice(&high.to_be_bytes());
    chance[2..].copy_from_slice(&low.to_be_bytes());
    *low += 1;
    let id = Builder::from_unix_timestamp_millis(millis, &chance).into_uuid();
    match EventId::new(id) {
        Some(id) => id,
        None => unreachable!("a UUID with a version is not nil"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laneway_domain::TopicName;

    #[test]
    fn ids_are_of_version_7_rise_within_a_call_and_differ_between_calls() {
        let now = Timestamp::from_unix_millis(1_700_000_000_123);
        let ids = || {
            let mut stamp = Stamp::new(now);
            let mut stamped = || {
                let mut event = Envelope::new(TopicName::new("t").unwrap(), "x");
                stamp.put_on(&mut event);
                event.id().unwrap().uuid()
            };
            [stamped(), stamped(), stamped()]
        };
        let (a, b) = (ids(), ids());
        assert!(a[0] < a[1] && a[1] < a[2]);
        assert!(a.iter().all(|id| id.get_version_num() == 7 && !b.contains(id)));
        assert_eq!(a[0].get_timestamp().unwrap().to_unix(), (1_700_000_000, 123_000_000));
    }
}
