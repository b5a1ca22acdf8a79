//! Events that abort their process, with real processes: they are dead letters after a few crashes, and nobody else is.
//!
//! The tests start this program again as the process that handles, and again as long as that crashes. Checkpoints are in a file,
//! and so are dead letters, what waits with them, and what handlers did.
#![allow(clippy::unwrap_used)]

mod kept;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kept::Kept;
use laneway::consume::{Ground, SubscriptionOptions};
use laneway::domain::{
    Act, AfterDeadLetter, AggregateId, AggregateKey, Body, By, Clock, DeadLetterDesk, DeathCause, Envelope,
    Event, Filter, GroupId, HandlerError, ParkState, Timestamp, TopicName, handler_fn,
};
use laneway::memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway::{Bus, SystemClock};

/// Says to the process that handles where its files are.
const FOLDER: &str = "LANEWAY_CRASH_LOOP";
const AGGREGATES: [&str; 5] = ["a", "b", "c", "d", "e"];
const EACH: usize = 60;
const KILLER: &str = "c17";
/// R16.
const MOST_CRASHES: usize = 7;

/// One of these waits in the store for its next attempt, the other one died there and is redriven.
const RETURNING: [&str; 2] = ["a1", "b1"];
/// Until it is there, these only fail.
const THEY_KILL: &str = "they kill";

#[test]
fn an_event_that_aborts_its_process_is_a_dead_letter_after_a_few_crashes() {
    let folder = folder("log");
    let crashes = (0..20).find(|_| handle_in_a_process(&folder)).expect("one process is through");
    let diary = std::fs::read_to_string(folder.join("diary")).unwrap();
    println!("{crashes} crashes");
    assert!((1..=MOST_CRASHES).contains(&crashes), "{crashes} crashes");
    assert_eq!(said(&diary, "started").iter().filter(|name| **name == KILLER).count(), crashes);
    assert_eq!(said(&diary, "dead"), [format!("{KILLER} {:?}", DeathCause::Crashes)]);
    AGGREGATES.into_iter().for_each(|aggregate| assert_done_in_order(&diary, aggregate, &[KILLER]));
}

#[test]
fn events_that_abort_their_process_out_of_the_dead_letter_store_are_dead_after_a_few_crashes_each() {
    let folder = folder("store");
    assert!(handle_in_a_process(&folder), "they fail, and wait in the store");
    std::fs::write(folder.join(THEY_KILL), "").unwrap();
    let crashes = (0..30).find(|_| handle_in_a_process(&folder)).expect("one process is through");
    let diary = std::fs::read_to_string(folder.join("diary")).unwrap();
    println!("{crashes} crashes");
    for killer in RETURNING {
        let kills = said(&diary, "killed by").iter().filter(|name| **name == killer).count();
        assert!((1..=MOST_CRASHES).contains(&kills), "{killer}: {kills}");
    }
    let crash = |killer| format!("{killer} {:?}", DeathCause::Crashes);
    let mut dead = said(&diary, "dead");
    dead.sort_unstable();
    assert_eq!(dead, RETURNING.map(crash));
    let journal = std::fs::read_to_string(folder.join("letters")).unwrap();
    assert_eq!(said(&journal, "answered"), ["FailedAgain(0)"]);
    ["c", "d", "e"].into_iter().for_each(|aggregate| assert_done_in_order(&diary, aggregate, &[]));
    assert!(
        !said(&diary, "done").iter().any(|name| name.starts_with(['a', 'b'])),
        "they wait behind their heads"
    );
}

/// An empty folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crash_loop").join(name);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What stands behind a word in the lines of a file.
fn said<'a>(file: &'a str, word: &str) -> Vec<&'a str> {
    file.lines().filter_map(|line| line.strip_prefix(word)).map(str::trim).collect()
}

fn assert_done_in_order(diary: &str, aggregate: &str, but: &[&str]) {
    let done = said(diary, "done");
    let firsts = names(aggregate).filter(|name| !but.contains(&&**name)).map(|name| {
        done.iter().position(|done| *done == name).unwrap_or_else(|| panic!("{name} was not handled"))
    });
    assert!(firsts.is_sorted(), "{aggregate} is out of order");
}

/// Starts a process; whether it came through.
fn handle_in_a_process(folder: &Path) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_handles", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}

fn names(aggregate: &str) -> impl Iterator<Item = String> + use<'_> {
    (1..=EACH).map(move |n| format!("{aggregate}{n}"))
}

/// Started by the tests above; by itself it has nothing to do.
#[test]
fn the_process_that_handles() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let clock = SystemClock::new();
    runtime.block_on(async {
        let handled = async {
            if folder.ends_with("store") {
                handle_from_the_store(&folder).await
            } else {
                handle(&folder).await
            }
        };
        tokio::select! {
            () = handled => {}
            () = clock.wake_at(clock.monotonic() + Duration::from_secs(30)) => panic!("it is not through"),
        }
    });
}

/// A process of its own: a bus with the same log in each of them, and the store as the last one left it.
struct Life {
    bus: Bus,
    letters: MemoryDeadLetters,
    options: SubscriptionOptions,
    diary: PathBuf,
}

