//! Marks of unfinished work.

use super::finding::Finding;
use super::tree::Tree;
use super::words::words;

/// Marks in comments and prose.
const MARKS: [&str; 2] = ["TODO", "FIXME"];
/// Macros that stand for code nobody wrote.
const MACROS: [&str; 2] = ["todo", "unimplemented"];
/// Kinds of files that people write.
const WRITTEN: [&str; 6] = [".rs", ".md", ".toml", ".yaml", ".yml", ".ci/run"];
/// This file names what it looks for.
const SELF: &str = "xtask/src/tidy/leftovers.rs";

/// Finds marks of unfinished work.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let written =
        tree.files().filter(|(path, _)| *path != SELF && WRITTEN.iter().any(|end| path.ends_with(end)));
    for (path, text) in written {
        for (at, line) in text.lines().enumerate() {
            let mark = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let mark = mark.into_iter().find(|word| MARKS.contains(word));
            findings.extend(mark.map(|mark| {
                Finding::new(
                    path,
                    at + 1,
                    format!("{mark}: do it now, or open an issue and take the mark out"),
                )
            }));
        }
    }
    for source in tree.sources() {
        let calls = words(&source.tokens).into_iter();
        for call in calls.filter(|word| word.called_as_macro && MACROS.contains(&&*word.text)) {
            let what = format!("`{}!`: write it, or leave the door out", call.text);
            findings.push(Finding::new(&source.path, call.line, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of([(path, text)])).iter().map(Finding::line).collect()
    }

    #[test]
    fn marks_are_found_in_code_and_in_prose() {
        assert_eq!(found("src/a.rs", "// one\n// TODO: two\nfn a() {} // FIXME\n"), [2, 3]);
        assert_eq!(found("docs/a.md", "one (TODO)\n"), [1]);
        assert_eq!(found(".ci/run", "# FIXME\n"), [1]);
    }

    #[test]
    fn stubs_are_found_inside_macro_calls_too() {
        assert_eq!(found("src/a.rs", "fn a() { todo!() }\nfn b() { m!(unimplemented!(\"x\")) }\n"), [1, 2]);
    }

    #[test]
    fn words_that_hold_a_mark_are_not_found() {
        assert_eq!(found("src/a.rs", "const TODOS: u8 = 1;\nfn todo() {}\n"), Vec::<usize>::new());
        assert_eq!(found("data/a.csv", "TODO\n"), Vec::<usize>::new());
    }
}
