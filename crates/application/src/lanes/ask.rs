//! Lanes whose head asks before it starts.

use super::lane::{LaneId, Phase, Ticket};
use super::table::Lanes;

impl Lanes {
    /// The head of a lane that was to start asks first: the lane stays closed until it has an answer.
    pub fn ask(&mut self, lane: LaneId) {
        self.enter(lane, Phase::Asking);
    }

    /// A head that asked may start; nothing where none asks any more.
    pub fn answer(&mut self, lane: LaneId) -> Option<Ticket> {
        let asks = self.phase(lane) == Some(Phase::Asking);
        (asks && self.enter(lane, Phase::Running)).then(|| self.head(lane))?
    }
}
