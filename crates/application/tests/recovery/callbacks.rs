//! Callbacks that do not behave.

use std::future::pending;
use std::io;

use laneway_application::backlog::CallbackCounts;
use laneway_application::recovery::RecoveryMode::{Draining, Normal, Recovering};
use laneway_application::recovery::RecoveryOptions;

use crate::world::{World, seconds};

#[tokio::test(start_paused = true)]
async fn callbacks_that_hang_fail_or_panic_are_cut_off_and_counted_and_stop_nobody() {
    let world = World::new();
    let callbacks = world
        .callbacks()
        .on_enter(|_| async {
            pending::<()>().await;
            Ok::<(), io::Error>(())
        })
        .on_leave(|_| async { Err(io::Error::other("no mail server")) })
        .on_enter(|_| async { panic!("in a callback") as Result<(), io::Error> })
        .on_leave(|news| {
            assert!(news.switched.is_none(), "panics before its first await");
            async { Ok::<(), io::Error>(()) }
        });
    let mut options = world.options(&["t"]);
    options.recovery = Some(RecoveryOptions { callbacks, ..world.recovery() });
    world.publish("t", 500).await;
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(1))).await.unwrap();
    orders.wait_until(|stats| stats.handled == 500 && stats.recovery.mode == Normal).await;
    world.wait(seconds(5)).await;
    assert_eq!(world.modes(), [Recovering, Draining, Normal]);
    let CallbackCounts { failed, panicked, cut_off, .. } = orders.recovery_callbacks();
    assert_eq!((failed, panicked, cut_off), (1, 2, 1));
}
