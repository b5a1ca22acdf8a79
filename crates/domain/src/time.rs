//! Points in time: on the wall, and on a clock that never goes back.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A point in time on the wall clock, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// Shown as RFC 3339 in UTC: `2026-01-31T23:59:59.5Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point that lies `nanos` nanoseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The point that lies `millis` milliseconds after the Unix epoch; saturates at the ends of the range.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How much later this is than `earlier`; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A point in time on a monotonic clock, in nanoseconds since that clock's own origin.
///
/// Two values compare only if they come from one clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(u64);

impl Monotonic {
    /// The clock's origin.
    pub const ZERO: Self = Self(0);
    /// A point that is never reached.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point that lies `nanos` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// How much later this is than `earlier`; zero if it is not later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// The time so much later; at most the last that there is.
    fn add(self, wait: Duration) -> Self {
        let nanos = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    /// Saturates at [`Monotonic::NEVER`].
    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400;
        let (seconds, nanos) = (self.0.div_euclid(1_000_000_000), self.0.rem_euclid(1_000_000_000));
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if nanos > 0 {
            write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Year, month and day of so many days after 1970-01-01, by Howard Hinnant's `civil_from_days`: years begin in March, so
/// that the leap day is a year's last.
const fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let first = if month < 10 { month + 3 } else { month - 9 };
    let next = if first <= 2 { 1 } else { 0 };
    (era * 400 + year + next, first, day - (153 * month + 2) / 5 + 1)
}

impl fmt::Debug for Monotonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NEVER => f.write_str("never"),
            Self(nanos) => write!(f, "+{:?}", Duration::from_nanos(nanos)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_saturates_instead_of_wrapping() {
        assert_eq!(Monotonic::from_nanos(5) + Duration::MAX, Monotonic::NEVER);
        assert_eq!(Monotonic::NEVER + Duration::from_secs(1), Monotonic::NEVER);
    }

    #[test]
    fn a_timestamp_is_shown_as_people_write_it() {
        let shown = |nanos| format!("{:?}", Timestamp::from_unix_nanos(nanos));
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(shown(951_827_696_500_000_000), "2000-02-29T12:34:56.5Z");
        assert_eq!(shown(i64::MAX), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(Timestamp::from_unix_millis(4_107_542_400_000).to_string(), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn an_earlier_point_is_no_time_after_a_later_one() {
        assert_eq!(Timestamp::from_unix_millis(1).since(Timestamp::from_unix_millis(2)), Duration::ZERO);
        assert_eq!(Monotonic::from_nanos(9).since(Monotonic::from_nanos(4)), Duration::from_nanos(5));
        assert_eq!(Timestamp::from_unix_nanos(-1).unix_millis(), -1);
    }
}
