//! Decision records: `docs/adr/NNNN-title.md`, numbered from 1 without holes.

use super::finding::Finding;
use super::tree::Tree;

const FOLDER: &str = "docs/adr/";

/// Finds decision records that are missing, misnamed, numbered twice or after a hole.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let records = tree.files().filter_map(|(path, _)| Some((path, path.strip_prefix(FOLDER)?)));
    let mut findings = Vec::new();
    let mut last = 0;
    for (path, name) in records {
        match number(name) {
            None => {
                let what = "is no `NNNN-title.md` in lower case with dashes: rename it";
                findings.push(Finding::new(path, 1, what));
            }
            Some(number) if number == last + 1 => last = number,
            Some(number) => {
                let what =
                    format!("has number {number} after {last}: number the records from 1 without holes");
                findings.push(Finding::new(path, 1, what));
                last = number;
            }
        }
    }
    if last == 0 {
        findings.push(Finding::new(
            FOLDER,
            1,
            "holds no decision record: write down what was decided and why",
        ));
    }
    findings
}

fn number(name: &str) -> Option<u32> {
    let (digits, title) = name.strip_suffix(".md")?.split_once('-')?;
    let is_number = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_title = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if is_number && !title.is_empty() && title.bytes().all(is_title) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> usize {
        check(&Tree::of(names.iter().map(|name| (format!("{FOLDER}{name}"), "")))).len()
    }

    #[test]
    fn records_in_a_row_are_in_order() {
        assert_eq!(found(&["0001-the-session-port.md", "0002-crash-proof-attempts.md"]), 0);
    }

    #[test]
    fn a_hole_a_double_number_and_a_late_start_are_found() {
        assert_eq!(found(&["0001-a.md", "0003-c.md"]), 1);
        assert_eq!(found(&["0001-a.md", "0001-b.md"]), 1);
        assert_eq!(found(&["0002-a.md"]), 1);
    }

    #[test]
    fn a_name_out_of_form_is_found() {
        for name in ["2-b.md", "0002_b.md", "0002-.md", "0002-B.md", "notes.txt"] {
            assert_eq!(found(&["0001-a.md", name]), 1, "{name}");
        }
    }

    #[test]
    fn no_record_at_all_is_found() {
        assert_eq!(found(&[]), 1);
    }
}
