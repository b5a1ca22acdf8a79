//! An event that aborts its process, with real processes: it is a dead letter after a few crashes, and nobody else is.
//!
//! The test starts this program again as the process that handles, and again as long as that crashes. Checkpoints are in a file,
//! and so is what handlers did.
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
    AfterDeadLetter, AggregateId, Body, Clock, DeadLetterDesk, DeathCause, Envelope, Event, Filter, GroupId,
    HandlerError, ParkState, TopicName, handler_fn,
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

#[test]
fn an_event_that_aborts_its_process_is_a_dead_letter_after_a_few_crashes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crash_loop");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let crashes = (0..20).find(|_| handle_in_a_process(&folder)).expect("one process is through");
    let diary = std::fs::read_to_string(folder.join("diary")).unwrap();
    println!("{crashes} crashes");
    assert!((1..=MOST_CRASHES).contains(&crashes), "{crashes} crashes");
    let said = |word: &str| -> Vec<&str> {
        diary.lines().filter_map(|line| line.strip_prefix(word)).map(str::trim).collect()
    };
    assert_eq!(said("started").iter().filter(|name| **name == KILLER).count(), crashes);
    assert_eq!(said("dead"), [format!("{KILLER} {:?}", DeathCause::Crashes)]);
    let done = said("done");
    for aggregate in AGGREGATES {
        let firsts = names(aggregate).filter(|name| name != KILLER).map(|name| {
            done.iter().position(|done| *done == name).unwrap_or_else(|| panic!("{name} was not handled"))
        });
        assert!(firsts.is_sorted(), "{aggregate} is out of order");
    }
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

/// Started by the test above; by itself it has nothing to do.
#[test]
fn the_process_that_handles() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let clock = SystemClock::new();
    runtime.block_on(async {
        tokio::select! {
            () = handle(&folder) => {}
            () = clock.wake_at(clock.monotonic() + Duration::from_secs(30)) => panic!("it is not through"),
        }
    });
}

async fn handle(folder: &Path) {
    let (topic, group) = (TopicName::new("orders").unwrap(), GroupId::new("billing").unwrap());
    let clock = Arc::new(SystemClock::new());
    let config = MemoryConfig { partitions: 2, ..MemoryConfig::default() };
    let broker = MemoryBroker::new(config, clock.clone()).unwrap();
    let letters = MemoryDeadLetters::new();
    let subscriber = Arc::new(Kept { broker: broker.clone(), file: folder.join("checkpoints") });
    let ground = Ground { subscriber, dead_letters: Some(Arc::new(letters.clone())), clock };
    let bus = Bus::new(Arc::new(broker), ground);
    // The same log in every process.
    for name in AGGREGATES.into_iter().flat_map(names) {
        let id = AggregateId::new(&name[..1]).unwrap();
        bus.publish(Envelope::new(topic.clone(), name).with_aggregate(id)).await.unwrap();
    }
    let mut options = SubscriptionOptions::new(group.clone(), [topic]);
    options.after_dead_letter = Some(AfterDeadLetter::Skip);
    options.commit.interval = Duration::from_millis(2);
    let diary = folder.join("diary");
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
    let subscription = bus.subscribe(options, handler).await.unwrap();
    // Before the last event of its lane is done, the killer is dead.
    let last = |diary: &str| AGGREGATES.iter().all(|of| diary.contains(&format!("done {of}{EACH}\n")));
    subscription.wait_until(|_| last(&std::fs::read_to_string(&diary).unwrap_or_default())).await;
    bus.close(Duration::from_secs(5)).await;
    for letter in letters.list(&Filter::group(group), None, 100).await.unwrap() {
        let (ParkState::Dead(death), Body::Event(event)) = (letter.state, letter.original) else { continue };
        let name = String::from_utf8_lossy(event.payload()).into_owned();
        write(&diary, &format!("dead {name} {:?}", death.cause));
    }
}

/// Adds a line that is there even if the process ends right behind it.
fn write(diary: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(diary).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
