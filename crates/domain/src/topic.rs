//! Topics: validated once, for every broker.

use std::fmt;

use crate::error::Invalid;
use crate::name::Name;

/// The name of a topic that every broker accepts.
///
/// One to 237 characters of `A-Z a-z 0-9 . _ -`, no empty part between dots (NATS reads dots as levels), no leading
/// `__` (Kafka keeps its own topics there). 237 leaves room for the dead-letter suffix within Kafka's 249.
/// [`TopicName::new`] also refuses the bus's own names; those come from [`TopicName::HEALTH_CHECK`] and
/// [`TopicName::dead_letter`]. Cloning copies a pointer.
///
/// ```
/// use laneway_domain::TopicName;
/// let orders = TopicName::new("shop.orders")?;
/// assert_eq!(orders.dead_letter().as_str(), "shop.orders-dead-letter");
/// assert!(TopicName::new("no spaces").is_err());
/// # Ok::<(), laneway_domain::Invalid>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Name);

const SUFFIX: &str = "-dead-letter";
const HEALTH_CHECK: &str = "health_check_topic";

impl TopicName {
    /// The topic that the probers of the bus write to and read from.
    pub const HEALTH_CHECK: Self = Self(Name::from_static(HEALTH_CHECK));
    /// The longest name of a user's topic, in bytes.
    pub const MAX_LEN: usize = 237;

    /// Checks `name` and interns it.
    ///
    /// # Errors
    /// [`Invalid`] with the rule that the name breaks; the bus's own names are refused.
    pub fn new(name: &str) -> Result<Self, Invalid> {
        if let Some(rule) = broken_rule(name, Self::MAX_LEN) {
            return Err(Invalid::new("topic", rule, name));
        }
        if is_the_buss_own(name) {
            let rule = "is not one of the bus's own names (health_check_topic, *-dead-letter)";
            return Err(Invalid::new("topic", rule, name));
        }
        Ok(Self(Name::new(name)))
    }

    /// Names a topic that is known at compile time; costs nothing.
    ///
    /// # Panics
    /// Where [`TopicName::new`] refuses the name; in a `const`, that is a compile error.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        if let Some(rule) = broken_rule(name, Self::MAX_LEN) {
            panic!("{}", rule);
        }
        assert!(!is_the_buss_own(name), "a topic is not one of the bus's own names");
        Self(Name::from_static(name))
    }

    /// The topic that takes this topic's dead letters; a dead-letter topic is its own.
    #[must_use]
    pub fn dead_letter(&self) -> Self {
        if self.is_dead_letter() {
            self.clone()
        } else {
            Self(Name::new(&format!("{}{SUFFIX}", self.as_str())))
        }
    }

    /// Whether this is a dead-letter topic.
    #[must_use]
    pub fn is_dead_letter(&self) -> bool {
        self.as_str().ends_with(SUFFIX)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// In bytes and loops, so that names known at compile time are checked there by the same rules.
const fn broken_rule(name: &str, longest: usize) -> Option<&'static str> {
    let name = name.as_bytes();
    if name.is_empty() {
        return Some("is not empty");
    }
    if name.len() > longest {
        return Some("has at most 237 characters");
    }
    let mut at = 0;
    while at < name.len() {
        let ends_a_part = at + 1 == name.len() || name[at + 1] == b'.';
        match name[at] {
            b'.' if at == 0 || ends_a_part => return Some("has no empty part between dots"),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {}
            byte if byte.is_ascii_control() => return Some("has no control characters"),
            _ => return Some("has only the characters A-Z a-z 0-9 . _ -"),
        }
        at += 1;
    }
    if name.len() > 1 && name[0] == b'_' && name[1] == b'_' {
        return Some("does not start with `__`, which brokers reserve");
    }
    None
}

const fn is_the_buss_own(name: &str) -> bool {
    ends_with(name, SUFFIX) || (name.len() == HEALTH_CHECK.len() && ends_with(name, HEALTH_CHECK))
}

const fn ends_with(text: &str, end: &str) -> bool {
    let (text, end) = (text.as_bytes(), end.as_bytes());
    let mut left = end.len();
    while left > 0 && text.len() >= end.len() {
        left -= 1;
        if text[text.len() - end.len() + left] != end[left] {
            return false;
        }
    }
    text.len() >= end.len()
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl TryFrom<&str> for TopicName {
    type Error = Invalid;
    fn try_from(name: &str) -> Result<Self, Invalid> {
        Self::new(name)
    }
}

impl std::str::FromStr for TopicName {
    type Err = Invalid;
    fn from_str(name: &str) -> Result<Self, Invalid> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_some_broker_would_refuse_is_refused_with_its_rule() {
        let long = "x".repeat(238);
        for (name, rule) in [
            ("", "not empty"),
            (long.as_str(), "at most 237"),
            ("a\u{7}b", "control"),
            ("a b", "characters"),
            ("größe", "characters"),
            ("a..b", "empty part"),
            (".a", "empty part"),
            ("..", "empty part"),
            ("__consumer_offsets", "reserve"),
            ("health_check_topic", "own names"),
            ("orders-dead-letter", "own names"),
        ] {
            let error = TopicName::new(name).unwrap_err();
            assert_eq!(error.field(), "topic");
            assert!(error.rule().contains(rule), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_topic_known_at_compile_time_is_the_same_as_any_other() {
        const ORDERS: TopicName = TopicName::from_static("shop.orders");
        assert_eq!(ORDERS, TopicName::new("shop.orders").unwrap());
    }

    #[test]
    #[should_panic(expected = "bus's own names")]
    fn a_static_topic_is_held_to_the_same_rules() {
        let _ = TopicName::from_static("orders-dead-letter");
    }

    #[test]
    fn the_longest_topic_still_has_a_dead_letter_topic_that_kafka_accepts() {
        let topic = TopicName::new(&"x".repeat(237)).unwrap();
        assert_eq!(topic.dead_letter().as_str().len(), 249);
        assert_eq!(topic.dead_letter().dead_letter(), topic.dead_letter());
    }
}
