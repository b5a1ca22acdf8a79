//! Sizes of files and functions.

use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use super::finding::Finding;
use super::source::{Source, line};
use super::tree::Tree;

/// A file over this many lines holds more than one noun.
const FILE_LINES: usize = 500;
/// A function over this many lines does more than one thing.
const FUNCTION_LINES: usize = 80;

/// A file or a function, and its size.
#[derive(Debug, Clone)]
struct Sized {
    what: String,
    path: String,
    line: usize,
    lines: usize,
}

/// Finds files and functions over the limit.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let files = files(tree).into_iter().filter(|file| file.lines > FILE_LINES).map(|file| {
        let what = format!("{} lines, over {FILE_LINES}: split it by noun or policy", file.lines);
        Finding::new(file.path, file.line, what)
    });
    let functions =
        functions(tree).into_iter().filter(|function| function.lines > FUNCTION_LINES).map(|function| {
            let Sized { what, path, line, lines } = function;
            Finding::new(
                path,
                line,
                format!("`{what}` has {lines} lines, over {FUNCTION_LINES}: name its steps"),
            )
        });
    files.chain(functions).collect()
}

/// Two lines for people: how many files and functions, and how large.
pub(crate) fn figures(tree: &Tree) -> String {
    format!("files      {}\nfunctions  {}", summary(files(tree)), summary(functions(tree)))
}

fn summary(mut all: Vec<Sized>) -> String {
    all.sort_by_key(|sized| sized.lines);
    let Some(longest) = all.last() else { return "none".to_owned() };
    let sizes = all.iter().map(|sized| sized.lines).collect::<Vec<_>>();
    let (median, p90) = (percentile(&sizes, 50), percentile(&sizes, 90));
    let Sized { what, path, line, lines } = longest;
    format!("{:>5}, median {median} lines, p90 {p90}, longest {lines}: {what} {path}:{line}", sizes.len())
}

/// By nearest rank; `sizes` are sorted and not empty.
fn percentile(sizes: &[usize], percent: usize) -> usize {
    let rank = (sizes.len() * percent).div_ceil(100).max(1);
    sizes[rank - 1]
}

fn files(tree: &Tree) -> Vec<Sized> {
    let file = |source: &Source| Sized {
        what: String::new(),
        path: source.path.clone(),
        line: 1,
        lines: source.lines,
    };
    tree.sources().iter().map(file).collect()
}

fn functions(tree: &Tree) -> Vec<Sized> {
    let mut all = Vec::new();
    for source in tree.sources() {
        let mut functions = Functions { path: &source.path, all: &mut all };
        functions.visit_file(&source.file);
    }
    all
}

struct Functions<'a> {
    path: &'a str,
    all: &'a mut Vec<Sized>,
}

impl Functions<'_> {
    /// From the line of `fn` to the closing brace: docs and attributes make no function longer.
    fn note(&mut self, signature: &Signature, block: &Block) {
        let first = line(signature.fn_token.span);
        let last = block.brace_token.span.close().end().line;
        let what = signature.ident.to_string();
        self.all.push(Sized { what, path: self.path.to_owned(), line: first, lines: last - first + 1 });
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.note(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.note(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.note(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("/// Long.\nfn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_over_the_limit_is_found_and_one_at_it_is_not() {
        let tree =
            Tree::of([("src/a.rs", function(FUNCTION_LINES)), ("src/b.rs", function(FUNCTION_LINES + 1))]);
        let found = check(&tree).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found, ["src/b.rs:2: `long` has 81 lines, over 80: name its steps"]);
    }

    #[test]
    fn methods_and_default_methods_are_measured_too() {
        let method = format!("struct A;\nimpl A {{\n{}}}\ntrait B {{\n{}}}\n", function(90), function(85));
        let lines = check(&Tree::of([("src/a.rs", method)])).iter().map(Finding::line).collect::<Vec<_>>();
        assert_eq!(lines, [4, 97]);
    }

    #[test]
    fn a_file_over_the_limit_is_found_and_one_at_it_is_not() {
        let tree =
            Tree::of([("src/a.rs", "//\n".repeat(FILE_LINES)), ("src/b.rs", "//\n".repeat(FILE_LINES + 1))]);
        let found = check(&tree).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found, ["src/b.rs:1: 501 lines, over 500: split it by noun or policy"]);
    }

    #[test]
    fn figures_are_by_nearest_rank() {
        let sizes = (1..=10).collect::<Vec<_>>();
        assert_eq!((percentile(&sizes, 50), percentile(&sizes, 90), percentile(&[7], 90)), (5, 9, 7));
    }
}
