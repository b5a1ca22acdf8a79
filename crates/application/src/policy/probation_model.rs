//! A world to be on probation in: partitions in a process that crashes, and killers among their events.

use std::collections::{BTreeMap, BTreeSet};

use laneway_domain::{Position, Resume};
use proptest::prelude::*;

use super::super::*;
use crate::policy::{Marks, Named, Solo};

pub(super) const EVENTS: u64 = 60;
const LANES: u64 = 7;
pub(super) const PARTITIONS: usize = 3;
/// Open events of a partition.
const CREDIT: usize = 16;
/// Events that are read at once, so that suspects may come after others have started.
const BATCH: usize = 3;

fn policy() -> ProbationPolicy {
    ProbationPolicy { batch: 4, reach: 60, ..ProbationPolicy::default() }
}

/// What survives a crash: the broker's checkpoint of a partition, and the dead letters.
#[derive(Clone, Default)]
struct Durable {
    flags: u64,
    bytes: Vec<u8>,
    terminal: BTreeSet<u64>,
}

/// A partition in the process that runs now.
pub(super) struct Member {
    pub(super) probation: Probation,
    terminal: BTreeSet<u64>,
    read: u64,
    open: BTreeSet<u64>,
    /// Heads that were said to be ready.
    asked: BTreeSet<u64>,
    running: BTreeSet<u64>,
    /// Of these, what ran alone and no longer does: it hangs, and the others go on.
    hangs: BTreeSet<u64>,
    /// A checkpoint on its way to the broker.
    mark: Option<Durable>,
}

pub(super) struct World {
    durable: [Durable; PARTITIONS],
    pub(super) members: Vec<Member>,
    solo: Solo<usize>,
    /// Who has the process alone.
    holder: Option<usize>,
    pub(super) killers: Vec<(usize, u64)>,
    pub(super) buried: BTreeSet<(usize, u64)>,
    /// Crashes by killers, and those from outside.
    pub(super) crashes: usize,
    outside: usize,
    /// Crashes by killers that had hung before.
    pub(super) slow: usize,
    failed: BTreeMap<(usize, u64), u32>,
    process: u32,
    /// Every how many runs alone one hangs, where some do; how many there were, and whether the last is one.
    pub(super) hangs_every: usize,
    lone_runs: usize,
    hangs_next: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    Read(usize),
    Grant,
    Turn(usize),
    /// The broker stores the mark and answers, refuses it, or stores it and the answer is lost with the process.
    Store(usize),
    Refuse(usize),
    Commit(usize),
    End(usize, usize),
    Fail(usize, usize),
    Crash(usize),
    /// Whoever has the process alone hangs.
    Hang(usize),
    /// The process loses everything, and gets it again.
    Lose(usize),
    Restart,
}

pub(super) fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let p = 0..PARTITIONS;
    let choice = prop_oneof![
        6 => p.clone().prop_map(Choice::Read),
        4 => Just(Choice::Grant),
        8 => p.clone().prop_map(Choice::Turn),
        8 => p.clone().prop_map(Choice::Store),
        1 => p.clone().prop_map(Choice::Refuse),
        3 => p.clone().prop_map(Choice::Commit),
        9 => (p.clone(), 0usize..20).prop_map(|(p, n)| Choice::End(p, n)),
        2 => (p.clone(), 0usize..20).prop_map(|(p, n)| Choice::Fail(p, n)),
        1 => p.clone().prop_map(Choice::Crash),
        3 => p.clone().prop_map(Choice::Hang),
        1 => p.prop_map(Choice::Lose),
        1 => Just(Choice::Restart),
    ];
    prop::collection::vec(choice, 0..600)
}

impl World {
    pub(super) fn new(killers: &[(usize, u64)]) -> Self {
        let mut world = Self {
            durable: Default::default(),
            members: Vec::new(),
            solo: Solo::default(),
            holder: None,
            killers: killers.to_vec(),
            buried: BTreeSet::new(),
            crashes: 0,
            outside: 0,
            slow: 0,
            failed: BTreeMap::new(),
            process: 0,
            hangs_every: usize::MAX,
            lone_runs: 0,
            hangs_next: false,
        };
        world.start();
        world
    }

    /// A process starts, and owns every partition.
    fn start(&mut self) {
        self.process += 1;
        self.own();
    }

    /// The process owns every partition, for the first time or again.
    fn own(&mut self) {
        let process = self.process;
        (self.solo, self.holder) = (Solo::default(), None);
        let member = |durable: &Durable| {
            let marks = Marks::decode(durable.flags, &mut &durable.bytes[..]).unwrap();
            Member {
                probation: Probation::begin(&marks, policy(), process),
                terminal: durable.terminal.clone(),
                read: 0,
                open: BTreeSet::new(),
                asked: BTreeSet::new(),
                running: BTreeSet::new(),
                hangs: BTreeSet::new(),
                mark: None,
            }
        };
        self.members = self.durable.iter().map(member).collect();
    }

