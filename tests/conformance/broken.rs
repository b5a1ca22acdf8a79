//! Brokers that are broken on purpose: the suite has to see it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use laneway::domain::{
    AggregateId, Batch, Checkpoint, Codec, CodecError, ConnectionChange, DeadLetter, DeadLetterCapabilities,
    DeadLetterDesk, DeadLetterQueue, Envelope, Flushed, Monotonic, Origin, Outgoing, PublishError, Published,
    Publisher, PublisherCapabilities, Record, Resume, Route, SessionEvent, StoreError, TopicName,
    Undecodable,
};
use laneway_testkit::conformance::{Adapter, Capabilities, Factory, Needs, Verdict, scenarios};
use laneway_testkit::faults::{Filter, FilteredSubscriber};

use super::memory::Memory;
use super::records::{codec, records};

/// A memory broker that something was done to.
struct Broken(fn(Adapter) -> Adapter);

#[async_trait]
impl Factory for Broken {
    fn capabilities(&self) -> Capabilities {
        Memory.capabilities()
    }

    /// What is broken keeps its scenario waiting to the end.
    fn patience(&self) -> Duration {
        Duration::from_secs(3)
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        self.0(Memory.adapter(needs).await)
    }
}

/// What a publisher does wrong.
#[derive(Clone, Copy)]
enum Slip {
    DropsHeaders,
    SaysOkAndForgets,
    TurnsBatchesAround,
}

struct Publishing(Arc<dyn Publisher>, Slip, AtomicUsize);

#[async_trait]
impl Publisher for Publishing {
    fn capabilities(&self) -> &PublisherCapabilities {
        self.0.capabilities()
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let Outgoing { mut events, origin } = batch;
        match self.1 {
            Slip::DropsHeaders => events = events.iter().map(bare).collect(),
            Slip::TurnsBatchesAround => events.reverse(),
            Slip::SaysOkAndForgets if self.2.fetch_add(1, Ordering::SeqCst) % 7 == 6 => {
                return self.forget(events, origin).await;
            }
            Slip::SaysOkAndForgets => {}
        }
        self.0.publish(Outgoing { events, origin }).await
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        self.0.flush(deadline).await
    }
}

impl Publishing {
    /// Publishes the first event as often as there are events: the answers look right.
    async fn forget(&self, events: Vec<Envelope>, origin: Origin) -> Vec<Result<Published, PublishError>> {
        let events = events.first().into_iter().cycle().take(events.len()).cloned().collect();
        self.0.publish(Outgoing { events, origin }).await
    }
}

fn bare(event: &Envelope) -> Envelope {
    let bare = Envelope::new(event.topic().clone(), event.payload().clone());
    let bare = event.aggregate().cloned().into_iter().fold(bare, Envelope::with_aggregate);
    event.id().into_iter().fold(bare, Envelope::with_id)
}

/// What a session does wrong.
#[derive(Clone, Copy)]
enum Lapse {
    SwapsNeighbours,
    SkipsTheSecond,
    CommitsNothing,
    CommitsTooMuch,
    HidesProgress,
    HidesThatItIsDown,
    HidesThatItIsUp,
    PermitsForEver,
}

impl Lapse {
    /// What the user hears instead.
    fn spoiled(self, event: SessionEvent) -> Option<SessionEvent> {
        Some(match (self, event) {
            (_, SessionEvent::Batch(batch)) => SessionEvent::Batch(self.changed(batch)),
            (Self::HidesProgress, SessionEvent::Progress { .. }) => return None,
            (Self::HidesThatItIsDown, SessionEvent::Connection(ConnectionChange::Down { .. })) => {
                return None;
            }
            (Self::HidesThatItIsUp, SessionEvent::Connection(ConnectionChange::Up)) => return None,
            (Self::PermitsForEver, SessionEvent::MayStart { .. }) => {
                SessionEvent::MayStart { until: Monotonic::NEVER }
            }
            (_, other) => other,
        })
    }

    fn changed(self, batch: Batch) -> Batch {
        let Batch { partition, epoch, bytes, rows, pending } = batch;
        let mut rows = rows.as_slice().to_vec();
        match self {
            // Positions still rise: only the contents of two places are exchanged.
            Self::SwapsNeighbours if rows.len() > 1 => {
                let body = rows[0].body.clone();
                rows[0].body = std::mem::replace(&mut rows[1].body, body);
            }
            Self::SkipsTheSecond if rows.len() > 1 => drop(rows.remove(1)),
            _ => {}
        }
        Batch { partition, epoch, bytes, rows: rows.into(), pending }
    }
}

