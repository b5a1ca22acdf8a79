//! In which order the group's changes are answered.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use laneway_domain::{Monotonic, RevocationId};

use crate::place::Place;

/// What the group tells a member, in order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// These are yours.
    Assign(Vec<Place>),
    /// These will go, or are gone already.
    Revoke { places: Vec<Place>, lost: bool },
}

/// What has to be done about it, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Find out where the group stands in these, then say so.
    LookUp(Vec<Place>),
    /// Answer an assignment; only `granted` are ours from now on.
    Take { places: Vec<Place>, granted: Vec<Place> },
    /// Stop reading these, and let what runs end until then.
    Drain { revocation: RevocationId, places: Vec<Place>, until: Monotonic },
    /// These are gone: commit nothing of them.
    Lose(Vec<Place>),
    /// Answer a revocation.
    Give(Vec<Place>),
}

/// The changes of a group that are not answered yet.
///
/// Each is answered once, in order of arrival. What stands behind a revocation that drains closes it at once, without a
/// commit: while it has no answer the client delivers nothing, and the group may have given its partitions to others.
pub(crate) struct Rebalances {
    waiting: VecDeque<Said>,
    current: Option<Current>,
    ours: BTreeSet<Place>,
    drain: Duration,
    revocations: u64,
}

enum Current {
    LookingUp(Vec<Place>),
    Draining(Held),
    /// Its last commit is under way.
    Committing(Held),
}

struct Held {
    revocation: RevocationId,
    places: Vec<Place>,
    ours: Vec<Place>,
    until: Monotonic,
}

/// How long the last commit of a revocation may take.
pub(crate) const LAST_COMMIT: Duration = Duration::from_secs(1);

impl Rebalances {
    pub(crate) fn new(drain: Duration) -> Self {
        Self { waiting: VecDeque::new(), current: None, ours: BTreeSet::new(), drain, revocations: 0 }
    }

    /// The group says something.
    pub(crate) fn said(&mut self, said: Said, now: Monotonic, deeds: &mut Vec<Deed>) {
        self.waiting.push_back(said);
        self.go_on(now, deeds);
    }

    /// What is being looked up.
    pub(crate) fn looking_up(&self) -> &[Place] {
        if let Some(Current::LookingUp(places)) = &self.current { places } else { &[] }
    }

    /// What was looked up is known.
    pub(crate) fn looked_up(&mut self, now: Monotonic, deeds: &mut Vec<Deed>) {
        let Some(Current::LookingUp(places)) = self.current.take_if(|c| matches!(c, Current::LookingUp(_)))
        else {
            return;
        };
        let granted: Vec<_> = places.iter().filter(|place| !self.is_revoked(place)).cloned().collect();
        self.ours.extend(granted.iter().cloned());
        deeds.push(Deed::Take { places, granted });
        self.go_on(now, deeds);
    }

    /// Nothing of a revocation runs any more, and its last commit is on its way; whether it was open.
    pub(crate) fn released(&mut self, revocation: RevocationId, now: Monotonic) -> bool {
        match self.current.take() {
            Some(Current::Draining(held)) if held.revocation == revocation => {
                self.current = Some(Current::Committing(Held { until: now + LAST_COMMIT, ..held }));
                true
            }
            other => {
                self.current = other;
                false
            }
        }
    }

    /// The last commit of a revocation has an answer, whichever.
    pub(crate) fn committed(&mut self, revocation: RevocationId, now: Monotonic, deeds: &mut Vec<Deed>) {
        let committed =
            |c: &mut Current| matches!(c, Current::Committing(held) if held.revocation == revocation);
        if let Some(Current::Committing(held)) = self.current.take_if(committed) {
            self.give(held, deeds);
            self.go_on(now, deeds);
        }
    }

    /// All that was ours is gone, whatever the group says.
    pub(crate) fn expelled(&mut self, now: Monotonic, deeds: &mut Vec<Deed>) {
        let held = match &self.current {
            Some(Current::Draining(held) | Current::Committing(held)) => held.ours.clone(),
            _ => Vec::new(),
        };
        let gone: BTreeSet<_> = std::mem::take(&mut self.ours).into_iter().chain(held).collect();
        if !gone.is_empty() {
            deeds.push(Deed::Lose(gone.into_iter().collect()));
        }
        if let Some(Current::Draining(held) | Current::Committing(held)) =
            self.current.take_if(|c| !matches!(c, Current::LookingUp(_)))
        {
            deeds.push(Deed::Give(held.places));
        }
        self.go_on(now, deeds);
    }

    /// Time has come.
    pub(crate) fn tick(&mut self, now: Monotonic, deeds: &mut Vec<Deed>) {
        if self.due() > now {
            return;
        }
        match self.current.take() {
            Some(Current::Draining(held)) => self.close(held, deeds),
            Some(Current::Committing(held)) => self.give(held, deeds),
            other => self.current = other,
        }
        self.go_on(now, deeds);
    }

    /// When something has to be done.
    pub(crate) fn due(&self) -> Monotonic {
        match &self.current {
            Some(Current::Draining(held) | Current::Committing(held)) => held.until,
            _ => Monotonic::NEVER,
        }
    }

    fn go_on(&mut self, now: Monotonic, deeds: &mut Vec<Deed>) {
        while !self.waiting.is_empty() && self.overtake(deeds) {
            match self.waiting.pop_front() {
                Some(Said::Assign(places)) if places.is_empty() => {
                    deeds.push(Deed::Take { places, granted: Vec::new() });
                }
                Some(Said::Assign(places)) => {
                    deeds.push(Deed::LookUp(places.clone()));
                    self.current = Some(Current::LookingUp(places));
                }
                Some(Said::Revoke { places, lost }) => self.revoke(places, lost, now, deeds),
                None => return,
            }
        }
    }

    /// Something newer waits: whether the way is free for it.
    fn overtake(&mut self, deeds: &mut Vec<Deed>) -> bool {
        match self.current.take() {
            None => {}
            Some(Current::Draining(held) | Current::Committing(held)) => self.close(held, deeds),
            Some(Current::LookingUp(places)) if places.iter().all(|place| self.is_revoked(place)) => {
                deeds.push(Deed::Take { places, granted: Vec::new() });
            }
            looking_up => {
                self.current = looking_up;
                return false;
            }
        }
        true
    }

    fn revoke(&mut self, places: Vec<Place>, lost: bool, now: Monotonic, deeds: &mut Vec<Deed>) {
        let ours: Vec<_> = places.iter().filter_map(|place| self.ours.take(place)).collect();
        if ours.is_empty() {
            return deeds.push(Deed::Give(places));
        }
        self.revocations += 1;
        let (revocation, until) = (RevocationId(self.revocations), now + self.drain);
        let held = Held { revocation, places, ours, until };
        if lost {
            return self.close(held, deeds);
        }
        deeds.push(Deed::Drain { revocation, places: held.ours.clone(), until });
        self.current = Some(Current::Draining(held));
    }

    /// Ends a revocation without a commit.
    fn close(&self, held: Held, deeds: &mut Vec<Deed>) {
        deeds.push(Deed::Lose(held.ours));
        deeds.push(Deed::Give(held.places));
    }

    /// Ends a revocation whose commit was tried.
    fn give(&self, held: Held, deeds: &mut Vec<Deed>) {
        deeds.push(Deed::Give(held.places));
    }

    fn is_revoked(&self, place: &Place) -> bool {
        self.waiting.iter().any(|said| matches!(said, Said::Revoke { places, .. } if places.contains(place)))
    }
}

#[cfg(test)]
#[path = "rebalance_tests.rs"]
mod tests;
