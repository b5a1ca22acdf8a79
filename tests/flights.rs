//! The main job, `examples/flights`: its parts, and all of them together on the bus.
#![allow(clippy::unwrap_used)]

#[path = "../examples/flights/job/mod.rs"]
mod job;

use std::collections::HashMap;
use std::error::Error;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use job::arguments::HandlerTime;
use job::chaos::{Fate, Plan, SAFE_ATTEMPT};
use job::input::Input;
use job::oracle::{expected, sequential};
use job::report::{Summary, Tables, facts};
use job::rows::{Source, SourceError};
use job::run::{Outcome, RunError, Settings, run};

const SAMPLE: &[u8] = include_bytes!("../examples/flights/data/january-week.csv.zip");

fn sample() -> Input {
    Input::read(Source::sample().unwrap()).unwrap()
}

/// Runs the job, and says why where its result is not the one that it must have.
fn good(input: &Input, settings: &Settings) -> (Outcome, Summary) {
    let outcome = run(input, settings).unwrap();
    let expected = expected(&input.timeline);
    let summary = Summary::of(input, &outcome, &expected);
    assert_eq!((outcome.books.diff(&expected), &outcome.shown), (vec![], &vec![]), "{settings:?}");
    assert!(summary.is_good(), "{summary:?} of {settings:?}");
    (outcome, summary)
}

fn chaos(input: &Input, seed: u64) -> Settings {
    Settings { plan: Some(Plan::new(seed, input.timeline.aircraft())), seed, ..Settings::default() }
}

/// The attempts that a plan makes fail, before each event's last.
fn planned_retries(input: &Input, plan: &Plan) -> u64 {
    let goes_wrong = |fate| matches!(fate, Fate::Fail | Fate::Panic | Fate::Hang);
    let retries = |event| (1..=SAFE_ATTEMPT).take_while(|n| goes_wrong(plan.fate(&event, *n))).count() as u64;
    input.timeline.events().map(retries).sum()
}