impl Filter for Lapse {
    fn said(&mut self, event: SessionEvent, heard: &mut VecDeque<SessionEvent>) {
        heard.extend(self.spoiled(event));
    }

    fn checkpoints(&mut self, checkpoints: Vec<Checkpoint>) -> Vec<Checkpoint> {
        let more = |checkpoint: Checkpoint| {
            let (Resume::At(at) | Resume::After(at)) = checkpoint.resume else { return checkpoint };
            let resume = Resume::At(laneway::domain::Position::new(at.value() + 2));
            Checkpoint { resume, state: Vec::new().into(), ..checkpoint }
        };
        match self {
            // That a tenure is open is stored, else nothing would start; what was handled is not.
            Self::CommitsNothing => {
                checkpoints.into_iter().filter(|checkpoint| checkpoint.resume.rank() == 0).collect()
            }
            Self::CommitsTooMuch => checkpoints.into_iter().map(more).collect(),
            _ => checkpoints,
        }
    }
}

/// Loses the first batch that comes after its connection was lost.
#[derive(Default)]
struct Forgetful {
    forgets: bool,
}

impl Filter for Forgetful {
    fn said(&mut self, event: SessionEvent, heard: &mut VecDeque<SessionEvent>) {
        match event {
            SessionEvent::Batch(_) if std::mem::take(&mut self.forgets) => return,
            SessionEvent::Connection(ConnectionChange::Up) => self.forgets = true,
            _ => {}
        }
        heard.push_back(event);
    }
}

/// Says that it has a letter, and has not.
struct Shredder(Arc<dyn DeadLetterQueue>);

#[async_trait]
impl DeadLetterQueue for Shredder {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.0.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        letters.into_iter().map(|_| Ok(())).collect()
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.0.desk()
    }
}

fn publishing(adapter: Adapter, slip: Slip) -> Adapter {
    Adapter { publisher: Arc::new(Publishing(adapter.publisher, slip, AtomicUsize::new(0))), ..adapter }
}

fn subscribing(adapter: Adapter, lapse: Lapse) -> Adapter {
    let subscriber = FilteredSubscriber::new(adapter.subscriber, move |_: &_| lapse);
    Adapter { subscriber: Arc::new(subscriber), ..adapter }
}

/// Sees that the scenario fails on what was broken, with `words` in its report, and passes on what was not.
#[track_caller]
pub(crate) fn turns_red(broken: fn(Adapter) -> Adapter, scenario: &str, words: &str) {
    let scenario = scenarios()
        .iter()
        .find(|known| known.name == scenario)
        .unwrap_or_else(|| panic!("there is no scenario `{scenario}`"));
    assert_eq!(scenario.conduct(Arc::new(Memory)), Verdict::Passed);
    match scenario.conduct(Arc::new(Broken(broken))) {
        Verdict::Failed(why) => assert!(why.contains(words), "it failed for another reason: {why}"),
        other => panic!("{}: {other:?}", scenario.name),
    }
}

#[test]
fn a_publisher_that_drops_headers_is_found() {
    let scenario = "null_empty_repeated_and_non_utf8_headers_arrive_in_order";
    turns_red(|adapter| publishing(adapter, Slip::DropsHeaders), scenario, "left == right");
}

#[test]
fn a_publisher_that_acknowledges_and_forgets_is_found() {
    let scenario = "events_of_an_aggregate_are_handled_in_order_with_one_publisher";
    turns_red(|adapter| publishing(adapter, Slip::SaysOkAndForgets), scenario, "started");
}

#[test]
fn a_publisher_that_turns_batches_around_is_found() {
    let scenario = "an_aggregate_waits_for_its_head_and_others_do_not";
    turns_red(|adapter| publishing(adapter, Slip::TurnsBatchesAround), scenario, "aggregate-0");
}

#[test]
fn a_session_that_swaps_two_events_is_found() {
    let scenario = "a_subscription_before_the_first_publish_misses_nothing";
    turns_red(|adapter| subscribing(adapter, Lapse::SwapsNeighbours), scenario, "the next of its lane is 1");
}

#[test]
fn a_session_that_skips_an_event_is_found() {
    let scenario = "two_groups_each_handle_every_event";
    turns_red(|adapter| subscribing(adapter, Lapse::SkipsTheSecond), scenario, "events are handled");
}

#[test]
fn a_session_that_commits_nothing_is_found() {
    let scenario = "a_closed_bus_is_resumed_without_loss_or_repeat";
    turns_red(|adapter| subscribing(adapter, Lapse::CommitsNothing), scenario, "");
}

