//! The books: all shelves, the wishes, and the audit.

use std::collections::{BTreeMap, HashMap, VecDeque};

use laneway_domain::{
    Act, AggregateKey, Answer, AuditLine, By, DeskError, GroupId, ParkEntry, Position, Resolution, Scope,
    StoreError, Timestamp, Wish, WishId, WishTarget,
};

use super::bounds::Bounds;
use super::shelf::Shelf;
use crate::config::DeadLetterConfig;

/// How many lines of the audit are kept.
const AUDIT: usize = 65_536;

/// Everything that the store holds.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) bounds: Bounds,
    shelves: BTreeMap<Scope, Shelf>,
    wishes: BTreeMap<WishId, (Wish, By)>,
    wished: HashMap<Scope, Wished>,
    next: u64,
    audit: VecDeque<AuditLine>,
    /// The number of the oldest line that is kept.
    oldest: u64,
}

/// The open wish for each target of a scope.
#[derive(Debug, Default)]
struct Wished {
    aggregates: HashMap<AggregateKey, WishId>,
    entries: BTreeMap<Position, WishId>,
}

impl Wished {
    fn of(&self, target: &WishTarget) -> Option<WishId> {
        match target {
            WishTarget::Aggregate(key) => self.aggregates.get(key).copied(),
            WishTarget::Entry(position) => self.entries.get(position).copied(),
        }
    }

    fn open(&mut self, target: &WishTarget, id: WishId) {
        match target {
            WishTarget::Aggregate(key) => self.aggregates.insert(key.clone(), id),
            WishTarget::Entry(position) => self.entries.insert(*position, id),
        };
    }

    fn close(&mut self, target: &WishTarget) {
        match target {
            WishTarget::Aggregate(key) => self.aggregates.remove(key),
            WishTarget::Entry(position) => self.entries.remove(position),
        };
    }
}

impl Books {
    pub(super) fn new(config: DeadLetterConfig) -> Self {
        Self { bounds: Bounds::new(config), ..Self::default() }
    }

    /// Keeps entries where there is room for all of them. One that is kept again needs only the room by which it grew.
    pub(super) fn keep(
        &mut self,
        scope: &Scope,
        entries: Vec<ParkEntry>,
        parks: bool,
    ) -> Result<(), StoreError> {
        let shelf = self.shelves.entry(scope.clone()).or_default();
        let mut bounds = self.bounds;
        for entry in &entries {
            bounds.swap(shelf.entry(entry.event.position), Some(entry));
            bounds.check(entry, if parks { "park" } else { "bury" })?;
        }
        for entry in entries {
            let remembered = shelf.remembered();
            self.bounds.swap(shelf.entry(entry.event.position), Some(&entry));
            shelf.keep(entry, parks);
            self.bounds.remember(remembered, shelf.remembered());
        }
        Ok(())
    }

    pub(super) fn resolve(&mut self, scope: &Scope, position: Position, resolution: Resolution) {
        let shelf = self.shelves.entry(scope.clone()).or_default();
        let (before, remembered) = (shelf.entry(position).cloned(), shelf.remembered());
        shelf.resolve(position, resolution);
        self.bounds.swap(before.as_ref(), shelf.entry(position));
        self.bounds.remember(remembered, shelf.remembered());
    }

    pub(super) fn shelf(&mut self, scope: &Scope) -> &mut Shelf {
        self.shelves.entry(scope.clone()).or_default()
    }

    pub(super) fn known_shelf(&self, scope: &Scope) -> Option<&Shelf> {
        self.shelves.get(scope)
    }

    /// The shelves of a group, in the order of topic and partition.
    pub(super) fn of(&self, group: &GroupId) -> impl Iterator<Item = (&Scope, &Shelf)> {
        let theirs = move |(scope, _): &(&Scope, &Shelf)| scope.group == *group;
        self.shelves.iter().filter(theirs)
    }

    /// The open wish for a target.
    pub(super) fn open_wish(&self, scope: &Scope, target: &WishTarget) -> Option<WishId> {
        self.wished.get(scope)?.of(target)
    }

    /// The single entries in a scope that have an open wish.
    pub(super) fn wished_entries(&self, scope: &Scope) -> Option<&BTreeMap<Position, WishId>> {
        self.wished.get(scope).map(|wished| &wished.entries)
    }

    pub(super) fn wish(
        &mut self,
        at: Timestamp,
        scope: Scope,
        target: WishTarget,
        act: Act,
        by: &By,
    ) -> WishId {
        self.next += 1;
        let wish = Wish { id: WishId(self.next), scope, target, act };
        self.note(at, &wish, by, None);
        let id = wish.id;
        self.wished.entry(wish.scope.clone()).or_default().open(&wish.target, id);
        self.wishes.insert(id, (wish, by.clone()));
        id
    }

    /// The oldest open wishes in any of these scopes.
    pub(super) fn open(&self, scopes: impl Fn(&Scope) -> bool, limit: usize) -> Vec<Wish> {
        let wishes = self.wishes.values().map(|(wish, _)| wish);
        wishes.filter(|wish| scopes(&wish.scope)).take(limit).cloned().collect()
    }

    pub(super) fn answer(&mut self, at: Timestamp, id: WishId, answer: Answer) {
        if let Some((wish, by)) = self.wishes.remove(&id) {
            if let Some(wished) = self.wished.get_mut(&wish.scope) {
                wished.close(&wish.target);
            }
            self.note(at, &wish, &by, Some(answer));
        }
    }

    /// What became of a wish, none while it is open; `Err` where it is not known, or not any more.
    pub(super) fn answer_to(&self, id: WishId) -> Result<Option<Answer>, DeskError> {
        if self.wishes.contains_key(&id) {
            return Ok(None);
        }
        // Who waits asks for what has just been answered.
        let newest = self.audit.iter().rev().filter(|line| line.wish == id);
        newest.filter_map(|line| line.answer.clone()).next().map(Some).ok_or(DeskError::NoWish(id))
    }

    fn note(&mut self, at: Timestamp, wish: &Wish, by: &By, answer: Option<Answer>) {
        if self.audit.len() == AUDIT {
            self.audit.pop_front();
            self.oldest += 1;
        }
        let Wish { id, scope, target, act } = wish;
        let (scope, target) = (scope.clone(), target.clone());
        let line = AuditLine { at, wish: *id, by: by.clone(), scope, target, act: act.name(), answer };
        self.audit.push_back(line);
    }

    pub(super) fn audit(&self, group: &GroupId, after: Option<u64>, limit: usize) -> Vec<(u64, AuditLine)> {
        let lines = (self.oldest..).zip(&self.audit);
        let wanted =
            lines.filter(|(n, line)| line.scope.group == *group && after.is_none_or(|after| *n > after));
        wanted.take(limit).map(|(n, line)| (n, line.clone())).collect()
    }
}
