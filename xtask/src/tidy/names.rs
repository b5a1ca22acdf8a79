//! Names that say nothing.

use syn::visit::{self, Visit};
use syn::{Attribute, Ident, ImplItemFn, ItemImpl};

use super::finding::Finding;
use super::source::line;
use super::tree::Tree;

/// Last words that stand for a noun nobody looked for.
const EMPTY: [&str; 6] = ["manager", "helper", "helpers", "util", "utils", "impl"];

/// Finds types, traits, functions and modules whose name ends in an empty word or starts with `get_`.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let module = module(&source.path);
        findings.extend(objection(module).map(|what| Finding::new(&source.path, 1, what)));
        let mut names = Names { path: &source.path, findings: &mut findings };
        names.visit_file(&source.file);
    }
    findings
}

/// The module that a file is: its own name, or its folder's.
fn module(path: &str) -> &str {
    let mut parts = path.trim_end_matches(".rs").rsplit('/');
    let name = parts.next().unwrap_or(path);
    if ["mod", "main", "lib"].contains(&name) { parts.next().unwrap_or(name) } else { name }
}

fn objection(name: &str) -> Option<String> {
    if name.starts_with("get_") {
        return Some(format!("`{name}`: leave `get_` out, or say what it does to get it"));
    }
    let last = words(name).pop().filter(|last| EMPTY.contains(&&**last))?;
    Some(format!("`{name}` ends in `{last}`, which says nothing: name the noun or the policy"))
}

/// The words of a name, in either case style, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter != '_') {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

struct Names<'a> {
    path: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Names<'_> {
    fn note(&mut self, name: &Ident) {
        let what = objection(&name.to_string());
        self.findings.extend(what.map(|what| Finding::new(self.path, line(name.span()), what)));
    }

    /// Tests are sentences, and a sentence may end as it likes.
    fn note_fn(&mut self, name: &Ident, attributes: &[Attribute]) {
        let last =
            |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "test");
        if !attributes.iter().any(last) {
            self.note(name);
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.note(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.note(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.note(&item.ident);
        visit::visit_item_union(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.note(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.note(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() {
            self.note(&item.ident);
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note_fn(&item.sig.ident, &item.attrs);
        visit::visit_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.note(&item.sig.ident);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        // The names in a trait's impl are the trait's.
        let own = item.items.iter().filter(|_| item.trait_.is_none());
        for method in own {
            if let syn::ImplItem::Fn(ImplItemFn { sig, attrs, .. }) = method {
                self.note_fn(&sig.ident, attrs);
            }
        }
        visit::visit_item_impl(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Tree::of([(path, text)])).len()
    }

    #[test]
    fn empty_names_are_found_wherever_they_name_something() {
        for text in [
            "struct LaneManager;",
            "enum LaneHelper {}",
            "union LaneUtil { a: u8 }",
            "type LaneUtils = u8;",
            "trait LaneImpl {}",
            "mod lane_helpers {}",
            "fn run_impl() {}",
            "fn get_lane() {}",
            "impl Lane { fn get_width(&self) {} }",
            "trait Lane { fn get_width(&self); }",
            "fn outer() { fn get_inner() {} }",
        ] {
            assert_eq!(found("src/lane.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn empty_file_names_are_found() {
        for path in ["src/utils.rs", "tests/helpers.rs", "crates/a/src/lane_manager/mod.rs"] {
            assert_eq!(found(path, ""), 1, "{path}");
        }
    }

    #[test]
    fn names_that_only_look_similar_are_not() {
        for text in ["struct Management;", "fn budget_of() {}", "fn get() {}", "struct Implement;", "mod x;"]
        {
            assert_eq!(found("src/lane.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn a_traits_names_are_not_held_against_its_impl() {
        assert_eq!(found("src/lane.rs", "impl Foreign for Lane { fn get_width(&self) {} }"), 0);
    }

    #[test]
    fn a_test_may_end_its_sentence_as_it_likes() {
        assert_eq!(found("src/lane.rs", "#[test] fn a_lane_needs_no_manager() {}"), 0);
        assert_eq!(found("src/lane.rs", "#[tokio::test] async fn a_lane_needs_no_manager() {}"), 0);
    }
}
