//! Permits go round: whoever has them leaves some to who waits.

use laneway_domain::{Event, handler_fn};

use crate::stage::{Stage, name, options};

const EVENTS: usize = 200;

/// How many of the first events that started are each worker's. Those without an aggregate are spread by position.
async fn shares_of_the_first(count: usize, max_in_flight: usize) -> [usize; 2] {
    let stage = Stage::new();
    let mut options = options();
    (options.workers, options.max_in_flight) = (2, max_in_flight);
    let diary = stage.diary.clone();
    let handler = handler_fn(move |event: Event| {
        let diary = diary.clone();
        async move {
            diary.write(|page| page.started.push(name(&event)));
            tokio::task::yield_now().await;
            Ok(())
        }
    });
    stage.subscribe(options, handler).await;
    stage.broker.assign(0);
    let names: Vec<_> = (0..EVENTS).map(|at| if at % 2 == 0 { "even" } else { "odd" }).collect();
    let events: Vec<_> = names.iter().map(|name| ("", *name)).collect();
    stage.broker.deliver(0, &events);
    stage.diary.until("all have started", |page| page.started.len() == EVENTS).await;
    let even = stage.diary.read(|page| page.started[..count].iter().filter(|name| *name == "even").count());
    [even, count - even]
}

#[tokio::test(start_paused = true)]
async fn two_workers_make_progress_where_one_could_take_all_permits() {
    for max_in_flight in 1..=4 {
        let shares = shares_of_the_first(80, max_in_flight).await;
        let both = shares.iter().all(|share| *share >= 80 / 5);
        assert!(both, "with {max_in_flight} in flight the workers started {shares:?} of the first");
    }
}
