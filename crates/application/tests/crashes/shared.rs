//! Several subscriptions in one process.

use laneway_domain::DeathCause;

use crate::process::{World, names, options};

#[test]
fn a_killer_of_one_group_is_found_beside_another_group_that_is_busy() {
    let world = World::new(1);
    for aggregate in ["a", "b"] {
        world.publish(aggregate, names(aggregate, 40));
    }
    world.kill_by(&["g b3"]);
    let done = |world: &World| {
        let of = |group| world.handled(group).len();
        of("g") >= 79 && of("other") >= 80 && world.dead_count() == 1
    };
    let crashes = world.crashes(|| vec![options("g"), options("other")], done);
    assert!(crashes <= 7, "{crashes}");
    assert_eq!(world.dead("g"), [("b3".to_owned(), DeathCause::Crashes)]);
    assert_eq!(world.dead("other"), []);
}

#[test]
fn what_kills_in_two_groups_dies_in_both() {
    let world = World::new(1);
    world.publish("a", names("a", 10));
    world.kill_by(&["g a2", "other a5"]);
    let done = |world: &World| {
        let of = |group| world.handled(group).len();
        of("g") >= 9 && of("other") >= 9 && world.dead_counts() == [1, 1]
    };
    let crashes = world.crashes(|| vec![options("g"), options("other")], done);
    assert!(crashes <= 14, "{crashes}");
}
