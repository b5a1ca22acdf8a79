//! `lib.rs` is a glossary: docs, modules and explicit exports.

use syn::spanned::Spanned;
use syn::{Attribute, Item, UseTree, Visibility};

use super::finding::Finding;
use super::source::{Source, is_cfg, line};
use super::tree::Tree;

/// Finds what does not belong into a `lib.rs`, and where its docs are missing.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().iter().filter(|source| is_lib(&source.path)) {
        let text = tree.text(&source.path).unwrap_or_default();
        // A page may be the docs: `#![doc = include_str!("../README.md")]`.
        if !text.starts_with("//!") && !text.starts_with("#![doc = include_str!(") {
            findings.push(Finding::new(&source.path, 1, "starts without `//!`: say what the crate is"));
        }
        items(source, &source.file.items, &mut findings);
    }
    findings
}

fn is_lib(path: &str) -> bool {
    path == "src/lib.rs" || path.ends_with("/src/lib.rs")
}

fn items(source: &Source, all: &[Item], findings: &mut Vec<Finding>) {
    for item in all.iter().filter(|item| !is_for_doc_tests(item) && !is_macro(item)) {
        match item {
            Item::Mod(module) => {
                let inside = module.content.as_ref().map(|(_, inside)| &**inside);
                items(source, inside.unwrap_or_default(), findings);
            }
            Item::Use(import) => {
                if !matches!(import.vis, Visibility::Inherited) && has_glob(&import.tree) {
                    let what = "exports by glob: name what is exported";
                    findings.push(Finding::new(&source.path, line(import.span()), what));
                }
            }
            Item::ExternCrate(_) => {}
            other => {
                let what = "lib.rs holds docs, modules and `use` only: move this to the file of its noun";
                findings.push(Finding::new(&source.path, line(other.span()), what));
            }
        }
    }
}

/// An item that carries pages into the doc tests and exists nowhere else.
fn is_for_doc_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Struct(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| is_cfg(attribute, "doctest"))
}

/// Procedural macros have to stand in the root of their crate.
fn is_macro(item: &Item) -> bool {
    let Item::Fn(function) = item else { return false };
    let macros = ["proc_macro", "proc_macro_derive", "proc_macro_attribute"];
    function.attrs.iter().any(|attribute| macros.iter().any(|name| attribute.path().is_ident(name)))
}

fn has_glob(tree: &UseTree) -> bool {
    match tree {
        UseTree::Glob(_) => true,
        UseTree::Path(path) => has_glob(&path.tree),
        UseTree::Group(group) => group.items.iter().any(has_glob),
        UseTree::Name(_) | UseTree::Rename(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of([(path, text)])).iter().map(Finding::line).collect()
    }

    #[test]
    fn a_glossary_is_in_order() {
        let text = "//! A.\n#![warn(x)]\nmod a;\npub mod b;\npub mod prelude { pub use crate::a::A; }\n\
                    pub use a::{A, B};\nuse a::*;\n#[cfg(doctest)]\n#[doc = \"x\"]\npub struct Readme;\n";
        assert_eq!(found("src/lib.rs", text), Vec::<usize>::new());
        let page = "#![doc = include_str!(\"../README.md\")]\nmod a;\n";
        assert_eq!(found("src/lib.rs", page), Vec::<usize>::new());
    }

    #[test]
    fn missing_docs_are_found() {
        assert_eq!(found("crates/a/src/lib.rs", "#![doc(hidden)]\nmod a;\n"), [1]);
        assert_eq!(found("crates/a/src/lib.rs", "mod a;\n"), [1]);
    }

    #[test]
    fn exports_by_glob_are_found_at_any_depth() {
        assert_eq!(found("src/lib.rs", "//! A.\npub use a::*;\npub(crate) use a::{b, c::{d, *}};\n"), [2, 3]);
        assert_eq!(found("src/lib.rs", "//! A.\npub mod prelude {\n    pub use crate::a::*;\n}\n"), [3]);
    }

    #[test]
    fn logic_is_found() {
        assert_eq!(found("src/lib.rs", "//! A.\nfn a() {}\n/// B.\npub struct B;\nimpl B {}\n"), [2, 3, 5]);
    }

    #[test]
    fn procedural_macros_stand_where_they_must() {
        let text = "//! A.\n#[proc_macro_derive(A, attributes(a))]\npub fn derive_a() {}\nfn b() {}\n";
        assert_eq!(found("src/lib.rs", text), [4]);
    }

    #[test]
    fn other_files_may_hold_what_they_like() {
        assert_eq!(found("src/bus/mod.rs", "pub use a::*;\nfn a() {}\n"), Vec::<usize>::new());
    }
}
