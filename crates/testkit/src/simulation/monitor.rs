//! What members say of themselves while they run.

use std::time::Duration;

use laneway_application::consume::SubscriptionStats;
use laneway_domain::AfterDeadLetter;
use laneway_domain::invariant::{Happening, Invariant};

use super::roster::Roster;
use super::stage::Stage;

/// How often members are looked at.
const LOOK: Duration = Duration::from_millis(211);

/// Sees that no member has more open than its limits allow, and samples the bytes of all; never ends.
pub(super) async fn watch(stage: &Stage, roster: &Roster) {
    loop {
        look(stage, roster);
        stage.wait(LOOK).await;
    }
}

fn look(stage: &Stage, roster: &Roster) {
    let mut bytes = 0;
    for member in roster.members().iter() {
        let (plan, stats) = (&stage.scenario.groups[member.group], member.subscription.stats());
        let most = plan.most_open(stage.scenario.partitions_of(plan));
        if stats.open > most {
            let (id, open) = (member.id.0, stats.open);
            stage.find(Invariant::I19, format!("bus {id} has {open} events open, {most} at most"));
        }
        bytes += stats.open_bytes as u64;
    }
    stage.recorder.record(Happening::MemorySampled { bytes });
}

/// What all members have done so far: equal twice, nothing happened in between.
pub(super) fn figures(roster: &Roster) -> Vec<SubscriptionStats> {
    roster.members().iter().map(|member| member.subscription.stats()).collect()
}

/// Sees that members which live have nothing left, and have not ended by themselves.
pub(super) fn rest(stage: &Stage, roster: &Roster) {
    for member in roster.members().iter() {
        let (id, stats) = (member.id.0, member.subscription.stats());
        if member.subscription.has_ended() {
            let health = member.subscription.health();
            stage.find(Invariant::I20, format!("bus {id} ended by itself: {:?}", health.phase));
        }
        let blocks = stage.scenario.groups[member.group].after_dead_letter == AfterDeadLetter::Block;
        if !blocks && (stats.open > 0 || stats.lanes.total > 0) {
            stage.find(Invariant::I17, format!("bus {id} is quiet and holds {stats:?}"));
        }
    }
}

/// What members hold, for people.
pub(super) async fn dump(roster: &Roster) -> Vec<String> {
    let handles: Vec<_> = {
        let members = roster.members();
        members.iter().map(|member| (member.id.0, member.subscription.clone())).collect()
    };
    let mut lines = Vec::new();
    for (id, subscription) in handles {
        lines.push(format!("bus {id}: {:?} {:?}", subscription.stats(), subscription.health()));
        let lanes = subscription.lanes(16).await;
        lines.extend(lanes.into_iter().map(|lane| format!("  {lane:?}")));
    }
    lines
}
