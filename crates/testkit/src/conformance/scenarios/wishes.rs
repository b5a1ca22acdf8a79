//! What operators ask for, and what the owners hear of it.

use laneway_domain::{
    Act, Answer, Claim, DeadLetter, DeathCause, DeskError, Filter, LetterId, ParkState, Position, Resolution,
    Wish, WishId, WishTarget,
};

use super::super::adapter::Needs;
use super::super::lab::Lab;
use super::super::said::{event, given, sure};
use super::super::shelf::{REDRIVE, Shelf};
use super::super::world::World;

/// An aggregate of three entries, and one of one.
async fn two_parked(shelf: &Shelf<'_>) -> Claim {
    let (claim, _) = shelf.claim("owner").await;
    let entries = [shelf.dead("a", 1), shelf.follower("a", 2), shelf.dead("b", 3), shelf.follower("a", 4)];
    shelf.park(&claim, entries.into()).await;
    claim
}

fn letter(shelf: &Shelf<'_>, position: u64) -> LetterId {
    let scope = shelf.scope.clone();
    let position = Position::new(position);
    LetterId { group: scope.group, topic: scope.topic, partition: scope.partition, position }
}

async fn open(world: &World, claim: &Claim, limit: usize) -> Vec<Wish> {
    sure("wishes", world.parking().wishes(std::slice::from_ref(claim), limit).await)
}

pub(crate) async fn a_wish_is_heard_until_it_is_answered_and_both_are_audited(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let claim = two_parked(&shelf).await;
    let asked = sure("wishes", world.ask(&world.all_of_it(), REDRIVE, false).await);
    assert_eq!((asked.wishes.len(), asked.targets, asked.events, asked.already), (2, 2, 4, 0));
    let wishes = open(&world, &claim, 10).await;
    let heard: Vec<_> = wishes.iter().map(|wish| (wish.id, wish.target.clone(), wish.act.clone())).collect();
    let of = |aggregate: &str| WishTarget::Aggregate(world.key(aggregate));
    assert_eq!(heard, [(asked.wishes[0], of("a"), REDRIVE), (asked.wishes[1], of("b"), REDRIVE)]);
    assert_eq!(open(&world, &claim, 1).await, wishes[..1], "the oldest come first");
    let answer = vec![(wishes[0].id, Answer::FailedAgain(1))];
    sure("an answer", world.parking().answer(&claim, answer, world.clock().wall()).await);
    assert_eq!(open(&world, &claim, 10).await, wishes[1..]);
    let lines = world.audit().await;
    let told: Vec<_> =
        lines.iter().map(|line| (line.wish, line.act, line.by.who(), line.answer.clone())).collect();
    let (first, second) = (asked.wishes[0], asked.wishes[1]);
    assert_eq!(
        told,
        [
            (first, "redrive", "ops", None),
            (second, "redrive", "ops", None),
            (first, "redrive", "ops", Some(Answer::FailedAgain(1)))
        ]
    );
}

pub(crate) async fn a_wish_in_another_scope_is_not_heard(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    two_parked(&shelf).await;
    let mut other = world.shelf();
    other.scope.group = world.group("others");
    let (claim, known) = other.claim("owner").await;
    assert_eq!(known, []);
    sure("wishes", world.ask(&world.all_of_it(), REDRIVE, false).await);
    assert_eq!(open(&world, &claim, 10).await, []);
}

pub(crate) async fn a_target_with_an_open_wish_keeps_it(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let claim = two_parked(&shelf).await;
    let of_a = Filter::aggregate(world.group("workers"), world.key("a"));
    let first = sure("a wish", world.ask(&of_a, REDRIVE, false).await).wishes;
    let busy = |error: Result<_, DeskError>| matches!(error, Err(DeskError::Busy(wish)) if wish == first[0]);
    assert!(busy(world.ask(&of_a, Act::Purge, false).await));
    assert!(busy(world.ask(&Filter::entry(letter(&shelf, 1)), Act::Skip, false).await));
    let asked = sure("wishes", world.ask(&world.all_of_it(), Act::Purge, false).await);
    assert_eq!((asked.wishes.len(), asked.already), (1, 1));
    assert_eq!(
        open(&world, &claim, 10).await.iter().map(|wish| &wish.act).collect::<Vec<_>>(),
        [&REDRIVE, &Act::Purge]
    );
}

pub(crate) async fn what_cannot_be_asked_for_is_refused_with_the_reason(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let claim = two_parked(&shelf).await;
    let behind = world.ask(&Filter::entry(letter(&shelf, 2)), REDRIVE, false).await;
    assert!(matches!(behind, Err(DeskError::NotHead { head }) if head == Position::new(1)), "{behind:?}");
    let gone = world.ask(&Filter::entry(letter(&shelf, 9)), REDRIVE, false).await;
    assert!(matches!(gone, Err(DeskError::Unknown(_))), "{gone:?}");
    let stranger = Filter::aggregate(world.group("workers"), world.key("c"));
    let stranger = world.ask(&stranger, Act::Purge, false).await;
    assert!(matches!(stranger, Err(DeskError::Unknown(_))), "{stranger:?}");
    let edit = Act::Edit(shelf.dead("a", 1).event.body);
    let several = world.ask(&world.all_of_it(), edit, false).await;
    assert!(matches!(several, Err(DeskError::Invalid(_))), "{several:?}");
    assert_eq!((open(&world, &claim, 10).await, world.audit().await), (Vec::new(), Vec::new()));
}

