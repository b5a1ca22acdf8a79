//! The operators' side.

use async_trait::async_trait;
use laneway_domain::{
    Act, Answer, Asked, AuditLine, By, DeadLetterDesk, Death, DeskError, Filter, FilterTarget, GroupId,
    Invalid, LetterId, ParkEntry, Scope, StoreError, StoredLetter, TenantId, Timestamp, WishId, WishTarget,
};

use super::books::Books;
use super::queue::MemoryDeadLetters;
use super::shelf::Shelf;

#[async_trait]
impl DeadLetterDesk for MemoryDeadLetters {
    async fn list(
        &self,
        filter: &Filter,
        after: Option<&LetterId>,
        limit: usize,
    ) -> Result<Vec<StoredLetter>, StoreError> {
        let books = self.lock();
        let mut found = Vec::new();
        for (scope, shelf) in books.of(&filter.group) {
            let from = after.map(|after| (scope_of(after), after.position));
            if from.as_ref().is_some_and(|(behind, _)| scope < behind) {
                continue;
            }
            let from = from.filter(|(behind, _)| scope == behind).map(|(_, position)| position);
            let fitting = shelf.behind(from).filter(|entry| fits(filter, scope, shelf, entry));
            found.extend(fitting.take(limit - found.len()).map(|entry| stored(&books, scope, shelf, entry)));
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    async fn show(&self, id: &LetterId) -> Result<Option<StoredLetter>, StoreError> {
        let (books, scope) = (self.lock(), scope_of(id));
        let Some(shelf) = books.known_shelf(&scope) else { return Ok(None) };
        Ok(shelf.entry(id.position).map(|entry| stored(&books, &scope, shelf, entry)))
    }

    async fn ask(
        &self,
        filter: &Filter,
        act: Act,
        by: &By,
        at: Timestamp,
        dry_run: bool,
    ) -> Result<Asked, DeskError> {
        let mut books = self.lock();
        let targets = match &filter.target {
            Some(FilterTarget::Entry(id)) => {
                let one = one(&books, id, &act)?;
                may_become(&books, id, &act)?;
                vec![one]
            }
            _ if matches!(act, Act::Edit(_)) => {
                let found = "a filter over several";
                return Err(
                    Invalid::new("filter.target", "names one entry where one is edited", found).into()
                );
            }
            _ => targets(&books, filter),
        };
        if let (Some(target), []) = (&filter.target, &*targets) {
            return Err(DeskError::Unknown(target.to_string()));
        }
        let mut asked = Asked { targets: targets.len() as u64, ..Asked::default() };
        let mut first = None;
        for (scope, target, events) in targets {
            asked.events += events;
            match busy(&books, &scope, &target) {
                Some(wish) => {
                    first = first.or(Some(wish));
                    asked.already += 1;
                }
                None if dry_run => {}
                None => asked.wishes.push(books.wish(at, scope, target, act.clone(), by)),
            }
        }
        match first.filter(|_| filter.target.is_some() && asked.already == asked.targets) {
            Some(wish) => Err(DeskError::Busy(wish)),
            None => Ok(asked),
        }
    }

    async fn answer(&self, wish: WishId) -> Result<Option<Answer>, DeskError> {
        self.lock().answer_to(wish)
    }

    async fn audit(
        &self,
        group: &GroupId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, AuditLine)>, StoreError> {
        Ok(self.lock().audit(group, after, limit))
    }
}

fn scope_of(id: &LetterId) -> Scope {
    Scope { group: id.group.clone(), topic: id.topic.clone(), partition: id.partition }
}

fn stored(books: &Books, scope: &Scope, shelf: &Shelf, entry: &ParkEntry) -> StoredLetter {
    let Scope { group, topic, partition } = scope.clone();
    let id = LetterId { group, topic, partition, position: entry.event.position };
    let own = books.open_wish(scope, &WishTarget::Entry(entry.event.position));
    let aggregate = || {
        let (key, _) = shelf.head_of(entry)?;
        books.open_wish(scope, &WishTarget::Aggregate(key.clone()))
    };
    StoredLetter {
        id,
        key: entry.key.clone(),
        appended: entry.event.appended,
        original: entry.event.body.clone(),
        state: entry.state.clone(),
        wish: own.or_else(aggregate),
    }
}

/// Whether an entry fits: by its own death, or by that of what it waits behind.
fn fits(filter: &Filter, scope: &Scope, shelf: &Shelf, entry: &ParkEntry) -> bool {
    let target = filter.target.as_ref().is_none_or(|target| match target {
        FilterTarget::Aggregate(key) => entry.key.as_ref() == Some(key),
        FilterTarget::Entry(id) => scope_of(id) == *scope && id.position == entry.event.position,
    });
    let tenant = |entry: &ParkEntry| entry.key.as_ref().and_then(|key| key.tenant.clone());
    let is_theirs = |wanted: &TenantId| tenant(entry).as_ref() == Some(wanted);
    target
        && filter.topic.as_ref().is_none_or(|topic| *topic == scope.topic)
        && filter.tenant.as_ref().is_none_or(is_theirs)
        && died(filter, || shelf.death_of(entry))
}

fn died<'a>(filter: &Filter, death: impl FnOnce() -> Option<&'a Death>) -> bool {
    if filter.cause.is_none() && filter.since.is_none() && filter.error.is_none() {
        return true;
    }
    let Some(death) = death() else { return false };
    filter.cause.is_none_or(|cause| cause == death.cause)
        && filter.since.is_none_or(|since| death.last_failed >= since)
        && filter.error.as_ref().is_none_or(|text| death.errors.iter().any(|error| error.contains(&**text)))
}

type Target = (Scope, WishTarget, u64);

/// The target that one entry is.
fn one(books: &Books, id: &LetterId, act: &Act) -> Result<Target, DeskError> {
    let scope = scope_of(id);
    let unknown = || DeskError::Unknown(id.to_string());
    let shelf = books.known_shelf(&scope).ok_or_else(unknown)?;
    let entry = shelf.entry(id.position).ok_or_else(unknown)?;
    if let (Act::Redrive { .. }, Some(head)) = (act, shelf.first_of(entry))
        && head != id.position
    {
        return Err(DeskError::NotHead { head });
    }
    if let Some(wish) =
        shelf.head_of(entry).and_then(|(key, _)| books.open_wish(&scope, &WishTarget::Aggregate(key.clone())))
    {
        return Err(DeskError::Busy(wish));
    }
    Ok((scope, WishTarget::Entry(id.position), 1))
}

/// Whether the content that an entry is to have is its event's, and has room.
fn may_become(books: &Books, id: &LetterId, act: &Act) -> Result<(), DeskError> {
    let entry = books.known_shelf(&scope_of(id)).and_then(|shelf| shelf.entry(id.position));
    let (Act::Edit(body), Some(entry)) = (act, entry) else { return Ok(()) };
    entry.event.body.check_edit(body)?;
    let mut edited = entry.clone();
    edited.event.body = body.clone();
    let mut bounds = books.bounds;
    bounds.swap(Some(entry), Some(&edited));
    Ok(bounds.check(&edited, "edit")?)
}

/// Aggregates, and entries that close no lane.
fn targets(books: &Books, filter: &Filter) -> Vec<Target> {
    let mut targets = Vec::new();
    for (scope, shelf) in books.of(&filter.group) {
        let heads = shelf.heads().filter(|(_, head, _)| fits(filter, scope, shelf, head));
        let mut parked: Vec<_> =
            heads.map(|(key, head, events)| (head.event.position, key, events)).collect();
        parked.sort_by_key(|(position, ..)| *position);
        targets.extend(
            parked
                .into_iter()
                .map(|(_, key, events)| (scope.clone(), WishTarget::Aggregate(key.clone()), events)),
        );
        let loose = shelf.behind(None).filter(|entry| shelf.head_of(entry).is_none());
        let loose = loose.filter(|entry| fits(filter, scope, shelf, entry));
        targets.extend(loose.map(|entry| (scope.clone(), WishTarget::Entry(entry.event.position), 1)));
    }
    targets
}

/// The open wish for a target, or for an entry of the aggregate that is one.
fn busy(books: &Books, scope: &Scope, target: &WishTarget) -> Option<WishId> {
    books.open_wish(scope, target).or_else(|| {
        let WishTarget::Aggregate(key) = target else { return None };
        let (waiting, wished) = (books.known_shelf(scope)?.positions(key)?, books.wished_entries(scope)?);
        // Whichever are fewer are looked at.
        if wished.len() < waiting.len() {
            wished.iter().find(|(position, _)| waiting.contains(position)).map(|(_, id)| *id)
        } else {
            waiting.iter().find_map(|position| wished.get(position).copied())
        }
    })
}
