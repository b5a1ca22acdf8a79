//! What operators ask the owners of partitions to do with dead letters, and what became of it.

use std::fmt;

use crate::aggregate::AggregateKey;
use crate::dead_letter::{DeathCause, LetterId};
use crate::error::Invalid;
use crate::identity::{GroupId, TenantId};
use crate::parking::Scope;
use crate::position::Position;
use crate::record::Body;
use crate::time::Timestamp;
use crate::topic::TopicName;

/// Names a wish; rising in one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WishId(pub u64);

/// What one owner is asked to do with one target of its scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its name.
    pub id: WishId,
    /// Where.
    pub scope: Scope,
    /// What is meant.
    pub target: WishTarget,
    /// What to do with it.
    pub act: Act,
}

/// What a wish is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WishTarget {
    /// Everything that waits of one aggregate, in order.
    Aggregate(AggregateKey),
    /// One entry.
    Entry(Position),
}

/// What is done with a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Handle it again, through its lane; at most so many events a second in one process, where that is said. One entry of
    /// a parked aggregate can be meant only where it is the first; what waits behind it goes on waiting, until the aggregate
    /// is redriven.
    Redrive {
        /// Events a second; none is as fast as it goes, and 0 counts as 1.
        per_second: Option<u32>,
    },
    /// Let one entry go without handling it; of an aggregate its head. What waits behind it goes on waiting.
    Skip,
    /// Let everything of the target go without handling it.
    Purge,
    /// Give one entry another content at the same place; nothing runs before it is redriven. It stays the same event, with
    /// its id, topic, aggregate and tenant, or it is refused ([`Body::check_edit`]): make it from
    /// [`StoredLetter::original`](crate::StoredLetter::original), with [`with_payload`](crate::Envelope::with_payload). One
    /// that does not decode is dead again when it is redriven.
    Edit(Body),
}

impl Act {
    /// Its name in an audit.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Redrive { .. } => "redrive",
            Self::Skip => "skip",
            Self::Purge => "purge",
            Self::Edit(_) => "edit",
        }
    }
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was done; with so many events.
    Done(u64),
    /// Its events failed again and wait as before; so many were handled until then.
    FailedAgain(u64),
    /// There was nothing to do it with.
    Nothing,
    /// Nothing was done: by the time that the owner heard of it, the aggregate of the entry was parked at this position,
    /// and comes first. Redrive that one, or the aggregate.
    Behind(Position),
}

/// Who asks, and why: nothing is changed without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    who: String,
    why: String,
}

impl By {
    /// The longest name or reason, in bytes.
    pub const MAX_LEN: usize = 1_024;

    /// Somebody with a reason.
    ///
    /// # Errors
    /// [`Invalid`] where one of both, or both, are blank, have control characters or are longer than [`Self::MAX_LEN`].
    pub fn new(who: impl Into<String>, why: impl Into<String>) -> Result<Self, Invalid> {
        const RULE: &str = "has 1 to 1,024 bytes that are not blank and no control characters, for the audit";
        let (who, why) = (who.into(), why.into());
        match (Self::may_stand(&who), Self::may_stand(&why)) {
            (true, true) => Ok(Self { who, why }),
            (false, true) => Err(Invalid::new("who", RULE, who)),
            (true, false) => Err(Invalid::new("why", RULE, why)),
            (false, false) => Err(Invalid::new("who, why", RULE, format!("{who}, {why}"))),
        }
    }

    fn may_stand(text: &str) -> bool {
        !text.trim().is_empty() && text.len() <= Self::MAX_LEN && !text.chars().any(char::is_control)
    }

    /// Who.
    #[must_use]
    pub fn who(&self) -> &str {
        &self.who
    }

    /// Why.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

/// Which entries of a group are meant: those that fit everything that is said.
///
/// What waits behind a dead letter fits where that does; and where that has left, since it was skipped or redriven alone,
/// goes on fitting for it: who redrives everything that died of something leaves nothing behind that waits for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The group.
    pub group: GroupId,
    /// Only this topic.
    pub topic: Option<TopicName>,
    /// Only this aggregate, or this entry.
    pub target: Option<FilterTarget>,
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Only what died of this, and what waits behind it.
    pub cause: Option<DeathCause>,
    /// Only what died at this time or later, and what waits behind it.
    pub since: Option<Timestamp>,
    /// Only what died with this text in its error, and what waits behind it.
    pub error: Option<String>,
}

/// One aggregate, or one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterTarget {
    /// The aggregate.
    Aggregate(AggregateKey),
    /// The entry.
    Entry(LetterId),
}

impl fmt::Display for FilterTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(key) => write!(f, "aggregate {key}"),
            Self::Entry(id) => id.fmt(f),
        }
    }
}

impl Filter {
    /// Everything of a group.
    #[must_use]
    pub const fn group(group: GroupId) -> Self {
        Self { group, topic: None, target: None, tenant: None, cause: None, since: None, error: None }
    }

    /// One aggregate of a group.
    #[must_use]
    pub fn aggregate(group: GroupId, key: AggregateKey) -> Self {
        Self { target: Some(FilterTarget::Aggregate(key)), ..Self::group(group) }
    }

    /// One entry.
    #[must_use]
    pub fn entry(id: LetterId) -> Self {
        Self { target: Some(FilterTarget::Entry(id.clone())), ..Self::group(id.group) }
    }

    /// Only this topic.
    #[must_use]
    pub fn topic(self, topic: TopicName) -> Self {
        Self { topic: Some(topic), ..self }
    }

    /// Only what died of this.
    #[must_use]
    pub fn cause(self, cause: DeathCause) -> Self {
        Self { cause: Some(cause), ..self }
    }
}

/// A line of the audit: somebody asked for something, or an owner answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// Which wish.
    pub wish: WishId,
    /// Who asked, and why.
    pub by: By,
    /// Where.
    pub scope: Scope,
    /// What was meant.
    pub target: WishTarget,
    /// What was asked.
    pub act: &'static str,
    /// What became of it; none where it has just been asked.
    pub answer: Option<Answer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_changes_anything_without_a_name_and_a_reason() {
        assert!(By::new("ops", "the fix is out").is_ok());
        assert_eq!(By::new(" ", "x").unwrap_err().field(), "who");
        assert_eq!(By::new("ops", "").unwrap_err().field(), "why");
        assert!(By::new("ops", "a\nb").is_err());
        assert!(By::new("o".repeat(By::MAX_LEN + 1), "x").is_err());
        let both = By::new("", "a\nb").unwrap_err().to_string();
        assert!(
            both.starts_with("who, why: has 1 to 1,024 bytes") && both.ends_with("found `, a\\nb`"),
            "{both}"
        );
        assert!(By::new("", "x").unwrap_err().to_string().ends_with("found nothing"));
    }
}
