//! What operators do with dead letters.

use std::time::Duration;

use laneway_domain::invariant::Invariant;
use laneway_domain::{Act, Body, By, DeadLetterDesk, DeskError, Envelope, Filter, StoredLetter};

use super::script::Errand;
use super::stage::Stage;

/// How long owners may take to do all that is left.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(500);
/// More entries than a scenario has.
const ALL: usize = 100_000;

/// Asks for something.
pub(super) async fn operate(stage: &Stage, group: usize, errand: Errand) {
    let Some(desk) = stage.adapter.dead_letters.desk() else { return };
    let all = Filter::group(stage.groups[group].clone());
    let nth = async |nth: usize| {
        let letters = list(stage, desk, group).await;
        let at = nth % letters.len().max(1);
        letters.into_iter().nth(at)
    };
    let (filter, act) = match errand {
        Errand::Redrive(per_second) => (all, Act::Redrive { per_second }),
        Errand::RedriveEach => {
            for letter in list(stage, desk, group).await {
                ask(stage, desk, &Filter::entry(letter.id), Act::Redrive { per_second: None }).await;
            }
            return;
        }
        Errand::Skip => (all, Act::Skip),
        Errand::Purge => (all, Act::Purge),
        Errand::RedriveOne(at) | Errand::SkipOne(at) | Errand::Edit(at) => {
            let Some(letter) = nth(at).await else { return };
            let act = match errand {
                Errand::RedriveOne(_) => Act::Redrive { per_second: None },
                Errand::SkipOne(_) => Act::Skip,
                _ => edit(&letter),
            };
            (Filter::entry(letter.id), act)
        }
    };
    ask(stage, desk, &filter, act).await;
}

async fn ask(stage: &Stage, desk: &dyn DeadLetterDesk, filter: &Filter, act: Act) {
    let by = match By::new("somebody", "the scenario says so") {
        Ok(by) => by,
        Err(error) => return stage.find(Invariant::I15, error.to_string()),
    };
    match desk.ask(filter, act, &by, stage.clock().wall(), false).await {
        Ok(_) | Err(DeskError::Unknown(_) | DeskError::Busy(_) | DeskError::NotHead { .. }) => {}
        Err(error) => stage.find(Invariant::I15, format!("an operator cannot ask: {error}")),
    }
}

fn edit(letter: &StoredLetter) -> Act {
    Act::Edit(match &letter.original {
        Body::Event(event) => Body::Event(edited(event)),
        Body::Record(record) => Body::Record(record.clone()),
    })
}

fn edited(event: &Envelope) -> Envelope {
    event.clone().with_header("edited", None)
}

async fn list(stage: &Stage, desk: &dyn DeadLetterDesk, group: usize) -> Vec<StoredLetter> {
    match desk.list(&Filter::group(stage.groups[group].clone()), None, ALL).await {
        Ok(letters) => letters,
        Err(error) => {
            stage.find(Invariant::I10, format!("dead letters cannot be listed: {error}"));
            Vec::new()
        }
    }
}

/// Whether any group has entries.
pub(super) async fn is_anything_left(stage: &Stage) -> bool {
    !left(stage).await.is_empty()
}

async fn left(stage: &Stage) -> Vec<StoredLetter> {
    let Some(desk) = stage.adapter.dead_letters.desk() else { return Vec::new() };
    let mut left = Vec::new();
    for group in 0..stage.groups.len() {
        left.extend(list(stage, desk, group).await);
    }
    left
}

/// Asks for everything that is left until nothing is, with handlers that fail no more.
pub(super) async fn clear(stage: &Stage) {
    let Some(desk) = stage.adapter.dead_letters.desk() else { return };
    stage.heal();
    let deadline = stage.now() + PATIENCE;
    loop {
        for (group, name) in stage.groups.iter().enumerate() {
            // By chance, but not by the dice of a plan: they are drawn no more.
            let purges = stage.scenario.groups[group].seed.is_multiple_of(5);
            let act = if purges { Act::Purge } else { Act::Redrive { per_second: None } };
            if !list(stage, desk, group).await.is_empty() {
                ask(stage, desk, &Filter::group(name.clone()), act).await;
            }
        }
        let left = left(stage).await;
        if left.is_empty() {
            return;
        }
        if stage.now() > deadline {
            let said: Vec<_> = left.iter().take(5).map(|l| (&l.id, &l.key, &l.state, l.wish)).collect();
            let what = format!("{} entries are left, whatever operators ask for: {said:?}", left.len());
            return stage.find(Invariant::I15, what);
        }
        stage.wait(LOOK).await;
    }
}
