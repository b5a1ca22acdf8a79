//! Dead letters whose tenure has ended, and a store that panics.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use laneway_application::SystemClock;
use laneway_application::consume::Subscription;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterQueue, Event, HandlerError, Position, Resume, StoreError,
    handler_fn,
};
use laneway_memory::MemoryDeadLetters;

use crate::diary::PATIENCE;
use crate::stage::{Stage, name, options};

async fn handled(stage: &Stage, subscription: &Subscription, count: u64) {
    let counted = async {
        while subscription.stats().handled != count {
            tokio::task::yield_now().await;
        }
    };
    stage.diary.within(PATIENCE, counted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_dies_after_its_partition_was_lost_is_left_to_the_next_owner() {
    let stage = Stage::at(Arc::new(SystemClock::new()));
    let (die, told) = mpsc::channel::<()>();
    let (diary, told) = (stage.diary.clone(), Arc::new(Mutex::new(told)));
    let handler = handler_fn(move |event: Event| {
        let (diary, told) = (diary.clone(), told.clone());
        async move {
            diary.write(|page| page.started.push(name(&event)));
            if name(&event) != "dies" {
                return Ok(());
            }
            // Holds its thread, so that its worker hears of the loss only after it has died.
            told.lock().unwrap().recv_timeout(PATIENCE)?;
            Err(HandlerError::fatal("no"))
        }
    });
    let subscription = stage.subscribe(options(), handler).await;
    [0, 1].into_iter().for_each(|partition| stage.broker.assign(partition));
    stage.broker.deliver(0, &[("a", "dies")]);
    stage.diary.until("it runs", |page| page.has_started("dies")).await;
    stage.broker.lose(0);
    let lost = async {
        while subscription.stats().partitions != 1 {
            tokio::task::yield_now().await;
        }
    };
    stage.diary.within(PATIENCE, lost).await.unwrap();
    die.send(()).unwrap();
    // The second one is read after a letter would have been written.
    for (count, marker) in [(1, "one more"), (2, "and one more")] {
        stage.broker.deliver(1, &[("b", marker)]);
        handled(&stage, &subscription, count).await;
    }
    assert_eq!((stage.buried().await, subscription.stats().dead_letters), (0, 0));
}

/// Panics until it is healed: when it is called, or when its future runs.
struct Broken {
    store: MemoryDeadLetters,
    healed: AtomicBool,
    when_called: bool,
}

impl Broken {
    fn break_down(&self, called: bool) {
        assert!(self.healed.load(Ordering::SeqCst) || self.when_called != called, "in a store");
    }
}

impl DeadLetterQueue for Broken {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.store.capabilities()
    }

    fn bury<'a, 'b>(
        &'a self,
        letters: Vec<DeadLetter>,
    ) -> Pin<Box<dyn Future<Output = Vec<Result<(), StoreError>>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.break_down(true);
        Box::pin(async move {
            self.break_down(false);
            self.store.bury(letters).await
        })
    }
}

async fn a_store_that_panics_is_asked_again(when_called: bool) {
    let stage = Stage::new();
    let store = Broken { store: stage.letters.clone(), healed: AtomicBool::new(false), when_called };
    let store = Arc::new(store);
    let subscription = stage.subscribe_with(options(), stage.handler(), store.clone()).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "dies"), ("a", "behind it"), ("b", "beside it")]);
    let mut health = subscription.watch_health();
    let said = health.wait_for(|health| health.dead_letter_store.is_some());
    let said = stage.diary.within(PATIENCE, said).await.unwrap().unwrap().dead_letter_store.clone();
    assert!(said.unwrap().contains("panicked"));
    stage.diary.until("a commit", |page| page.committed.contains_key(&0)).await;
    stage.diary.read(|page| {
        assert_eq!(page.committed[&0], Resume::At(Position::new(0)));
        assert_eq!(page.started, ["dies", "beside it"]);
    });
    store.healed.store(true, Ordering::SeqCst);
    stage.diary.until("the lane goes on", |page| page.has_started("behind it")).await;
    let all = Resume::After(Position::new(2));
    stage.diary.until("all are committed", |page| page.committed[&0] == all).await;
    assert_eq!((stage.buried().await, subscription.stats().dead_letters), (1, 1));
    assert!(subscription.health().is_good());
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_answer_panics_is_asked_until_it_has_the_letter() {
    a_store_that_panics_is_asked_again(false).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_when_it_is_called_is_asked_until_it_has_the_letter() {
    a_store_that_panics_is_asked_again(true).await;
}
