//! What the loop does so that attempts survive a crash, see [`Probation`].
//!
//! Nothing of a partition is read before a checkpoint is stored that says that its tenure is open. In health that is all.
//! After a crash the loop tells the probation what is opened and finished; on probation its workers ask before they start
//! a head (`ask`), and the loop answers when the probation says so.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use laneway_domain::{Monotonic, Position, Resume};

use super::r#loop::Loop;
use super::message::{Command, Order, Plea};
use super::still::{Lone, Still};
use super::vigil::{GRACE, LONGEST, VigilSeat};
use crate::lanes::LaneId;
use crate::ledger::{PartitionLedger, Tenure};
use crate::parking::Counting;
use crate::policy::{Marks, Probation, ProbationAction, ProbationInput, ProbationPolicy};

/// The probations of a subscription.
pub(crate) struct Probations {
    policy: Option<ProbationPolicy>,
    pub(super) seat: VigilSeat,
    watches: HashMap<Tenure, Watch>,
    /// Those that have something to decide; empty, and free, in health.
    awake: BTreeSet<Tenure>,
    pub(super) still: Still,
}

/// The probation of one tenure.
struct Watch {
    probation: Probation,
    /// Heads that asked, and have no answer.
    heads: HashMap<Position, Head>,
    /// The number of the first checkpoint that carries the mark which was asked for.
    mark: Option<u64>,
    /// What the dead-letter store has to have as well, once that checkpoint is stored.
    names: Option<u64>,
    is_half_marked: bool,
    /// Where the group stood, and whether reading has begun.
    stands: Option<Resume>,
    is_read: bool,
    /// Whether the workers ask.
    asks: bool,
    /// How many more events the broker has, where it tells.
    pending: Option<u64>,
}

/// A head that asked.
struct Head {
    worker: usize,
    lane: LaneId,
    /// What its attempt may take.
    limit: Duration,
}

impl Probations {
    pub(crate) fn new(policy: Option<ProbationPolicy>, seat: VigilSeat) -> Self {
        Self { policy, seat, watches: HashMap::new(), awake: BTreeSet::new(), still: Still::default() }
    }

    /// How entries of the dead-letter store are counted.
    pub(crate) fn counting(&self) -> Option<Counting> {
        let process = self.seat.process();
        self.policy.map(|policy| Counting { process, after: policy.after })
    }

    fn is_asleep(&self) -> bool {
        self.awake.is_empty() && self.still.is_asleep()
    }

    fn wake(&mut self, tenure: Tenure) -> Option<&mut Watch> {
        let watch = self.watches.get_mut(&tenure)?;
        self.awake.insert(tenure);
        Some(watch)
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Monotonic {
        self.still.due()
    }

    pub(super) fn say(&mut self, tenure: Tenure, input: ProbationInput) -> Vec<ProbationAction> {
        let mut out = Vec::new();
        if let Some(watch) = self.wake(tenure) {
            watch.probation.step(input, &mut out);
        }
        out
    }

    /// A tenure is over.
    pub(crate) fn end(&mut self, tenure: Tenure) {
        self.awake.remove(&tenure);
        self.still.forget(tenure);
        if self.watches.remove(&tenure).is_some() {
            self.seat.let_go(tenure);
        }
    }

    /// The end of an event that is terminal without a report of its attempt.
    pub(crate) fn terminal(&mut self, tenure: Tenure, position: Position) {
        if self.awake.contains(&tenure) {
            self.say(tenure, ProbationInput::Ended(position, true));
        }
    }
}

impl Loop {
    /// Begins a tenure: it is read once a stored checkpoint says that it is open.
    pub(super) fn open_tenure(&mut self, tenure: Tenure, stands: Option<Resume>) {
        let Some(book) = self.ledger.book(tenure) else { return };
        let Some(policy) = self.probations.policy else {
            book.set_marks(Marks::default());
            return self.claim_or_start(tenure, stands);
        };
        let probation = Probation::begin(book.marks(), policy, self.probations.seat.process());
        let asks = probation.is_on_probation();
        if let Some(info) = self.ledger.info(tenure).filter(|_| probation.is_on_trial()) {
            tracing::warn!(topic = %info.topic, partition = %info.number, crashes = probation.crashes(),
                probation = asks, "the owner before this one did not release its partition");
        }
        if asks {
            self.crew.tell(|| Command::Probation(Order::Ask(tenure)));
        }
        let (heads, is_read, pending) = (HashMap::new(), false, None);
        let (mark, names, is_half_marked) = (None, None, false);
        let watch = Watch { probation, heads, mark, names, is_half_marked, stands, is_read, asks, pending };
        self.probations.watches.insert(tenure, watch);
        self.probations.awake.insert(tenure);
    }

