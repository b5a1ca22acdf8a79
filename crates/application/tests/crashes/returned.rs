//! Killers that come back from the dead-letter store: their positions are settled, and their entries tell of them.

use std::future::pending;
use std::time::Duration;

use laneway_application::consume::{OnCrash, SubscriptionOptions};
use laneway_domain::{Act, AfterDeadLetter, Answer, By, DeadLetterDesk, DeathCause, Filter, Timestamp};

use crate::process::{End, World, group, names, options};

const AGGREGATES: [&str; 3] = ["a", "b", "c"];

/// Whatever fails waits in the store.
fn waiting() -> SubscriptionOptions {
    let mut options = options("g");
    options.after_dead_letter = Some(AfterDeadLetter::Park);
    options.hold = Duration::from_millis(1);
    options.retry.initial_interval = Duration::from_millis(50);
    options.retry.max_retries = 100;
    options.redrive_poll = Duration::from_millis(10);
    options
}

/// The first event of each aggregate waits for its next attempt, with what is behind it.
fn heads_wait() -> World {
    let world = World::new(1);
    for aggregate in AGGREGATES {
        world.publish(aggregate, names(aggregate, 4));
    }
    *world.failing.lock().unwrap() = AGGREGATES.iter().map(|aggregate| format!("{aggregate}1")).collect();
    let mut options = waiting();
    options.retry.initial_interval = Duration::from_secs(1);
    let all_wait = |world: &World| world.entries() == 12;
    assert_eq!(world.run(vec![options], pending(), all_wait), End::Closed);
    world.failing.lock().unwrap().clear();
    world
}

/// Only the killer is dead, with what it left behind it, and everybody else is handled once and in order.
fn assert_found(world: &World, killer: &str) {
    assert_eq!(world.dead("g"), [(killer.to_owned(), DeathCause::Crashes)]);
    let handled = world.handled("g");
    for aggregate in AGGREGATES {
        let all = names(aggregate, 4);
        let upto = all.iter().position(|name| name == killer).unwrap_or(all.len());
        let theirs: Vec<_> = handled.iter().filter(|name| name.starts_with(aggregate)).cloned().collect();
        let mut firsts = theirs.clone();
        firsts.dedup();
        assert_eq!(firsts, all[..upto], "{theirs:?}");
    }
}

fn is_found(world: &World) -> bool {
    world.dead_count() == 1
        && ["a4", "c4"].iter().all(|name| world.handled("g").contains(&(*name).to_owned()))
}

#[test]
fn a_killer_whose_next_attempt_was_due_dies_after_six_crashes_and_nobody_with_it() {
    let world = heads_wait();
    world.kill_by(&["g b1"]);
    assert_eq!(world.crashes(|| vec![waiting()], is_found), 6);
    assert_found(&world, "b1");
}

#[test]
fn a_killer_behind_one_whose_next_attempt_was_due_dies_as_well() {
    let world = heads_wait();
    world.kill_by(&["g b3"]);
    assert_eq!(world.crashes(|| vec![waiting()], is_found), 6);
    assert_found(&world, "b3");
}

#[test]
fn a_killer_out_of_the_store_that_is_buried_closes_no_lane() {
    let world = heads_wait();
    world.kill_by(&["g b1"]);
    let skipping =
        || vec![SubscriptionOptions { after_dead_letter: Some(AfterDeadLetter::Skip), ..waiting() }];
    let done = |world: &World| is_found(world) && world.handled("g").contains(&"b4".to_owned());
    assert_eq!(world.crashes(skipping, done), 6);
    assert_eq!(world.dead("g"), [("b1".to_owned(), DeathCause::Crashes)]);
}

/// Asks for a redrive of everything.
fn redrive(world: &World) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (by, act) = (By::new("a test", "to see it").unwrap(), Act::Redrive { per_second: None });
    let all = Filter::group(group("g"));
    runtime.block_on(world.letters.ask(&all, act, &by, Timestamp::default(), false)).unwrap();
}

