//! Who owns which partition.

use std::collections::HashMap;

use crate::invariant::happening::Happening;
use crate::invariant::terms::MemberId;
use crate::parking::Scope;
use crate::position::Epoch;
use crate::time::Monotonic;

/// The assignments of a history up to one point of it, per member and partition.
#[derive(Default)]
pub(in crate::invariant) struct Tenures<'h> {
    known: HashMap<(MemberId, &'h Scope), Tenure>,
}

/// The last assignment of a partition to a member.
#[derive(Debug, Clone, Copy)]
pub(in crate::invariant) struct Tenure {
    /// How many assignments there were, this one included.
    pub(in crate::invariant) number: u32,
    /// When it began.
    pub(in crate::invariant) since: Monotonic,
    /// The epoch.
    pub(in crate::invariant) epoch: Epoch,
    /// The rank from which the group was told to read.
    pub(in crate::invariant) resume: u64,
    /// Whether nothing of the tenure before could still be under way: it was released, or there was none.
    pub(in crate::invariant) clean: bool,
    /// How it ended.
    pub(in crate::invariant) end: Option<End>,
}

/// How a tenure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::invariant) enum End {
    /// The member gave the partition up.
    Released,
    /// The member heard that it is gone, or its session ended.
    Lost,
}

impl<'h> Tenures<'h> {
    /// Takes the next happening.
    pub(in crate::invariant) fn observe(&mut self, at: Monotonic, what: &'h Happening) {
        match what {
            Happening::Assigned { member, scope, epoch, stored, initial } => {
                let before = self.known.get(&(*member, scope));
                let tenure = Tenure {
                    number: before.map_or(1, |before| before.number + 1),
                    since: at,
                    epoch: *epoch,
                    resume: stored.unwrap_or(*initial).rank(),
                    clean: before.is_none_or(|before| before.end == Some(End::Released)),
                    end: None,
                };
                self.known.insert((*member, scope), tenure);
            }
            Happening::Released { member, scope, epoch } => self.end(*member, scope, *epoch, End::Released),
            Happening::Lost { member, scope, epoch } => self.end(*member, scope, *epoch, End::Lost),
            Happening::SessionEnded { member, group, topics } => {
                self.end_all(*member, |scope| scope.group == *group && topics.contains(&scope.topic));
            }
            Happening::Crashed { member } => self.end_all(*member, |_| true),
            _ => {}
        }
    }

    fn end(&mut self, member: MemberId, scope: &'h Scope, epoch: Epoch, end: End) {
        if let Some(tenure) = self.known.get_mut(&(member, scope)).filter(|tenure| tenure.epoch == epoch) {
            tenure.end.get_or_insert(end);
        }
    }

    fn end_all(&mut self, member: MemberId, of: impl Fn(&Scope) -> bool) {
        for ((owner, scope), tenure) in &mut self.known {
            if *owner == member && of(scope) {
                tenure.end.get_or_insert(End::Lost);
            }
        }
    }

    /// The last assignment of a partition to a member.
    pub(in crate::invariant) fn of<'a>(&'a self, member: MemberId, scope: &'a Scope) -> Option<&'a Tenure> {
        self.known.get(&(member, scope))
    }

    /// Whether a partition was assigned again since: whoever has not heard of that is no owner, even where the next one
    /// has gone in the meantime.
    pub(in crate::invariant) fn is_superseded(&self, tenure: &Tenure, scope: &Scope) -> bool {
        let later = |other: &Tenure| other.since >= tenure.since && other.epoch > tenure.epoch;
        self.known.iter().any(|((_, known), other)| *known == scope && later(other))
    }

    /// The members that own a partition as far as they know, by number.
    pub(in crate::invariant) fn owners(&self, scope: &Scope) -> Vec<MemberId> {
        let owns = |((member, known), tenure): (&(MemberId, &Scope), &Tenure)| {
            (*known == scope && tenure.end.is_none()).then_some(*member)
        };
        let mut owners: Vec<_> = self.known.iter().filter_map(owns).collect();
        owners.sort_unstable();
        owners
    }
}