    pub(super) fn run(&mut self, choice: Choice) {
        match choice {
            Choice::Read(p) => self.read(p),
            Choice::Grant => self.grant(),
            Choice::Turn(p) => self.turn(p),
            Choice::Store(p) => self.answer(p, true),
            Choice::Refuse(p) => self.answer(p, false),
            Choice::Commit(p) if self.members[p].mark.is_none() => {
                self.durable[p] = self.members[p].checkpoint()
            }
            Choice::Commit(_) => {}
            Choice::End(p, n) => self.end(p, n, true),
            Choice::Fail(p, n) => self.end(p, n, false),
            Choice::Crash(p) if self.outside < 2 => {
                self.outside += 1;
                // The checkpoint under way may have been stored.
                if let Some(mark) = self.members[p].mark.take() {
                    self.durable[p] = mark;
                }
                self.start();
            }
            Choice::Hang(p) => {
                let (member, mut out) = (&mut self.members[p], Vec::new());
                if self.holder == Some(p) && !member.running.is_empty() {
                    member.hangs = member.running.clone();
                    let blamed = member.probation.suspects.clone();
                    member.say(ProbationInput::Hangs, &mut out);
                    assert_eq!(member.probation.suspects, blamed, "to hang is no crash");
                    self.act(p, &out);
                }
            }
            Choice::Lose(p) => {
                if let Some(mark) = self.members[p].mark.take() {
                    self.durable[p] = mark;
                }
                self.own();
            }
            Choice::Restart if self.members.iter().all(|member| member.running.is_empty()) => {
                for (member, durable) in self.members.iter_mut().zip(&mut self.durable) {
                    member.probation.release();
                    *durable = member.checkpoint();
                }
                self.start();
            }
            Choice::Crash(_) | Choice::Restart => {}
        }
    }

    fn read(&mut self, p: usize) {
        let member = &mut self.members[p];
        let mut out = Vec::new();
        for _ in 0..BATCH {
            let event = member.read;
            if event == EVENTS || member.open.len() == CREDIT {
                break;
            }
            member.read += 1;
            if !member.terminal.contains(&event) {
                member.open.insert(event);
                member.say(ProbationInput::Opened(Position::new(event)), &mut out);
            }
        }
        let quiet = member.read == EVENTS && member.open.is_empty();
        quiet.then(|| member.say(ProbationInput::Quiet, &mut out));
        self.ask(p);
    }

    /// Heads of lanes that do not run want to start.
    fn ask(&mut self, p: usize) {
        let member = &mut self.members[p];
        let mut out = Vec::new();
        let heads: BTreeMap<u64, u64> =
            member.open.iter().rev().map(|event| (event % LANES, *event)).collect();
        for event in heads.into_values() {
            if member.asked.insert(event) {
                member.say(ProbationInput::Ready(Position::new(event)), &mut out);
            }
        }
        self.act(p, &out);
    }

    fn grant(&mut self) {
        let busy = |member: &Member| member.running.len() + member.probation.about_to_start();
        let busy = self.members.iter().map(busy).sum();
        if let Some(granted) = self.solo.grant(busy) {
            self.holder = Some(granted);
            self.members[granted].say(ProbationInput::Granted, &mut Vec::new());
            let marks = self.members[granted].probation.marks();
            let named = |mark: &Mark| mark.named == Named::Alone;
            assert!(!marks.entries.iter().any(named), "somebody is alone who has ended");
        }
    }

    fn turn(&mut self, p: usize) {
        let mut out = Vec::new();
        // Nobody holds still for those that wait for what hangs.
        let hangs = self.members.iter().any(|member| !member.hangs.is_empty());
        let free = self.solo.may_start() || hangs && self.holder.is_none();
        self.members[p].probation.turn(free, &mut out);
        self.act(p, &out);
    }

    fn act(&mut self, p: usize, actions: &[ProbationAction]) {
        for action in actions {
            match action {
                ProbationAction::Mark => {
                    let mark = self.members[p].checkpoint();
                    assert!(self.members[p].mark.replace(mark).is_none(), "two marks at once");
                }
                ProbationAction::Run(position) => {
                    let nothing_runs = self.members.iter().all(|member| member.running.is_empty());
                    let free = self.holder.is_none_or(|holder| holder == p && nothing_runs);
                    assert!(free, "something started beside a suspect");
                    assert!(
                        self.may_be_blamed(p, position.value()),
                        "a crash now would be blamed on somebody else"
                    );
                    assert!(self.members[p].running.insert(position.value()));
                    if self.holder == Some(p) {
                        self.lone_runs += 1;
                        self.hangs_next = self.lone_runs.is_multiple_of(self.hangs_every);
                    }
                }
                ProbationAction::Bury(position) => {
                    self.buried.insert((p, position.value()));
                    self.over(p, position.value(), true);
                }
                ProbationAction::AskAlone => self.solo.ask(p),
                ProbationAction::LetGo => {
                    self.solo.let_go(&p);
                    self.holder = None;
                }
                ProbationAction::Leave => {}
            }
        }
    }

