use std::collections::BTreeSet;

use laneway_domain::{PartitionNumber, TopicName};
use proptest::prelude::*;

use super::*;

const DRAIN: Duration = Duration::from_secs(3);

fn place(number: u32) -> Place {
    Place { topic: TopicName::new("t").unwrap(), number: PartitionNumber(number) }
}

fn places(numbers: &[u32]) -> Vec<Place> {
    numbers.iter().copied().map(place).collect()
}

fn at(seconds: u64) -> Monotonic {
    Monotonic::ZERO + Duration::from_secs(seconds)
}

fn revoke(numbers: &[u32]) -> Said {
    Said::Revoke { places: places(numbers), lost: false }
}

/// A member that owns these.
fn owner(numbers: &[u32]) -> Rebalances {
    let (mut rebalances, mut deeds) = (Rebalances::new(DRAIN), Vec::new());
    rebalances.said(Said::Assign(places(numbers)), at(0), &mut deeds);
    rebalances.looked_up(at(0), &mut deeds);
    let (places, granted) = (places(numbers), places(numbers));
    assert_eq!(deeds, [Deed::LookUp(places.clone()), Deed::Take { places, granted }]);
    rebalances
}

#[test]
fn a_revocation_drains_then_commits_then_is_answered() {
    let (mut rebalances, mut deeds) = (owner(&[0, 1]), Vec::new());
    rebalances.said(revoke(&[0, 1]), at(1), &mut deeds);
    let [Deed::Drain { revocation, places: drained, until }] = &deeds[..] else { panic!("{deeds:?}") };
    assert_eq!((&drained[..], *until), (&places(&[0, 1])[..], at(4)));
    let revocation = *revocation;
    assert!(rebalances.released(revocation, at(2)));
    assert!(!rebalances.released(revocation, at(2)), "it is released once");
    deeds.clear();
    rebalances.committed(revocation, at(2), &mut deeds);
    assert_eq!(deeds, [Deed::Give(places(&[0, 1]))]);
}

#[test]
fn a_revocation_that_nobody_releases_is_lost_at_its_deadline() {
    let (mut rebalances, mut deeds) = (owner(&[0]), Vec::new());
    rebalances.said(revoke(&[0]), at(1), &mut deeds);
    deeds.clear();
    rebalances.tick(at(3), &mut deeds);
    assert_eq!(deeds, []);
    rebalances.tick(at(4), &mut deeds);
    assert_eq!(deeds, [Deed::Lose(places(&[0])), Deed::Give(places(&[0]))]);
    assert!(!rebalances.released(RevocationId(1), at(5)));
}

#[test]
fn a_last_commit_that_has_no_answer_holds_the_group_for_a_second() {
    let (mut rebalances, mut deeds) = (owner(&[0]), Vec::new());
    rebalances.said(revoke(&[0]), at(1), &mut deeds);
    assert!(rebalances.released(RevocationId(1), at(1)));
    deeds.clear();
    rebalances.tick(at(1) + LAST_COMMIT, &mut deeds);
    assert_eq!(deeds, [Deed::Give(places(&[0]))], "it was released: it is not lost");
}

#[test]
fn what_comes_behind_a_revocation_closes_it_without_a_commit() {
    let (mut rebalances, mut deeds) = (owner(&[0, 1]), Vec::new());
    rebalances.said(revoke(&[0, 1]), at(1), &mut deeds);
    deeds.clear();
    rebalances.said(Said::Assign(places(&[1])), at(2), &mut deeds);
    assert_eq!(deeds, [Deed::Lose(places(&[0, 1])), Deed::Give(places(&[0, 1])), Deed::LookUp(places(&[1]))]);
    assert!(!rebalances.released(RevocationId(1), at(2)), "a release of a closed revocation does nothing");
}

#[test]
fn what_is_revoked_before_it_was_taken_is_never_ours() {
    let (mut rebalances, mut deeds) = (Rebalances::new(DRAIN), Vec::new());
    rebalances.said(Said::Assign(places(&[0, 1])), at(1), &mut deeds);
    rebalances.said(revoke(&[1]), at(1), &mut deeds);
    assert_eq!(deeds, [Deed::LookUp(places(&[0, 1]))], "partition 0 is still wanted");
    deeds.clear();
    rebalances.looked_up(at(2), &mut deeds);
    let taken = Deed::Take { places: places(&[0, 1]), granted: places(&[0]) };
    assert_eq!(deeds, [taken, Deed::Give(places(&[1]))]);
}

#[test]
fn a_lost_assignment_is_told_and_answered_at_once() {
    let (mut rebalances, mut deeds) = (owner(&[0]), Vec::new());
    rebalances.said(Said::Revoke { places: places(&[0]), lost: true }, at(1), &mut deeds);
    assert_eq!(deeds, [Deed::Lose(places(&[0])), Deed::Give(places(&[0]))]);
}

