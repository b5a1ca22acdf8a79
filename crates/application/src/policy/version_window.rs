//! Which versions of an aggregate were handled.

use laneway_domain::{Admission, AggregateVersion, PartitionNumber, Position, Watermark};

type Place = (PartitionNumber, Position);

/// The versions of one aggregate that one handler has handled: exact for the 64 that end with the highest.
///
/// ```
/// use laneway_application::policy::VersionWindow;
/// use laneway_domain::{Admission, AggregateVersion};
/// let version = |n| AggregateVersion::new(n).unwrap();
/// let (first, window) = VersionWindow::default().admit(version(5)); // a group that starts late
/// let (gap, window) = window.admit(version(8));
/// let (late, window) = window.admit(version(7));
/// let (twice, _) = window.admit(version(7));
/// assert_eq!([first, gap, late, twice], [Admission::New, Admission::Gap, Admission::Late, Admission::Duplicate]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VersionWindow(Option<Watermark>);

impl VersionWindow {
    /// How many versions the window knows one by one.
    pub const WIDTH: u64 = 64;

    /// What a version is, and the window once it was handled.
    ///
    /// The first version ever is `New`, whatever it is. Versions that a gap leaves out are `Late` when they come, not
    /// lost. Below the window nothing is known, and `Late` is the answer that loses nothing.
    #[must_use]
    pub fn admit(self, version: AggregateVersion) -> (Admission, Self) {
        self.admit_at(version, None)
    }

    /// The same for an event that stands at `place`; none for one that does not come from its place, as after a redrive.
    ///
    /// Below the window, an event at or before the highest place of its partition was passed before, so it is a
    /// `Duplicate`: a replay of a long aggregate is not handled again.
    #[must_use]
    pub fn admit_at(self, version: AggregateVersion, place: Option<Place>) -> (Admission, Self) {
        let Some(mark) = self.0 else {
            return (Admission::New, Self(Some(Watermark { highest: version, window: 1, place })));
        };
        let (highest, version_number) = (mark.highest.get(), version.get());
        if version_number > highest {
            let ahead = version_number - highest;
            let admission = if ahead == 1 { Admission::New } else { Admission::Gap };
            let window = if ahead < Self::WIDTH { mark.window << ahead | 1 } else { 1 };
            let place = further(place, mark.place);
            return (admission, Self(Some(Watermark { highest: version, window, place })));
        }
        let behind = highest - version_number;
        if behind >= Self::WIDTH {
            let passed =
                matches!((place, mark.place), (Some(at), Some(far)) if at.0 == far.0 && at.1 <= far.1);
            return (if passed { Admission::Duplicate } else { Admission::Late }, self);
        }
        let bit = 1 << behind;
        if mark.window & bit != 0 {
            return (Admission::Duplicate, self);
        }
        let same = place.filter(|at| mark.place.is_some_and(|far| far.0 == at.0));
        let place = further(same, mark.place);
        (Admission::Late, Self(Some(Watermark { window: mark.window | bit, place, ..mark })))
    }

    /// What a store keeps of it.
    #[must_use]
    pub fn watermark(self) -> Option<Watermark> {
        self.0
    }
}

impl From<Option<Watermark>> for VersionWindow {
    fn from(mark: Option<Watermark>) -> Self {
        Self(mark)
    }
}