    /// Whether no stored checkpoint says of another event than this one that it is alone. One of an owner before is read, and
    /// blamed for what it was stored for, until the first mark of this one is stored.
    fn may_be_blamed(&self, p: usize, event: u64) -> bool {
        let alone = |durable: &Durable| {
            let marks = Marks::decode(durable.flags, &mut &durable.bytes[..]).unwrap();
            let named = marks.entries.into_iter().find(|mark| mark.named == Named::Alone);
            named.map(|mark| mark.position.value())
        };
        let begun = |member: &Member| member.probation.begun;
        let partitions = self.durable.iter().map(alone).enumerate().zip(&self.members);
        let mut named =
            partitions.filter(|(_, member)| begun(member)).filter_map(|((q, alone), _)| Some((q, alone?)));
        named.all(|named| named == (p, event))
    }

    fn answer(&mut self, p: usize, stored: bool) {
        let Some(mark) = self.members[p].mark.take() else { return };
        if stored {
            self.durable[p] = mark;
        }
        let mut out = Vec::new();
        self.members[p].say(ProbationInput::Marked(stored), &mut out);
        self.act(p, &out);
    }

    fn end(&mut self, p: usize, nth: usize, terminal: bool) {
        let running = &self.members[p].running;
        let Some(event) = running.iter().nth(nth % running.len().max(1)).copied() else { return };
        if self.killers.contains(&(p, event)) {
            self.crashes += 1;
            self.slow += usize::from(self.members[p].hangs.contains(&event));
            self.start();
            return;
        }
        let failed = self.failed.entry((p, event)).or_default();
        *failed += u32::from(!terminal);
        let terminal = terminal || *failed > 2;
        self.over(p, event, terminal);
    }

    fn over(&mut self, p: usize, event: u64, terminal: bool) {
        let member = &mut self.members[p];
        let mut out = Vec::new();
        member.running.remove(&event);
        member.hangs.remove(&event);
        member.asked.remove(&event);
        member.say(ProbationInput::Ended(Position::new(event), terminal), &mut out);
        if terminal {
            member.open.remove(&event);
            member.terminal.insert(event);
            let upto = member.open.first().copied().unwrap_or(member.read);
            member.say(ProbationInput::Watermark(Resume::At(Position::new(upto))), &mut out);
        }
        self.ask(p);
    }

    fn is_done(&self) -> bool {
        let done =
            |member: &Member| member.terminal.len() as u64 == EVENTS && !member.probation.holds_starts();
        self.members.iter().all(done)
    }

    /// Fair from now on, innocents first, and what hangs last of them: whatever happened, it ends.
    pub(super) fn finish(&mut self) {
        for _ in 0..20_000 {
            for p in 0..PARTITIONS {
                for choice in [Choice::Read(p), Choice::Grant, Choice::Turn(p), Choice::Store(p)] {
                    self.run(choice);
                }
            }
            if let Some(p) = self.holder.filter(|_| std::mem::take(&mut self.hangs_next)) {
                self.run(Choice::Hang(p));
                continue;
            }
            match self.ends_next() {
                Some(choice) => self.run(choice),
                None if self.is_done() => return,
                None => {}
            }
        }
        panic!("it does not end");
    }
}

impl World {
    /// What of all that runs ends next.
    fn ends_next(&self) -> Option<Choice> {
        let running = self.members.iter().enumerate().flat_map(|(p, member)| {
            let events = member.running.iter().enumerate();
            events.map(move |(nth, event)| {
                (self.killers.contains(&(p, *event)), member.hangs.contains(event), p, nth)
            })
        });
        running.min().map(|(_, _, p, nth)| Choice::End(p, nth))
    }
}

impl Member {
    fn say(&mut self, input: ProbationInput, out: &mut Vec<ProbationAction>) {
        self.probation.step(input, out);
    }

    fn checkpoint(&self) -> Durable {
        let marks = self.probation.marks();
        let mut bytes = Vec::new();
        marks.encode(&mut bytes);
        Durable { flags: marks.flags(), bytes, terminal: self.terminal.clone() }
    }
}
