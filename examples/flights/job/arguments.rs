//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use thiserror::Error;

use super::chance::mix;

/// What stands below the options in `--help`.
const SUMS: &str = "\
How the numbers add up:
  Two groups read every event and every malformed row: `aircraft` keeps the state of each aircraft, `carriers` counts.
  For each of them, handled + dead_letters = events + malformed_rows. The figures `handled`, `dead_letters` and
  `retries` are those of `aircraft`; the other group's stand behind `carriers`. A malformed row is published as the
  bytes that it is, fails in both groups, and lies among the dead letters of both, byte for byte. With --chaos, the
  first event of the poison aircraft dies, and the others wait parked behind it while all aircraft else go on; at the
  end it is repaired and redriven in order (`parked_redriven`). Everything else succeeds by its third attempt.

The exit code is 0 where everything adds up, the order was kept, and a plain sequential computation of the same file
gives the same tables.";

/// Publishes a table of flights as events, handles them aircraft by aircraft in order, and reports what it found.
#[derive(Debug, Clone, Parser)]
#[command(name = "flights", version, allow_negative_numbers = true, after_help = SUMS)]
pub(crate) struct Arguments {
    /// The table: a CSV file, zipped or not [default: the first week of January 2013].
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,

    /// Print the result as one JSON object on one line.
    #[arg(long)]
    pub(crate) json: bool,

    /// Inject failures, panics, a hang and a poison aircraft, chosen by this seed.
    #[arg(long, value_name = "SEED", value_parser = seed)]
    pub(crate) chaos: Option<u64>,

    /// Publish so many events and malformed rows, or all where there are fewer, before the groups begin, and show how they recover from that.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) backlog: Option<u64>,

    /// How long a handler takes for an event: a time from A to B milliseconds, as in 0.5..2 [default: no time].
    #[arg(long, value_name = "A..B")]
    pub(crate) handler_ms: Option<HandlerTime>,

    /// How many workers run handlers [default: as many as there are cores].
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_024))]
    pub(crate) workers: Option<usize>,

    /// How many partitions the topic has.
    #[arg(long, value_name = "N", default_value = "12", value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(crate) partitions: u32,
}

/// Why a text is no seed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a seed is a whole number from 0 to {}, as in --chaos 7", u64::MAX)]
pub(crate) struct NoSeed;

fn seed(text: &str) -> Result<u64, NoSeed> {
    text.parse().map_err(|_| NoSeed)
}

/// How long a handler takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HandlerTime {
    /// At least.
    pub(crate) from: Duration,
    /// At most.
    pub(crate) to: Duration,
}

/// Why a text is no handler time.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum HandlerTimeError {
    /// There are not two numbers.
    #[error("is two numbers of milliseconds with `..` between them, as in 0.5..2")]
    Form,
    /// A number is negative or absurd.
    #[error("is from 0 to 60000 milliseconds")]
    Limits,
    /// The range runs backwards.
    #[error("goes from the shorter time to the longer one")]
    Backwards,
}

impl FromStr for HandlerTime {
    type Err = HandlerTimeError;

    fn from_str(text: &str) -> Result<Self, HandlerTimeError> {
        let (from, to) = text.split_once("..").ok_or(HandlerTimeError::Form)?;
        let (from, to) = (milliseconds(from)?, milliseconds(to)?);
        if from <= to { Ok(Self { from, to }) } else { Err(HandlerTimeError::Backwards) }
    }
}

impl HandlerTime {
    /// The time that a handler takes for the event of this number: evenly spread, and the same for the same seed.
    pub(crate) fn draw(self, seed: u64, number: u64) -> Duration {
        let span = u64::try_from((self.to - self.from).as_nanos()).unwrap_or(u64::MAX - 1);
        self.from + Duration::from_nanos(mix([seed, number]) % (span + 1))
    }
}

fn milliseconds(text: &str) -> Result<Duration, HandlerTimeError> {
    let number: f64 = text.trim().parse().map_err(|_| HandlerTimeError::Form)?;
    if (0.0..=60_000.0).contains(&number) {
        Ok(Duration::from_secs_f64(number / 1_000.0))
    } else {
        Err(HandlerTimeError::Limits)
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parse(arguments: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("flights").chain(arguments.split_whitespace()))
    }

    #[test]
    fn without_arguments_the_sample_runs_undisturbed() {
        let arguments = parse("").unwrap();
        assert_eq!((arguments.data, arguments.json, arguments.chaos), (None, false, None));
        assert_eq!((arguments.handler_ms, arguments.workers, arguments.partitions), (None, None, 12));
    }

    #[test]
    fn every_argument_is_read() {
        let all = "--data f.csv --json --chaos 7 --backlog 9 --handler-ms 0.5..2 --workers 3 --partitions 64";
        let arguments = parse(all).unwrap();
        assert_eq!(arguments.data, Some(PathBuf::from("f.csv")));
        assert_eq!((arguments.json, arguments.chaos), (true, Some(7)));
        assert_eq!((arguments.workers, arguments.partitions, arguments.backlog), (Some(3), 64, Some(9)));
        let time = HandlerTime { from: Duration::from_micros(500), to: Duration::from_millis(2) };
        assert_eq!(arguments.handler_ms, Some(time));
    }

    #[test]
    fn absurd_arguments_are_refused_by_name() {
        for (name, value) in [
            ("--partitions", "0"),
            ("--partitions", "4097"),
            ("--partitions", "many"),
            ("--workers", "0"),
            ("--backlog", "0"),
            ("--backlog", "-5"),
            ("--workers", "1025"),
            ("--chaos", "x"),
            ("--chaos", "-1"),
            ("--handler-ms", "5..2"),
        ] {
            let error = parse(&format!("{name} {value}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{name} {value}");
            let message = error.to_string();
            assert!(message.contains(name) && message.contains(value), "{message}");
        }
        let message = parse("--chaos x").unwrap_err().to_string();
        assert!(message.contains("a seed is a whole number from 0 to"), "{message}");
        assert_eq!(parse("--speed 9").unwrap_err().kind(), ErrorKind::UnknownArgument);
    }

    #[test]
    fn a_handler_time_says_which_rule_it_breaks() {
        let error = |text: &str| text.parse::<HandlerTime>().unwrap_err();
        for text in ["", "5", "..", "5..", "..5", "a..b", "1-2"] {
            assert_eq!(error(text), HandlerTimeError::Form, "{text}");
        }
        for text in ["-1..2", "0..60001", "0..inf", "NaN..1"] {
            assert_eq!(error(text), HandlerTimeError::Limits, "{text}");
        }
        assert_eq!(error("2..1"), HandlerTimeError::Backwards);
        assert_eq!("0..0".parse(), Ok(HandlerTime { from: Duration::ZERO, to: Duration::ZERO }));
    }

    #[test]
    fn drawn_times_fill_their_range_and_repeat_with_their_seed() {
        let time = HandlerTime { from: Duration::from_nanos(5), to: Duration::from_nanos(8) };
        let drawn = |seed| (0..100).map(|number| time.draw(seed, number)).collect::<Vec<_>>();
        let nanos: std::collections::BTreeSet<_> = drawn(1).iter().map(Duration::as_nanos).collect();
        assert!(nanos.into_iter().eq(5..=8));
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let none = HandlerTime { from: Duration::ZERO, to: Duration::ZERO };
        assert_eq!(none.draw(7, 7), Duration::ZERO);
    }
}
