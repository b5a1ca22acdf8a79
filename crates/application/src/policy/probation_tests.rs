//! A killer among innocents, crashes at any point, restarts at any time: the killer dies soon, and nobody else.

use proptest::prelude::*;

use super::*;

#[path = "probation_model.rs"]
mod model;

use model::{EVENTS, PARTITIONS, World, choices};

fn verdict(world: &World, bound: usize) -> Result<(), TestCaseError> {
    let killers: BTreeSet<_> = world.killers.iter().copied().collect();
    prop_assert_eq!(&world.buried, &killers, "innocents blamed, or killers left");
    prop_assert!(world.crashes <= bound + world.slow, "{} crashes", world.crashes);
    let rows = world.members.iter().map(|member| member.probation.crashes);
    prop_assert_eq!(rows.max(), Some(0), "a row of crashes never ends");
    Ok(())
}

proptest! {
    #[test]
    fn a_killer_dies_after_at_most_seven_crashes_and_no_innocent_is_blamed(
        choices in choices(), killer in (0..PARTITIONS, 0..EVENTS), hangs_every in 2usize..5,
    ) {
        let mut world = World::new(&[killer]);
        world.hangs_every = hangs_every;
        choices.iter().for_each(|choice| world.run(*choice));
        world.finish();
        verdict(&world, 7)?;
    }

    #[test]
    fn two_killers_die_one_after_the_other(
        choices in choices(), one in (0..PARTITIONS, 0..EVENTS), two in (0..PARTITIONS, 0..EVENTS),
        hangs_every in 2usize..5,
    ) {
        let mut world = World::new(&[one, two]);
        world.hangs_every = hangs_every;
        choices.iter().for_each(|choice| world.run(*choice));
        world.finish();
        verdict(&world, 14)?;
    }

    #[test]
    fn without_a_killer_crashes_and_restarts_bury_nobody(choices in choices()) {
        let mut world = World::new(&[]);
        choices.iter().for_each(|choice| world.run(*choice));
        world.finish();
        verdict(&world, 0)?;
    }
}

#[test]
fn a_killer_costs_six_crashes() {
    let mut world = World::new(&[(1, 30)]);
    world.finish();
    assert_eq!((world.crashes, world.buried), (6, [(1, 30)].into()));
}

#[test]
fn nothing_starts_before_the_first_mark_is_stored_and_then_nobody_asks() {
    let mut out = Vec::new();
    let mut probation = Probation::begin(&Marks::default(), ProbationPolicy::default(), 1);
    let head = Position::new(1);
    probation.step(ProbationInput::Ready(head), &mut out);
    probation.turn(true, &mut out);
    probation.turn(true, &mut out);
    assert_eq!((out.split_off(0), probation.marks().flags()), (vec![ProbationAction::Mark], 1));
    probation.step(ProbationInput::Marked(false), &mut out);
    probation.turn(true, &mut out);
    assert_eq!(out.split_off(0), [ProbationAction::Mark], "asked again, and nothing started");
    probation.step(ProbationInput::Marked(true), &mut out);
    probation.turn(true, &mut out);
    assert_eq!(out, [ProbationAction::Run(head)]);
    assert!(!probation.holds_starts() && !probation.is_on_trial());
}

#[test]
fn one_crash_puts_on_trial_and_a_survived_trial_ends_the_row() {
    let mut out = Vec::new();
    let crashed = Marks { open: true, process: 1, ..Marks::default() };
    let policy = ProbationPolicy { reach: 2, ..ProbationPolicy::default() };
    let mut probation = Probation::begin(&crashed, policy, 2);
    assert_eq!(probation.marks().crashes, 1);
    probation.turn(true, &mut out);
    probation.step(ProbationInput::Marked(true), &mut out);
    assert!(!probation.holds_starts() && probation.is_on_trial());
    for position in [5, 9] {
        probation.step(ProbationInput::Opened(Position::new(position)), &mut out);
    }
    probation.step(ProbationInput::Watermark(Resume::At(Position::new(9))), &mut out);
    probation.turn(true, &mut out);
    assert!(probation.is_on_trial(), "the last of the trial is still open");
    probation.step(ProbationInput::Watermark(Resume::After(Position::new(9))), &mut out);
    probation.turn(true, &mut out);
    assert_eq!((out.last(), probation.marks().crashes), (Some(&ProbationAction::Leave), 0));
}

#[test]
fn whoever_lost_a_partition_and_has_it_again_did_not_crash() {
    let named = |named| Mark { position: Position::new(4), lone: 2, named };
    let marks = |of| Marks { open: true, process: 1, crashes: 3, entries: vec![named(of)] };
    let lone = |of, process| {
        let probation = Probation::begin(&marks(of), ProbationPolicy::default(), process);
        (probation.crashes(), probation.lone_crashes(Position::new(4)))
    };
    assert_eq!((lone(Named::Alone, 1), lone(Named::Alone, 2)), ((3, 2), (4, 3)));
    assert_eq!((lone(Named::Among, 1), lone(Named::Among, 2)), ((3, 0), (4, 2)));
}

#[test]
fn a_suspect_that_hangs_is_named_among_the_others_before_they_start_and_keeps_what_it_has() {
    let (mut out, head) = (Vec::new(), Position::new);
    let alone = Mark { position: head(4), lone: 1, named: Named::Alone };
    let crashed = Marks { open: true, process: 1, crashes: 3, entries: vec![alone] };
    let mut probation = Probation::begin(&crashed, ProbationPolicy::default(), 2);
    let stored = |probation: &mut Probation, out: &mut Vec<_>| {
        probation.step(ProbationInput::Marked(true), out);
        probation.turn(false, out);
    };
    probation.turn(true, &mut out);
    probation.step(ProbationInput::Ready(head(4)), &mut out);
    stored(&mut probation, &mut out);
    probation.step(ProbationInput::Granted, &mut out);
    probation.turn(false, &mut out);
    stored(&mut probation, &mut out);
    assert_eq!(out.split_off(2), [ProbationAction::Mark, ProbationAction::Run(head(4))]);
    let told = |probation: &Probation| probation.marks().entries[0];
    assert_eq!(told(&probation), Mark { position: head(4), lone: 2, named: Named::Alone });
    probation.step(ProbationInput::Ready(head(9)), &mut out);
    probation.step(ProbationInput::Hangs, &mut out);
    probation.turn(true, &mut out);
    assert_eq!(told(&probation), Mark { position: head(4), lone: 2, named: Named::Among });
    assert_eq!(out.split_off(2), [ProbationAction::Mark], "nobody starts before that is stored");
    stored(&mut probation, &mut out);
    assert_eq!(out.split_off(2), [ProbationAction::LetGo]);
    probation.turn(true, &mut out);
    let named: Vec<_> = probation.marks().entries.iter().map(|mark| mark.named).collect();
    assert_eq!((out.split_off(2), named), (vec![ProbationAction::Mark], vec![Named::Among; 2]));
}

#[test]
fn absurd_settings_are_named_all_at_once() {
    assert_eq!(ProbationPolicy { after: 0, batch: 33, lone: 0, reach: 0 }.faults().len(), 4);
    assert_eq!(ProbationPolicy::default().faults(), []);
}
