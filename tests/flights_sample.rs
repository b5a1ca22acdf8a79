//! The parts of the job `flights`, and all of them together on the committed sample.

#[path = "../examples/flights/job/mod.rs"]
mod job;

use job::chaos::{Fate, Plan};
use job::input::Input;
use job::oracle::sequential;
use job::rehearsal::rehearse;
use job::report::{Summary, Tables};
use job::rows::{Source, SourceError};

fn sample() -> Result<Input, SourceError> {
    Input::read(Source::sample()?)
}

#[test]
fn the_sample_is_the_first_week_of_january() {
    let Input { timeline, malformed } = sample().unwrap();
    assert_eq!((timeline.len(), timeline.aircraft().len(), malformed), (18_259, 2_048, vec![]));
    let types = timeline.types();
    assert_eq!(types["FlightScheduled"], 6_099);
    assert_eq!(types["FlightScheduled"], types["FlightDeparted"] + types["FlightCancelled"]);
    assert_eq!((types["FlightArrived"], types["FlightCancelled"]), (6_061, 35));
    assert_eq!(timeline.events().filter(|event| event.place.is_none()).count(), 16);
}

#[test]
fn a_flight_is_announced_before_it_leaves_and_leaves_before_it_comes_in() {
    let events: Vec<_> = sample().unwrap().timeline.events().collect();
    assert!(events.is_sorted_by_key(|event| event.at));
    let mut last = std::collections::HashMap::new();
    for event in events.iter().filter_map(|event| event.place) {
        let before = last.insert(event.aircraft, event.sequence.get()).unwrap_or(0);
        assert_eq!(event.sequence.get(), before + 1, "{event:?}");
    }
}

#[test]
fn the_rehearsal_equals_the_sequential_computation() {
    let input = sample().unwrap();
    let outcome = rehearse(&input.timeline, None, 12).unwrap();
    let expected = sequential(input.timeline.events());
    assert_eq!((outcome.books.diff(&expected), outcome.shown.clone(), outcome.rewinds), (vec![], vec![], 0));
    let summary = Summary::of(&input, &outcome, &expected);
    assert!(summary.is_good(), "{summary:?}");
    assert_eq!(
        (summary.events, summary.handled, summary.dead_letters, summary.retries),
        (18_259, 18_259, 0, 0)
    );
    assert!(summary.seconds > 0.0 && summary.latency_us.p50 <= summary.latency_us.p99);
    let tables = Tables { summary: &summary, books: &outcome.books, facts: &[] }.to_string();
    assert!(tables.contains(&summary.books_digest) && tables.contains(&"█".repeat(60)), "{tables}");
}

#[test]
fn books_of_a_run_that_lost_an_event_do_not_match() {
    let input = sample().unwrap();
    let outcome = rehearse(&input.timeline, None, 12).unwrap();
    let expected = sequential(input.timeline.events().skip(1));
    assert!(!Summary::of(&input, &outcome, &expected).is_good());
}

#[test]
fn trouble_adds_up_whatever_the_seed() {
    let timeline = sample().unwrap().timeline;
    for seed in 0..10 {
        let plan = Plan::new(seed, timeline.aircraft());
        let outcome = rehearse(&timeline, Some(&plan), 12).unwrap();
        let alive = timeline.events().filter(|event| !plan.is_dead(event));
        assert_eq!(outcome.books.diff(&sequential(alive)), vec![], "seed {seed}");
        assert_eq!(outcome.handled + outcome.dead, 18_259, "seed {seed}");
        assert!(outcome.dead > 0 && outcome.retries > 0 && outcome.violations == 0, "seed {seed}");
        let hangs = timeline.events().filter(|event| plan.fate(event, 1) == Fate::Hang).count();
        assert_eq!(hangs, 1, "seed {seed}");
    }
}
