//! Who shall own what: as even as the subscriptions allow, with as few moves as that takes.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crate::group::MemberId;

/// One topic as balancing sees it: its slots, and the members that subscribed to it, in order.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) slots: Range<usize>,
    pub(crate) members: Vec<MemberId>,
}

/// Brings `targets` to a balance.
///
/// Topics with the same subscribers are dealt together, so members that subscribed to the same topics differ by at most
/// one partition, and no more move than that takes. Where subscriptions differ, topics with the fewest subscribers are
/// dealt first, and every later deal evens out the loads as far as it can.
pub(crate) fn balance(topics: &[Share], targets: &mut [Option<MemberId>]) {
    let mut classes: BTreeMap<(usize, &[MemberId]), Vec<usize>> = BTreeMap::new();
    for topic in topics {
        let class = (topic.members.len(), topic.members.as_slice());
        classes.entry(class).or_default().extend(topic.slots.clone());
    }
    let mut loads = BTreeMap::new();
    for ((_, members), slots) in classes {
        deal(members, &slots, &mut loads, targets);
    }
}

fn deal(
    members: &[MemberId],
    slots: &[usize],
    loads: &mut BTreeMap<MemberId, usize>,
    targets: &mut [Option<MemberId>],
) {
    let place = |target: Option<MemberId>| members.binary_search(&target?).ok();
    let mut has = vec![0; members.len()];
    for at in slots.iter().filter_map(|slot| place(targets[*slot])) {
        has[at] += 1;
    }
    let before: Vec<_> = members.iter().map(|member| loads.get(member).copied().unwrap_or(0)).collect();
    let mut left = quotas(&before, &has, slots.len());
    for ((member, load), quota) in members.iter().zip(before).zip(&left) {
        loads.insert(*member, load + quota);
    }
    let mut free = Vec::new();
    for slot in slots.iter().copied() {
        match place(targets[slot]) {
            Some(at) if left[at] > 0 => left[at] -= 1,
            _ => free.push(slot),
        }
    }
    let mut takers: VecDeque<usize> = (0..members.len()).filter(|at| left[*at] > 0).collect();
    for slot in free {
        let taker = takers.pop_front();
        targets[slot] = taker.map(|at| members[at]);
        if let Some(at) = taker {
            left[at] -= 1;
            takers.extend((left[at] > 0).then_some(at));
        }
    }
}

/// How many of `slots` each member gets on top of its load, so that the loads become as level as they can. What does
/// not divide goes to those who would otherwise have to give one away.
fn quotas(loads: &[usize], has: &[usize], slots: usize) -> Vec<usize> {
    let poured = |level: usize| loads.iter().map(|load| level.saturating_sub(*load)).sum::<usize>();
    let (mut low, mut high) = (0, loads.iter().max().map_or(0, |load| load + slots + 1));
    while low + 1 < high {
        let middle = low.midpoint(high);
        if poured(middle) <= slots { low = middle } else { high = middle }
    }
    let mut quotas: Vec<_> = loads.iter().map(|load| low.saturating_sub(*load)).collect();
    let mut order: Vec<_> = (0..loads.len()).filter(|at| loads[*at] <= low).collect();
    order.sort_by_key(|at| has[*at] <= quotas[*at]);
    for at in order.into_iter().take(slots - poured(low)) {
        quotas[at] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(ids: &[u64]) -> Vec<MemberId> {
        ids.iter().copied().map(MemberId).collect()
    }

    fn loads(members: &[MemberId], targets: &[Option<MemberId>]) -> Vec<usize> {
        members.iter().map(|m| targets.iter().filter(|target| **target == Some(*m)).count()).collect()
    }

    #[test]
    fn topics_with_few_subscribers_are_dealt_first_and_the_others_even_out() {
        let topics = [
            Share { slots: 0..6, members: members(&[1, 2]) },
            Share { slots: 6..10, members: members(&[2]) },
            Share { slots: 10..12, members: members(&[]) },
        ];
        let mut targets = vec![None; 12];
        balance(&topics, &mut targets);
        assert_eq!(loads(&members(&[1, 2]), &targets), [5, 5]);
        assert_eq!(targets[10..], [None, None]);
    }

    proptest! {
        #[test]
        fn equal_subscribers_differ_by_one_at_most_and_nothing_moves_without_need(
            before in prop::collection::vec(prop::option::of(0u64..6), 0..60),
            cut in 0usize..60,
            ids in prop::collection::btree_set(0u64..6, 1..6),
        ) {
            let members: Vec<_> = ids.into_iter().map(MemberId).collect();
            let before: Vec<_> = before.into_iter().map(|id| id.map(MemberId)).collect();
            let cut = cut.min(before.len());
            let topics = [
                Share { slots: 0..cut, members: members.clone() },
                Share { slots: cut..before.len(), members: members.clone() },
            ];
            let mut targets = before.clone();
            balance(&topics, &mut targets);
            let (had, has) = (loads(&members, &before), loads(&members, &targets));
            prop_assert_eq!(has.iter().sum::<usize>(), before.len());
            let (least, most) = (has.iter().min().unwrap(), has.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", has);
            // The fewest moves: of what each had, it keeps all that any balance lets it keep.
            let kept = before.iter().zip(&targets).filter(|(a, b)| a.is_some() && a == b).count();
            let (floor, extra) = (before.len() / members.len(), before.len() % members.len());
            let with_more = had.iter().filter(|had| **had > floor).count().min(extra);
            let possible = had.iter().map(|had| (*had).min(floor)).sum::<usize>() + with_more;
            prop_assert_eq!(kept, possible);
        }
    }
}
