//! Tokens of a file, one after the other, with what stands around them.

use proc_macro2::{Delimiter, Group, Punct, Spacing, TokenStream, TokenTree};

use super::source::line;

/// A word of a file, with what decides what it means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word.
    pub(crate) text: String,
    /// Its line.
    pub(crate) line: usize,
    /// The path segment before it: `time` for `sleep` in `time::sleep` and in `time::{sleep, timeout}`.
    pub(crate) under: Option<String>,
    /// Whether `!` comes next: a macro call.
    pub(crate) called_as_macro: bool,
}

/// The words in a file, the inside of macro calls included; docs and comments are none.
pub(crate) fn words(tokens: &TokenStream) -> Vec<Word> {
    let mut words = Vec::new();
    collect(tokens, None, &mut words);
    words
}

/// The attributes in a file, the inside of macro calls included: the groups behind `#` and `#!`.
pub(crate) fn attributes(tokens: &TokenStream) -> Vec<Group> {
    let mut attributes = Vec::new();
    let mut after_hash = false;
    for token in tokens.clone() {
        if let TokenTree::Group(group) = &token {
            if after_hash && group.delimiter() == Delimiter::Bracket {
                attributes.push(group.clone());
            } else {
                attributes.extend(self::attributes(&group.stream()));
            }
        }
        let is = |mark| matches!(&token, TokenTree::Punct(punct) if punct.as_char() == mark);
        after_hash = is('#') || (after_hash && is('!'));
    }
    attributes
}

fn collect(tokens: &TokenStream, inherited: Option<&str>, words: &mut Vec<Word>) {
    let mut place = Place { under: inherited.map(str::to_owned), ..Place::default() };
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => {
                let next = tokens.peek();
                let called_as_macro = matches!(next, Some(TokenTree::Punct(next)) if next.as_char() == '!');
                let (text, line) = (ident.to_string(), line(ident.span()));
                words.push(Word { under: place.word(&text), text, line, called_as_macro });
            }
            TokenTree::Group(group) => {
                let under = place.other().filter(|_| group.delimiter() == Delimiter::Brace);
                collect(&group.stream(), under.as_deref(), words);
            }
            TokenTree::Punct(punct) => place.punct(&punct, inherited),
            TokenTree::Literal(_) => drop(place.other()),
        }
    }
}

/// Where in a path the next token stands.
#[derive(Default)]
struct Place {
    /// The word just before.
    last: Option<String>,
    /// Whether the first colon of two was just before.
    half: bool,
    /// The segment whose `::` was just before.
    under: Option<String>,
}

impl Place {
    /// Moves past a word; answers the segment it stands under.
    fn word(&mut self, word: &str) -> Option<String> {
        let under = self.other();
        self.last = Some(word.to_owned());
        under
    }

    /// Moves past anything that is neither a word nor a mark.
    fn other(&mut self) -> Option<String> {
        std::mem::take(self).under
    }

    /// Moves past a mark: `::` opens a segment, and a comma goes back to the one around the braces.
    fn punct(&mut self, punct: &Punct, inherited: Option<&str>) {
        match (punct.as_char(), punct.spacing()) {
            (':', Spacing::Joint) => self.half = true,
            (':', Spacing::Alone) if self.half => *self = Self { under: self.last.take(), ..Self::default() },
            (',', _) => *self = Self { under: inherited.map(str::to_owned), ..Self::default() },
            _ => *self = Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(code: &str, word: &str) -> Vec<Option<String>> {
        let words = words(&code.parse().unwrap());
        words.into_iter().filter(|found| found.text == word).map(|found| found.under).collect()
    }

    #[test]
    fn a_word_knows_the_segment_before_it() {
        assert_eq!(under("tokio::time::sleep(x).await", "sleep"), [Some("time".to_owned())]);
        assert_eq!(under("use tokio::time::{timeout, sleep};", "sleep"), [Some("time".to_owned())]);
        assert_eq!(under("use std::{thread::{self, sleep}, fmt};", "sleep"), [Some("thread".to_owned())]);
        assert_eq!(under("use std::{time::{a, b}, sleep};", "sleep"), [Some("std".to_owned())]);
    }

    #[test]
    fn a_word_under_no_segment_has_none() {
        for code in [
            "self.time.sleep()",
            "sleep()",
            "time::Budget { sleep: 1 }",
            "At { time: sleep }",
            "a::<time, sleep>",
        ] {
            assert_eq!(under(code, "sleep"), [None], "{code}");
        }
    }

    #[test]
    fn words_inside_macro_calls_are_seen() {
        assert_eq!(under("select! { _ = time::sleep(x) => {} }", "sleep"), [Some("time".to_owned())]);
        assert!(
            words(&"m! { todo!() }".parse().unwrap())
                .iter()
                .any(|word| word.text == "todo" && word.called_as_macro)
        );
    }

    #[test]
    fn attributes_inside_macro_calls_are_seen() {
        let code = "#![allow(x)] proptest! { #[test] fn a() { #[inline] fn b() {} } } let c = [1];";
        assert_eq!(attributes(&code.parse().unwrap()).len(), 3);
    }
}
