//! One event alone in the process, over all subscriptions of a bus: what makes the others hold still.
//!
//! From the first question on the gates of all subscriptions are held: nothing starts that nobody named. Each loop says
//! when nothing of it runs; when all have said so, the first that asked is told that it is alone. When it lets go, the
//! next one is, after all have said it anew; and when nobody asks any more, or something hangs, the gates open. Who may what is
//! decided in [`RollCall`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::message::Control;
use super::shared::Shared;
use crate::ledger::Tenure;
use crate::policy::{RollAction, RollCall};

/// The longest that others hold still for one attempt, whatever time it has: beyond that it hangs.
pub(crate) const LONGEST: Duration = Duration::from_secs(300);
/// What it takes until an attempt that can be stopped is, and an answer has come.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// What a process shares. Locked only where somebody asks to be alone.
pub(crate) struct Vigil {
    watch: Mutex<Watch>,
    /// Names the process in checkpoints.
    process: u32,
}

impl Default for Vigil {
    fn default() -> Self {
        // Always of the same length there, so that chance decides nothing else.
        Self { watch: Mutex::default(), process: rand::random::<u32>() | 1 << 31 }
    }
}

#[derive(Default)]
struct Watch {
    roll: Roll,
    members: BTreeMap<u32, Member>,
    next: u32,
}

type Roll = RollCall<u32, Tenure>;

struct Member {
    shared: Arc<Shared>,
    control: UnboundedSender<Control>,
}

/// What a loop hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VigilWord {
    /// Say, with this number, when nothing runs any more.
    Hush(u64),
    /// This tenure has the process alone.
    Granted(Tenure),
    /// Nobody asks any more, or something hangs; whether this loop did not answer in time: then it says what hangs in it.
    Over { late: bool },
}

/// A subscription's place in it; dropping it leaves.
pub(crate) struct VigilSeat {
    vigil: Arc<Vigil>,
    number: u32,
}

impl Vigil {
    fn lock(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes part. Who comes while somebody is alone holds still as well.
    pub(crate) fn join(
        self: &Arc<Self>,
        shared: Arc<Shared>,
        control: UnboundedSender<Control>,
    ) -> VigilSeat {
        let mut watch = self.lock();
        let number = watch.next;
        watch.next += 1;
        let member = Member { shared, control };
        if let Some(round) = watch.roll.join(number) {
            member.hush(round);
        }
        watch.members.insert(number, member);
        VigilSeat { vigil: self.clone(), number }
    }
}

impl Watch {
    fn act(&self, action: Option<RollAction<u32, Tenure>>) {
        match action {
            Some(RollAction::Call(round)) => self.members.values().for_each(|member| member.hush(round)),
            Some(RollAction::Grant(number, tenure)) => {
                let granted = self.members.get(&number);
                granted.into_iter().for_each(|member| member.tell(VigilWord::Granted(tenure)));
            }
            Some(RollAction::Open) => {
                for (number, member) in &self.members {
                    member.shared.gate.hold(false);
                    member.tell(VigilWord::Over { late: self.roll.is_late(*number) });
                }
            }
            None => {}
        }
    }
}

impl Member {
    fn hush(&self, round: u64) {
        // Before the word: who takes it with nothing running starts nothing behind it.
        self.shared.gate.hold(true);
        self.tell(VigilWord::Hush(round));
    }

    fn tell(&self, word: VigilWord) {
        // A loop that has ended leaves soon.
        let _ = self.control.send(Control::Vigil(word));
    }
}

impl VigilSeat {
    /// Names the process.
    pub(crate) fn process(&self) -> u32 {
        self.vigil.process
    }

    /// Asks to have the process alone.
    pub(crate) fn ask(&self, tenure: Tenure) {
        self.say(|roll, number| roll.ask(number, tenure));
    }

    /// No longer asks, or is through.
    pub(crate) fn let_go(&self, tenure: Tenure) {
        self.say(|roll, number| roll.let_go(number, tenure));
    }

    /// Nothing runs here.
    pub(crate) fn quiet(&self, round: u64) {
        self.say(|roll, number| roll.quiet(number, round));
    }

    /// Something here has run out of its time and goes on, or no longer does.
    pub(crate) fn hangs(&self, hangs: bool) {
        self.say(|roll, number| roll.hangs(number, hangs));
    }

    /// The time of a call is up.
    pub(crate) fn late(&self, round: u64) {
        self.say(|roll, _| roll.late(round));
    }

    fn say(&self, say: impl FnOnce(&mut Roll, u32) -> Option<RollAction<u32, Tenure>>) {
        let mut watch = self.vigil.lock();
        let action = say(&mut watch.roll, self.number);
        watch.act(action);
    }
}

impl Drop for VigilSeat {
    fn drop(&mut self) {
        let mut watch = self.vigil.lock();
        if let Some(member) = watch.members.remove(&self.number) {
            member.shared.gate.hold(false);
        }
        let action = watch.roll.leave(self.number);
        watch.act(action);
    }
}