    /// A tenure ends in order: its last checkpoint says so.
    pub(super) fn release_tenure(&mut self, tenure: Tenure) {
        if let Some(watch) = self.probations.watches.get_mut(&tenure)
            && let Some(book) = self.ledger.book(tenure)
        {
            watch.probation.release();
            book.set_marks(watch.probation.marks());
        }
    }

    /// A batch was opened, which began at `from`.
    pub(super) fn opened_on_trial(&mut self, tenure: Tenure, from: Resume, pending: Option<u64>) {
        if !self.probations.awake.contains(&tenure) {
            return;
        }
        let Some(book) = self.ledger.book(tenure) else { return };
        let mut opened: Vec<Position> = book.open_since(from).collect();
        opened.reverse();
        if let Some(watch) = self.probations.wake(tenure) {
            watch.pending = pending;
            let input = |position| watch.probation.step(ProbationInput::Opened(position), &mut Vec::new());
            opened.into_iter().for_each(input);
        }
    }

    /// A checkpoint of a tenure is stored.
    pub(super) fn mark_stored(&mut self, tenure: Tenure, number: u64) {
        if self.probations.is_asleep() {
            return;
        }
        let Some(watch) = self.probations.watches.get_mut(&tenure) else { return };
        if watch.mark.take_if(|mark| *mark <= number).is_some() {
            watch.is_half_marked = true;
            self.see_whether_marked(tenure);
        }
    }

    /// The names of entries are in the dead-letter store as well: then the mark is complete.
    fn see_whether_marked(&mut self, tenure: Tenure) {
        let Some(watch) = self.probations.watches.get_mut(&tenure) else { return };
        let are_named = |names| self.lots.look(tenure).is_none_or(|lot| lot.has_written(names));
        if !watch.is_half_marked || !watch.names.is_none_or(are_named) {
            return;
        }
        (watch.names, watch.is_half_marked) = (None, false);
        let (stands, begins) = (watch.stands, !std::mem::replace(&mut watch.is_read, true));
        let actions = self.probations.say(tenure, ProbationInput::Marked(true));
        self.perform_all(tenure, actions);
        if begins && !self.drains.covers(tenure) {
            self.claim_or_start(tenure, stands);
        }
    }

    /// Entries come back from the dead-letter store that may have killed processes.
    pub(super) fn suspect(&mut self, tenure: Tenure, entries: &[(Position, u32)]) {
        for (position, crashes) in entries {
            self.probations.say(tenure, ProbationInput::Returned(*position, *crashes));
        }
        let watch = self.probations.watches.get_mut(&tenure).filter(|_| !entries.is_empty());
        if watch.is_some_and(|watch| !std::mem::replace(&mut watch.asks, true)) {
            self.crew.tell(|| Command::Probation(Order::Ask(tenure)));
        }
    }

    /// A worker says something of heads on probation.
    pub(super) fn pleaded(&mut self, plea: Plea) {
        match plea {
            Plea::Asks { tenure, position, worker, lane, limit } => {
                if let Some(watch) = self.probations.wake(tenure) {
                    watch.heads.insert(position, Head { worker, lane, limit });
                    let actions = self.probations.say(tenure, ProbationInput::Ready(position));
                    self.perform_all(tenure, actions);
                }
            }
            Plea::Ended { tenure, position, terminal } => {
                self.probations.still.ended(tenure, position);
                self.probations.say(tenure, ProbationInput::Ended(position, terminal));
            }
            Plea::Quiet(round) => self.worker_quiet(round),
            Plea::Hangs { worker, hangs } => self.worker_hangs(worker, hangs),
        }
    }

