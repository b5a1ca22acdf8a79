//! Tests that are switched off.

use proc_macro2::{TokenStream, TokenTree};

use super::finding::Finding;
use super::source::line;
use super::tree::Tree;
use super::words::{attributes, words};

/// Finds tests under `#[ignore]`.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        for attribute in attributes(&source.tokens).iter().filter(|attribute| ignores(&attribute.stream())) {
            let what = "`#[ignore]`: let the test run, print SKIPPED when its server is absent, or remove it";
            findings.push(Finding::new(&source.path, line(attribute.span_open()), what));
        }
    }
    findings
}

fn ignores(attribute: &TokenStream) -> bool {
    match attribute.clone().into_iter().next() {
        Some(TokenTree::Ident(name)) if name == "ignore" => true,
        Some(TokenTree::Ident(name)) if name == "cfg_attr" => {
            words(attribute).iter().any(|word| word.text == "ignore")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        check(&Tree::of([("tests/a.rs", text)])).iter().map(Finding::line).collect()
    }

    #[test]
    fn ignored_tests_are_found_in_each_form() {
        assert_eq!(found("#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n"), [2, 4]);
        assert_eq!(found("#[cfg_attr(miri, ignore)]\nfn a() {}\n"), [1]);
        assert_eq!(found("proptest! {\n    #[ignore]\n    fn a(x in 0..3) {}\n}\n"), [2]);
    }

    #[test]
    fn other_uses_of_the_word_are_not() {
        assert_eq!(
            found("#[derive(X)]\nfn ignore() {}\n/// #[ignore]\nfn a() { ignore(); }\n"),
            Vec::<usize>::new()
        );
    }
}
