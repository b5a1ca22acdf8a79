//! What must always hold, numbered, with one predicate each over a recorded [`History`].
//!
//! A history is written down at the ports and at the edges of a bus, by whoever watches: test kit, simulation, jobs. A
//! predicate knows nothing of the engine; it says what of a history breaks its invariant, and judges by [`Limits`].
//! What a correct engine may do after a crash passes: an event is handled again as long as it is not committed, from
//! the committed position on and in order.
//!
//! ```
//! use laneway_domain::invariant::{History, Invariant, Limits};
//! let quiet = History::new();
//! for invariant in Invariant::all() {
//!     assert_eq!(invariant.violations(&quiet, &Limits::default()), [], "{invariant}: {}", invariant.sentence());
//! }
//! ```

mod digest;
mod happening;
mod history;
mod id;
mod limits;
mod place;
mod terms;
mod track;
mod violation;

mod bounded_memory;
mod cancel_safety;
mod commit_liveness;
mod commit_safety;
mod dead_letters;
mod effect_once;
mod exclusion;
mod honest_publish;
mod isolation;
mod no_invention;
mod no_loss;
mod no_silent_gap;
mod order;
mod outbox_atomic;
mod outbox_duplicates;
mod outbox_liveness;
mod outbox_order;
mod rates;
mod recovery_mode;
mod redrive;
mod retry_isolation;
mod shutdown;
mod truthful_health;
mod zombies;

#[cfg(test)]
mod tests;

pub use digest::Digest;
pub use happening::Happening;
pub use history::{History, Moment};
pub use id::Invariant;
pub use limits::Limits;
pub use place::{Place, Sighting, Start};
pub use terms::{Link, Load, MemberId, Outcome, RecoveryMode, RunId};
pub use violation::Violation;