    /// Lets the probations decide, after what they were told.
    pub(super) fn decide_probation(&mut self) {
        if self.probations.is_asleep() {
            return;
        }
        let about_to_start = |watch: &Watch| watch.probation.about_to_start() > 0;
        self.keep_still(self.probations.watches.values().any(about_to_start));
        let awake: Vec<Tenure> = self.probations.awake.iter().copied().collect();
        for tenure in awake {
            self.see_whether_marked(tenure);
            self.decide(tenure);
        }
    }

    /// What suspects wait for, in words.
    pub(super) fn suspects(&self) -> Option<&str> {
        let Probations { watches, awake, still, .. } = &self.probations;
        let waits = |tenure| watches.get(tenure).is_some_and(|watch| watch.probation.waits_to_be_alone());
        still.said(!self.shared.gate.is_held() && awake.iter().any(waits))
    }

    fn decide(&mut self, tenure: Tenure) {
        let (Some(book), Some(watch)) = (self.ledger.book(tenure), self.probations.watches.get_mut(&tenure))
        else {
            self.probations.awake.remove(&tenure);
            return;
        };
        let (mut out, free) = (Vec::new(), !self.shared.gate.is_held());
        let lot = self.lots.look(tenure);
        watch.probation.keep_returned(|position| lot.is_some_and(|lot| lot.is_under_way(position)));
        watch.probation.step(ProbationInput::Watermark(book.watermark()), &mut out);
        if book.open_count() == 0 && watch.pending == Some(0) {
            watch.probation.step(ProbationInput::Quiet, &mut out);
        }
        watch.probation.turn(free, &mut out);
        let marks = watch.probation.marks();
        let changed = *book.marks() != marks;
        book.set_marks(marks);
        if changed {
            self.changed(0);
        }
        self.perform_all(tenure, out);
        self.relax(tenure);
    }

    /// What no longer has to be asked is not.
    fn relax(&mut self, tenure: Tenure) {
        let Some(watch) = self.probations.watches.get_mut(&tenure) else { return };
        if watch.asks && !watch.probation.is_on_probation() {
            watch.asks = false;
            self.crew.tell(|| Command::Probation(Order::Trust(tenure)));
        }
        let decided = !watch.probation.holds_starts() && !watch.probation.is_on_trial();
        let is_marking = watch.mark.is_some() || watch.is_half_marked;
        if decided && watch.heads.is_empty() && !is_marking {
            self.probations.awake.remove(&tenure);
        }
    }

    fn perform_all(&mut self, tenure: Tenure, actions: Vec<ProbationAction>) {
        actions.into_iter().for_each(|action| self.perform_one(tenure, action));
    }

    fn perform_one(&mut self, tenure: Tenure, action: ProbationAction) {
        let Some(watch) = self.probations.watches.get_mut(&tenure) else { return };
        match action {
            ProbationAction::Mark => {
                watch.mark = self.ledger.book(tenure).map(PartitionLedger::announce);
                let named = watch.probation.named_returned();
                watch.names = self.lots.lot(tenure).map(|lot| lot.name(&named));
                self.commits.at_once(self.now);
            }
            ProbationAction::Run(position) => {
                let alone = watch.probation.is_alone();
                if let Some(Head { worker, lane, limit }) = watch.heads.remove(&position) {
                    if alone {
                        let until = self.now + limit.min(LONGEST) + GRACE;
                        self.probations.still.begins(Lone { tenure, position, worker, until });
                    }
                    self.crew.send(worker, Command::Probation(Order::Start(lane, alone)));
                }
            }
            ProbationAction::Bury(position) => {
                let crashes = watch.probation.lone_crashes(position);
                if let Some(Head { worker, lane, .. }) = watch.heads.remove(&position) {
                    self.crew.send(worker, Command::Probation(Order::Bury(lane, crashes)));
                }
            }
            ProbationAction::AskAlone => self.probations.seat.ask(tenure),
            ProbationAction::LetGo => self.probations.seat.let_go(tenure),
            ProbationAction::Leave => tracing::info!("a row of crashes is over"),
        }
    }
}
