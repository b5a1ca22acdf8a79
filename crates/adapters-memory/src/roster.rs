//! A group at work: its coordinator, the seats of its members, and its topics, behind one lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_domain::{Clock, Monotonic, PartitionNumber, RevocationId, StartFrom, Subscription};

use crate::aftermath::Aftermath;
use crate::claim::GroupKey;
use crate::group::{Action, Coordinator, MemberId, SlotId, Slots};
use crate::seat::{Grant, Notice, Seat};
use crate::topic::Topic;

/// A consumer group. Its lock may be held while a partition's is taken, never the other way round.
pub(crate) struct Group {
    key: GroupKey,
    clock: Arc<dyn Clock>,
    /// When the next revocation runs out, in nanoseconds; every member watches it, because its owner may be frozen.
    deadline: AtomicU64,
    roster: Mutex<Roster>,
}

#[derive(Default)]
struct Roster {
    coordinator: Coordinator,
    seats: HashMap<MemberId, Arc<Seat>>,
    topics: Vec<Arc<Topic>>,
    places: Vec<(usize, PartitionNumber)>,
}

/// One member of a group. Dropping it leaves the group.
pub(crate) struct Membership {
    group: Arc<Group>,
    member: MemberId,
    seat: Arc<Seat>,
}

impl Group {
    pub(crate) fn new(key: GroupKey, clock: Arc<dyn Clock>) -> Self {
        let deadline = AtomicU64::new(Monotonic::NEVER.nanos());
        Self { key, clock, deadline, roster: Mutex::default() }
    }

    pub(crate) fn key(&self) -> GroupKey {
        self.key
    }

    fn lock(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step of the coordinator and carries out what it says, all under the lock, so that every seat and every
    /// partition hears of the steps in one order.
    fn step<T>(
        &self,
        after: &mut Aftermath,
        take: impl FnOnce(&mut Roster, &mut Vec<Action>, &mut Aftermath) -> T,
    ) -> T {
        let (mut roster, mut actions) = (self.lock(), Vec::new());
        let result = take(&mut roster, &mut actions, after);
        for action in actions {
            roster.carry_out(self.key, action, after);
        }
        let deadline = roster.coordinator.deadline().nanos();
        if deadline < self.deadline.swap(deadline, Ordering::SeqCst) {
            after.readers.extend(roster.seats.values().cloned());
        }
        result
    }

    /// Takes a member.
    pub(crate) fn join(
        self: &Arc<Self>,
        topics: &[Arc<Topic>],
        subscription: &Subscription,
        after: &mut Aftermath,
    ) -> Membership {
        let (seat, now) = (Arc::<Seat>::default(), self.clock.monotonic());
        let member = self.step(after, |roster, actions, _| {
            let wanted = topics.iter().map(|topic| roster.enroll(self.key, topic, subscription.start));
            let wanted = wanted.collect();
            let member = roster.coordinator.join(wanted, subscription.drain, now, actions);
            roster.seats.insert(member, seat.clone());
            member
        });
        Membership { group: self.clone(), member, seat }
    }

    /// Takes everything from every member, and gives it out anew; how many members there are.
    pub(crate) fn expel(&self) -> usize {
        let mut after = Aftermath::default();
        let members = self.step(&mut after, |roster, actions, _| {
            roster.coordinator.expel(actions);
            roster.seats.len()
        });
        after.settle();
        members
    }

    /// Tells every member that the broker is closed.
    pub(crate) fn close(&self) {
        let seats: Vec<_> = self.lock().seats.values().cloned().collect();
        for seat in seats {
            seat.post(Notice::Closed);
            seat.wake();
        }
    }

    /// Whether the group has no members.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().seats.is_empty()
    }

    /// Gives up every claim on events. For a group without members that nobody can join any more.
    pub(crate) fn strike(&self) {
        let topics = self.lock().topics.clone();
        for (_, partition) in topics.iter().flat_map(|topic| topic.partitions()) {
            partition.strike(self.key, &*self.clock);
        }
    }
}

