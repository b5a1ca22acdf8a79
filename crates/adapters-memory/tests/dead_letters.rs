//! Dead letters in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::{event, group, topic};
use laneway_domain::{
    Body, DeadLetter, DeadLetterQueue, Death, DeathCause, Envelope, Filter, LetterId, PartitionNumber,
    Position, StoredLetter, Timestamp,
};
use laneway_memory::MemoryDeadLetters;

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
    assert_eq!(format!("{letters:?}"), "MemoryDeadLetters { letters: 1 }");
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
