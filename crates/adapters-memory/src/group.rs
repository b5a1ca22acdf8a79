//! The coordinator of one group: who owns which partition, and how ownership moves.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use laneway_domain::{Epoch, Monotonic, RevocationId};

use crate::balance::{Share, balance};

/// Names a member for the life of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberId(pub(crate) u64);

/// A partition as its group numbers it: dense over all topics that the group ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotId(pub(crate) u32);

/// Slots with the epochs of their owner.
pub(crate) type Slots = Vec<(SlotId, Epoch)>;

/// What has to be done after a step, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nobody owns these any more.
    Vacate(Slots),
    /// A member hears that it has lost partitions.
    Lose { member: MemberId, slots: Slots },
    /// A member owns partitions from now on.
    Grant { member: MemberId, slots: Slots },
    /// A member is asked to give partitions up.
    Revoke { member: MemberId, revocation: RevocationId, slots: Slots, until: Monotonic },
}

/// Members, and what they own: decides, and waits for nothing.
///
/// Every partition has a target, and an owner until it is free. Where they differ a revocation is open, or the
/// partition is free for want of members. An owner keeps its epoch until the partition is free; the next one gets a
/// higher epoch, also where that is the same member.
#[derive(Debug, Default)]
pub(crate) struct Coordinator {
    members: BTreeMap<MemberId, Member>,
    topics: Vec<Range<usize>>,
    slots: Vec<Slot>,
    targets: Vec<Option<MemberId>>,
    revocations: Vec<Revocation>,
    joined: u64,
    revoked: u64,
}

#[derive(Debug)]
struct Member {
    /// In order.
    topics: Vec<usize>,
    drain: Duration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    epoch: u64,
    owner: Option<MemberId>,
    revoked: bool,
}

#[derive(Debug)]
struct Revocation {
    id: RevocationId,
    member: MemberId,
    slots: Slots,
    until: Monotonic,
}

impl Coordinator {
    /// Adds a topic; its number among the topics of the group.
    pub(crate) fn add_topic(&mut self, partitions: u32) -> usize {
        let from = self.slots.len();
        self.slots.resize(from + partitions as usize, Slot::default());
        self.targets.resize(self.slots.len(), None);
        self.topics.push(from..self.slots.len());
        self.topics.len() - 1
    }

    /// Takes a member that wants these topics, and gives up to `drain` when asked to.
    pub(crate) fn join(
        &mut self,
        mut topics: Vec<usize>,
        drain: Duration,
        now: Monotonic,
        out: &mut Vec<Action>,
    ) -> MemberId {
        topics.sort_unstable();
        self.joined += 1;
        let member = MemberId(self.joined);
        self.members.insert(member, Member { topics, drain });
        self.rebalance(now, out);
        member
    }

    /// Lets a member go, with all that it owns. One that is gone already goes no further.
    pub(crate) fn leave(&mut self, member: MemberId, now: Monotonic, out: &mut Vec<Action>) {
        if self.members.remove(&member).is_none() {
            return;
        }
        self.revocations.retain(|open| open.member != member);
        let owned = self.owned_by(member);
        self.free(owned, out);
        self.rebalance(now, out);
    }

    /// Whether this member still has to answer this revocation.
    pub(crate) fn awaits(&self, member: MemberId, revocation: RevocationId) -> bool {
        self.find(member, revocation).is_some()
    }

    /// Closes a revocation that its member answered.
    pub(crate) fn release(&mut self, member: MemberId, revocation: RevocationId, out: &mut Vec<Action>) {
        if let Some(at) = self.find(member, revocation) {
            let Revocation { slots, .. } = self.revocations.remove(at);
            self.free(slots.clone(), out);
            self.grant(slots.into_iter().map(|(slot, _)| slot), out);
        }
    }

    fn find(&self, member: MemberId, revocation: RevocationId) -> Option<usize> {
        self.revocations.iter().position(|open| open.id == revocation && open.member == member)
    }

