//! One type for a value that breaks a rule, whoever passes it.

use std::borrow::Cow;
use std::fmt;

/// A value that breaks a rule: which field, which rule, and what was found.
///
/// The found value is shortened and escaped, so that it can be logged whatever it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    field: Cow<'static, str>,
    rule: Cow<'static, str>,
    found: String,
}

const SHOWN: usize = 64;

impl Invalid {
    /// Says that `field` holds `found`, which breaks `rule`.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        rule: impl Into<Cow<'static, str>>,
        found: impl fmt::Display,
    ) -> Self {
        let found = found.to_string();
        let mut shown: String = found.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if found.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        Self { field: field.into(), rule: rule.into(), found: shown }
    }

    /// The field that is wrong, as a path where it lies deeper: `retry.multiplier`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The rule that the value breaks, as a sentence about what is allowed.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; found ", self.field, self.rule)?;
        if self.found.is_empty() { f.write_str("nothing") } else { write!(f, "`{}`", self.found) }
    }
}

impl std::error::Error for Invalid {}

/// The cause of an error, as adapters hand it over.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The messages of an error and of its sources, outermost first.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_value_is_shown_short_and_escaped() {
        let text = Invalid::new("topic", "has no control characters", format!("a\n{}", "x".repeat(500)));
        let text = text.to_string();
        assert!(text.starts_with("topic: has no control characters; found `a\\nxx"), "{text}");
        assert!(text.len() < 200 && !text.contains('\n'));
    }
}
