//! A dead-letter store whose entries outlive its process, in a file: lines of what was parked and what became of it, which the
//! next process makes again. Their bodies are names, and what they died of is one of two causes.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use laneway::domain::{
    AggregateId, AggregateKey, Begun, Body, Death, DeathCause, Envelope, GroupId, HandlerMask, OwnerId,
    ParkEntry, ParkState, Parking, PartitionNumber, Position, Received, Resolution, Scope, StoreError,
    Timestamp, TopicName,
};
use laneway::memory::MemoryDeadLetters;
use laneway_testkit::around::{Around, ParkingCall, ParkingReply, StoreHook};

/// Writes down what reaches the store.
pub(crate) struct Journal(PathBuf);

/// The store of a group and topic, as the last process left it, and the same for a subscription.
pub(crate) async fn letters(
    file: &Path,
    group: &GroupId,
    topic: &TopicName,
) -> (MemoryDeadLetters, Around<MemoryDeadLetters, Journal>) {
    let letters = MemoryDeadLetters::new();
    for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let Ok(partition) = words[0].parse() else { continue };
        let scope =
            Scope { group: group.clone(), topic: topic.clone(), partition: PartitionNumber(partition) };
        let (claim, _) = letters.claim(&scope, &OwnerId::new("file").unwrap()).await.unwrap();
        let position = Position::new(words[1].parse().unwrap());
        match verdict(&words[2..]) {
            Some(verdict) => letters.resolve(&claim, vec![(position, verdict)]).await.unwrap(),
            None => letters.park(&claim, vec![entry(topic, position, &words[3..])]).await.unwrap(),
        }
    }
    (letters.clone(), Around::hooked(letters, Journal(file.to_owned())))
}

fn verdict(words: &[&str]) -> Option<Resolution> {
    Some(match words {
        ["gone"] => Resolution::Handled,
        ["stays", state @ ..] => Resolution::Stays(state_of(state)),
        ["begun", crashes, by] => {
            Resolution::Begun(Begun { crashes: crashes.parse().unwrap(), by: by.parse().ok() })
        }
        _ => return None,
    })
}

fn entry(topic: &TopicName, position: Position, words: &[&str]) -> ParkEntry {
    let id = AggregateId::new(&words[0][..1]).unwrap();
    let event = Envelope::new(topic.clone(), words[0].to_owned()).with_aggregate(id.clone());
    let event = Received { position, appended: Timestamp::default(), body: Body::Event(event) };
    let key = AggregateKey { topic: topic.clone(), tenant: None, id };
    ParkEntry { key: Some(key), event, state: state_of(&words[1..]), begun: Begun::default() }
}

fn state_of(words: &[&str]) -> ParkState {
    let at = Timestamp::default();
    match words {
        ["dead", cause] => {
            let crashes = *cause == format!("{:?}", DeathCause::Crashes);
            ParkState::Dead(Box::new(Death {
                cause: if crashes { DeathCause::Crashes } else { DeathCause::Fatal },
                errors: Vec::new(),
                attempts: 1,
                first_failed: at,
                last_failed: at,
                handlers: HandlerMask::ALL,
            }))
        }
        ["waits", attempts] => {
            ParkState::Backoff { due: at, attempts: attempts.parse().unwrap(), handlers: HandlerMask::ALL }
        }
        _ => ParkState::Follower,
    }
}

fn words(state: &ParkState) -> String {
    match state {
        ParkState::Dead(death) => format!("dead {:?}", death.cause),
        ParkState::Backoff { attempts, .. } => format!("waits {attempts}"),
        ParkState::Follower => "behind".to_owned(),
    }
}

/// The lines of a call.
fn lines(call: &ParkingCall) -> Vec<String> {
    let parked = |entry: &ParkEntry| {
        let Body::Event(event) = &entry.event.body else { unreachable!("it was published as one") };
        let name = String::from_utf8_lossy(event.payload());
        (entry.event.position, format!("parked {name} {}", words(&entry.state)))
    };
    let resolved = |(position, verdict): &(Position, Resolution)| {
        let what = match verdict {
            Resolution::Handled | Resolution::Skipped => "gone".to_owned(),
            Resolution::Stays(state) => format!("stays {}", words(state)),
            Resolution::Begun(Begun { crashes, by }) => {
                format!("begun {crashes} {}", by.map_or("nobody".to_owned(), |by| by.to_string()))
            }
            Resolution::Edited(_) => unreachable!("nobody edits"),
        };
        (*position, what)
    };
    let (scope, said) = match call {
        ParkingCall::Park(claim, entries) => (&claim.scope, entries.iter().map(parked).collect()),
        ParkingCall::Resolve(claim, verdicts) => {
            (&claim.scope, verdicts.iter().map(resolved).collect::<Vec<_>>())
        }
        ParkingCall::Answer(_, answers, _) => {
            return answers.iter().map(|(_, answer)| format!("answered {answer:?}")).collect();
        }
        _ => return Vec::new(),
    };
    let line =
        |(position, what): (Position, String)| format!("{} {} {what}", scope.partition, position.value());
    said.into_iter().map(line).collect()
}

#[async_trait]
impl StoreHook for Journal {
    async fn parking(&self, call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        let lines: String = lines(&call).into_iter().map(|line| line + "\n").collect();
        let reply = call.make(store).await?;
        // In the file before its caller hears of it.
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        Ok(reply)
    }
}
