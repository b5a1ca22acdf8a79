//! The permission to start, as a lease that is renewed, or not in time.

use laneway_domain::Monotonic;

use super::dice::Faults;
use super::fault::Fault;

/// What a session says of the permission to start: ours where the plan pauses, within that of the broker.
#[derive(Debug)]
pub(super) struct Fence {
    ours: Monotonic,
    theirs: Monotonic,
    /// When ours is renewed next; never where the plan does not pause.
    renewal: Monotonic,
}

impl Fence {
    pub(super) fn new(faults: &Faults) -> Self {
        let pauses = faults.plan().may(Fault::Pause);
        let renewal = if pauses { Monotonic::ZERO } else { Monotonic::NEVER };
        Self { ours: Monotonic::NEVER, theirs: Monotonic::NEVER, renewal }
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Monotonic {
        self.renewal
    }

    /// Renews our part where that is due; until when handlers may start, where that changed.
    pub(super) fn renew(&mut self, faults: &Faults, now: Monotonic) -> Option<Monotonic> {
        if self.renewal > now {
            return None;
        }
        let permission = faults.plan().permission;
        // The first permission always comes: without one the session would have said nothing at all.
        if self.ours != Monotonic::NEVER && faults.strikes(Fault::Pause) {
            self.renewal = self.ours.max(now) + faults.delay();
            return None;
        }
        self.ours = now + permission;
        self.renewal = now + permission / 2;
        Some(self.until())
    }

    /// The broker's own permission.
    pub(super) fn heard(&mut self, until: Monotonic) -> Monotonic {
        self.theirs = until;
        self.until()
    }

    fn until(&self) -> Monotonic {
        self.ours.min(self.theirs)
    }
}
