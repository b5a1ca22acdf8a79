//! A parsed Rust file.

use std::ops::RangeInclusive;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, Meta};

use super::finding::Finding;

/// A parsed Rust file.
pub(crate) struct Source {
    /// Its path from the root.
    pub(crate) path: String,
    /// How many lines it has.
    pub(crate) lines: usize,
    /// What it says, as items.
    pub(crate) file: File,
    /// What it says, as tokens; the inside of macro calls too.
    pub(crate) tokens: TokenStream,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl Source {
    /// Parses a file.
    ///
    /// # Errors
    /// A finding, where it is not Rust.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, Finding> {
        let not_rust = |error: syn::Error| {
            Finding::new(path, error.span().start().line, format!("does not parse ({error}): mend it"))
        };
        let file = syn::parse_file(text).map_err(not_rust)?;
        let tokens = text.parse::<TokenStream>().map_err(|error| not_rust(error.into()))?;
        let mut found = TestLines::default();
        found.visit_file(&file);
        Ok(Self { path: path.to_owned(), lines: text.lines().count(), file, tokens, test_lines: found.0 })
    }

    /// Whether a line belongs to tests: in a `tests` folder or file, in the test kit, or under `#[cfg(test)]`.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        let mut parts = self.path.split('/');
        self.path.starts_with("crates/testkit/")
            || parts.any(|part| part == "tests" || part == "tests.rs")
            || self.test_lines.iter().any(|lines| lines.contains(&line))
    }
}

/// The line where a span starts.
pub(crate) fn line(span: Span) -> usize {
    span.start().line
}

/// Whether an attribute is `cfg(WORD)`, or a `cfg(any(..))` or `cfg(all(..))` with the word in it.
pub(crate) fn is_cfg(attribute: &Attribute, word: &str) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && has_word(&list.tokens, word) && !has_word(&list.tokens, "not")
}

fn has_word(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => has_word(&group.stream(), word),
        _ => false,
    })
}

#[derive(Default)]
struct TestLines(Vec<RangeInclusive<usize>>);

impl TestLines {
    fn note(&mut self, attributes: &[Attribute], last: Span) {
        if let Some(first) = attributes.iter().find(|attribute| is_cfg(attribute, "test")) {
            self.0.push(line(first.pound_token.spans[0])..=last.end().line);
        }
    }
}

impl<'ast> Visit<'ast> for TestLines {
    fn visit_file(&mut self, file: &'ast File) {
        if file.attrs.iter().any(|attribute| is_cfg(attribute, "test")) {
            self.0.push(1..=usize::MAX);
        }
        visit::visit_file(self, file);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if let Some((brace, _)) = &item.content {
            self.note(&item.attrs, brace.span.close());
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.attrs, item.block.brace_token.span.close());
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note(&item.attrs, item.brace_token.span.close());
        visit::visit_item_impl(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_under_cfg_test_belong_to_tests() {
        let text = "fn one() {}\n#[cfg(test)]\nmod tests {\n    fn two() {}\n}\nfn three() {}\n";
        let source = Source::parse("src/a.rs", text).unwrap();
        let tests = (1..=6).filter(|line| source.is_test(*line)).collect::<Vec<_>>();
        assert_eq!(tests, [2, 3, 4, 5]);
    }

    #[test]
    fn lines_under_cfg_not_test_do_not() {
        let text = "#[cfg(not(test))]\nfn one() {}\n#[cfg(any(test, feature = \"x\"))]\nfn two() {}\n";
        let source = Source::parse("src/a.rs", text).unwrap();
        assert!(!source.is_test(2) && source.is_test(4));
    }

    #[test]
    fn files_of_tests_and_of_the_test_kit_belong_to_tests() {
        for path in
            ["tests/a.rs", "crates/x/tests/a.rs", "crates/x/src/lanes/tests.rs", "crates/testkit/src/a.rs"]
        {
            assert!(Source::parse(path, "fn one() {}").unwrap().is_test(1), "{path}");
        }
        assert!(!Source::parse("src/contests.rs", "fn one() {}").unwrap().is_test(1));
    }
}
