//! The files of the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::finding::Finding;
use super::source::Source;

/// The files that git tracks, or would track, by their path from the root with `/`.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
    sources: Vec<Source>,
    unreadable: Vec<Finding>,
}

impl Tree {
    /// Reads the files below `root`. Files that are no text are known by their path, and empty.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let paths = match tracked(root) {
            Some(paths) => paths,
            None => walked(root, "")?,
        };
        let read = |path: String| {
            let bytes = fs::read(root.join(&path)).with_context(|| format!("could not read {path}"))?;
            Ok((path, String::from_utf8(bytes).unwrap_or_default()))
        };
        let here = paths.into_iter().filter(|path| root.join(path).is_file());
        Ok(Self::of(here.map(read).collect::<anyhow::Result<Vec<_>>>()?))
    }

    /// A tree of these paths and texts.
    pub(crate) fn of<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.into(), text.into()));
        let mut tree = Self { files: files.collect(), ..Self::default() };
        for (path, text) in tree.files.iter().filter(|(path, _)| path.ends_with(".rs")) {
            match Source::parse(path, text) {
                Ok(source) => tree.sources.push(source),
                Err(finding) => tree.unreadable.push(finding),
            }
        }
        tree
    }

    /// Every file: path and text.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (&**path, &**text))
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|text| &**text)
    }

    /// Whether there is such a file, or a folder with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        let inside = self.files.range(folder.clone()..).next();
        self.files.contains_key(path)
            || path.is_empty()
            || inside.is_some_and(|(file, _)| file.starts_with(&folder))
    }

    /// The Rust files that parse.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The Rust files that do not parse.
    pub(crate) fn unreadable(&self) -> Vec<Finding> {
        self.unreadable.clone()
    }
}

/// What git tracks and what it would track; nothing where there is no git or no repository.
fn tracked(root: &Path) -> Option<Vec<String>> {
    // A clone that belongs to another user, as in a container, is refused without the exception.
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.current_dir(root).output().ok().filter(|output| output.status.success())?;
    let paths = String::from_utf8_lossy(&output.stdout);
    Some(paths.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Every file below a folder but what is built and what git keeps for itself.
fn walked(root: &Path, folder: &str) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root.join(folder)).with_context(|| format!("could not read `{folder}`"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        match entry.file_type()? {
            kind if kind.is_dir() && !["target", ".git"].contains(&&*name) => {
                paths.extend(walked(root, &path)?)
            }
            kind if kind.is_file() => paths.push(path),
            _ => {}
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_when_a_file_is_in_it() {
        let tree = Tree::of([("docs/adr/0001-one.md", ""), ("docs-old.md", "")]);
        assert!(
            tree.has("docs/adr/0001-one.md") && tree.has("docs/adr") && tree.has("docs/") && tree.has("")
        );
        assert!(!tree.has("docs/ad") && !tree.has("docs-old") && !tree.has("zoo"));
    }

    #[test]
    fn a_rust_file_that_does_not_parse_is_a_finding() {
        let tree = Tree::of([("src/lib.rs", "fn one() {}\nfn two( {}\n")]);
        assert_eq!((tree.unreadable().len(), tree.sources().len()), (1, 0));
        assert_eq!(tree.unreadable()[0].line(), 2);
    }

    #[test]
    fn without_git_the_folder_is_walked_past_what_is_built() {
        let root = std::env::temp_dir().join(format!("xtask-tree-{}", std::process::id()));
        for (path, text) in [("src/lib.rs", "//! A"), ("target/debug/b.rs", ""), (".ci/run", "exit 0")] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
        let mut walked = walked(&root, "").unwrap();
        walked.sort();
        assert_eq!(walked, [".ci/run", "src/lib.rs"]);
        fs::remove_dir_all(&root).unwrap();
    }
}
