//! Rows of crashes in one group.

use std::collections::BTreeSet;
use std::future::pending;

use laneway_domain::DeathCause;

use crate::process::{End, World, names, options};

/// Everything but the killers was handled.
fn through(world: &World, names: &[String]) -> bool {
    let handled: BTreeSet<_> = world.handled("g").into_iter().collect();
    let killers = world.killers.lock().unwrap().clone();
    names.iter().all(|name| handled.contains(name) || killers.contains(&format!("g {name}")))
        && world.dead_count() == killers.len()
}

/// Aggregates with a few events each, all published; their names.
fn publish(world: &World, aggregates: &[&str], each: usize) -> Vec<String> {
    let mut all = Vec::new();
    for aggregate in aggregates {
        world.publish(aggregate, names(aggregate, each));
        all.extend(names(aggregate, each));
    }
    all
}

fn crashes_until_through(world: &World, names: &[String]) -> usize {
    world.crashes(|| vec![options("g")], |world| through(world, names))
}

/// Each event of an aggregate was first handled in order.
fn assert_in_order(world: &World, names: &[String]) {
    let handled = world.handled("g");
    let first = |name: &String| handled.iter().position(|other| other == name);
    for pair in names.windows(2).filter(|pair| pair[0][..1] == pair[1][..1]) {
        let (Some(one), Some(other)) = (first(&pair[0]), first(&pair[1])) else { continue };
        assert!(one < other, "{pair:?} in {handled:?}");
    }
}

#[test]
fn a_killer_dies_after_six_crashes_and_nobody_with_it() {
    let world = World::new(1);
    let all = publish(&world, &["a", "b", "c", "d"], 30);
    world.kill_by(&["g b7"]);
    assert_eq!(crashes_until_through(&world, &all), 6);
    assert_eq!(world.dead("g"), [("b7".to_owned(), DeathCause::Crashes)]);
    assert_in_order(&world, &all);
}

#[test]
fn a_killer_without_an_aggregate_dies_as_well() {
    let world = World::new(1);
    let all = publish(&world, &["", "a"], 20);
    world.kill_by(&["g 9"]);
    assert_eq!(crashes_until_through(&world, &all), 6);
    assert_eq!(world.dead("g"), [("9".to_owned(), DeathCause::Crashes)]);
}

#[test]
fn killers_of_two_partitions_and_two_in_one_die_one_after_the_other() {
    let world = World::new(2);
    let all = publish(&world, &["a", "b", "c", "d", "e"], 20);
    world.kill_by(&["g a3", "g d4", "g e5"]);
    let crashes = crashes_until_through(&world, &all);
    assert!(crashes <= 3 * 7, "{crashes}");
    let mut dead = world.dead("g");
    dead.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = ["a3", "d4", "e5"].map(|name| (name.to_owned(), DeathCause::Crashes));
    assert_eq!(dead, expected);
    assert_in_order(&world, &all);
}

#[test]
fn an_innocent_that_fails_beside_a_killer_dies_of_its_own_failures() {
    let world = World::new(1);
    let all = publish(&world, &["a", "b", "c"], 10);
    world.failing.lock().unwrap().insert("c2".to_owned());
    world.kill_by(&["g b4"]);
    let failing = || {
        let mut options = options("g");
        options.retry.max_retries = 2;
        options.retry.initial_interval = std::time::Duration::from_millis(1);
        vec![options]
    };
    let done = |world: &World| {
        let rest: Vec<_> = all.iter().filter(|name| *name != "c2").cloned().collect();
        world.dead_count() == 2 && rest.iter().all(|name| name == "b4" || world.handled("g").contains(name))
    };
    assert!(world.crashes(failing, done) <= 7);
    let mut dead = world.dead("g");
    dead.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(dead, [("b4".to_owned(), DeathCause::Crashes), ("c2".to_owned(), DeathCause::Exhausted)]);
}

#[test]
fn a_clean_close_clears_the_flag_and_a_crash_leaves_it() {
    let world = World::new(1);
    let all = publish(&world, &["a"], 5);
    assert_eq!(world.run(vec![options("g")], pending(), |world| through(world, &all)), End::Closed);
    assert!(!next_owner_finds_open(&world));
    world.publish("a", ["late".to_owned()]);
    world.kill_by(&["g late"]);
    assert_eq!(world.run(vec![options("g")], pending(), |_| false), End::Crashed);
    world.kill_by(&[]);
    assert!(next_owner_finds_open(&world));
    assert!(!next_owner_finds_open(&world));
}

/// Runs a process until it owns the partition, and closes it; what it found.
fn next_owner_finds_open(world: &World) -> bool {
    let before = world.spy.found.lock().unwrap().len();
    let assigned = |world: &World| world.spy.found.lock().unwrap().len() > before;
    assert_eq!(world.run(vec![options("g")], pending(), assigned), End::Closed);
    world.spy.found_open()
}

#[test]
fn a_deploy_by_kill_makes_nobody_a_dead_letter() {
    let world = World::new(2);
    let all = publish(&world, &["a", "b", "c"], 40);
    for after in 0..25 {
        let handled = world.started.lock().unwrap().len() + after % 7;
        let outside = async {
            while world.started.lock().unwrap().len() < handled {
                tokio::task::yield_now().await;
            }
        };
        if world.run(vec![options("g")], outside, |world| through(world, &all)) == End::Closed {
            break;
        }
    }
    assert_eq!(crashes_until_through(&world, &all), 0);
    assert_eq!(world.dead("g"), []);
    assert_in_order(&world, &all);
}
