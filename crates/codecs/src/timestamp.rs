//! Times as text: RFC 3339 with as many fractional digits as are needed, at most nine, in UTC.

use jiff::fmt::temporal::DateTimeParser;
use laneway_domain::Timestamp;

/// The time as text, with as many fractional digits as it needs: what Go calls `RFC3339Nano`.
pub(crate) fn text(at: Timestamp) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(at.unix_nanos())) {
        Ok(at) => at.to_string(),
        Err(_) => unreachable!("nanoseconds of 64 bits lie between the years 1677 and 2262"),
    }
}

/// Reads a time with any offset; none where it is no time, or lies before 1677 or behind 2262.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    const PARSER: DateTimeParser = DateTimeParser::new();
    let at = PARSER.parse_timestamp(text).ok()?;
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp::from_unix_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_to_the_nanosecond() {
        for nanos in [0, 1, -1, 1_772_360_130_123_456_789, 1_772_360_130_120_000_000, i64::MAX, i64::MIN] {
            let at = Timestamp::from_unix_nanos(nanos);
            assert_eq!(parse(&text(at)), Some(at), "{}", text(at));
        }
    }

    #[test]
    fn a_time_is_written_as_go_writes_it() {
        let written = |nanos| text(Timestamp::from_unix_nanos(nanos));
        assert_eq!(written(1_772_360_130_123_456_789), "2026-03-01T10:15:30.123456789Z");
        assert_eq!(written(1_772_360_130_120_000_000), "2026-03-01T10:15:30.12Z");
        assert_eq!(written(1_772_360_130_000_000_000), "2026-03-01T10:15:30Z");
    }

    #[test]
    fn offsets_are_read_and_nonsense_is_not() {
        assert_eq!(parse("2026-03-01T11:15:30+01:00"), parse("2026-03-01T10:15:30Z"));
        for bad in [
            "",
            "yesterday",
            "2026-03-01",
            "2026-03-01T10:15:30",
            "2026-13-01T10:15:30Z",
            "9000-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
