//! Who of a process holds still for one event alone, and who cannot.

use std::collections::BTreeMap;

use super::solo::Solo;

/// The roll call of a process: its members hold still while somebody asks to be alone, and say when nothing of them runs.
///
/// Once all have said so the first that asks is [granted](RollAction::Grant) the process; when it lets go, all are called anew for
/// the next. A member in which something hangs is not waited for: as long as there is one nobody is called and nobody is granted
/// anything, because a crash then could be that one's, and whoever asks waits while all others go on. So each call ends: by a
/// grant, by a member that [hangs](Self::hangs), or when its time is up for those that do not answer ([`late`](Self::late)).
#[derive(Debug)]
pub struct RollCall<M, A> {
    solo: Solo<(M, A)>,
    members: BTreeMap<M, Member>,
    round: u64,
    /// Whether the members hold still.
    held: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Member {
    quiet: bool,
    hangs: bool,
    /// It did not answer in time.
    late: bool,
}

/// What members are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollAction<M, A> {
    /// All: hold still, and say with this number when nothing runs.
    Call(u64),
    /// This one: it has the process alone.
    Grant(M, A),
    /// All: go on.
    Open,
}

impl<M, A> Default for RollCall<M, A> {
    fn default() -> Self {
        Self { solo: Solo::default(), members: BTreeMap::new(), round: 0, held: false }
    }
}

impl<M: Ord + Copy, A: PartialEq + Clone> RollCall<M, A> {
    /// A member comes; the call that it has to answer, where one is under way.
    pub fn join(&mut self, member: M) -> Option<u64> {
        self.members.insert(member, Member::default());
        self.held.then_some(self.round)
    }

    /// A member goes, with whatever it asked for.
    pub fn leave(&mut self, member: M) -> Option<RollAction<M, A>> {
        self.members.remove(&member);
        let held = self.solo.is_held();
        self.solo.forget(|(of, _)| *of == member);
        self.turn(held && !self.solo.is_held())
    }

    /// A member asks to be alone. Asking twice is asking once.
    pub fn ask(&mut self, member: M, asker: A) -> Option<RollAction<M, A>> {
        self.solo.ask((member, asker));
        self.turn(false)
    }

    /// It lets go, or no longer asks.
    pub fn let_go(&mut self, member: M, asker: A) -> Option<RollAction<M, A>> {
        let held = self.solo.is_held();
        self.solo.let_go(&(member, asker));
        self.turn(held && !self.solo.is_held())
    }

    /// Nothing runs in a member, says its answer to this call.
    pub fn quiet(&mut self, member: M, round: u64) -> Option<RollAction<M, A>> {
        if round == self.round
            && let Some(member) = self.members.get_mut(&member)
        {
            (member.quiet, member.late) = (true, false);
        }
        self.turn(false)
    }

    /// Something in a member has run out of its time and goes on; or no longer.
    pub fn hangs(&mut self, member: M, hangs: bool) -> Option<RollAction<M, A>> {
        if let Some(member) = self.members.get_mut(&member) {
            (member.hangs, member.late) = (hangs, false);
        }
        self.turn(false)
    }

    /// The time of this call is up: whoever is not quiet hangs, until it says something else.
    pub fn late(&mut self, round: u64) -> Option<RollAction<M, A>> {
        if round != self.round || !self.held || self.solo.is_held() {
            return None;
        }
        self.members.values_mut().for_each(|member| member.late = !member.quiet);
        self.turn(false)
    }

    /// Whether a member did not answer in time: it has to say whether it hangs.
    #[must_use]
    pub fn is_late(&self, member: M) -> bool {
        self.members.get(&member).is_some_and(|member| member.late)
    }

    /// Whether the members hold still.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held
    }

    fn turn(&mut self, anew: bool) -> Option<RollAction<M, A>> {
        let hangs = self.members.values().any(|member| member.hangs || member.late);
        // Whoever has the process keeps it until it lets go: before that its checkpoint says that it is alone.
        if !self.solo.is_held() && (hangs || self.solo.may_start()) {
            return std::mem::take(&mut self.held).then_some(RollAction::Open);
        }
        if anew || !self.held {
            self.held = true;
            self.round += 1;
            self.members.values_mut().for_each(|member| member.quiet = false);
            return Some(RollAction::Call(self.round));
        }
        if !self.members.values().all(|member| member.quiet) {
            return None;
        }
        self.solo.grant(0).map(|(member, asker)| RollAction::Grant(member, asker))
    }
}

#[cfg(test)]
#[path = "roll_call_tests.rs"]
mod tests;
