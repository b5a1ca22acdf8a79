use super::*;
use proptest::prelude::*;

const DRAIN: Duration = Duration::from_secs(3);

fn second(n: u64) -> Monotonic {
    Monotonic::from_nanos(n * 1_000_000_000)
}

/// What members and partitions know, as far as actions tell them.
#[derive(Default)]
struct World {
    group: Coordinator,
    members: BTreeMap<MemberId, Known>,
    owners: BTreeMap<SlotId, (MemberId, Epoch)>,
    epochs: BTreeMap<SlotId, Epoch>,
}

#[derive(Default)]
struct Known {
    wants: Vec<usize>,
    has: BTreeMap<SlotId, Epoch>,
    asked: Vec<(RevocationId, Slots, Monotonic)>,
}

impl World {
    fn new(topics: &[u32]) -> Self {
        let mut world = Self::default();
        for partitions in topics {
            world.group.add_topic(*partitions);
        }
        world
    }

    fn join(&mut self, wants: &[usize], now: Monotonic) -> MemberId {
        let mut out = Vec::new();
        let member = self.group.join(wants.to_vec(), DRAIN, now, &mut out);
        self.members.insert(member, Known { wants: wants.to_vec(), ..Known::default() });
        self.hear(out);
        member
    }

    fn leave(&mut self, member: MemberId, now: Monotonic) {
        let mut out = Vec::new();
        self.group.leave(member, now, &mut out);
        self.members.remove(&member);
        self.hear(out);
    }

    fn release(&mut self, member: MemberId, revocation: RevocationId) {
        let (open, mut out) = (self.group.awaits(member, revocation), Vec::new());
        self.group.release(member, revocation, &mut out);
        let known = self.members.get_mut(&member).unwrap();
        let at = known.asked.iter().position(|(id, ..)| *id == revocation);
        if let Some((_, slots, _)) = at.map(|at| known.asked.remove(at)).filter(|_| open) {
            known.has.retain(|slot, _| !slots.iter().any(|(gone, _)| gone == slot));
        }
        self.hear(out);
    }

    fn expire(&mut self, now: Monotonic) {
        let mut out = Vec::new();
        self.group.expire(now, &mut out);
        self.hear(out);
    }

    fn expel(&mut self) -> Vec<Action> {
        let mut out = Vec::new();
        self.group.expel(&mut out);
        self.hear(out.clone());
        out
    }

    fn hear(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Vacate(slots) => {
                    for (slot, epoch) in slots {
                        assert_eq!(self.owners.remove(&slot).map(|(_, epoch)| epoch), Some(epoch));
                    }
                }
                Action::Lose { member, slots } => {
                    let known = self.members.get_mut(&member).unwrap();
                    for (slot, epoch) in &slots {
                        assert_eq!(known.has.remove(slot), Some(*epoch), "lost is what one had");
                    }
                    known.asked.retain(|(_, asked, _)| !asked.iter().any(|slot| slots.contains(slot)));
                }
                Action::Grant { member, slots } => {
                    slots.into_iter().for_each(|slot| self.grant(member, slot))
                }
                Action::Revoke { member, revocation, slots, until } => {
                    let known = self.members.get_mut(&member).unwrap();
                    assert!(slots.iter().all(|(slot, epoch)| known.has.get(slot) == Some(epoch)));
                    known.asked.push((revocation, slots, until));
                }
            }
        }
    }

    fn grant(&mut self, member: MemberId, (slot, epoch): (SlotId, Epoch)) {
        let before = self.epochs.insert(slot, epoch);
        assert!(before.is_none_or(|before| before < epoch), "epochs rise");
        let owner = self.owners.insert(slot, (member, epoch));
        assert_eq!(owner, None, "a partition has one owner at a time");
        self.members.get_mut(&member).unwrap().has.insert(slot, epoch);
    }

    fn open(&self) -> Vec<(MemberId, RevocationId)> {
        let asked = |(member, known): (&MemberId, &Known)| {
            known.asked.iter().map(|(id, ..)| (*member, *id)).collect::<Vec<_>>()
        };
        self.members.iter().flat_map(asked).collect()
    }

    /// Answers everything that is asked; then every partition that somebody wants has an owner.
    fn settle(&mut self) {
        while let Some((member, revocation)) = self.open().first() {
            self.release(*member, *revocation);
        }
        assert_eq!(self.group.deadline(), Monotonic::NEVER);
        for (topic, slots) in self.group.topics.iter().enumerate() {
            let wanted = self.members.values().any(|known| known.wants.contains(&topic));
            let ids = slots.clone().map(|at| SlotId(u32::try_from(at).unwrap()));
            for slot in ids {
                let owner = self.owners.get(&slot).map(|(owner, _)| &self.members[owner]);
                assert_eq!(owner.is_some(), wanted, "{slot:?}");
                assert!(owner.is_none_or(|owner| owner.wants.contains(&topic)), "{slot:?}");
            }
        }
        let mut wants = self.members.values().map(|known| &known.wants);
        if let Some(first) = wants.next().filter(|first| wants.all(|wants| wants == *first)) {
            let loads = self.loads();
            assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{first:?}: {loads:?}");
        }
    }

    fn loads(&self) -> Vec<usize> {
        self.members.values().map(|known| known.has.len()).collect()
    }
}

