//! The numbers and the sentences.

use std::fmt;

use super::history::History;
use super::limits::Limits;
use super::violation::Violation;
use super::{
    bounded_memory, cancel_safety, commit_liveness, commit_safety, dead_letters, effect_once, exclusion,
    honest_publish, isolation, no_invention, no_loss, no_silent_gap, order, outbox_atomic, outbox_duplicates,
    outbox_liveness, outbox_order, rates, recovery_mode, redrive, retry_isolation, shutdown, truthful_health,
    zombies,
};

/// A predicate: what of a history breaks an invariant.
type Predicate = fn(&History, &Limits) -> Vec<Violation>;

macro_rules! invariants {
    ($($name:ident $sentence:literal $predicate:path;)*) => {
        /// What must always hold, by number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant {
            $(#[doc = $sentence] $name,)*
        }

        impl Invariant {
            /// All of them, by number.
            #[must_use]
            pub const fn all() -> &'static [Self] {
                &[$(Self::$name,)*]
            }

            /// Its number: `I1`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it says.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            const fn predicate(self) -> Predicate {
                match self { $(Self::$name => $predicate,)* }
            }
        }
    };
}

invariants! {
    I1 "No loss: what publish acknowledged is handled or dead-lettered, per group." no_loss::check;
    I2 "No invention: handled bytes, headers and ids equal what was published." no_invention::check;
    I3 "Exclusion: two handler runs of one aggregate of a group never overlap in one bus, which subscribes a group to a topic once." exclusion::check;
    I4 "Order: an aggregate's next event starts only after the one before is terminal; replays only of terminal ones, in order." order::check;
    I5 "Zombies: across processes runs overlap only while the old owner is cut off, for at most the fence interval; effects stay ordered and gapless." zombies::check;
    I6 "Retry isolation: while one event backs off, nothing later of its aggregate starts, and the others keep their rate." retry_isolation::check;
    I7 "Commit safety: every position below a committed one is terminal, at every instant." commit_safety::check;
    I8 "Commit liveness: when quiet, committed reaches the end, past gaps, poison and malformed events." commit_liveness::check;
    I9 "Effect once: with the inbox, one effect per group and event." effect_once::check;
    I10 "Dead letters: exactly one live entry per group and event that exhausted or is fatal, with its original bytes, before the commit." dead_letters::check;
    I11 "Outbox atomic: committed is published at least once, rolled back never." outbox_atomic::check;
    I12 "Outbox order: first appearances per aggregate come in version order." outbox_order::check;
    I13 "Outbox duplicates: none without a fault, at most one batch per crash of a relay, with the same event id." outbox_duplicates::check;
    I14 "Outbox liveness: a poison row stops only its aggregate, and the lag recovers after a fault." outbox_liveness::check;
    I15 "Redrive: once in effect, followers after their head, and a second failure returns to the dead letters." redrive::check;
    I16 "Recovery mode: allowed edges only, and at most one switch per hysteresis window." recovery_mode::check;
    I17 "Cancel safety: dropping a future leaves no open transaction, no half-settled event, no lost permit." cancel_safety::check;
    I18 "Shutdown: after the signal no new handler starts; exit by the deadline; what was committed is not handled again; publish after close is an error." shutdown::check;
    I19 "Bounded memory: a stalled handler grows memory by the configured buffers and no more." bounded_memory::check;
    I20 "Isolation: a lane that hangs or panics stops nobody else, and a blocked thread is named." isolation::check;
    I21 "Truthful health: not ready soon after a loss, ready soon after its return; lag is near the truth." truthful_health::check;
    I22 "Honest publish: ok after acknowledgement; a timeout is unknown, not failed." honest_publish::check;
    I23 "No silent gap: events that a broker deleted before they were read are reported." no_silent_gap::check;
    I24 "Rates: in no stretch of time do more handlers start than the burst and the rate of their subscription and tenant allow." rates::check;
}

impl Invariant {
    /// What of `history` breaks this invariant, in the order found; the first [`Violation::MOST`] are told.
    ///
    /// Takes time in proportion to the length of the history, times its logarithm at most.
    #[must_use]
    pub fn violations(self, history: &History, limits: &Limits) -> Vec<Violation> {
        self.predicate()(history, limits)
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
