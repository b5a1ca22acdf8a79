//! Everything that the job finds out, to be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use super::fleet::Fleet;
use super::traffic::Traffic;
use crate::job::events::FlightEvent;

/// The result of the job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// Per aircraft.
    pub(crate) fleet: Fleet,
    /// Per carrier and hour.
    pub(crate) traffic: Traffic,
}

/// An entry that two books do not agree on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Which entry.
    pub(crate) entry: String,
    /// What these books say, where they have the entry.
    pub(crate) here: Option<String>,
    /// What the others say.
    pub(crate) there: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: here {}, there {}", self.entry, side(&self.here), side(&self.there))
    }
}

impl Books {
    /// Applies an event to all tables; false where it was applied before.
    pub(crate) fn apply(&mut self, event: &FlightEvent) -> bool {
        let first = self.fleet.apply(event);
        if first {
            self.traffic.apply(event);
        }
        first
    }

    /// A number that is equal for equal books, on every machine: FNV-1a of 64 bits over all entries.
    pub(crate) fn digest(&self) -> u64 {
        let mut digest = Digest(0xcbf2_9ce4_8422_2325);
        for (entry, says) in self.entries() {
            // Writing to a digest does not fail.
            let _ = writeln!(digest, "{entry}: {says}");
        }
        digest.0
    }

    /// The entries that differ, in the order of their names.
    pub(crate) fn diff(&self, other: &Self) -> Vec<Difference> {
        let (mut ours, mut theirs) = (self.entries(), other.entries());
        let names: BTreeSet<String> = ours.keys().chain(theirs.keys()).cloned().collect();
        let compare = |entry: String| {
            let (here, there) = (ours.remove(&entry), theirs.remove(&entry));
            (here != there).then_some(Difference { entry, here, there })
        };
        names.into_iter().filter_map(compare).collect()
    }

    /// All that the books say, as text: the debug form has every field, also one that is added later.
    fn entries(&self) -> BTreeMap<String, String> {
        let Self { fleet, traffic } = self;
        let aircraft =
            fleet.aircraft.iter().map(|(code, says)| (format!("aircraft {code}"), format!("{says:?}")));
        let carriers =
            traffic.carriers.iter().map(|(code, says)| (format!("carrier {code}"), format!("{says:?}")));
        let hours = (0..)
            .zip(&traffic.hours)
            .map(|(hour, says): (u8, _)| (format!("hour {hour:02}"), format!("{says:?}")));
        let unassigned = ("events without an aircraft".to_owned(), fleet.unassigned.to_string());
        aircraft.chain(carriers).chain(hours).chain([unassigned]).collect()
    }
}

struct Digest(u64);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::events::Step;
    use crate::job::testing::event;

    fn books(events: &[FlightEvent]) -> Books {
        let mut books = Books::default();
        events.iter().for_each(|event| assert!(books.apply(event)));
        books
    }

    fn flight(aircraft: &str, delay: i32) -> [FlightEvent; 2] {
        let came = Step::Arrived { delay: Some(delay) };
        [event(aircraft, 1, Step::Departed { delay }), event(aircraft, 2, came)]
    }

    #[test]
    fn equal_books_have_one_digest_and_no_difference() {
        let [a, b] = [flight("N1", 5), flight("N2", 6)];
        let (one, two) = (books(&[a, b].concat()), books(&[b, a].concat()));
        assert_eq!((one.digest(), one.diff(&two)), (two.digest(), vec![]));
    }

    #[test]
    fn a_difference_names_the_entry_and_both_sides() {
        let (one, two) = (books(&flight("N1", 5)), books(&[flight("N1", 6), flight("N2", 0)].concat()));
        assert_ne!(one.digest(), two.digest());
        let diff = one.diff(&two);
        let entries: Vec<_> = diff.iter().map(|difference| difference.entry.as_str()).collect();
        assert_eq!(entries, ["aircraft N1", "aircraft N2", "carrier UA", "hour 00", "hour 23"]);
        assert!(
            diff[1].to_string().starts_with("aircraft N2: here nothing, there Aircraft {"),
            "{}",
            diff[1]
        );
    }

    #[test]
    fn a_replay_is_counted_nowhere() {
        let mut twice = books(&flight("N1", 5));
        assert!(!twice.apply(&flight("N1", 5)[0]));
        assert_eq!(twice.diff(&books(&flight("N1", 5))), vec![]);
    }

    #[test]
    fn the_digest_is_fnv_1a() {
        let mut digest = Digest(0xcbf2_9ce4_8422_2325);
        digest.write_str("foobar").unwrap();
        assert_eq!(digest.0, 0x8594_4171_f739_67e8);
    }
}
