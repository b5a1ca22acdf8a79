//! Relative links in Markdown pages.

use super::finding::Finding;
use super::tree::Tree;

/// Finds links that lead to no file of the repository.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        for (line, target) in links(text) {
            if let Some(what) = objection(tree, path, target) {
                findings.push(Finding::new(path, line, what));
            }
        }
    }
    findings
}

fn objection(tree: &Tree, page: &str, target: &str) -> Option<String> {
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    let file = target.split(['#', '?']).next().unwrap_or(target);
    if elsewhere || file.is_empty() {
        return None;
    }
    if file.starts_with('/') {
        return Some(format!("link to `{target}`: write it relative to this page"));
    }
    match resolved(page, file) {
        None => Some(format!("link to `{target}` leads out of the repository: drop it")),
        Some(file) if tree.has(&file) => None,
        Some(file) => Some(format!("link to `{target}`: there is no {file}")),
    }
}

/// The path from the root; nothing where it leads above it.
fn resolved(page: &str, file: &str) -> Option<String> {
    let mut parts = page.split('/').collect::<Vec<_>>();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Line and target of each link outside of code: `[text](target)` and `[name]: target`.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            links.extend(inline(line).into_iter().chain(definition(line)).map(|target| (at + 1, target)));
        }
    }
    links
}

fn inline(line: &str) -> Vec<&str> {
    // Every second piece between backticks is code.
    let prose = line.split('`').step_by(2);
    let targets = prose.flat_map(|piece| piece.split("](").skip(1));
    let targets = targets.filter_map(|rest| rest.split([')', ' ']).next());
    targets.map(|target| target.trim_matches(['<', '>'])).collect()
}

fn definition(line: &str) -> Option<&str> {
    let (_, target) = line.strip_prefix('[')?.split_once("]: ")?;
    target.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<usize> {
        let tree = Tree::of([("docs/book/page.md", page), ("README.md", ""), ("docs/adr/0001-a.md", "")]);
        check(&tree).iter().map(Finding::line).collect()
    }

    #[test]
    fn links_to_files_folders_anchors_and_other_places_are_in_order() {
        let page = "[a](../../README.md#start) [b](../adr) [c](#here) [d](https://example.com/x) [e](page.md \"title\")\n\
                    [f]: ../adr/0001-a.md\n[g](mailto:a@example.com)\n";
        assert_eq!(found(page), Vec::<usize>::new());
    }

    #[test]
    fn a_broken_link_is_found_in_each_form() {
        assert_eq!(
            found("fine\n[a](other.md)\n![b](shot.png) [c](../../README.md)\n[d]: gone.md\n"),
            [2, 3, 4]
        );
    }

    #[test]
    fn links_in_code_are_no_links() {
        assert_eq!(found("`[a](other.md)`\n```text\n[b](other.md)\n```\n[c](gone.md)\n"), [5]);
    }

    #[test]
    fn links_out_of_the_repository_and_from_the_root_are_found() {
        assert_eq!(found("[a](../../../shared/x.md)\n[b](/README.md)\n"), [1, 2]);
    }
}