#[test]
fn an_expelled_member_loses_everything_also_what_drains() {
    let (mut rebalances, mut deeds) = (owner(&[0, 1]), Vec::new());
    rebalances.said(revoke(&[1]), at(1), &mut deeds);
    deeds.clear();
    rebalances.expelled(at(2), &mut deeds);
    assert_eq!(deeds, [Deed::Lose(places(&[0, 1])), Deed::Give(places(&[1]))]);
}

#[derive(Debug, Clone)]
enum Step {
    Assign(Vec<u32>),
    Revoke(Vec<u32>, bool),
    LookedUp,
    Release,
    Committed,
    Expelled,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let some =
        || prop::collection::btree_set(0_u32..6, 0..4).prop_map(|set| set.into_iter().collect::<Vec<_>>());
    prop_oneof![
        some().prop_map(Step::Assign),
        (some(), any::<bool>()).prop_map(|(numbers, lost)| Step::Revoke(numbers, lost)),
        Just(Step::LookedUp),
        Just(Step::Release),
        Just(Step::Committed),
        Just(Step::Expelled),
        (0_u64..5).prop_map(Step::Wait),
    ]
}

/// What a member and its group see: who answers what, and what the engine believes to own.
#[derive(Default)]
struct Watch {
    heard: Vec<Said>,
    answered: usize,
    ours: BTreeSet<Place>,
    draining: BTreeSet<Place>,
}

impl Watch {
    fn see(&mut self, deed: &Deed) {
        match deed {
            Deed::LookUp(_) => {}
            Deed::Take { places, granted } => {
                assert_eq!(self.heard[self.answered], Said::Assign(places.clone()), "in order of arrival");
                self.answered += 1;
                for place in granted {
                    assert!(places.contains(place) && self.ours.insert(place.clone()), "{place:?} twice");
                }
            }
            Deed::Drain { places, .. } => {
                for place in places {
                    assert!(self.ours.remove(place), "{place:?} drains and is not ours");
                    self.draining.insert(place.clone());
                }
            }
            Deed::Lose(places) => {
                for place in places {
                    assert!(
                        self.ours.remove(place) || self.draining.remove(place),
                        "{place:?} is lost twice"
                    );
                }
            }
            Deed::Give(places) => {
                let Said::Revoke { places: asked, .. } = &self.heard[self.answered] else {
                    panic!("an assignment was answered as a revocation");
                };
                assert_eq!(asked, places, "in order of arrival");
                self.answered += 1;
                for place in places {
                    self.draining.remove(place);
                    assert!(!self.ours.contains(place), "{place:?} is given up and still ours");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn everything_is_answered_once_in_order_and_nothing_is_given_that_is_ours(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let (mut rebalances, mut watch, mut now, mut deeds) =
            (Rebalances::new(DRAIN), Watch::default(), at(0), Vec::new());
        for step in steps {
            let revocation = RevocationId(rebalances.revocations);
            match step {
                Step::Assign(numbers) => {
                    // The group assigns nothing that it has not taken back.
                    let free = places(&numbers).into_iter().filter(|place| {
                        let mut last = watch.heard.iter().rev();
                        !last.find_map(|said| match said {
                            Said::Assign(places) if places.contains(place) => Some(true),
                            Said::Revoke { places, .. } if places.contains(place) => Some(false),
                            _ => None,
                        }).unwrap_or(false)
                    });
                    let said = Said::Assign(free.collect());
                    watch.heard.push(said.clone());
                    rebalances.said(said, now, &mut deeds);
                }
                Step::Revoke(numbers, lost) => {
                    let said = Said::Revoke { places: places(&numbers), lost };
                    watch.heard.push(said.clone());
                    rebalances.said(said, now, &mut deeds);
                }
                Step::LookedUp => rebalances.looked_up(now, &mut deeds),
                Step::Release => _ = rebalances.released(revocation, now),
                Step::Committed => rebalances.committed(revocation, now, &mut deeds),
                Step::Expelled => rebalances.expelled(now, &mut deeds),
                Step::Wait(seconds) => {
                    now = now + Duration::from_secs(seconds);
                    rebalances.tick(now, &mut deeds);
                }
            }
            deeds.drain(..).for_each(|deed| watch.see(&deed));
        }
        for _ in 0..watch.heard.len() {
            rebalances.looked_up(now, &mut deeds);
            now = now + DRAIN;
            rebalances.tick(now, &mut deeds);
        }
        deeds.drain(..).for_each(|deed| watch.see(&deed));
        prop_assert_eq!(watch.answered, watch.heard.len(), "everything has an answer in the end");
        prop_assert!(watch.draining.is_empty());
    }
}
