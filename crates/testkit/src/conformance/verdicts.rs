//! What a journal must show.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::{Journal, What};

/// How far a lane has come.
#[derive(Debug, Default)]
struct Lane {
    /// The last number that was handled, with all before it.
    done: u64,
    /// What runs, by bus.
    running: BTreeMap<u32, u64>,
}

impl Journal {
    /// Sees that every lane was handled in the order of its numbers, from 1 without holes: an event starts only after
    /// the one before was done, and never while its bus runs another one of its lane. Repeats of what was done pass.
    pub(crate) fn must_be_in_order(&self) {
        let mut lanes: BTreeMap<String, Lane> = BTreeMap::new();
        for line in self.lines() {
            let lane = lanes.entry(line.lane.clone()).or_default();
            if line.what == What::Started {
                let running = lane.running.insert(line.bus, line.number);
                assert_eq!(running, None, "{line:?} started while another of its lane ran in its bus");
                let next = lane.done + 1;
                assert!(line.number <= next, "{line:?} started, and the next of its lane is {next}");
                continue;
            }
            let running = lane.running.remove(&line.bus);
            assert_eq!(running, Some(line.number), "{line:?} ended and had not started");
            if line.what == What::Done {
                lane.done = lane.done.max(line.number);
            }
        }
    }

    /// Sees that events 1 to `last` of each of these lanes were done, and no others.
    pub(crate) fn must_hold_all(&self, lanes: &[String], last: u64) {
        let wanted = lanes.iter().flat_map(|lane| (1..=last).map(move |number| (lane.clone(), number)));
        let (wanted, seen): (BTreeSet<_>, BTreeSet<_>) =
            (wanted.collect(), self.counts().into_keys().collect());
        let (missing, strange) = (wanted.difference(&seen), seen.difference(&wanted));
        let (missing, strange): (Vec<_>, Vec<_>) = (missing.take(9).collect(), strange.take(9).collect());
        assert!(missing.is_empty() && strange.is_empty(), "missing {missing:?}, and not wanted {strange:?}");
    }

    /// Sees that nothing was done twice.
    pub(crate) fn must_hold_nothing_twice(&self) {
        let twice: Vec<_> = self.counts().into_iter().filter(|(_, times)| *times > 1).take(9).collect();
        assert!(twice.is_empty(), "handled more than once: {twice:?}");
    }

    fn counts(&self) -> BTreeMap<(String, u64), usize> {
        let mut counts = BTreeMap::new();
        for line in self.lines().into_iter().filter(|line| line.what == What::Done) {
            *counts.entry((line.lane, line.number)).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use laneway_domain::{PartitionNumber, Position};

    use super::super::journal::Line;
    use super::*;

    fn journal(lines: &[(What, u64)]) -> Journal {
        let journal = Journal::default();
        for (what, number) in lines.iter().copied() {
            let (partition, position) = (PartitionNumber(0), Position::new(number));
            let lane = "a".to_owned();
            journal.write(Line { what, bus: 0, lane, number, partition, position, attempt: 1 });
        }
        journal
    }

    const START: What = What::Started;

    #[test]
    fn a_retry_and_a_replay_are_in_order() {
        let lines =
            [(START, 1), (What::Failed, 1), (START, 1), (What::Done, 1), (START, 2), (What::Dropped, 2)];
        let journal =
            journal(&[&lines[..], &[(START, 1), (What::Done, 1), (START, 2), (What::Done, 2)]].concat());
        journal.must_be_in_order();
        journal.must_hold_all(&["a".to_owned()], 2);
    }

    #[test]
    #[should_panic(expected = "the next of its lane is 1")]
    fn a_follower_that_starts_before_its_head_is_done_is_found() {
        journal(&[(START, 1), (What::Failed, 1), (START, 2)]).must_be_in_order();
    }

    #[test]
    #[should_panic(expected = "while another of its lane ran")]
    fn two_runs_of_a_lane_at_once_are_found() {
        journal(&[(START, 1), (START, 1)]).must_be_in_order();
    }

    #[test]
    #[should_panic(expected = "handled more than once")]
    fn an_event_that_is_done_twice_is_found() {
        journal(&[(START, 1), (What::Done, 1), (START, 1), (What::Done, 1)]).must_hold_nothing_twice();
    }

    #[test]
    #[should_panic(expected = "missing [(\"a\", 2)]")]
    fn an_event_that_nobody_handled_is_found() {
        journal(&[(START, 1), (What::Done, 1)]).must_hold_all(&["a".to_owned()], 2);
    }
}
