//! One event alone in the process, over all subscriptions of a bus: what makes the others hold still.
//!
//! From the first question on the gates of all subscriptions are held: nothing starts that nobody named. Each loop says
//! when nothing of it runs; when all have said so, the first that asked is told that it is alone. When it lets go, the
//! next one is, after all have said it anew; and when nobody asks any more, the gates open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::message::Control;
use super::shared::Shared;
use crate::ledger::Tenure;
use crate::policy::Solo;

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
    solo: Solo<(u32, Tenure)>,
    members: BTreeMap<u32, Member>,
    next: u32,
    round: u64,
}

struct Member {
    shared: Arc<Shared>,
    control: UnboundedSender<Control>,
    quiet: bool,
}

/// What a loop hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VigilWord {
    /// Say, with this number, when nothing runs any more.
    Hush(u64),
    /// This tenure has the process alone.
    Granted(Tenure),
    /// Nobody asks any more.
    Over,
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
        let mut member = Member { shared, control, quiet: false };
        if !watch.solo.may_start() {
            member.hush(watch.round);
        }
        watch.members.insert(number, member);
        VigilSeat { vigil: self.clone(), number }
    }
}

impl Watch {
    fn listen(&mut self) {
        self.round += 1;
        let round = self.round;
        self.members.values_mut().for_each(|member| member.hush(round));
    }

    /// Gives the process to the first that asks, once nothing runs.
    fn grant(&mut self) {
        if self.members.values().all(|member| member.quiet)
            && let Some((number, tenure)) = self.solo.grant(0)
            && let Some(member) = self.members.get(&number)
        {
            member.tell(VigilWord::Granted(tenure));
        }
    }

    fn go_on(&mut self) {
        if !self.solo.may_start() {
            return self.listen();
        }
        for member in self.members.values() {
            member.shared.gate.hold(false);
            member.tell(VigilWord::Over);
        }
    }
}

impl Member {
    fn hush(&mut self, round: u64) {
        self.quiet = false;
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
        let mut watch = self.vigil.lock();
        let first = watch.solo.may_start();
        watch.solo.ask((self.number, tenure));
        if first {
            watch.listen();
        }
    }

    /// No longer asks, or is through.
    pub(crate) fn let_go(&self, tenure: Tenure) {
        let mut watch = self.vigil.lock();
        if !watch.solo.may_start() {
            watch.solo.let_go(&(self.number, tenure));
            watch.go_on();
        }
    }

    /// Nothing runs here.
    pub(crate) fn quiet(&self, round: u64) {
        let mut watch = self.vigil.lock();
        if watch.round == round
            && let Some(member) = watch.members.get_mut(&self.number)
        {
            member.quiet = true;
            watch.grant();
        }
    }
}

impl Drop for VigilSeat {
    fn drop(&mut self) {
        let mut watch = self.vigil.lock();
        watch.members.remove(&self.number);
        if !watch.solo.may_start() {
            watch.solo.forget(|(number, _)| *number == self.number);
            watch.go_on();
        }
    }
}
