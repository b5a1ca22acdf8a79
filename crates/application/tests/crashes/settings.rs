//! What the setting says, and what an adapter must be able to do for it.

use std::future::pending;
use std::sync::Arc;

use laneway_application::consume::{OnCrash, SubscriptionError};
use laneway_application::policy::ProbationPolicy;
use laneway_application::{Bus, SystemClock, consume::Ground};
use laneway_domain::{AfterDeadLetter, handler_fn};
use laneway_memory::{MemoryBroker, MemoryConfig};

use crate::process::{End, World, names, options};

fn narrow() -> Bus {
    let config = MemoryConfig { state_bytes: 511, ..MemoryConfig::default() };
    let clock = Arc::new(SystemClock::new());
    let broker = Arc::new(MemoryBroker::new(config, clock.clone()).unwrap());
    Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters: None, clock })
}

#[tokio::test]
async fn probation_is_refused_where_checkpoints_cannot_carry_it_and_off_by_default() {
    let bus = narrow();
    let handler = || handler_fn(|_| std::future::ready(Ok(())));
    let mut options = options("g");
    options.crashes = OnCrash::Probation(ProbationPolicy::default());
    let refused = bus.subscribe(options.clone(), handler()).await.unwrap_err();
    assert!(matches!(refused, SubscriptionError::Unsupported(_)), "{refused}");
    assert!(refused.to_string().contains("512 bytes of state"), "{refused}");
    options.crashes = OnCrash::ProbationWhereItCan;
    bus.subscribe(options, handler()).await.unwrap();
}

#[test]
fn absurd_settings_are_refused() {
    let mut options = options("g");
    options.crashes = OnCrash::Probation(ProbationPolicy { batch: 0, ..ProbationPolicy::default() });
    assert_eq!(options.faults()[0].field(), "crashes.batch");
}

#[test]
fn without_probation_nothing_is_marked() {
    let world = World::new(1);
    world.publish("a", names("a", 3));
    let ignore = || {
        let mut options = options("g");
        options.crashes = OnCrash::Ignore;
        vec![options]
    };
    world.kill_by(&["g a2"]);
    for _ in 0..10 {
        assert_eq!(world.run(ignore(), pending(), |_| false), End::Crashed);
        assert!(!world.spy.found_open());
    }
}

#[test]
fn what_is_behind_a_killer_follows_the_policy_of_dead_letters() {
    for (after, handled) in
        [(AfterDeadLetter::Park, 1), (AfterDeadLetter::Block, 1), (AfterDeadLetter::Skip, 4)]
    {
        let world = World::new(1);
        world.publish("a", names("a", 5));
        world.kill_by(&["g a2"]);
        let subscriptions = || {
            let mut options = options("g");
            options.after_dead_letter = Some(after);
            vec![options]
        };
        let done = |world: &World| world.dead_count() == 1 && world.handled("g").len() >= handled;
        assert_eq!(world.crashes(subscriptions, done), 6, "{after:?}");
        let behind = world.handled("g").contains(&"a3".to_owned());
        assert_eq!(behind, after == AfterDeadLetter::Skip, "{after:?}");
    }
}