/// The lines of the sample, without their ends.
fn lines() -> Vec<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(SAMPLE)).unwrap();
    let mut table = Vec::new();
    archive.by_index(0).unwrap().read_to_end(&mut table).unwrap();
    table.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn file(name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(path: &Path) -> Result<Input, SourceError> {
    Input::read(Source::open(path)?)
}

#[test]
fn the_sample_is_the_first_week_of_january() {
    let Input { timeline, malformed } = sample();
    assert_eq!((timeline.len(), timeline.aircraft().len(), malformed), (18_259, 2_048, vec![]));
    let types = timeline.types();
    assert_eq!(types["FlightScheduled"], 6_099);
    assert_eq!(types["FlightScheduled"], types["FlightDeparted"] + types["FlightCancelled"]);
    assert_eq!((types["FlightArrived"], types["FlightCancelled"]), (6_061, 35));
    assert_eq!(timeline.events().filter(|event| event.place.is_none()).count(), 16);
}

#[test]
fn a_flight_is_announced_before_it_leaves_and_leaves_before_it_comes_in() {
    let events: Vec<_> = sample().timeline.events().collect();
    assert!(events.is_sorted_by_key(|event| event.at));
    let mut last = HashMap::new();
    for event in events.iter().filter_map(|event| event.place) {
        let before = last.insert(event.aircraft, event.sequence.get()).unwrap_or(0);
        assert_eq!(event.sequence.get(), before + 1, "{event:?}");
    }
}

#[test]
fn the_result_equals_the_sequential_computation() {
    let input = sample();
    let settings = Settings::default();
    let (outcome, summary) = good(&input, &settings);
    assert_eq!((summary.events, summary.handled, summary.carriers.handled), (18_259, 18_259, 18_259));
    assert_eq!((summary.dead_letters, summary.retries, outcome.rewinds), (0, 0, 0));
    assert_eq!(outcome.latency.len(), 18_259);
    assert!(summary.seconds > 0.0 && outcome.aircraft.commits > 0);
    let facts = facts(&input, &settings, &outcome);
    let tables = Tables { summary: &summary, books: &outcome.books, facts: &facts }.to_string();
    assert!(tables.contains(&summary.books_digest) && tables.contains(&"█".repeat(60)), "{tables}");
    assert!(tables.contains("lanes, most at a time"), "{tables}");
}

#[test]
fn workers_and_partitions_change_nothing() {
    let input = sample();
    for (workers, partitions) in [(1, 1), (3, 5), (16, 64)] {
        let settings = Settings { workers: Some(workers), partitions, ..Settings::default() };
        assert_eq!(good(&input, &settings).1.handled, 18_259);
    }
}

#[test]
fn books_of_a_run_that_lost_an_event_do_not_match() {
    let input = sample();
    let outcome = run(&input, &Settings::default()).unwrap();
    let short = sequential(input.timeline.events().skip(1));
    assert!(!Summary::of(&input, &outcome, &short).is_good());
}

#[test]
fn trouble_adds_up_whatever_the_seed() {
    let input = sample();
    for seed in 1..=10 {
        let settings = chaos(&input, seed);
        let plan = settings.plan.as_ref().unwrap();
        let (outcome, summary) = good(&input, &settings);
        let dead = input.timeline.events().filter(|event| plan.is_dead(event)).count() as u64;
        assert!(dead > 0, "seed {seed}");
        for group in [outcome.aircraft, outcome.carriers] {
            let sums = (group.redriven, group.handled, group.dead_letters);
            assert_eq!(sums, (dead, 18_259, 0), "seed {seed}: parked, and redriven in order");
            assert_eq!(group.retries, planned_retries(&input, plan), "seed {seed}");
        }
        assert!(summary.seconds >= 0.3, "seed {seed}: the hang is over before its time");
    }
}

#[test]
fn a_backlog_is_worked_off_with_the_same_result() {
    let input = sample();
    let (outcome, summary) = good(&input, &Settings { backlog: Some(10_000), ..Settings::default() });
    let recovery = outcome.recovery.unwrap();
    assert_eq!((recovery.backlog, summary.handled), (10_240, 18_259));
    let (entered, left) = (recovery.entered.unwrap(), recovery.left.unwrap());
    assert!(entered < left && recovery.drained < left, "{recovery:?}");
    let json: serde_json::Value = serde_json::from_str(&summary.to_json().unwrap()).unwrap();
    assert_eq!(json["recovery"]["backlog"], 10_240);
    let (outcome, _) = good(&input, &Settings { backlog: Some(1), ..Settings::default() });
    assert!(outcome.recovery.unwrap().entered.is_some(), "one that is gone at once shows a recovery too");
    let (_, summary) = good(&input, &Settings { backlog: Some(u64::MAX), ..chaos(&input, 3) });
    assert_eq!(summary.recovery.unwrap().backlog, 18_259);
}

#[test]
fn handlers_take_their_time() {
    let input = sample();
    let time = |millis| Duration::from_millis(millis);
    let handler_time = Some(HandlerTime { from: time(1), to: time(2) });
    let (outcome, summary) = good(&input, &Settings { handler_time, ..chaos(&input, 7) });
    assert!(outcome.latency.min() >= 900_000 && summary.latency_us.p50 >= 1_000.0, "{summary:?}");
    assert!(outcome.peaks.active > 0 && outcome.peaks.lanes >= outcome.peaks.active, "{:?}", outcome.peaks);
}

#[test]
fn malformed_rows_end_in_the_dead_letters_as_they_are() {
    let mut lines = lines();
    // One that is an event for whoever looks at the bytes alone, one that is no text, one that does not end.
    let event = br#"{"a":{"id":"N14228","n":1},"t":1,"c":"UA","f":1,"e":"FlightCancelled"}"#;
    let odd: [&[u8]; 4] = [event, b"\xff\xfe,\0", b"2013,\"1,1", &[b'x'; 20_000]];
    for row in odd.into_iter().chain(std::iter::repeat_n(&b"2013,1,1"[..], 1_200)) {
        lines.insert(100, row.to_vec());
    }
    let input = read(&file("malformed.csv", lines.join(&b'\n'))).unwrap();
    assert_eq!((input.timeline.len(), input.malformed.len()), (18_259, 1_204));
    assert!(input.malformed[0].to_string().starts_with("line 101: "), "{}", input.malformed[0]);

    let (outcome, summary) = good(&input, &Settings::default());
    assert_eq!((summary.events, summary.handled, summary.dead_letters), (18_259, 18_259, 1_204));
    assert_eq!((outcome.carriers.dead_letters, outcome.carriers.malformed_rows), (1_204, 1_204));
    assert_eq!(outcome.books.diff(&sequential(sample().timeline.events())), vec![]);
    let (_, troubled) = good(&input, &chaos(&input, 3));
    assert!(
        troubled.dead_letters == 1_204 && troubled.parked_redriven > 0 && troubled.malformed_rows == 1_204
    );
}

#[test]
fn a_table_without_rows_is_a_job_without_work() {
    let input = read(&file("empty.csv", lines().remove(0))).unwrap();
    let (outcome, summary) = good(&input, &chaos(&input, 1));
    assert_eq!((summary.events, summary.handled, outcome.latency.len()), (0, 0, 0));
    assert!(summary.to_json().unwrap().contains(r#""events":0,"#));
}

#[test]
fn a_wrong_file_is_a_clear_error() {
    let error = |path: &Path| read(path).map(|_| ()).unwrap_err();
    let missing = error(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("missing.csv"));
    assert!(matches!(missing, SourceError::Unreadable { .. }) && missing.source().is_some(), "{missing}");
    let folder = error(Path::new(env!("CARGO_TARGET_TMPDIR")));
    assert!(matches!(folder, SourceError::Unreadable { .. }), "{folder}");
    let other = error(&file("other.csv", "name,age\nx,1\n")).to_string();
    assert!(other.contains("other.csv is not a table of flights: column 1"), "{other}");
    let half = error(&file("half.zip", &SAMPLE[..SAMPLE.len() / 2])).to_string();
    assert!(half.contains("half.zip begins as a zip archive"), "{half}");
    assert!(matches!(error(&file("nothing.csv", "")), SourceError::Header { .. }));
}

#[test]
fn a_job_in_which_nothing_moves_breaks_off_and_says_how_it_stands() {
    let input = sample();
    let minute = Duration::from_secs(60);
    let handler_time = Some(HandlerTime { from: minute, to: minute });
    let patience = Duration::from_millis(50);
    let stalled = run(&input, &Settings { handler_time, patience, ..Settings::default() }).map(|_| ());
    let error = stalled.unwrap_err();
    assert!(matches!(error, RunError::Stalled { .. }), "{error}");
    let words = error.to_string();
    assert!(
        words.contains("50ms; aircraft: SubscriptionStats { handled: 0") && words.contains("; carriers: ")
    );
}
