//! Dead letters in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::{event, group, topic};
use laneway_domain::{
    Act, Body, By, DeadLetter, DeadLetterDesk, DeadLetterQueue, Death, DeathCause, Envelope, Filter,
    HandlerMask, LetterId, PartitionNumber, Position, StoreFault, StoredLetter, Timestamp,
};
use laneway_memory::{DeadLetterConfig, MemoryDeadLetters};

fn letter(name: &str, position: u64) -> DeadLetter {
    let (partition, position) = (PartitionNumber(0), Position::new(position));
    DeadLetter {
        id: LetterId { group: group(name), topic: topic("t"), partition, position },
        key: event("a", 1).key(),
        appended: Timestamp::from_unix_millis(0),
        original: Body::Event(event("a", 1).with_header("h", None)),
        death: Death {
            cause: DeathCause::Exhausted,
            errors: vec!["outer".to_owned(), "inner".to_owned()],
            attempts: 3,
            first_failed: Timestamp::from_unix_millis(1),
            last_failed: Timestamp::from_unix_millis(2),
            handlers: HandlerMask::ALL,
        },
    }
}

async fn listed(letters: &MemoryDeadLetters, after: Option<&LetterId>, limit: usize) -> Vec<DeadLetter> {
    let stored = letters.desk().unwrap().list(&Filter::group(group("g")), after, limit).await.unwrap();
    stored.into_iter().filter_map(StoredLetter::into_dead).collect()
}

