//! The members of all groups, and what happens to them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway_domain::invariant::Happening;
use tokio::task::JoinHandle;

use super::member::Member;
use super::operator;
use super::script::{Action, Step};
use super::stage::{Death, Stage};

/// How long it takes until a process that was killed is back.
const RESTART: Duration = Duration::from_millis(30);

/// The members that live.
#[derive(Clone)]
pub(super) struct Roster {
    stage: Arc<Stage>,
    members: Arc<Mutex<Vec<Member>>>,
}

impl Roster {
    pub(super) fn new(stage: Arc<Stage>) -> Self {
        Self { stage, members: Arc::default() }
    }

    pub(super) fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a member join.
    pub(super) async fn join(&self, group: usize) {
        let member = Member::join(&self.stage, group).await;
        self.enter(member);
    }

    fn enter(&self, member: Option<Member>) {
        // It may have been killed while it joined.
        self.members().extend(member.filter(|member| !member.life().is_over()));
    }

    /// Starts a process anew for each that an event has killed; never ends.
    pub(super) async fn revive(self) {
        let Some(mut deaths) = self.stage.deaths() else { return };
        while let Some(Death { member, group }) = deaths.recv().await {
            self.members().retain(|known| known.id != member);
            self.stage.wait(RESTART).await;
            self.join(group).await;
        }
    }

    /// The first members of every group.
    pub(super) async fn open(&self) {
        for (group, plan) in self.stage.scenario.groups.iter().enumerate() {
            for _ in 0..plan.members {
                self.join(group).await;
            }
        }
    }

    /// Plays the script, each step in its own task; answers when all have begun.
    pub(super) async fn play(&self) -> Vec<JoinHandle<()>> {
        let began = self.stage.now();
        let mut tasks = Vec::new();
        for step in &self.stage.scenario.script {
            self.stage.clock().wake_at(began + step.at).await;
            tasks.push(tokio::spawn(self.clone().act(*step)));
        }
        tasks
    }

    async fn act(self, Step { group, action, .. }: Step) {
        match action {
            Action::Join => self.join(group).await,
            Action::Close(nth, within) => {
                if let Some(member) = self.leaves(group, nth) {
                    member.close(&self.stage, within).await;
                }
            }
            Action::Again(nth, within, pause) => {
                if let Some(member) = self.leaves(group, nth) {
                    let member = member.again(&self.stage, within, pause).await;
                    self.enter(member);
                }
            }
            Action::Freeze(nth, time) => self.freeze(group, nth, time).await,
            Action::Crash(nth) => {
                if let Some(member) = self.leaves(group, nth) {
                    member.crash(&self.stage);
                }
            }
            Action::Operate(errand) => operator::operate(&self.stage, group, errand).await,
            Action::Expel => self.expel(group).await,
        }
    }

    /// Takes all partitions of a group from every member at once, where the broker can.
    async fn expel(&self, group: usize) {
        if let Some(expel) = &self.stage.adapter.controls.expel {
            expel(self.stage.groups[group].clone()).await;
        }
    }

    async fn freeze(&self, group: usize, nth: usize, time: Duration) {
        let Some((member, life)) = self.find(group, nth, |members, at| (members[at].id, members[at].life()))
        else {
            return;
        };
        if life.freeze() {
            self.stage.recorder.record(Happening::Frozen { member });
        }
        self.stage.wait(time).await;
        life.thaw(|| self.stage.recorder.record(Happening::Woken { member }));
    }

    fn leaves(&self, group: usize, nth: usize) -> Option<Member> {
        self.find(group, nth, Vec::remove)
    }

    /// Does something with the member of this number in a group, counted around.
    fn find<T>(
        &self,
        group: usize,
        nth: usize,
        with: impl FnOnce(&mut Vec<Member>, usize) -> T,
    ) -> Option<T> {
        let mut members = self.members();
        let of_group = (0..members.len()).filter(|at| members[*at].group == group).collect::<Vec<_>>();
        let at = *of_group.get(nth % of_group.len().max(1))?;
        Some(with(&mut members, at))
    }

    /// Lets a member join every group that has none.
    pub(super) async fn fill(&self) {
        for group in 0..self.stage.groups.len() {
            let empty = !self.members().iter().any(|member| member.group == group);
            if empty {
                self.join(group).await;
            }
        }
    }

    /// Closes all that live, at once.
    pub(super) async fn close(&self) {
        let members = std::mem::take(&mut *self.members());
        let closing = members.into_iter().map(|member| member.close(&self.stage, super::run::CLOSING));
        futures_util::future::join_all(closing).await;
    }
}