    /// Closes the revocations whose time is up: their members lose what they did not release.
    pub(crate) fn expire(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let late: Vec<_> = self.revocations.extract_if(.., |open| open.until <= now).collect();
        let mut freed = Vec::new();
        for Revocation { member, slots, .. } in late {
            freed.extend(slots.iter().map(|(slot, _)| *slot));
            self.free(slots.clone(), out);
            out.push(Action::Lose { member, slots });
        }
        self.grant(freed.into_iter(), out);
    }

    /// Takes everything from every member at once, and gives it out anew.
    pub(crate) fn expel(&mut self, out: &mut Vec<Action>) {
        self.revocations.clear();
        let members: Vec<_> = self.members.keys().copied().collect();
        for member in members {
            let slots = self.owned_by(member);
            if !slots.is_empty() {
                self.free(slots.clone(), out);
                out.push(Action::Lose { member, slots });
            }
        }
        self.grant(self.every_slot(), out);
    }

    /// When [`Coordinator::expire`] has something to do next.
    pub(crate) fn deadline(&self) -> Monotonic {
        self.revocations.iter().map(|open| open.until).min().unwrap_or(Monotonic::NEVER)
    }

    fn every_slot(&self) -> impl Iterator<Item = SlotId> + use<> {
        (0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)).map(SlotId)
    }

    fn owner(&self, slot: SlotId) -> Option<(MemberId, Epoch)> {
        let slot = &self.slots[slot.0 as usize];
        slot.owner.map(|owner| (owner, Epoch(slot.epoch)))
    }

    fn owned_by(&self, member: MemberId) -> Slots {
        let owners = self.every_slot().filter_map(|slot| Some((slot, self.owner(slot)?)));
        owners.filter(|(_, (owner, _))| *owner == member).map(|(slot, (_, epoch))| (slot, epoch)).collect()
    }

    fn free(&mut self, slots: Slots, out: &mut Vec<Action>) {
        for (slot, _) in &slots {
            let slot = &mut self.slots[slot.0 as usize];
            (slot.owner, slot.revoked) = (None, false);
        }
        if !slots.is_empty() {
            out.push(Action::Vacate(slots));
        }
    }

    /// Gives free slots to their targets.
    fn grant(&mut self, slots: impl Iterator<Item = SlotId>, out: &mut Vec<Action>) {
        let mut granted: BTreeMap<MemberId, Slots> = BTreeMap::new();
        for id in slots {
            let slot = &mut self.slots[id.0 as usize];
            if let (None, Some(target)) = (slot.owner, self.targets[id.0 as usize]) {
                slot.owner = Some(target);
                slot.epoch += 1;
                granted.entry(target).or_default().push((id, Epoch(slot.epoch)));
            }
        }
        out.extend(granted.into_iter().map(|(member, slots)| Action::Grant { member, slots }));
    }

    fn rebalance(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let subscribers = |topic: usize| {
            let wanting =
                self.members.iter().filter(|(_, member)| member.topics.binary_search(&topic).is_ok());
            wanting.map(|(id, _)| *id).collect()
        };
        let topics = self.topics.iter().cloned().enumerate();
        let shares: Vec<_> = topics.map(|(at, slots)| Share { slots, members: subscribers(at) }).collect();
        balance(&shares, &mut self.targets);
        self.grant(self.every_slot(), out);
        self.revoke(now, out);
    }

    /// Asks every owner for what it shall not keep, unless it was asked before.
    fn revoke(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let mut asked: BTreeMap<MemberId, Slots> = BTreeMap::new();
        for ((at, slot), target) in (0..).zip(&mut self.slots).zip(&self.targets) {
            let Some(owner) = slot.owner.filter(|owner| !slot.revoked && Some(*owner) != *target) else {
                continue;
            };
            slot.revoked = true;
            asked.entry(owner).or_default().push((SlotId(at), Epoch(slot.epoch)));
        }
        for (member, slots) in asked {
            self.revoked += 1;
            let id = RevocationId(self.revoked);
            let until = now + self.members.get(&member).map_or(Duration::ZERO, |member| member.drain);
            self.revocations.push(Revocation { id, member, slots: slots.clone(), until });
            out.push(Action::Revoke { member, revocation: id, slots, until });
        }
    }
}

#[cfg(test)]
mod tests;
