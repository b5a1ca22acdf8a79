//! I10: exactly one live entry per group and event that exhausted or is fatal, with its original bytes, before the commit.

use std::collections::{HashMap, HashSet};

use super::digest::Digest;
use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Start};
use super::terms::{MemberId, Outcome, RunId};
use super::track::{Gaps, Runs};
use super::violation::{Findings, Violation};
use crate::dead_letter::{AfterDeadLetter, DeathCause};
use crate::handler::ErrorClass;
use crate::identity::EventId;
use crate::parking::Scope;
use crate::position::{Epoch, PartitionNumber, Position, Resume};
use crate::topic::TopicName;

/// Burying an entry again is right after a new assignment (a crash may have come between the entry and its commit), or where several members failed with it and each wrote one; else it is a second entry. Only the first entry can be late: it is what allows the commit. What a
/// group was told to be deleted needs none, and what failed before its partition was assigned anew none yet while a dead
/// letter ahead of it blocks: its owner reads it behind that one. Listings are compared with what was buried.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let originals = Originals::of(history);
    let blocks = limits.after_dead_letter == AfterDeadLetter::Block;
    let mut letters = Letters { blocks, ..Letters::default() };
    for (index, _, what) in history.iter() {
        letters.observe(index, what, &originals);
    }
    letters.missing(history.len());
    letters.findings.done()
}

type Spot<'h> = (&'h TopicName, PartitionNumber, Position);

/// What stands where, as it was published, fetched or handed to a handler.
#[derive(Default)]
struct Originals<'h> {
    digests: HashMap<Spot<'h>, HashSet<Digest>>,
    ids: HashMap<Spot<'h>, EventId>,
    /// What operators made of entries.
    edited: HashSet<(Spot<'h>, Digest)>,
}

impl<'h> Originals<'h> {
    fn of(history: &'h History) -> Self {
        let mut originals = Self::default();
        for (_, _, what) in history.iter() {
            let (spot, digest, id) = match what {
                Happening::Published { event, partition, position: Some(position) } => {
                    ((&event.topic, *partition, *position), event.digest, event.id)
                }
                Happening::HandlerStarted(start) => (spot(&start.place), start.event.digest, start.event.id),
                Happening::Fetched { place, digest } => (spot(place), *digest, None),
                Happening::Edited { place, digest } => {
                    originals.edited.insert((spot(place), *digest));
                    continue;
                }
                _ => continue,
            };
            if originals.edited.contains(&(spot, digest)) {
                continue;
            }
            originals.digests.entry(spot).or_default().insert(digest);
            originals.ids.extend(id.map(|id| (spot, id)));
        }
        originals
    }

    fn objection(&self, place: &Place, id: Option<EventId>, digest: Digest) -> Option<&'static str> {
        let there = self.ids.get(&spot(place));
        if id.is_some_and(|id| there.is_some_and(|there| *there != id)) {
            return Some("names another event than the one that stands there");
        }
        let known = self.digests.get(&spot(place));
        let edited = self.edited.contains(&(spot(place), digest));
        known
            .is_some_and(|known| !edited && !known.contains(&digest))
            .then_some("has other bytes than the event")
    }
}

fn spot(place: &Place) -> Spot<'_> {
    (&place.scope.topic, place.scope.partition, place.position)
}

/// How often an entry was written.
struct Live {
    times: usize,
    /// How many assignments of its partition there had been the last time.
    assigned: u32,
    /// Whether it is a dead letter; else it is parked for another reason.
    dead: bool,
    /// Whether it closes its aggregate.
    parks: bool,
}

struct Letters<'h> {
    findings: Findings,
    blocks: bool,
    /// How many assignments of its partition there had been when each run began.
    begun: HashMap<RunId, u32>,
    runs: Runs<'h>,
    /// What did not end well: for whom, and how many assignments there had been.
    failed: HashMap<&'h Place, HashSet<(MemberId, u32)>>,
    done: HashSet<&'h Place>,
    /// Fatal failures that have no entry yet, and where they were seen.
    fatal: HashMap<&'h Place, (usize, &'h Start)>,
    /// Every place that ever had an entry.
    known: HashSet<&'h Place>,
    /// Live entries.
    live: HashMap<&'h Place, Live>,
    /// Entries that closed their aggregate and have left.
    left: HashSet<&'h Place>,
    /// What was handed out again since it was buried.
    redriven: HashSet<&'h Place>,
    assigned: HashMap<&'h Scope, u32>,
    committed: HashMap<&'h Scope, (Resume, usize, Epoch)>,
    listing: u32,
    listed: HashSet<&'h Place>,
    gaps: Gaps<'h>,
}

