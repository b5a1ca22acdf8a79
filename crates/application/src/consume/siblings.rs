//! What the subscriptions of one bus share.

use std::sync::Arc;

use super::vigil::Vigil;
use crate::recovery::Precedence;

/// What the subscriptions of one bus share: where two of them meet, one gives way.
#[derive(Clone, Default)]
pub(crate) struct Siblings {
    /// Lets one event of all of them run alone.
    pub(super) vigil: Arc<Vigil>,
    /// Who goes first while somebody recovers.
    pub(super) precedence: Precedence,
}