pub(crate) async fn a_dry_run_counts_and_leaves_nothing(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let claim = two_parked(&shelf).await;
    let asked = sure("a count", world.ask(&world.all_of_it(), Act::Purge, true).await);
    assert_eq!((asked.wishes.len(), asked.targets, asked.events), (0, 2, 4));
    assert_eq!((open(&world, &claim, 10).await, world.audit().await), (Vec::new(), Vec::new()));
    assert_eq!(world.entries().await.len(), 4);
}

pub(crate) async fn an_edit_that_is_another_event_is_refused_and_nothing_is_written(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let claim = two_parked(&shelf).await;
    let of_b = Filter::entry(letter(&shelf, 3));
    let stranger = world.body(&event(&world.topic(), "c", 3));
    let refused = world.ask(&of_b, Act::Edit(stranger), false).await;
    let Err(DeskError::Invalid(said)) = refused else { panic!("it is another aggregate's: {refused:?}") };
    assert!(said.field().starts_with("edit."), "{said}");
    assert_eq!((open(&world, &claim, 10).await, world.audit().await), (Vec::new(), Vec::new()));
    let own = world.entries().await.into_iter().find(|stored| stored.id == letter(&shelf, 3));
    let own = given("an entry", own).original;
    assert_eq!(sure("a wish", world.ask(&of_b, Act::Edit(own), false).await).wishes.len(), 1);
}

pub(crate) async fn what_waits_behind_a_head_that_has_left_is_found_by_what_that_died_of(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (shelf, parking) = (world.shelf(), world.parking());
    let claim = two_parked(&shelf).await;
    let found = async |filter: Filter| {
        let found = sure("a list", world.desk().list(&filter, None, 10).await);
        found.iter().map(|stored| stored.id.position.value()).collect::<Vec<_>>()
    };
    let died_of = |error: &str| Filter { error: Some(error.to_owned()), ..world.all_of_it() };
    let fatal = || died_of("not today").cause(DeathCause::Fatal);
    assert_eq!(found(fatal()).await, [1, 2, 3, 4]);
    let left = |position| vec![(Position::new(position), Resolution::Skipped)];
    sure("a verdict", parking.resolve(&claim, left(1)).await);
    assert_eq!(found(fatal()).await, [2, 3, 4], "what waited behind the head waits for the same");
    assert_eq!(found(died_of("something else")).await, [0_u64; 0]);
    assert_eq!(found(fatal().cause(DeathCause::Crashes)).await, [0_u64; 0]);
    let asked = sure("wishes", world.ask(&fatal(), REDRIVE, true).await);
    assert_eq!((asked.targets, asked.events), (2, 3));
    // Who comes next has its own death, when it dies.
    let ParkState::Dead(mut death) = shelf.death() else { panic!("a death is one") };
    death.cause = DeathCause::Exhausted;
    let dies = vec![(Position::new(2), Resolution::Stays(ParkState::Dead(death)))];
    sure("a verdict", parking.resolve(&claim, dies).await);
    assert_eq!(found(fatal()).await, [3]);
    sure("a verdict", parking.resolve(&claim, left(2)).await);
    assert_eq!(found(world.all_of_it().cause(DeathCause::Exhausted)).await, [4]);
}

pub(crate) async fn the_answer_to_a_wish_is_told_and_a_wish_that_nobody_has_is_unknown(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let claim = two_parked(&shelf).await;
    let wish = sure("wishes", world.ask(&world.all_of_it(), REDRIVE, false).await).wishes[0];
    assert_eq!(sure("no answer yet", world.desk().answer(wish).await), None);
    let answers = vec![(wish, Answer::Behind(Position::new(1)))];
    sure("an answer", world.parking().answer(&claim, answers, world.clock().wall()).await);
    assert_eq!(sure("an answer", world.desk().answer(wish).await), Some(Answer::Behind(Position::new(1))));
    let nobody = world.desk().answer(WishId(u64::MAX)).await;
    assert!(matches!(nobody, Err(DeskError::NoWish(WishId(u64::MAX)))), "{nobody:?}");
}

pub(crate) async fn a_letter_of_a_parked_aggregate_waits_for_what_is_parked(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    two_parked(&shelf).await;
    let dead = shelf.dead("a", 9);
    let ParkState::Dead(death) = dead.state else { panic!("a death is one") };
    let buried = DeadLetter {
        id: letter(&shelf, 9),
        key: dead.key,
        appended: dead.event.appended,
        original: dead.event.body,
        death: *death,
    };
    for result in world.adapter().dead_letters.bury(vec![buried]).await {
        sure("a burial", result);
    }
    let alone = world.ask(&Filter::entry(letter(&shelf, 9)), REDRIVE, false).await;
    assert!(matches!(alone, Err(DeskError::NotHead { head }) if head == Position::new(1)), "{alone:?}");
    let skipped = world.ask(&Filter::entry(letter(&shelf, 9)), Act::Skip, false).await;
    assert_eq!(sure("a wish", skipped).wishes.len(), 1);
}