#[test]
fn a_session_that_commits_too_much_is_found() {
    let scenario = "what_is_done_above_the_watermark_is_not_handled_again";
    turns_red(|adapter| subscribing(adapter, Lapse::CommitsTooMuch), scenario, "");
}

#[test]
fn a_session_that_hides_progress_is_found() {
    let scenario = "the_commit_reaches_an_end_that_holds_nothing_deliverable";
    turns_red(|adapter| subscribing(adapter, Lapse::HidesProgress), scenario, "the lag of workers stays");
    let scenario = "a_group_that_returns_behind_what_is_not_deliverable_repeats_nothing";
    turns_red(|adapter| subscribing(adapter, Lapse::HidesProgress), scenario, "the lag of workers stays");
}

#[test]
fn a_commit_that_passes_an_unfinished_event_behind_padding_is_found() {
    let scenario = "progress_never_passes_an_unfinished_event";
    turns_red(
        |adapter| subscribing(adapter, Lapse::CommitsTooMuch),
        scenario,
        "the unfinished one is handled",
    );
}

#[test]
fn a_session_that_keeps_a_lost_connection_to_itself_is_found() {
    let scenario = "health_tells_of_a_lost_connection_until_it_stands_again";
    turns_red(|adapter| subscribing(adapter, Lapse::HidesThatItIsDown), scenario, "health tells of it");
    turns_red(|adapter| subscribing(adapter, Lapse::HidesThatItIsUp), scenario, "health is good again");
}

#[test]
fn a_session_that_forgets_events_when_its_connection_is_lost_is_found() {
    let scenario = "a_lost_connection_loses_no_event_and_no_order";
    let forgetful = |adapter: Adapter| {
        let subscriber = FilteredSubscriber::new(adapter.subscriber, |_: &_| Forgetful::default());
        Adapter { subscriber: Arc::new(subscriber), ..adapter }
    };
    turns_red(forgetful, scenario, "");
    let scenario = "handlers_end_without_a_connection_and_what_they_did_counts";
    turns_red(|adapter| subscribing(adapter, Lapse::CommitsNothing), scenario, "handled more than once");
}

#[test]
fn a_session_whose_permission_never_ends_is_found() {
    let scenario = "no_handler_starts_after_its_permission_has_run_out";
    turns_red(|adapter| subscribing(adapter, Lapse::PermitsForEver), scenario, "the permission has run out");
}

#[test]
fn a_quiet_group_whose_commits_are_not_stored_is_found() {
    let scenario = "when_quiet_all_that_a_group_owns_is_stored_as_committed";
    turns_red(|adapter| subscribing(adapter, Lapse::CommitsNothing), scenario, "is not committed");
}

/// A codec that reads less than it wrote, or says another lane than it reads.
#[derive(Debug, Clone, Copy)]
enum Misread {
    DropsHeaders,
    RoutesByPayload,
}

impl Codec for Misread {
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        codec().encode(envelope, record)
    }

    fn route(&self, record: &Record) -> Route {
        let route = codec().route(record);
        match self {
            Self::DropsHeaders => route,
            Self::RoutesByPayload => {
                let payload = record.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
                Route { aggregate: payload.and_then(|text| AggregateId::new(text).ok()), ..route }
            }
        }
    }

    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>> {
        let event = codec().decode(topic, record)?;
        Ok(match self {
            Self::DropsHeaders => bare(&event),
            Self::RoutesByPayload => event,
        })
    }
}

fn reading(adapter: Adapter, misread: Misread) -> Adapter {
    Adapter { codec: Some(Arc::new(misread)), ..records(adapter) }
}

#[test]
fn a_codec_that_drops_headers_is_found() {
    let scenario = "null_empty_repeated_and_non_utf8_headers_arrive_in_order";
    turns_red(|adapter| reading(adapter, Misread::DropsHeaders), scenario, "left == right");
}

#[test]
fn a_codec_that_routes_elsewhere_than_it_reads_is_found() {
    let scenario = "an_aggregate_waits_for_its_head_and_others_do_not";
    turns_red(|adapter| reading(adapter, Misread::RoutesByPayload), scenario, "");
}

#[test]
fn a_store_that_says_ok_and_forgets_is_found() {
    let scenario = "a_dead_letter_holds_the_original_and_its_story";
    let shred =
        |adapter: Adapter| Adapter { dead_letters: Arc::new(Shredder(adapter.dead_letters)), ..adapter };
    turns_red(shred, scenario, "there is no dead letter");
}
