use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use laneway_domain::{
    Assignment, Batch, Body, Checkpoint, CommitError, DeadLetter, DeadLetterCapabilities, DeadLetterQueue,
    Envelope, Epoch, Flow, Flushed, Monotonic, Origin, Outgoing, PartitionId, PartitionNumber, Position,
    PublishError, PublishFault, Published, Publisher, PublisherCapabilities, Received, Resume, RevocationId,
    Session, SessionError, SessionEvent, StoreError, Timestamp, TopicName,
};
use proptest::prelude::*;

use super::*;
use crate::SimClock;

/// What a broker heard.
type Log = Arc<Mutex<Vec<String>>>;

/// A session that says what stands in its script, and answers commits.
struct Scripted {
    events: Vec<SessionEvent>,
    log: Log,
}

impl Scripted {
    fn note(&self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

impl Session for Scripted {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<SessionEvent> {
        if self.events.is_empty() { Poll::Pending } else { Poll::Ready(self.events.remove(0)) }
    }

    fn start(&mut self, partition: PartitionId, _: Epoch, from: Resume) {
        self.note(format!("start {} {from:?}", partition.0));
    }

    fn flow(&mut self, partition: PartitionId, _: Epoch, flow: Flow) {
        self.note(format!("flow {} {flow:?}", partition.0));
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        self.note(format!("commit {}", checkpoints.len()));
        let stored = checkpoints.into_iter().map(|checkpoint| checkpoint.answer(Ok(())));
        self.events.push(SessionEvent::Committed(stored.collect()));
    }

    fn release(&mut self, revocation: RevocationId, _: Vec<Checkpoint>) {
        self.note(format!("release {}", revocation.0));
    }

    fn close(&mut self, _: Vec<Checkpoint>, _: Monotonic) {
        self.note("close".to_owned());
        self.events.push(SessionEvent::Closed);
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.note("dropped".to_owned());
    }
}

const P: PartitionId = PartitionId(0);
const E: Epoch = Epoch(1);

fn topic() -> TopicName {
    TopicName::new("topic").unwrap()
}

fn assigned() -> SessionEvent {
    let (topic, number, initial) = (topic(), PartitionNumber(0), Resume::Start);
    SessionEvent::Assigned(vec![Assignment { partition: P, epoch: E, topic, number, stored: None, initial }])
}

fn batch(position: u64) -> SessionEvent {
    let body = Body::Event(Envelope::new(topic(), "x"));
    let row = Received { position: Position::new(position), appended: Timestamp::default(), body };
    SessionEvent::Batch(Batch { partition: P, epoch: E, bytes: 1, rows: vec![row].into(), pending: None })
}

fn checkpoint() -> Checkpoint {
    Checkpoint { partition: P, epoch: E, resume: Resume::At(Position::new(1)), state: "".into(), number: 1 }
}

fn faults(plan: FaultPlan) -> Faults {
    Faults::new(plan, SimClock::shared()).unwrap()
}

fn session(plan: FaultPlan, events: Vec<SessionEvent>) -> (FaultySession, Log) {
    let log = Log::default();
    (FaultySession::new(Box::new(Scripted { events, log: log.clone() }), faults(plan)), log)
}

async fn next(session: &mut FaultySession) -> SessionEvent {
    poll_fn(|cx| session.poll_next(cx)).await
}

async fn is_silent(session: &mut FaultySession) -> bool {
    poll_fn(|cx| Poll::Ready(session.poll_next(cx).is_pending())).await
}

fn read(event: &SessionEvent) -> Vec<u64> {
    let SessionEvent::Batch(batch) = event else { panic!("{event:?} is no batch") };
    batch.rows.as_slice().iter().map(|row| row.position.value()).collect()
}

fn paused<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

#[test]
fn a_plan_out_of_range_is_refused_with_every_rule_that_it_breaks() {
    let mut plan = FaultPlan::quiet(0).with(Fault::Lost, 1.5).with(Fault::Pause, f64::NAN).at(Fault::Lost, 0);
    plan.longest_delay = Duration::ZERO;
    let broken = Faults::new(plan, SimClock::shared()).unwrap_err();
    let fields: Vec<_> = broken.iter().map(laneway_domain::Invalid::field).collect();
    assert_eq!(fields, ["rates.Lost", "rates.Pause", "points", "longest_delay"]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_each_point_drops_the_membership_and_fails_the_session() {
    let cases: [(Crash, &[&str]); 7] = [
        (Crash::BeforeStart, &[]),
        (Crash::OnBatch, &["start"]),
        (Crash::BeforeCommit, &["start"]),
        (Crash::AfterCommit, &["start", "commit"]),
        (Crash::BeforeRelease, &["start", "commit"]),
        (Crash::AfterRelease, &["start", "commit", "release"]),
        (Crash::BeforeClose, &["start", "commit", "release"]),
    ];
    for (point, heard) in cases {
        let plan = FaultPlan::quiet(1).at(Fault::Crash(point), 1);
        let (mut session, log) = session(plan, vec![assigned(), batch(0)]);
        next(&mut session).await;
        session.start(P, E, Resume::Start);
        if point != Crash::BeforeStart {
            assert_eq!(read(&next(&mut session).await), [0]);
        }
        session.commit(vec![checkpoint()]);
        session.release(RevocationId(1), vec![]);
        session.close(vec![], Monotonic::NEVER);
        let log: Vec<String> = log.lock().unwrap().clone();
        let words: Vec<_> = log.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(words, [heard, &["dropped"]].concat(), "{point:?}");
        let last = loop {
            match next(&mut session).await {
                SessionEvent::Committed(_) => {}
                event => break event,
            }
        };
        assert!(
            matches!(last, SessionEvent::Failed(SessionError { reopen: true, .. })),
            "{point:?}: {last:?}"
        );
        assert!(is_silent(&mut session).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_batch_waits_for_an_open_flow_and_goes_with_its_partition() {
    let plan = FaultPlan::quiet(1).at(Fault::BatchDelay, 1);
    let (mut session, _log) = session(plan, vec![assigned(), batch(0), batch(1)]);
    next(&mut session).await;
    assert!(is_silent(&mut session).await);
    session.flow(P, E, Flow::Closed);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(is_silent(&mut session).await);
    session.flow(P, E, Flow::Open);
    assert_eq!(read(&next(&mut session).await), [0]);
    assert_eq!(read(&next(&mut session).await), [1]);
}

#[tokio::test(start_paused = true)]
async fn nothing_late_comes_after_its_partition_was_revoked() {
    let plan = FaultPlan::quiet(1).at(Fault::BatchDelay, 1).at(Fault::BatchAgain, 1);
    let revoking = SessionEvent::Revoking {
        revocation: RevocationId(1),
        partitions: vec![(P, E)],
        until: Monotonic::NEVER,
    };
    let (mut session, _log) = session(plan, vec![assigned(), batch(0), revoking]);
    next(&mut session).await;
    assert!(matches!(next(&mut session).await, SessionEvent::Revoking { .. }));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(is_silent(&mut session).await);
}

#[tokio::test(start_paused = true)]
async fn a_batch_comes_again_in_its_epoch() {
    let plan = FaultPlan::quiet(1).at(Fault::BatchAgain, 1);
    let (mut session, _log) = session(plan, vec![assigned(), batch(0), batch(1)]);
    next(&mut session).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(read(&next(&mut session).await));
    }
    assert_eq!(seen, [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_is_answered_and_goes_no_further() {
    let plan = FaultPlan::quiet(1).at(Fault::CommitRefused, 1);
    let (mut session, log) = session(plan, vec![assigned()]);
    next(&mut session).await;
    session.commit(vec![checkpoint()]);
    let SessionEvent::Committed(answers) = next(&mut session).await else { panic!() };
    assert!(matches!(&answers[..], [one] if matches!(one.result, Err(CommitError::Retry(_)))));
    assert!(log.lock().unwrap().is_empty());
    session.commit(vec![checkpoint()]);
    assert!(
        matches!(next(&mut session).await, SessionEvent::Committed(answers) if answers[0].result.is_ok())
    );
}

#[tokio::test(start_paused = true)]
async fn who_loses_everything_is_fenced_and_hears_of_the_end_later() {
    let plan = FaultPlan::quiet(1).at(Fault::Lost, 1);
    let (mut session, log) = session(plan, vec![assigned(), batch(0)]);
    next(&mut session).await;
    let lost = next(&mut session).await;
    assert!(matches!(&lost, SessionEvent::Lost { partitions } if partitions[..] == [(P, E)]), "{lost:?}");
    assert_eq!(*log.lock().unwrap(), ["dropped"]);
    session.commit(vec![checkpoint()]);
    let SessionEvent::Committed(answers) = next(&mut session).await else { panic!() };
    assert!(matches!(&answers[..], [one] if one.result == Err(CommitError::Fenced)));
    assert!(matches!(next(&mut session).await, SessionEvent::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_runs_out_comes_back() {
    let plan = FaultPlan::quiet(1).at(Fault::Pause, 2);
    let clock = SimClock::shared();
    let session = Box::new(Scripted { events: vec![], log: Log::default() });
    let mut session = FaultySession::new(session, Faults::new(plan, clock.clone()).unwrap());
    let mut until = Monotonic::ZERO;
    let mut lapses = 0;
    for _ in 0..6 {
        let SessionEvent::MayStart { until: newer } = next(&mut session).await else { panic!() };
        lapses += usize::from(clock.monotonic() > until && until > Monotonic::ZERO);
        until = newer;
        assert!(until > clock.monotonic());
    }
    assert_eq!(lapses, 1);
}

/// Keeps what it is given; clones share it.
#[derive(Clone, Default)]
struct Kept {
    events: Arc<Mutex<Vec<Envelope>>>,
    letters: Arc<Mutex<usize>>,
}

const CAPABILITIES: PublisherCapabilities =
    PublisherCapabilities { max_bytes: 100, durable: true, deduplicates: false, ordered_prefix: true };

#[async_trait]
impl Publisher for Kept {
    fn capabilities(&self) -> &PublisherCapabilities {
        &CAPABILITIES
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let mut kept = self.events.lock().unwrap();
        let ok = |_: &Envelope| Ok(Published { partition: PartitionNumber(0), position: None });
        let results = batch.events.iter().map(ok).collect();
        kept.extend(batch.events);
        results
    }

    async fn flush(&self, _: Monotonic) -> Flushed {
        Flushed::default()
    }
}

#[async_trait]
impl DeadLetterQueue for Kept {
    fn capabilities(&self) -> DeadLetterCapabilities {
        DeadLetterCapabilities { lists: false, redrives: false, parks: false }
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        *self.letters.lock().unwrap() += 1;
        letters.iter().map(|_| Ok(())).collect()
    }
}

fn outgoing(count: usize) -> Outgoing {
    let events = (0..count).map(|at| Envelope::new(topic(), vec![u8::try_from(at).unwrap()])).collect();
    Outgoing { events, origin: Origin::Caller }
}

fn faults_of(results: &[Result<Published, PublishError>]) -> Vec<Option<PublishFault>> {
    results.iter().map(|result| result.as_ref().err().map(PublishError::fault)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_stored_and_what_is_forgotten_is() {
    for (fault, answer) in [
        (Fault::PublishBusy, PublishFault::Busy),
        (Fault::PublishUnavailable, PublishFault::Unavailable),
        (Fault::PublishAnswerLost, PublishFault::Unknown),
    ] {
        let kept = Kept::default();
        let publisher = FaultyPublisher::new(kept.clone(), faults(FaultPlan::quiet(3).at(fault, 1)));
        let results = publisher.publish(outgoing(6)).await;
        let failed = faults_of(&results);
        let good = failed.iter().take_while(|fault| fault.is_none()).count();
        assert!(good < 6 && failed[good..].iter().all(|fault| *fault == Some(answer)), "{failed:?}");
        let lost = fault == Fault::PublishAnswerLost;
        assert_eq!(kept.events.lock().unwrap().len(), if lost { 6 } else { good });
        assert_eq!(publisher.capabilities().ordered_prefix, !lost);
    }
}

proptest! {
    #[test]
    fn without_faults_everything_passes_as_it_is(positions in prop::collection::vec(0u64..100, 0..20), seed: u64) {
        paused(async {
            let mut events = vec![assigned()];
            events.extend(positions.iter().copied().map(batch));
            let (mut session, log) = session(FaultPlan::quiet(seed), events);
            prop_assert!(matches!(next(&mut session).await, SessionEvent::Assigned(_)));
            session.start(P, E, Resume::Start);
            for position in &positions {
                let batch = next(&mut session).await;
                prop_assert_eq!(read(&batch), vec![*position]);
            }
            session.flow(P, E, Flow::Closed);
            session.commit(vec![checkpoint()]);
            prop_assert!(matches!(next(&mut session).await, SessionEvent::Committed(_)));
            session.release(RevocationId(7), vec![]);
            session.close(vec![], Monotonic::NEVER);
            prop_assert!(matches!(next(&mut session).await, SessionEvent::Closed));
            let heard = log.lock().unwrap().clone();
            prop_assert_eq!(&heard[..5], ["start 0 Start", "flow 0 Closed", "commit 1", "release 7", "close"]);
            let kept = Kept::default();
            let publisher = FaultyPublisher::new(kept.clone(), faults(FaultPlan::quiet(seed)));
            let results = publisher.publish(outgoing(positions.len())).await;
            prop_assert_eq!(faults_of(&results), vec![None; positions.len()]);
            prop_assert_eq!(kept.events.lock().unwrap().len(), positions.len());
            Ok(())
        })?;
    }

    #[test]
    fn one_seed_draws_one_sequence_and_calm_ends_it(seed: u64, rate in 0.0f64..=1.0) {
        paused(async {
            let plan = FaultPlan::quiet(seed).with(Fault::LetterRefused, rate).with(Fault::Lost, rate);
            let draw = |faults: &Faults| {
                let both = [Fault::LetterRefused, Fault::Lost].into_iter().cycle().take(60);
                both.map(|fault| faults.strikes(fault)).collect::<Vec<_>>()
            };
            let (one, other) = (faults(plan.clone()), faults(plan));
            let drawn = draw(&one);
            prop_assert_eq!(&drawn, &draw(&other));
            let struck = one.struck(Fault::LetterRefused) + one.struck(Fault::Lost);
            prop_assert_eq!(struck, drawn.iter().filter(|strikes| **strikes).count() as u64);
            one.calm();
            prop_assert!(draw(&one).iter().all(|strikes| !strikes));
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_refused_before_the_store_or_forgotten_behind_it() {
    for (fault, stored) in [(Fault::LetterRefused, 0), (Fault::LetterAnswerLost, 1), (Fault::LetterDelay, 1)]
    {
        let kept = Kept::default();
        let queue = FaultyDeadLetters::new(kept.clone(), faults(FaultPlan::quiet(3).at(fault, 1)));
        let results = queue.bury(vec![letter()]).await;
        assert_eq!((results.len(), results[0].is_ok()), (1, fault == Fault::LetterDelay));
        assert_eq!(*kept.letters.lock().unwrap(), stored);
    }
}

fn letter() -> DeadLetter {
    let group = laneway_domain::GroupId::new("group").unwrap();
    let (topic, partition, position) = (topic(), PartitionNumber(0), Position::new(1));
    DeadLetter {
        id: laneway_domain::LetterId { group, topic: topic.clone(), partition, position },
        key: None,
        original: Body::Event(Envelope::new(topic, "x")),
        appended: Timestamp::default(),
        death: laneway_domain::Death {
            cause: laneway_domain::DeathCause::Fatal,
            errors: vec![],
            attempts: 1,
            first_failed: Timestamp::default(),
            last_failed: Timestamp::default(),
            handlers: laneway_domain::HandlerMask::ALL,
        },
    }
}
