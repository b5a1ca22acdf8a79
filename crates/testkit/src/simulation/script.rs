//! What happens to members, and when.

use std::time::Duration;

use super::chance::Chance;

/// Something that happens to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A member joins.
    Join,
    /// The member of this number, counted around, is closed within this time.
    Close(usize, Duration),
    /// The member of this number, counted around, closes its subscription within the first time, and after the second
    /// its bus subscribes again.
    Again(usize, Duration, Duration),
    /// The member of this number, counted around, stands still for this time, and goes on.
    Freeze(usize, Duration),
    /// The member of this number, counted around, crashes.
    Crash(usize),
    /// An operator asks something of the dead letters of the group.
    Operate(Errand),
    /// The broker takes all partitions from every member at once, where it can.
    Expel,
}

/// What an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// That everything is handled again, at most so many events a second.
    Redrive(Option<u32>),
    /// That the entry of this number, counted around, is handled again.
    RedriveOne(usize),
    /// That every entry is handled again, each for itself, whether it is the first of its aggregate or not.
    RedriveEach,
    /// That the head of every aggregate, and every entry without one, is let go.
    Skip,
    /// That the entry of this number, counted around, is let go.
    SkipOne(usize),
    /// That everything is let go.
    Purge,
    /// That the entry of this number, counted around, gets another payload.
    Edit(usize),
}

/// An action, when it happens, and to which group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// To which group.
    pub group: usize,
    /// What.
    pub action: Action,
}

/// Draws up to six steps of members, and up to six of operators.
pub(super) fn draw(chance: &mut Chance, groups: usize, within: Duration) -> Vec<Step> {
    let count = if chance.percent(25) { 0 } else { chance.between(1..=6) };
    let within = u64::try_from(within.as_millis()).unwrap_or(0);
    let mut steps: Vec<_> = (0..count)
        .map(|_| {
            let (at, group) = (chance.millis(0..=within), chance.between(0..=groups - 1));
            let action = match chance.between(0..=13) {
                0..=2 => Action::Join,
                3..=5 => Action::Close(chance.between(0..=5), chance.millis(1..=1_500)),
                6..=7 => Action::Crash(chance.between(0..=5)),
                8..=9 => again(chance),
                10..=11 => Action::Freeze(chance.between(0..=5), chance.millis(1..=3_000)),
                _ => Action::Expel,
            };
            Step { at, group, action }
        })
        .collect();
    let errands = if chance.percent(50) { 0 } else { chance.between(1..=6) };
    steps.extend((0..errands).map(|_| {
        let (at, group) = (chance.millis(0..=within), chance.between(0..=groups - 1));
        Step { at, group, action: Action::Operate(errand(chance)) }
    }));
    steps.sort_by_key(|step| step.at);
    steps
}

fn errand(chance: &mut Chance) -> Errand {
    let nth = chance.between(0..=20);
    match chance.between(0..=9) {
        0..=2 => Errand::Redrive(None),
        3 => Errand::Redrive(u32::try_from(chance.between(1..=50)).ok()),
        4 => Errand::RedriveOne(nth),
        5 => Errand::RedriveEach,
        6 => Errand::Skip,
        7 => Errand::SkipOne(nth),
        8 => Errand::Edit(nth),
        _ => Errand::Purge,
    }
}

fn again(chance: &mut Chance) -> Action {
    let soon = chance.percent(50);
    let pause = if soon { Duration::ZERO } else { chance.millis(1..=800) };
    Action::Again(chance.between(0..=5), chance.millis(1..=1_000), pause)
}