impl Roster {
    /// The number of a topic in the group; its claims begin where `start` says if the group is new to it.
    fn enroll(&mut self, key: GroupKey, topic: &Arc<Topic>, start: StartFrom) -> usize {
        if let Some(known) = self.topics.iter().position(|known| Arc::ptr_eq(known, topic)) {
            return known;
        }
        let at = self.coordinator.add_topic(topic.width());
        for (number, partition) in topic.partitions() {
            partition.enroll(key, start);
            self.places.push((at, number));
        }
        self.topics.push(topic.clone());
        at
    }

    fn place(&self, slot: SlotId) -> (&Arc<Topic>, PartitionNumber) {
        let (topic, number) = self.places[slot.0 as usize];
        (&self.topics[topic], number)
    }

    fn carry_out(&self, key: GroupKey, action: Action, after: &mut Aftermath) {
        let (member, notice) = match action {
            Action::Vacate(slots) => {
                for (topic, number) in slots.into_iter().map(|(slot, _)| self.place(slot)) {
                    topic.partition(number).vacate(key);
                }
                return;
            }
            Action::Lose { member, slots } => (member, Notice::Lost(slots)),
            Action::Grant { member, slots } => (member, Notice::Granted(self.grants(key, member, slots))),
            Action::Revoke { member, revocation, slots, until } => {
                (member, Notice::Revoking { revocation, slots, until })
            }
        };
        if let Some(seat) = self.seats.get(&member) {
            seat.post(notice);
            after.readers.push(seat.clone());
        }
    }

    fn grants(&self, key: GroupKey, member: MemberId, slots: Slots) -> Vec<Grant> {
        let Some(seat) = self.seats.get(&member) else { return Vec::new() };
        let grant = |(slot, epoch)| {
            let (topic, number) = self.place(slot);
            let (stored, initial) = topic.partition(number).grant(key, epoch, seat.clone(), slot);
            Grant { slot, epoch, topic: topic.clone(), number, stored, initial }
        };
        slots.into_iter().map(grant).collect()
    }
}

impl Membership {
    pub(crate) fn key(&self) -> GroupKey {
        self.group.key
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.group.clock
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// When [`Membership::expire`] has something to do next.
    #[inline]
    pub(crate) fn deadline(&self) -> Monotonic {
        Monotonic::from_nanos(self.group.deadline.load(Ordering::SeqCst))
    }

    /// Ends the revocations whose time is up, whoever was asked.
    #[inline]
    pub(crate) fn expire(&self) {
        let deadline = self.deadline();
        if deadline != Monotonic::NEVER && deadline <= self.clock().monotonic() {
            self.expire_now();
        }
    }

    #[cold]
    fn expire_now(&self) {
        let (mut after, now) = (Aftermath::default(), self.clock().monotonic());
        self.group.step(&mut after, |roster, actions, _| roster.coordinator.expire(now, actions));
        after.settle();
    }

    /// Answers a revocation, after `commit`; does neither if the revocation is closed.
    pub(crate) fn release<T>(
        &self,
        revocation: RevocationId,
        commit: impl FnOnce(&mut Aftermath) -> T,
    ) -> Option<T> {
        let mut after = Aftermath::default();
        let committed = self.group.step(&mut after, |roster, actions, after| {
            let open = roster.coordinator.awaits(self.member, revocation);
            let committed = open.then(|| commit(after));
            roster.coordinator.release(self.member, revocation, actions);
            committed
        });
        after.settle();
        committed
    }

    /// Leaves the group; the second time does nothing.
    pub(crate) fn leave(&self) {
        let (mut after, now) = (Aftermath::default(), self.clock().monotonic());
        let seat = self.group.step(&mut after, |roster, actions, _| {
            roster.coordinator.leave(self.member, now, actions);
            roster.seats.remove(&self.member)
        });
        after.settle();
        drop(seat);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
    }
}
