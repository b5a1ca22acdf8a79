//! Ways to break a correct history, each with the invariant that must notice.

use laneway_domain::invariant::{
    Digest, Happening, History, Invariant, Limits, Moment, Outcome, Place, Start,
};
use laneway_domain::{Monotonic, Resume};

/// What an engine could do wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sabotage {
    /// An event is forgotten altogether.
    DropEvent,
    /// The bytes of an event change on the way.
    ChangeBytes,
    /// A run ends only after the next of its aggregate has started.
    OverlapRuns,
    /// Two events of an aggregate change places.
    SwapStarts,
    /// A commit passes an event before it is started.
    CommitEarly,
    /// An event is done, and done again.
    HandleTwice,
    /// A dead letter is buried twice.
    BuryTwice,
    /// A dead letter comes behind the commit.
    BuryLate,
    /// A dead letter never comes.
    NeverBury,
    /// The last commits are left out.
    NeverCommit,
}

impl Sabotage {
    pub(crate) const ALL: [Self; 10] = [
        Self::DropEvent,
        Self::ChangeBytes,
        Self::OverlapRuns,
        Self::SwapStarts,
        Self::CommitEarly,
        Self::HandleTwice,
        Self::BuryTwice,
        Self::BuryLate,
        Self::NeverBury,
        Self::NeverCommit,
    ];

    pub(crate) fn breaks(self) -> Invariant {
        match self {
            Self::DropEvent | Self::NeverBury => Invariant::I1,
            Self::ChangeBytes => Invariant::I2,
            Self::OverlapRuns => Invariant::I3,
            Self::SwapStarts | Self::HandleTwice => Invariant::I4,
            Self::CommitEarly => Invariant::I7,
            Self::BuryTwice | Self::BuryLate => Invariant::I10,
            Self::NeverCommit => Invariant::I8,
        }
    }

    /// The broken history; nothing where it has no place for this.
    pub(crate) fn apply(self, history: &History, seed: u64) -> Option<History> {
        let mut moments = history.moments().to_vec();
        match self {
            Self::DropEvent => drop_event(&mut moments, seed),
            Self::ChangeBytes => change_bytes(&mut moments, seed),
            Self::OverlapRuns => overlap_runs(&mut moments, seed),
            Self::SwapStarts => swap_starts(&mut moments, seed),
            Self::CommitEarly => commit_early(&mut moments, seed),
            Self::HandleTwice => handle_twice(&mut moments, seed),
            Self::BuryTwice => bury_twice(&mut moments, seed),
            Self::BuryLate => bury_late(&mut moments, seed),
            Self::NeverBury => never_bury(&mut moments, seed),
            Self::NeverCommit => never_commit(&mut moments),
        }?;
        let mut broken: History = moments.into_iter().collect();
        broken.watched_until(history.end());
        Some(broken)
    }
}

fn any<T>(mut from: Vec<T>, seed: u64) -> Option<T> {
    let count = u64::try_from(from.len()).ok().filter(|count| *count > 0)?;
    Some(from.swap_remove(usize::try_from(seed % count).ok()?))
}

fn starts(moments: &[Moment]) -> Vec<(usize, Start)> {
    let start = |(at, moment): (usize, &Moment)| match &moment.what {
        Happening::HandlerStarted(start) => Some((at, start.clone())),
        _ => None,
    };
    moments.iter().enumerate().filter_map(start).collect()
}

/// The first start of each place.
fn firsts(moments: &[Moment]) -> Vec<(usize, Start)> {
    let mut seen = std::collections::HashSet::new();
    starts(moments).into_iter().filter(|(_, start)| seen.insert(start.place.clone())).collect()
}

fn end_of(moments: &[Moment], start: &Start) -> Option<(usize, Outcome)> {
    moments.iter().enumerate().find_map(|(at, moment)| match moment.what {
        Happening::HandlerEnded { run, outcome } if run == start.run => Some((at, outcome)),
        _ => None,
    })
}

fn forget(moments: &mut Vec<Moment>, place: &Place) {
    let runs: Vec<_> =
        starts(moments).into_iter().filter(|(_, s)| s.place == *place).map(|(_, s)| s.run).collect();
    moments.retain(|moment| match &moment.what {
        Happening::HandlerStarted(start) => start.place != *place,
        Happening::HandlerEnded { run, .. } => !runs.contains(run),
        Happening::DeadLettered { place: buried, .. } => buried != place,
        _ => true,
    });
}

fn drop_event(moments: &mut Vec<Moment>, seed: u64) -> Option<()> {
    let (_, start) = any(starts(moments), seed)?;
    forget(moments, &start.place);
    Some(())
}

fn change_bytes(moments: &mut [Moment], seed: u64) -> Option<()> {
    let (at, mut start) = any(starts(moments), seed)?;
    start.event.digest = Digest(!start.event.digest.0);
    moments[at].what = Happening::HandlerStarted(start);
    Some(())
}

/// The start that follows another of the same aggregate and member.
fn next_of(moments: &[Moment], at: usize, first: &Start) -> Option<(usize, Start)> {
    let same = |s: &Start| s.member == first.member && s.event.key == first.event.key;
    starts(moments).into_iter().find(|(index, start)| *index > at && same(start))
}

fn overlap_runs(moments: &mut Vec<Moment>, seed: u64) -> Option<()> {
    let (at, start) = any(starts(moments), seed)?;
    let (end, _) = end_of(moments, &start)?;
    let (next, _) = next_of(moments, at, &start)?;
    let crashed = |moment: &Moment| moment.what == Happening::Crashed { member: start.member };
    if moments[end..next].iter().any(crashed) {
        return None;
    }
    let ended = moments.remove(end);
    moments.insert(next, ended);
    Some(())
}

