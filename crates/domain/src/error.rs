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
        let is_number = found.bytes().all(|byte| byte.is_ascii_digit());
        let found = if is_number { grouped(&found) } else { found };
        let mut shown: String = found.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if found.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        let rule = rule.into();
        let long = |run: &[u8]| run.iter().all(u8::is_ascii_digit);
        let rule = if rule.as_bytes().windows(4).any(long) { Cow::Owned(grouped(&rule)) } else { rule };
        Self { field: field.into(), rule, found: shown }
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

/// A text with its whole numbers in groups of three digits: `1,000,000`.
fn grouped(text: &str) -> String {
    let mut grouped = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (number, behind) = number.split_at(end);
        grouped.push_str(before);
        // What stands behind a point is a fraction.
        let whole = !before.ends_with('.');
        for (at, digit) in number.char_indices() {
            if whole && at > 0 && (number.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        rest = behind;
    }
    grouped + rest
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
    fn numbers_are_written_alike_in_rules_and_in_what_was_found() {
        let text = Invalid::new("workers", "lies between 0.0001 and 1048576, or is 1,024", 70_000_000);
        let said = "workers: lies between 0.0001 and 1,048,576, or is 1,024; found `70,000,000`";
        assert_eq!(text.to_string(), said);
        let name = Invalid::new("topic", "is legal", "orders 20260").to_string();
        assert!(name.ends_with("`orders 20260`"), "what is no number stays as it is: {name}");
    }

    #[test]
    fn a_hostile_value_is_shown_short_and_escaped() {
        let text = Invalid::new("topic", "has no control characters", format!("a\n{}", "x".repeat(500)));
        let text = text.to_string();
        assert!(text.starts_with("topic: has no control characters; found `a\\nxx"), "{text}");
        assert!(text.len() < 200 && !text.contains('\n'));
    }
}
