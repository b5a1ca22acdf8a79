//! I20: a lane that hangs or panics stops nobody else.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Start};
use super::retry_isolation::rates;
use super::terms::{Load, MemberId, Outcome};
use super::track::{Aggregates, Audience, Log, Runs, Settled, Tenures};
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::identity::GroupId;
use crate::parking::Scope;
use crate::time::Monotonic;

/// Three rules. The others keep their rate beside a hang. A blocked thread is named within [`Limits::stall`]. And while
/// a run hangs, or after one panicked, a bus that could start something starts something within that time.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut findings = Findings::of(Invariant::I20);
    rates(history, limits.kept_rate_percent, |load| load == Load::BesideHang, &mut findings);
    names(history, limits, &mut findings);
    standstills(history, limits, &mut findings);
    findings.done()
}

fn names(history: &History, limits: &Limits, findings: &mut Findings) {
    let mut blocked: HashMap<MemberId, (usize, Monotonic)> = HashMap::new();
    let mut late = |at: Monotonic, (index, since): (usize, Monotonic)| {
        if at > since + limits.stall {
            findings.add(index, || format!("a blocked thread was not named within {:?}", limits.stall));
        }
    };
    for (index, at, what) in history.iter() {
        match what {
            Happening::ThreadBlocked { member } => {
                blocked.entry(*member).or_insert((index, at));
            }
            Happening::BlockNamed { member } => blocked.remove(member).into_iter().for_each(|b| late(at, b)),
            Happening::Crashed { member } => drop(blocked.remove(member)),
            _ => {}
        }
    }
    blocked.into_values().for_each(|block| late(history.end(), block));
}

/// A time in which a bus started nothing of a group although a run hung or had panicked.
struct Pause<'h> {
    member: MemberId,
    group: &'h GroupId,
    from: usize,
    to: usize,
}

fn standstills(history: &History, limits: &Limits, findings: &mut Findings) {
    for pause in pauses(history, limits) {
        if let Some(waiting) = startable(history, limits, &pause) {
            findings
                .add(pause.to, || format!("{waiting} could start, and bus {} stood still", pause.member.0));
        }
    }
}

/// What a bus does for a group.
#[derive(Default)]
struct Seat {
    /// The last start.
    last: Option<(usize, Monotonic)>,
    open: usize,
    /// Whether a handler panicked, or one that ran through the whole stall ended just now.
    troubled: bool,
    told: bool,
}

impl Seat {
    /// Where the pause that ends at `at` began, if it was long, and something hung or had panicked.
    fn pause(&mut self, at: Monotonic, limits: &Limits) -> Option<usize> {
        let (from, _) = self.last.filter(|(_, since)| at > *since + limits.stall)?;
        let troubled = (self.open > 0 || self.troubled) && !self.told;
        self.told |= troubled;
        troubled.then_some(from)
    }

    fn ended(&mut self, at: Monotonic, outcome: Outcome, limits: &Limits) {
        self.open = self.open.saturating_sub(1);
        let hung = self.last.is_some_and(|(_, since)| at > since + limits.stall);
        self.troubled |= hung || outcome == Outcome::Panicked;
    }
}

/// The first long pause of each bus and group.
fn pauses<'h>(history: &'h History, limits: &Limits) -> Vec<Pause<'h>> {
    let mut runs = Runs::default();
    let mut seats: HashMap<(MemberId, &GroupId), Seat> = HashMap::new();
    let mut pauses = Vec::new();
    for (index, at, what) in history.iter() {
        for (start, outcome) in runs.observe(what) {
            seats.entry(seat(start)).or_default().ended(at, outcome, limits);
        }
        let Happening::HandlerStarted(start) = what else { continue };
        let (member, group) = seat(start);
        let seat = seats.entry((member, group)).or_default();
        pauses.extend(seat.pause(at, limits).map(|from| Pause { member, group, from, to: index }));
        seat.last = Some((index, at));
        seat.open += 1;
    }
    for ((member, group), mut seat) in seats {
        let pause = seat.pause(history.end(), limits);
        pauses.extend(pause.map(|from| Pause { member, group, from, to: history.len() }));
    }
    pauses
}

fn seat(start: &Start) -> (MemberId, &GroupId) {
    (start.member, &start.place.scope.group)
}

/// An event that nobody had started when the pause ended, and that nothing held up when it began.
fn startable<'h>(history: &'h History, limits: &Limits, pause: &Pause<'h>) -> Option<Place> {
    let moments = || history.iter().take(pause.to);
    let excused = |what: &Happening| match what {
        // A bus that is asked to stop, or whose thread is blocked, owes no start.
        Happening::Signalled { member, .. } | Happening::ThreadBlocked { member } => *member == pause.member,
        _ => false,
    };
    if moments().any(|(_, _, what)| excused(what)) {
        return None;
    }
    let places = waiting(history, pause);
    let (log, audience) = (Log::of(history), Audience::of(history));
    let (mut aggregates, mut tenures) = (Aggregates::of(&log), Tenures::default());
    let (mut before, mut settled) = (Settled::new(limits), Settled::new(limits));
    let (mut begun, mut since) = (HashSet::new(), Monotonic::ZERO);
    for (index, at, what) in moments() {
        if index <= pause.from {
            before.observe(what);
            since = at;
        }
        if let Happening::HandlerStarted(start) = what {
            begun.insert(&start.place);
        }
        settled.observe(what);
        tenures.observe(at, what);
    }
    let could_start = |(place, _): &&(Place, &'h AggregateKey)| {
        let tenure = tenures.of(pause.member, &place.scope);
        let owned = tenure.is_some_and(|tenure| tenure.end.is_none() && tenure.since <= since);
        let open = owned && !begun.contains(place) && !settled.holds(&place.scope, place.position);
        open && !audience.is_before(&place.scope, place.position)
    };
    let mut candidates = places.iter().filter(could_start);
    let free =
        candidates.find(|(place, key)| aggregates.open_before(place, key, &before, &audience).is_none());
    free.map(|(place, _)| place.clone())
}

/// What was there when the pause began.
fn waiting<'h>(history: &'h History, pause: &Pause<'h>) -> Vec<(Place, &'h AggregateKey)> {
    let known = |(_, _, what): (usize, Monotonic, &'h Happening)| match what {
        Happening::Published { event, partition, position: Some(position) } => {
            let (group, topic) = (pause.group.clone(), event.topic.clone());
            let scope = Scope { group, topic, partition: *partition };
            Some((Place { scope, position: *position }, event.key.as_ref()?))
        }
        _ => None,
    };
    history.iter().take(pause.from).filter_map(known).collect()
}