impl Default for Letters<'_> {
    fn default() -> Self {
        Self {
            findings: Findings::of(Invariant::I10),
            blocks: false,
            begun: HashMap::new(),
            runs: Runs::default(),
            failed: HashMap::new(),
            done: HashSet::new(),
            fatal: HashMap::new(),
            known: HashSet::new(),
            live: HashMap::new(),
            left: HashSet::new(),
            redriven: HashSet::new(),
            assigned: HashMap::new(),
            committed: HashMap::new(),
            listing: 0,
            listed: HashSet::new(),
            gaps: Gaps::default(),
        }
    }
}

impl<'h> Letters<'h> {
    fn observe(&mut self, index: usize, what: &'h Happening, originals: &Originals<'_>) {
        for (start, outcome) in self.runs.observe(what) {
            self.ended(index, start, outcome);
        }
        match what {
            Happening::HandlerStarted(start) => {
                self.begun.insert(start.run, self.assigned(&start.place.scope));
            }
            Happening::Assigned { scope, .. } => *self.assigned.entry(scope).or_default() += 1,
            Happening::Parked { place, digest, .. } => {
                if let Some(wrong) = originals.objection(place, None, *digest) {
                    self.findings.add(index, || format!("the parked entry of {place} {wrong}"));
                }
                self.park(index, place, false);
            }
            Happening::Returned { place, dead } => {
                self.live.entry(place).and_modify(|live| live.dead = dead.is_some());
            }
            Happening::Redriven { place } => drop(self.redriven.insert(place)),
            Happening::Left { place, .. } => self.leave(place),
            Happening::Committed { scope, resume, epoch, .. } => self.commit(index, scope, *resume, *epoch),
            Happening::DeadLettered { place, id, digest, cause, parks, .. } => {
                if let Some(wrong) = originals.objection(place, *id, *digest) {
                    self.findings.add(index, || format!("the entry of {place} {wrong}"));
                }
                self.bury(index, place, *cause);
                if *parks {
                    self.park(index, place, true);
                } else {
                    self.again(index, place);
                }
            }
            Happening::GapReported { .. } => self.gap(what),
            Happening::LetterListed { listing, place, digest } => {
                self.list(index, *listing, place, *digest, originals)
            }
            _ => {}
        }
    }

    fn ended(&mut self, index: usize, start: &'h Start, outcome: Outcome) {
        match outcome {
            Outcome::Done => {
                self.done.insert(&start.place);
                self.fatal.remove(&start.place);
            }
            Outcome::Failed(Some(ErrorClass::Fatal)) => {
                self.fail(start);
                // One entry is enough, whoever wrote it.
                let gone = self.gaps.hold(&start.place.scope, start.place.position);
                let known = self.live.contains_key(&start.place) || self.left.contains(&start.place);
                if !gone && !known {
                    self.fatal.insert(&start.place, (index, start));
                }
            }
            Outcome::Failed(_) | Outcome::Panicked | Outcome::Dropped => self.fail(start),
        }
    }

    fn fail(&mut self, start: &'h Start) {
        let owner = (start.member, self.assigned(&start.place.scope));
        self.failed.entry(&start.place).or_default().insert(owner);
    }

    fn gap(&mut self, what: &'h Happening) {
        self.gaps.observe(what);
        let gaps = &self.gaps;
        self.fatal.retain(|place, _| !gaps.hold(&place.scope, place.position));
    }

    fn bury(&mut self, index: usize, place: &'h Place, cause: DeathCause) {
        let died_in_handler = matches!(cause, DeathCause::Exhausted | DeathCause::Fatal);
        if died_in_handler && !self.failed.contains_key(place) {
            self.findings.add(index, || format!("{place} was buried, and no handler failed with it"));
        }
        let judged = self.known.insert(place) && !self.gaps.hold(&place.scope, place.position);
        let passed = self.committed.get(&place.scope).filter(|(resume, ..)| resume.is_past(place.position));
        if let Some((_, commit, _)) = passed.filter(|_| judged && !self.done.contains(place)) {
            let commit = *commit;
            self.findings.add(index, || format!("{place} was buried after commit #{commit} had passed it"));
        }
        self.fatal.remove(place);
    }

    fn assigned(&self, scope: &Scope) -> u32 {
        self.assigned.get(scope).copied().unwrap_or(0)
    }