/// The place of the newest event, or the one before where that stands further on in the same partition.
fn further(new: Option<Place>, old: Option<Place>) -> Option<Place> {
    match (new, old) {
        (Some(new), Some(old)) if new.0 == old.0 => Some(new.max(old)),
        (Some(new), _) => Some(new),
        (None, old) => old,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn version(n: u64) -> AggregateVersion {
        AggregateVersion::new(n).unwrap()
    }

    fn said(versions: &[u64]) -> Vec<Admission> {
        let mut window = VersionWindow::default();
        let mut admit = |n: &u64| {
            let (admission, next) = window.admit(version(*n));
            window = next;
            admission
        };
        versions.iter().map(&mut admit).collect()
    }

    #[test]
    fn a_walk_through_gaps_and_late_ones_is_told_step_by_step() {
        use Admission::{Duplicate, Gap, Late, New};
        let said = said(&[5, 5, 6, 9, 7, 7, 4, 5, 200, 100, 137, 137]);
        let expected =
            [New, Duplicate, New, Gap, Late, Duplicate, Late, Duplicate, Gap, Late, Late, Duplicate];
        assert_eq!(said, expected);
    }

    #[test]
    fn the_ends_of_the_number_range_and_of_the_window_are_no_exception() {
        use Admission::{Duplicate, Gap, Late, New};
        assert_eq!(said(&[1, u64::MAX, u64::MAX - 63, u64::MAX - 63]), [New, Gap, Late, Duplicate]);
        assert_eq!(said(&[u64::MAX, 1]), [New, Late]);
        assert_eq!(said(&[1, 64, 1, 65, 1]), [New, Gap, Duplicate, New, Late]);
    }

    #[test]
    fn below_the_window_only_a_place_that_was_passed_makes_a_duplicate() {
        let at = |partition, position| Some((PartitionNumber(partition), Position::new(position)));
        let (_, window) = VersionWindow::default().admit_at(version(100), at(3, 1_000));
        let told = |place| window.admit_at(version(7), place).0;
        assert_eq!(told(at(3, 1_000)), Admission::Duplicate);
        assert_eq!(told(at(3, 7)), Admission::Duplicate);
        assert_eq!(told(at(3, 1_001)), Admission::Late);
        assert_eq!(told(at(4, 7)), Admission::Late);
        assert_eq!(told(None), Admission::Late);
        // One that was redriven leaves no place, and takes none away.
        let (_, redriven) = window.admit_at(version(101), None);
        assert_eq!(redriven.watermark().unwrap().place, at(3, 1_000));
    }

    /// What a handler with an unbounded memory would say; `None` below the window.
    fn naive(seen: &BTreeSet<u64>, n: u64) -> Option<Admission> {
        let Some(highest) = seen.last() else { return Some(Admission::New) };
        match n {
            _ if n == highest + 1 => Some(Admission::New),
            _ if n > *highest => Some(Admission::Gap),
            _ if highest - n >= VersionWindow::WIDTH => None,
            _ if seen.contains(&n) => Some(Admission::Duplicate),
            _ => Some(Admission::Late),
        }
    }

    proptest! {
        #[test]
        fn the_window_says_what_an_unbounded_memory_would(
            steps in prop::collection::vec(prop_oneof![4 => -70i64..4, 4 => 1i64..3, 1 => 0i64..200], 1..300),
            start in 1u64..200,
        ) {
            let (mut window, mut seen, mut at) = (VersionWindow::default(), BTreeSet::new(), start);
            for step in steps {
                let n = at.saturating_add_signed(step).max(1);
                let (admission, next) = window.admit(version(n));
                match naive(&seen, n) {
                    Some(expected) => prop_assert_eq!(admission, expected, "{} after {:?}", n, seen),
                    None => prop_assert_eq!(admission, Admission::Late),
                }
                prop_assert!(admission != Admission::Duplicate || next == window);
                seen.insert(n);
                window = next;
                at = *seen.last().unwrap();
                let mark = window.watermark().unwrap();
                prop_assert!(mark.highest.get() == at && mark.window & 1 == 1);
            }
        }

        #[test]
        fn a_replay_in_order_is_handled_once_however_long(length in 1u64..400, replays in 1usize..3) {
            let place = |n| Some((PartitionNumber(0), Position::new(n)));
            let (mut window, mut handled) = (VersionWindow::default(), 0);
            for n in (0..=replays).flat_map(|_| 1..=length) {
                let (admission, next) = window.admit_at(version(n), place(n));
                handled += u64::from(admission != Admission::Duplicate);
                window = next;
            }
            prop_assert_eq!(handled, length);
        }
    }
}
