//! Members that hang, answer late or never, come and go: nobody starts beside anything, and everybody goes on.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn whoever_asks_is_alone_once_all_have_said_so_and_the_next_one_after_all_said_it_anew() {
    let mut roll = RollCall::default();
    assert_eq!((roll.join(1), roll.join(2)), (None, None));
    assert_eq!(roll.ask(1, 'a'), Some(RollAction::Call(1)));
    assert_eq!((roll.ask(2, 'b'), roll.quiet(1, 1)), (None, None));
    assert_eq!(roll.join(3), Some(1), "who comes holds still as well");
    assert_eq!(roll.quiet(2, 1), None);
    assert_eq!(roll.quiet(3, 1), Some(RollAction::Grant(1, 'a')));
    assert_eq!(roll.let_go(1, 'a'), Some(RollAction::Call(2)));
    assert_eq!((roll.quiet(1, 1), roll.quiet(2, 2), roll.quiet(3, 2)), (None, None, None));
    assert_eq!(roll.quiet(1, 2), Some(RollAction::Grant(2, 'b')));
    assert_eq!(roll.leave(2), Some(RollAction::Open));
    assert!(!roll.is_held());
}

#[test]
fn whoever_asks_waits_for_what_hangs_and_nobody_else_does() {
    let mut roll = RollCall::default();
    let _ = (roll.join(1), roll.join(2));
    assert_eq!(roll.ask(1, 'a'), Some(RollAction::Call(1)));
    assert_eq!(roll.hangs(2, true), Some(RollAction::Open));
    assert_eq!((roll.ask(1, 'b'), roll.quiet(1, 1), roll.quiet(2, 1)), (None, None, None));
    assert_eq!(roll.hangs(2, false), Some(RollAction::Call(2)));
}

#[test]
fn whoever_is_alone_and_hangs_keeps_the_process_until_it_lets_go_and_then_nobody_has_it() {
    let mut roll = RollCall::default();
    let _ = (roll.join(1), roll.ask(1, 'a'));
    assert_eq!(roll.quiet(1, 1), Some(RollAction::Grant(1, 'a')));
    assert_eq!((roll.ask(1, 'b'), roll.hangs(1, true)), (None, None));
    assert!(roll.is_held());
    assert_eq!(roll.let_go(1, 'a'), Some(RollAction::Open));
    assert_eq!(roll.hangs(1, false), Some(RollAction::Call(2)));
}

#[test]
fn whoever_does_not_answer_in_time_hangs_until_it_says_something_else() {
    let mut roll = RollCall::default();
    let _ = (roll.join(1), roll.join(2), roll.ask(1, 'a'), roll.quiet(1, 1));
    assert_eq!(roll.late(0), None, "of another call");
    assert_eq!(roll.late(1), Some(RollAction::Open));
    assert_eq!((roll.is_late(1), roll.is_late(2), roll.late(1)), (false, true, None));
    assert_eq!(roll.hangs(2, true), None);
    assert_eq!(roll.hangs(2, false), Some(RollAction::Call(2)));
    assert_eq!((roll.quiet(1, 2), roll.quiet(2, 2)), (None, Some(RollAction::Grant(1, 'a'))));
    assert_eq!(roll.late(2), None, "it is through");
}

/// A process whose members follow what they are told.
#[derive(Default)]
struct Process {
    roll: RollCall<u8, u8>,
    members: BTreeSet<u8>,
    /// Members in which something runs that nobody asked to run alone, and those of them in which it hangs.
    runs: BTreeSet<u8>,
    hangs: BTreeSet<u8>,
    /// Members that answered the last call, and those that did not in time.
    answered: BTreeSet<u8>,
    late: BTreeSet<u8>,
    /// Who waits for its turn.
    asks: BTreeSet<(u8, u8)>,
    alone: Option<(u8, u8)>,
    round: u64,
    free: bool,
}

impl Process {
    /// A member in which something hangs, or may.
    fn stands_in_the_way(&self) -> Option<u8> {
        self.hangs.union(&self.late).next().copied()
    }

    /// Whether a member has nothing that anybody could wait for.
    fn is_idle(&self, member: u8) -> bool {
        !self.runs.contains(&member) && !self.hangs.contains(&member)
    }