#[tokio::test]
async fn letters_are_listed_by_group_in_the_order_of_their_ids_page_by_page() {
    let letters = MemoryDeadLetters::new();
    let buried =
        letters.bury([5, 1, 3].map(|n| letter("g", n)).into_iter().chain([letter("h", 2)]).collect()).await;
    assert!(buried.len() == 4 && buried.iter().all(Result::is_ok));
    let page = listed(&letters.clone(), None, 2).await;
    assert_eq!(page, [letter("g", 1), letter("g", 3)]);
    assert_eq!(listed(&letters, Some(&page[1].id), 2).await, [letter("g", 5)]);
    assert!(letters.desk().unwrap().list(&Filter::group(group("nobody")), None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_letter_that_is_buried_again_is_one_entry() {
    let letters = MemoryDeadLetters::new();
    letters.bury(vec![letter("g", 1)]).await;
    let mut again = letter("g", 1);
    again.death.attempts = 7;
    letters.bury(vec![again.clone()]).await;
    assert_eq!(listed(&letters, None, 9).await, [again]);
    assert!(format!("{letters:?}").starts_with("MemoryDeadLetters { letters: 1, bytes: "));
}

#[tokio::test]
async fn a_letter_does_not_pin_the_buffer_that_its_event_came_in() {
    let buffer = Bytes::from(vec![1; 1_000]);
    let original = Body::Event(Envelope::new(topic("t"), buffer.slice(0..10)));
    let letters = MemoryDeadLetters::new();
    letters.bury(vec![DeadLetter { original, ..letter("g", 1) }]).await;
    assert!(buffer.is_unique());
    let kept = listed(&letters, None, 1).await;
    assert!(matches!(&kept[0].original, Body::Event(event) if event.payload().len() == 10));
}

#[test]
fn the_queue_says_what_it_can_do() {
    let letters = MemoryDeadLetters::new();
    let able = letters.capabilities();
    assert_eq!((able.lists, able.redrives, able.parks), (true, true, true));
    assert!(letters.parking().is_some() && letters.desk().is_some());
}

#[test]
fn a_shared_handle_to_the_queue_has_its_desk() {
    fn has_desk(queue: &impl DeadLetterQueue) -> bool {
        queue.desk().is_some()
    }
    let shared: Arc<dyn DeadLetterQueue> = Arc::new(MemoryDeadLetters::new());
    assert!(has_desk(&shared));
}

/// The faults of burying these, one after the other.
async fn faults(letters: &MemoryDeadLetters, buried: Vec<DeadLetter>) -> Vec<Option<StoreFault>> {
    letters.bury(buried).await.into_iter().map(|result| result.err().map(|error| error.fault())).collect()
}

fn heavy(position: u64, bytes: usize) -> DeadLetter {
    DeadLetter { original: Body::Event(Envelope::new(topic("t"), vec![0; bytes])), ..letter("g", position) }
}

#[tokio::test]
async fn a_queue_that_holds_its_number_of_letters_refuses_more_and_keeps_what_it_has() {
    let letters = MemoryDeadLetters::bounded(DeadLetterConfig { letters: 2, ..DeadLetterConfig::default() });
    let letters = letters.unwrap();
    let all = [("g", 1), ("h", 2), ("g", 3)].map(|(group, position)| letter(group, position));
    assert_eq!(faults(&letters, all.to_vec()).await, [None, None, Some(StoreFault::Unavailable)]);
    assert_eq!(listed(&letters, None, 9).await, [letter("g", 1)]);
    assert_eq!(faults(&letters, vec![letter("g", 1)]).await, [None], "the same again needs no room");
    let refused = letters.bury(vec![letter("g", 3)]).await.remove(0).unwrap_err();
    assert!(refused.is_retryable() && refused.to_string().contains("2 letters"), "{refused}");
}

#[tokio::test]
async fn a_queue_that_holds_its_bytes_refuses_more_until_some_are_removed() {
    let letters =
        MemoryDeadLetters::bounded(DeadLetterConfig { bytes: 10_000, ..Default::default() }).unwrap();
    let full = [heavy(1, 4_000), heavy(2, 4_000), heavy(3, 4_000)];
    assert_eq!(faults(&letters, full.to_vec()).await, [None, None, Some(StoreFault::Unavailable)]);
    assert_eq!(faults(&letters, vec![heavy(1, 8_000)]).await, [Some(StoreFault::Unavailable)], "it grew");
    assert_eq!(letters.remove(&heavy(1, 0).id), Some(heavy(1, 4_000)));
    assert_eq!(letters.remove(&heavy(1, 0).id), None);
    assert_eq!(faults(&letters, vec![heavy(3, 4_000)]).await, [None]);
    assert_eq!(listed(&letters, None, 9).await, [heavy(2, 4_000), heavy(3, 4_000)]);
}

#[tokio::test]
async fn a_letter_that_the_queue_can_never_hold_is_rejected_for_what_it_is() {
    let letters =
        MemoryDeadLetters::bounded(DeadLetterConfig { bytes: 1_024, ..Default::default() }).unwrap();
    assert_eq!(faults(&letters, vec![heavy(1, 4_000)]).await, [Some(StoreFault::Rejected)]);
    assert!(listed(&letters, None, 9).await.is_empty());
}

#[tokio::test]
async fn an_edit_for_which_there_is_no_room_is_refused_before_anybody_waits_for_it() {
    let letters =
        MemoryDeadLetters::bounded(DeadLetterConfig { bytes: 10_000, ..Default::default() }).unwrap();
    letters.bury(vec![heavy(1, 4_000), heavy(2, 4_000)]).await;
    let by = By::new("ops", "shorter").unwrap();
    for (bytes, fault) in
        [(1_000, None), (6_000, Some(StoreFault::Unavailable)), (20_000, Some(StoreFault::Rejected))]
    {
        let act = Act::Edit(heavy(1, bytes).original);
        let asked =
            letters.ask(&Filter::entry(letter("g", 1).id), act, &by, Timestamp::default(), true).await;
        let found = asked.err().map(|error| match error {
            laneway_domain::DeskError::Store(error) => error.fault(),
            other => panic!("{other}"),
        });
        assert_eq!(found, fault);
    }
}

#[test]
fn a_queue_of_absurd_bounds_is_not_made() {
    let refused = MemoryDeadLetters::bounded(DeadLetterConfig { letters: 0, bytes: usize::MAX }).unwrap_err();
    assert_eq!(refused.len(), 2);
}
