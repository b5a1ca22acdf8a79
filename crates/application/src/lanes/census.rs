//! How many lanes there are, and what they do.

use super::lane::Phase;

/// Counts of lanes and their events; kept as they change, so asking costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Lanes with work.
    pub lanes: usize,
    /// Lanes whose head runs, ghosts included.
    pub running: usize,
    /// Lanes whose head waits for its next attempt.
    pub waiting: usize,
    /// Lanes that a dead letter closes.
    pub dead: usize,
    /// Lanes whose aggregate waits in the dead-letter store.
    pub parked: usize,
    /// Of those that may start, the ones that found no token of their rate when they were last looked at.
    pub throttled: usize,
    /// Events behind the heads.
    pub queued: usize,
    /// Lanes whose queue has reached its capacity.
    pub full: usize,
}

impl Census {
    /// Lanes that have work and may start, but do not run yet.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.lanes - self.running - self.waiting - self.dead - self.parked
    }

    #[inline]
    pub(crate) fn leave(&mut self, phase: Phase) {
        // Asked before the others, because nearly every head leaves a lane this way.
        if phase == Phase::Running {
            self.running -= 1;
        } else if let Some(count) = self.count(phase) {
            *count -= 1;
        }
    }

    pub(crate) fn enter(&mut self, phase: Phase) {
        if let Some(count) = self.count(phase) {
            *count += 1;
        }
    }

    fn count(&mut self, phase: Phase) -> Option<&mut usize> {
        match phase {
            Phase::Ready | Phase::Asking => None,
            Phase::Running | Phase::Ghost => Some(&mut self.running),
            Phase::Waiting => Some(&mut self.waiting),
            Phase::Burying | Phase::Blocked => Some(&mut self.dead),
            Phase::Parked => Some(&mut self.parked),
        }
    }
}

impl std::ops::AddAssign for Census {
    fn add_assign(&mut self, other: Self) {
        self.lanes += other.lanes;
        self.running += other.running;
        self.waiting += other.waiting;
        self.dead += other.dead;
        self.parked += other.parked;
        self.throttled += other.throttled;
        self.queued += other.queued;
        self.full += other.full;
    }
}