fn answers(world: &World) -> Vec<Answer> {
    let list = async { world.letters.audit(&group("g"), None, 99).await.unwrap() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(list).into_iter().filter_map(|(_, line)| line.answer).collect()
}

/// The killer is dead of its crashes, and redriven.
fn is_redriven(after: AfterDeadLetter) -> World {
    let world = World::new(1);
    world.publish("b", names("b", 4));
    world.kill_by(&["g b1"]);
    let options = || vec![SubscriptionOptions { after_dead_letter: Some(after), ..waiting() }];
    assert_eq!(world.crashes(options, |world| world.dead_count() == 1), 6);
    redrive(&world);
    let answered =
        |world: &World| std::thread::scope(|of| of.spawn(|| answers(world).len()).join().unwrap()) == 1;
    assert_eq!(world.crashes(options, answered), 6);
    assert_eq!(world.dead("g"), [("b1".to_owned(), DeathCause::Crashes)]);
    world
}

#[test]
fn a_killer_that_is_redriven_fails_again_and_stays() {
    let world = is_redriven(AfterDeadLetter::Park);
    assert_eq!(answers(&world), [Answer::FailedAgain(0)]);
    assert_eq!(world.handled("g"), Vec::<String>::new());
    world.kill_by(&[]);
    redrive(&world);
    let done = |world: &World| world.handled("g").len() == 4;
    assert_eq!(world.run(vec![waiting()], pending(), done), End::Closed);
}

#[test]
fn a_letter_that_closes_no_lane_and_kills_when_it_is_redriven_stays() {
    let world = is_redriven(AfterDeadLetter::Skip);
    assert_eq!(answers(&world), [Answer::FailedAgain(0)]);
    let mut handled = world.handled("g");
    handled.dedup();
    assert_eq!(handled, names("b", 4)[1..]);
}

#[test]
fn an_innocent_survives_any_number_of_crashes_from_outside_while_it_is_under_way() {
    let world = heads_wait();
    world.kill_by(&["g b1"]);
    // What runs beside the killer is cut off as often as that.
    let slow = "c1";
    world.hanging.lock().unwrap().insert(slow.to_owned());
    let dead = |world: &World| world.dead_count() == 1;
    assert!(world.crashes(|| vec![waiting()], dead) <= 7);
    world.hanging.lock().unwrap().clear();
    assert_eq!(world.run(vec![waiting()], pending(), is_found), End::Closed);
    assert_found(&world, "b1");
}

/// An attempt of the killer is under way at each of many hand-overs, and nobody crashes.
fn is_handed_over_often(world: &World, options: impl Fn() -> SubscriptionOptions) {
    let starts = |world: &World| world.started.lock().unwrap().iter().filter(|name| *name == "g b1").count();
    for _ in 0..9 {
        let before = starts(world);
        assert_eq!(world.run(vec![options()], pending(), |world| starts(world) > before), End::Closed);
    }
    world.hanging.lock().unwrap().clear();
    world.failing.lock().unwrap().clear();
    world.kill_by(&["g b1"]);
    assert_eq!(world.crashes(|| vec![waiting()], is_found), 6);
}

#[test]
fn what_hangs_while_it_is_handed_over_is_not_counted() {
    let world = World { closes_within: Duration::from_millis(100), ..heads_wait() };
    world.hanging.lock().unwrap().insert("b1".to_owned());
    is_handed_over_often(&world, waiting);
}

#[test]
fn what_waits_in_memory_while_it_is_handed_over_is_not_counted() {
    let world = heads_wait();
    world.failing.lock().unwrap().insert("b1".to_owned());
    is_handed_over_often(&world, || SubscriptionOptions { hold: Duration::from_secs(99), ..waiting() });
}

#[test]
fn where_crashes_are_ignored_entries_are_not_counted() {
    let world = heads_wait();
    world.kill_by(&["g b1"]);
    let ignoring = || vec![SubscriptionOptions { crashes: OnCrash::Ignore, ..waiting() }];
    for _ in 0..10 {
        assert_eq!(world.run(ignoring(), pending(), |_| false), End::Crashed);
    }
    assert_eq!(world.dead_count(), 0);
}