    /// Takes an entry that closes its aggregate. Parking again replaces, as long as it has not left and says the same.
    fn park(&mut self, index: usize, place: &'h Place, dead: bool) {
        if self.left.contains(place) {
            self.findings.add(index, || format!("{place} was parked after it had left"));
        }
        let assigned = self.assigned(&place.scope);
        let new = Live { times: 0, assigned, dead, parks: true };
        let before = self.live.insert(place, new);
        if before.is_some_and(|before| before.parks && before.dead && !dead) {
            self.findings.add(index, || format!("{place} is a dead letter, and was parked behind another"));
        }
        self.known.insert(place);
        self.fatal.remove(place);
    }

    fn leave(&mut self, place: &'h Place) {
        if self.live.remove(place).is_some_and(|live| live.parks) {
            self.left.insert(place);
        }
        self.fatal.remove(place);
    }

    fn again(&mut self, index: usize, place: &'h Place) {
        // What was handed out again may come back.
        let back = self.redriven.remove(place);
        if self.is_again(place) && !back {
            self.findings.add(index, || format!("{place} was buried twice"));
        }
    }

    /// Takes an entry; whether it is a second one that nobody may write.
    fn is_again(&mut self, place: &'h Place) -> bool {
        let assigned = self.assigned(&place.scope);
        let failed = self.failed.get(place).map_or(0, HashSet::len);
        let Some(live) = self.live.get_mut(place) else {
            self.live.insert(place, Live { times: 1, assigned, dead: true, parks: false });
            return false;
        };
        let again = live.assigned == assigned && live.times >= failed;
        *live = Live { times: live.times + 1, assigned, parks: false, ..*live };
        again
    }

    fn commit(&mut self, index: usize, scope: &'h Scope, resume: Resume, epoch: Epoch) {
        let passes = |(place, _): &(&&Place, &(usize, &Start))| {
            place.scope == *scope && resume.is_past(place.position) && !self.done.contains(**place)
        };
        if let Some((place, _)) = self.fatal.iter().filter(passes).min_by_key(|(place, _)| place.position) {
            let place = (*place).clone();
            self.findings.add(index, || format!("{place} is fatal, and was committed without an entry"));
        }
        // A place is passed by the first commit beyond it: later ones do not move that moment.
        let further = self.committed.get(scope).is_none_or(|(known, ..)| known.rank() < resume.rank());
        if further {
            self.committed.insert(scope, (resume, index, epoch));
        }
    }

    fn list(
        &mut self,
        index: usize,
        listing: u32,
        place: &'h Place,
        digest: Digest,
        originals: &Originals<'_>,
    ) {
        if self.listing != listing {
            self.listing = listing;
            self.listed.clear();
        }
        if !self.listed.insert(place) {
            self.findings.add(index, || format!("{place} is listed twice"));
        }
        if self.left.contains(place) {
            self.findings.add(index, || format!("{place} is listed, and had left"));
        }
        if let Some(wrong) = originals.objection(place, None, digest) {
            self.findings.add(index, || format!("the listed entry of {place} {wrong}"));
        }
    }

    /// What should be there at the end and is not.
    fn missing(&mut self, end: usize) {
        let mut lost: Vec<_> = match self.listing {
            0 => Vec::new(),
            _ => self
                .live
                .keys()
                .filter(|place| !self.listed.contains(**place))
                .map(ToString::to_string)
                .collect(),
        };
        lost.sort();
        for place in lost {
            self.findings.add(end, || format!("{place} was buried and is not listed"));
        }
        let owed = |start: &Start| !self.done.contains(&start.place) && !self.waits_behind_another(start);
        let mut bare: Vec<_> = self.fatal.values().filter(|(_, start)| owed(start)).collect();
        bare.sort_by_key(|(index, _)| *index);
        for (index, start) in bare {
            self.findings.add(*index, || format!("{start} failed for good, and has no entry"));
        }
    }

    /// Whether the partition's owner has to come to this event by itself, and a dead letter ahead of it keeps it back.
    fn waits_behind_another(&self, start: &Start) -> bool {
        let Place { scope, position } = &start.place;
        let ahead = |(place, live): (&&Place, &Live)| {
            place.scope == *scope && place.position < *position && live.dead && !live.parks
        };
        let before = self.begun.get(&start.run).is_some_and(|begun| *begun < self.assigned(scope));
        self.blocks && before && self.live.iter().any(ahead)
    }
}