#[test]
fn a_second_member_gets_half_after_the_first_has_released_it() {
    let mut world = World::new(&[8]);
    let first = world.join(&[0], second(0));
    assert_eq!(world.loads(), [8]);
    world.join(&[0], second(1));
    assert_eq!(world.loads(), [8, 0], "nothing moves before the release");
    assert_eq!(world.group.deadline(), second(4));
    let (member, revocation) = world.open()[0];
    assert_eq!(member, first);
    world.release(first, revocation);
    assert_eq!(world.loads(), [4, 4]);
    world.settle();
}

#[test]
fn a_member_that_does_not_answer_loses_what_it_was_asked_for_at_the_deadline() {
    let mut world = World::new(&[4]);
    let frozen = world.join(&[0], second(0));
    world.join(&[0], second(0));
    let (_, revocation) = world.open()[0];
    world.expire(second(2));
    assert_eq!(world.loads(), [4, 0]);
    world.expire(second(3));
    assert_eq!(world.loads(), [2, 2]);
    world.release(frozen, revocation);
    assert_eq!(world.loads(), [2, 2], "the release of a closed revocation does nothing");
}

#[test]
fn what_is_released_after_the_joiner_left_goes_straight_back_with_a_new_epoch() {
    let mut world = World::new(&[2]);
    let first = world.join(&[0], second(0));
    let second_member = world.join(&[0], second(0));
    world.leave(second_member, second(1));
    assert_eq!(world.open().len(), 1, "the revocation stays open");
    world.settle();
    let epochs: Vec<_> = world.members[&first].has.values().copied().collect();
    assert_eq!(epochs, [Epoch(1), Epoch(2)]);
}

#[test]
fn the_revocation_of_a_member_that_leaves_is_closed() {
    let mut world = World::new(&[2]);
    let first = world.join(&[0], second(0));
    world.join(&[0], second(0));
    let (_, revocation) = world.open()[0];
    world.leave(first, second(1));
    assert!(!world.group.awaits(first, revocation));
    assert_eq!(world.loads(), [2]);
    world.settle();
}

#[test]
fn expelled_members_lose_everything_and_get_as_much_with_new_epochs() {
    let mut world = World::new(&[4]);
    world.join(&[0], second(0));
    world.join(&[0], second(0));
    let open = world.open()[0];
    let lost: Vec<_> =
        world.expel().into_iter().filter(|action| matches!(action, Action::Lose { .. })).collect();
    assert_eq!(lost.len(), 1, "the second member had nothing yet");
    assert_eq!(world.loads(), [2, 2]);
    assert!(world.owners.values().all(|(_, epoch)| *epoch == Epoch(2)));
    assert!(!world.group.awaits(open.0, open.1));
}

#[test]
fn members_of_one_group_may_want_different_topics() {
    let mut world = World::new(&[3, 2]);
    world.join(&[0], second(0));
    world.join(&[1, 0], second(0));
    world.settle();
    assert_eq!(world.loads(), [3, 2]);
}

#[derive(Debug, Clone)]
enum Step {
    Join(Vec<usize>),
    Leave(usize),
    Release(usize),
    Expire(u64),
    Expel,
    Grow(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wants = prop::sample::subsequence(vec![0, 1, 2], 1..=3);
    let step = prop_oneof![
        2 => Just(Step::Join(vec![0, 1, 2])),
        1 => wants.prop_map(Step::Join),
        2 => any::<usize>().prop_map(Step::Leave),
        4 => any::<usize>().prop_map(Step::Release),
        2 => (0..5u64).prop_map(Step::Expire),
        1 => Just(Step::Expel),
        1 => (1..4u32).prop_map(Step::Grow),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #[test]
    fn a_partition_has_one_owner_epochs_rise_and_quiet_groups_own_everything(steps in steps()) {
        let (mut world, mut now) = (World::new(&[5, 1, 7]), 0);
        for step in steps {
            match step {
                Step::Join(wants) => {
                    world.join(&wants, second(now));
                }
                Step::Leave(n) => {
                    let member = world.members.keys().nth(n % world.members.len().max(1)).copied();
                    member.into_iter().for_each(|member| world.leave(member, second(now)));
                }
                Step::Release(n) => {
                    let open = world.open();
                    let one = open.get(n % open.len().max(1)).copied();
                    one.into_iter().for_each(|(member, revocation)| world.release(member, revocation));
                }
                Step::Expire(later) => {
                    now += later;
                    world.expire(second(now));
                    prop_assert!(world.group.deadline() > second(now));
                }
                Step::Expel => drop(world.expel()),
                Step::Grow(partitions) => {
                    world.group.add_topic(partitions);
                }
            }
        }
        world.settle();
    }
}