    fn act(&mut self, action: Option<RollAction<u8, u8>>) -> Result<(), TestCaseError> {
        match action {
            Some(RollAction::Call(round)) => {
                prop_assert!(self.stands_in_the_way().is_none() && self.alone.is_none(), "held for nothing");
                prop_assert!(round > self.round, "a call that cannot be told from one before");
                (self.round, self.free) = (round, false);
                self.answered.clear();
            }
            Some(RollAction::Grant(member, asker)) => {
                prop_assert!(self.runs.is_empty(), "granted beside something");
                prop_assert_eq!(self.stands_in_the_way(), None, "granted beside something that hangs");
                prop_assert_eq!(&self.answered, &self.members, "granted unasked");
                prop_assert!(self.asks.remove(&(member, asker)), "granted to one who did not ask");
                prop_assert!(self.alone.replace((member, asker)).is_none(), "two are alone");
            }
            Some(RollAction::Open) => self.free = true,
            None => {}
        }
        prop_assert_eq!(self.free, !self.roll.is_held());
        Ok(())
    }

    fn step(&mut self, kind: u8, member: u8, asker: u8) -> Result<(), TestCaseError> {
        let here = self.members.contains(&member);
        let action = match kind {
            0 if !here => {
                self.members.insert(member);
                let call = self.roll.join(member);
                prop_assert_eq!(call.is_some(), !self.free);
                None
            }
            // With something that runs nobody leaves: its seat stays as long.
            1 if here && self.is_idle(member) => {
                for members in [&mut self.members, &mut self.answered, &mut self.late] {
                    members.remove(&member);
                }
                self.asks.retain(|(of, _)| *of != member);
                self.alone.take_if(|(of, _)| *of == member);
                self.roll.leave(member)
            }
            2 if here => {
                if self.alone != Some((member, asker)) {
                    self.asks.insert((member, asker));
                }
                self.roll.ask(member, asker)
            }
            3 if here => {
                self.asks.remove(&(member, asker));
                self.alone.take_if(|alone| *alone == (member, asker));
                self.roll.let_go(member, asker)
            }
            4 if here && self.free => {
                self.runs.insert(member);
                None
            }
            5 => {
                self.runs.remove(&member);
                None
            }
            6 if here && self.is_idle(member) => {
                self.answered.insert(member);
                self.late.remove(&member);
                self.roll.quiet(member, self.round)
            }
            7 if self.runs.remove(&member) || self.alone.is_some_and(|(of, _)| of == member) => {
                self.hangs.insert(member);
                self.late.remove(&member);
                self.roll.hangs(member, true)
            }
            8 if self.hangs.remove(&member)
                || self.late.contains(&member) && !self.runs.contains(&member) =>
            {
                self.late.remove(&member);
                self.roll.hangs(member, false)
            }
            // The time of the call is up.
            9 => {
                if !self.free && self.alone.is_none() {
                    self.late = self.members.difference(&self.answered).copied().collect();
                }
                self.roll.late(self.round)
            }
            // What belongs to a call that is over comes late.
            10 if here && self.round > 0 => self.roll.quiet(member, self.round - 1),
            11 if self.round > 0 => self.roll.late(self.round - 1),
            // Its tenure is over, and what ran alone goes on.
            12 if self.alone == Some((member, asker)) => {
                self.alone = None;
                self.runs.insert(member);
                self.roll.let_go(member, asker)
            }
            _ => None,
        };
        self.act(action)
    }
}

proptest! {
    #[test]
    fn nobody_is_alone_beside_anything_and_whoever_asks_has_its_turn(
        steps in prop::collection::vec((0u8..13, 0u8..3, 0u8..2), 0..160),
    ) {
        let mut process = Process { free: true, ..Process::default() };
        for (kind, member, asker) in steps {
            process.step(kind, member, asker)?;
            let waits = process.stands_in_the_way().is_some() && process.alone.is_none();
            prop_assert!(process.free || !waits, "all wait for what hangs");
            let called = process.answered == process.members && !process.asks.is_empty();
            prop_assert!(process.free || process.alone.is_some() || !called, "nobody has its turn");
            (0..3).try_for_each(|member| {
                prop_assert_eq!(process.roll.is_late(member), process.late.contains(&member));
                Ok(())
            })?;
        }
        // What runs ends, who is alone is through, and in the end nobody holds still.
        for _ in 0..40 {
            for member in 0..3 {
                [5, 8, 6].into_iter().try_for_each(|kind| process.step(kind, member, 0))?;
                (0..2).try_for_each(|asker| match process.alone {
                    Some(alone) if alone == (member, asker) => process.step(3, member, asker),
                    _ => Ok(()),
                })?;
            }
        }
        prop_assert!(process.free, "held for ever");
        prop_assert!(process.asks.is_empty(), "somebody never had its turn: {:?}", process.asks);
    }
}
