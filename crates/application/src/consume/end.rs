//! The end of a subscription: stop, drain, commit, leave.

use laneway_domain::Monotonic;

use super::drains::Purpose;
use super::r#loop::Loop;
use crate::ledger::Tenure;

impl Loop {
    /// Begins to stop. Nothing starts from now on; what runs may end until shortly before the deadline. A second call
    /// can only bring the deadline nearer.
    pub(super) fn close(&mut self, deadline: Monotonic) {
        self.shared.gate.stop();
        self.condition.closing();
        let sooner = self.closing.is_none_or(|known| deadline < known);
        if sooner {
            self.closing = Some(deadline);
            let tenures: Vec<Tenure> = self.ledger.tenures().collect();
            self.drains.replace_shutdown();
            self.drain(&tenures, Purpose::Shutdown, self.before(deadline));
        }
    }

    /// The session is closed, or gone for good.
    pub(super) fn end(&mut self, reason: Option<String>) {
        self.shared.gate.stop();
        let all: Vec<Tenure> = self.ledger.tenures().collect();
        self.give_up(&all);
        if !std::mem::replace(&mut self.ended, true) {
            self.reason = reason;
        }
    }
}