impl Life {
    async fn begin(folder: &Path) -> Self {
        let (topic, group) = (TopicName::new("orders").unwrap(), GroupId::new("billing").unwrap());
        let clock = Arc::new(SystemClock::new());
        let config = MemoryConfig { partitions: 2, ..MemoryConfig::default() };
        let broker = MemoryBroker::new(config, clock.clone()).unwrap();
        let (letters, kept) = kept::letters(&folder.join("letters"), &group, &topic).await;
        let subscriber = Arc::new(Kept { broker: broker.clone(), file: folder.join("checkpoints") });
        let ground = Ground { subscriber, dead_letters: Some(Arc::new(kept)), clock };
        let bus = Bus::new(Arc::new(broker), ground);
        for name in AGGREGATES.into_iter().flat_map(names) {
            let id = AggregateId::new(&name[..1]).unwrap();
            bus.publish(Envelope::new(topic.clone(), name).with_aggregate(id)).await.unwrap();
        }
        let mut options = SubscriptionOptions::new(group, [topic]);
        options.commit.interval = Duration::from_millis(2);
        Self { bus, letters, options, diary: folder.join("diary") }
    }

    /// Closes the bus, and writes down what is dead of its crashes.
    async fn end(self) {
        self.bus.close(Duration::from_secs(5)).await;
        let all = Filter::group(self.options.group);
        for letter in self.letters.list(&all, None, 1_000).await.unwrap() {
            let (ParkState::Dead(death), Body::Event(event)) = (letter.state, letter.original) else {
                continue;
            };
            let name = String::from_utf8_lossy(event.payload()).into_owned();
            if death.cause == DeathCause::Crashes {
                write(&self.diary, &format!("dead {name} {:?}", death.cause));
            }
        }
    }
}

async fn handle(folder: &Path) {
    let mut life = Life::begin(folder).await;
    life.options.after_dead_letter = Some(AfterDeadLetter::Skip);
    let diary = life.diary.clone();
    let written = diary.clone();
    let handler = handler_fn(move |event: Event| {
        let diary = written.clone();
        async move {
            let name = String::from_utf8_lossy(event.payload()).into_owned();
            write(&diary, &format!("started {name}"));
            if name == KILLER {
                std::process::abort();
            }
            tokio::task::yield_now().await;
            write(&diary, &format!("done {name}"));
            Ok::<(), HandlerError>(())
        }
    });
    let subscription = life.bus.subscribe(life.options.clone(), handler).await.unwrap();
    // Before the last event of its lane is done, the killer is dead.
    let last = |diary: &str| AGGREGATES.iter().all(|of| diary.contains(&format!("done {of}{EACH}\n")));
    subscription.wait_until(|_| last(&std::fs::read_to_string(&diary).unwrap_or_default())).await;
    life.end().await;
}

async fn handle_from_the_store(folder: &Path) {
    let mut life = Life::begin(folder).await;
    life.options.after_dead_letter = Some(AfterDeadLetter::Park);
    life.options.hold = Duration::from_millis(1);
    life.options.redrive_poll = Duration::from_millis(10);
    let (diary, they_kill) = (life.diary.clone(), folder.join(THEY_KILL).exists());
    let handler = handler_fn(move |event: Event| {
        let diary = diary.clone();
        async move {
            let name = String::from_utf8_lossy(event.payload()).into_owned();
            if they_kill && RETURNING.contains(&&*name) {
                write(&diary, &format!("killed by {name}"));
                std::process::abort();
            }
            tokio::task::yield_now().await;
            match &*name {
                "a1" => return Err(HandlerError::retryable("later")),
                "b1" => return Err(HandlerError::fatal("never")),
                _ => write(&diary, &format!("done {name}")),
            }
            Ok::<(), HandlerError>(())
        }
    });
    let journal = folder.join("letters");
    let read = || std::fs::read_to_string(&journal).unwrap_or_default();
    if they_kill && !read().contains("answered") {
        let (by, act) = (By::new("a test", "to see it").unwrap(), Act::Redrive { per_second: None });
        let key = AggregateKey {
            topic: life.options.topics[0].clone(),
            tenant: None,
            id: AggregateId::new("b").unwrap(),
        };
        let b = Filter::aggregate(life.options.group.clone(), key);
        life.letters.ask(&b, act, &by, Timestamp::default(), false).await.unwrap();
    }
    if !they_kill {
        life.options.retry.initial_interval = Duration::from_secs(3);
    }
    let subscription = life.bus.subscribe(life.options.clone(), handler).await.unwrap();
    let crash = format!("dead {:?}", DeathCause::Crashes);
    let diary = life.diary.clone();
    subscription
        .wait_until(|_| {
            let (journal, diary) = (read(), std::fs::read_to_string(&diary).unwrap_or_default());
            let others = ["c", "d", "e"].iter().all(|of| diary.contains(&format!("done {of}{EACH}\n")));
            let waits = ["a", "b"].iter().all(|of| journal.contains(&format!("parked {of}{EACH} ")));
            let found = journal.contains("answered") && journal.matches(&crash).count() == 2;
            others && if they_kill { found } else { waits }
        })
        .await;
    life.end().await;
}

/// Adds a line that is there even if the process ends right behind it.
fn write(diary: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(diary).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