fn swap_starts(moments: &mut [Moment], seed: u64) -> Option<()> {
    let (at, first) = any(firsts(moments), seed)?;
    let follows = |s: &Start| s.event.key == first.event.key && s.place.position > first.place.position;
    let (other, second) = firsts(moments).into_iter().find(|(_, start)| follows(start))?;
    let swap = |of: &Start, with: &Start| {
        let (place, event) = (with.place.clone(), with.event.clone());
        Happening::HandlerStarted(Start { place, event, ..of.clone() })
    };
    moments[at].what = swap(&first, &second);
    moments[other].what = swap(&second, &first);
    Some(())
}

fn commit_early(moments: &mut Vec<Moment>, seed: u64) -> Option<()> {
    let (at, start) = any(firsts(moments), seed)?;
    let commit = moments.iter().find_map(|moment| match &moment.what {
        Happening::Committed { member, scope, epoch, .. } if *scope == start.place.scope => {
            let resume = Resume::After(start.place.position);
            Some(Happening::Committed { member: *member, scope: scope.clone(), epoch: *epoch, resume })
        }
        _ => None,
    })?;
    moments.insert(at, Moment { at: moments[at].at, what: commit });
    Some(())
}

fn handle_twice(moments: &mut Vec<Moment>, seed: u64) -> Option<()> {
    let (_, start) =
        any(starts(moments).into_iter().filter(|start| is_settled(moments, start)).collect(), seed)?;
    let (end, outcome) = end_of(moments, &start)?;
    if outcome != Outcome::Done {
        return None;
    }
    let again = Start { run: laneway_domain::invariant::RunId(u64::MAX), ..start };
    moments.insert(end + 1, Moment { at: moments[end].at, what: Happening::HandlerStarted(again) });
    Some(())
}

/// Whether a run belongs to its tenure for sure, to the end: what starts in the first instants of one may have been queued
/// for the one before, and come again.
fn is_settled(moments: &[Moment], (begun, start): &(usize, Start)) -> bool {
    let Some((end, _)) = end_of(moments, start) else { return false };
    let is_new = |moment: &&Moment| matches!(&moment.what, Happening::Assigned { scope, .. } if *scope == start.place.scope);
    let since = moments[..end].iter().rev().find(is_new).map_or(Monotonic::ZERO, |moment| moment.at);
    moments[*begun].at > since + Limits::default().reaction
}

fn letter(moments: &[Moment], seed: u64) -> Option<usize> {
    let letters = moments.iter().enumerate();
    let is = |moment: &Moment| matches!(moment.what, Happening::DeadLettered { .. });
    any(letters.filter(|(_, moment)| is(moment)).map(|(at, _)| at).collect(), seed)
}

/// Of several owners that failed with an event each may write one entry: only where there was one it is one too many.
fn bury_twice(moments: &mut Vec<Moment>, seed: u64) -> Option<()> {
    let at = letter(moments, seed)?;
    let Happening::DeadLettered { place, .. } = &moments[at].what else { return None };
    let is_new =
        |moment: &Moment| matches!(&moment.what, Happening::Assigned { scope, .. } if *scope == place.scope);
    let since = moments[..at].iter().rposition(is_new).unwrap_or(0);
    let one_owner = starts(moments).into_iter().all(|(index, s)| s.place != *place || index > since);
    moments.insert(at + 1, moments[at].clone());
    one_owner.then_some(())
}

/// A place that was buried once and never done.
fn hopeless(moments: &[Moment], seed: u64) -> Option<(usize, Place)> {
    let at = letter(moments, seed)?;
    let Happening::DeadLettered { place, .. } = &moments[at].what else { return None };
    let runs = starts(moments).into_iter().filter(|(_, start)| start.place == *place);
    let done =
        runs.filter_map(|(_, start)| end_of(moments, &start)).any(|(_, outcome)| outcome == Outcome::Done);
    let same =
        |m: &&Moment| matches!(&m.what, Happening::DeadLettered { place: other, .. } if other == place);
    (!done && moments.iter().filter(same).count() == 1).then(|| (at, place.clone()))
}

fn bury_late(moments: &mut Vec<Moment>, seed: u64) -> Option<()> {
    let (at, _) = hopeless(moments, seed)?;
    let mut late = moments.remove(at);
    late.at = moments.last()?.at;
    moments.push(late);
    Some(())
}

fn never_bury(moments: &mut Vec<Moment>, seed: u64) -> Option<()> {
    let (at, _) = hopeless(moments, seed)?;
    moments.remove(at);
    Some(())
}

/// Leaves out the commits behind the last start; strikes where there was one, and something to commit.
fn never_commit(moments: &mut Vec<Moment>) -> Option<()> {
    let (last, start) = starts(moments).pop()?;
    let of =
        |what: &Happening| matches!(what, Happening::Committed { scope, .. } if *scope == start.place.scope);
    // A later assignment tells of the commit all the same.
    let told =
        |m: &Moment| matches!(&m.what, Happening::Assigned { scope, .. } if *scope == start.place.scope);
    if moments[last..].iter().any(told) {
        return None;
    }
    let mut index = 0;
    moments.retain(|moment| {
        index += 1;
        index <= last || !of(&moment.what)
    });
    Some(())
}
