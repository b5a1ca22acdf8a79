//! Reads counts out of what test programs print.

use super::count::Count;

/// Adds up what the lines of test programs say.
///
/// Two lines say something. One is libtest's `test result: ok. 3 passed; 0 failed; 1 ignored; ..`. The other is
/// `SKIPPED what: why`: a test that cannot run writes it straight to standard output, past libtest's capture, and
/// returns. Libtest takes that test for passed; the tally moves it to the skipped ones.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    count: Count,
    announced: u64,
    partial: Vec<u8>,
}

impl Tally {
    /// Takes a piece of output, cut anywhere.
    pub(crate) fn feed(&mut self, output: &[u8]) {
        let mut pieces = output.split(|byte| *byte == b'\n');
        self.partial.extend_from_slice(pieces.next().unwrap_or_default());
        for piece in pieces {
            let line = std::mem::replace(&mut self.partial, piece.to_vec());
            self.line(&String::from_utf8_lossy(&line));
        }
    }

    /// The count, when the output has ended.
    pub(crate) fn finish(mut self) -> Count {
        self.feed(b"\n");
        self.count.skipped += self.announced;
        self.count
    }

    fn line(&mut self, line: &str) {
        if let Some(summary) = line.strip_prefix("test result: ") {
            let announced = std::mem::take(&mut self.announced);
            let Count { passed, failed, skipped } = summed_up(summary);
            self.count +=
                Count { passed: passed.saturating_sub(announced), failed, skipped: skipped + announced };
        } else if line.starts_with("SKIPPED ") || line.contains(" ... SKIPPED ") {
            self.announced += 1;
        }
    }
}

fn summed_up(summary: &str) -> Count {
    let mut count = Count::default();
    for field in summary.split(';') {
        let mut words = field.split_whitespace().rev();
        let (word, number) = (words.next(), words.next().and_then(|number| number.parse::<u64>().ok()));
        match (word, number) {
            (Some("passed"), Some(number)) => count.passed = number,
            (Some("failed"), Some(number)) => count.failed = number,
            (Some("ignored"), Some(number)) => count.skipped = number,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(pieces: &[&str]) -> Count {
        let mut tally = Tally::default();
        pieces.iter().for_each(|piece| tally.feed(piece.as_bytes()));
        tally.finish()
    }

    #[test]
    fn summary_lines_add_up() {
        let red = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 4 measured; 5 filtered out; finished in 0.1s\n";
        assert_eq!(tally(&[red, "\n", red]), Count { passed: 6, failed: 4, skipped: 2 });
    }

    #[test]
    fn a_summary_line_counts_wherever_the_output_is_cut() {
        let whole = "running 7 tests\ntest result: ok. 7 passed; 0 failed; 0 ignored";
        for cut in 0..whole.len() {
            assert_eq!(tally(&[&whole[..cut], &whole[cut..]]).passed, 7, "cut at {cut}");
        }
    }

    #[test]
    fn a_coloured_summary_line_counts() {
        assert_eq!(tally(&["test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 7 passed; 0 failed"]).passed, 7);
    }

    #[test]
    fn a_test_that_announces_a_skip_has_not_passed() {
        let output = "SKIPPED kafka: no broker\ntest kafka::gap ... SKIPPED kafka: no broker\nok\n\
                      test result: ok. 5 passed; 0 failed; 1 ignored\n";
        assert_eq!(tally(&[output]), Count { passed: 3, failed: 0, skipped: 3 });
    }

    #[test]
    fn other_lines_count_nothing() {
        let output =
            "running 3 tests\ntest a ... ok\nit says: test result: ok. 3 passed\nnot SKIPPED at all\n";
        assert_eq!(tally(&[output]), Count::default());
    }
}
