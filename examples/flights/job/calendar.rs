//! Local time in whole minutes.

use serde::{Deserialize, Serialize};

const MINUTES_PER_DAY: i32 = 24 * 60;

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i32);

impl Day {
    /// The day of the Gregorian calendar, where there is one.
    ///
    /// Counts by the algorithm `days_from_civil` of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
    pub(crate) fn new(year: i32, month: i32, day: i32) -> Option<Self> {
        if !(1..=days_in(year, month)?).contains(&day) {
            return None;
        }
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * month + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(Self(era * 146_097 + day_of_era - 719_468))
    }
}

fn days_in(year: i32, month: i32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// What a clock shows, in minutes since midnight; 24:00 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockTime(i32);

impl ClockTime {
    /// What is allowed, as a rule for error messages.
    pub(crate) const RULE: &'static str = "is a time of day from 0000 to 2400";

    /// Reads `517` as 05:17.
    pub(crate) fn from_hhmm(hhmm: i32) -> Option<Self> {
        let minutes = hhmm.div_euclid(100) * 60 + hhmm.rem_euclid(100);
        (hhmm.rem_euclid(100) < 60 && (0..=MINUTES_PER_DAY).contains(&minutes)).then_some(Self(minutes))
    }

    /// Whether a clock shows this at `minute`.
    pub(crate) fn shown_at(self, minute: Minute) -> bool {
        (minute.0 - self.0).rem_euclid(MINUTES_PER_DAY) == 0
    }
}

/// A point of local time, in minutes since 1970-01-01 00:00 on that place's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Minute(i32);

impl Minute {
    /// The point when the clock shows `clock` on `day`.
    pub(crate) fn on(day: Day, clock: ClockTime) -> Self {
        Self(day.0 * MINUTES_PER_DAY + clock.0)
    }

    /// The point `minutes` later, or earlier where they are negative.
    pub(crate) fn plus(self, minutes: i32) -> Self {
        Self(self.0.saturating_add(minutes))
    }

    /// The first point, from here on, when the clock shows `clock`.
    pub(crate) fn next(self, clock: ClockTime) -> Self {
        self.plus((clock.0 - self.0).rem_euclid(MINUTES_PER_DAY))
    }

    /// The hour of the day, from 0 to 23.
    pub(crate) fn hour(self) -> usize {
        usize::try_from(self.0.rem_euclid(MINUTES_PER_DAY) / 60).unwrap_or_default()
    }

    /// Minutes since 1970-01-01 00:00.
    pub(crate) const fn number(self) -> i32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(day: i32, hhmm: i32) -> Minute {
        Minute::on(Day::new(2013, 1, day).unwrap(), ClockTime::from_hhmm(hhmm).unwrap())
    }

    #[test]
    fn days_are_counted_over_leap_years_and_centuries() {
        assert_eq!(Day::new(1970, 1, 1), Some(Day(0)));
        assert_eq!(Day::new(2013, 1, 1), Some(Day(15_706)));
        assert_eq!(Day::new(2000, 2, 29).map(|d| d.0 + 1), Day::new(2000, 3, 1).map(|d| d.0));
        assert_eq!(Day::new(1969, 12, 31), Some(Day(-1)));
    }

    #[test]
    fn a_day_that_the_calendar_lacks_is_refused() {
        for (year, month, day) in
            [(2013, 2, 29), (1900, 2, 29), (2013, 4, 31), (2013, 13, 1), (2013, 0, 1), (2013, 1, 0)]
        {
            assert_eq!(Day::new(year, month, day), None, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn a_clock_shows_neither_sixty_minutes_nor_a_time_past_midnight() {
        assert_eq!(ClockTime::from_hhmm(0), Some(ClockTime(0)));
        assert_eq!(ClockTime::from_hhmm(517), Some(ClockTime(317)));
        assert_eq!(ClockTime::from_hhmm(2400), Some(ClockTime(1440)));
        for absurd in [-1, -100, 60, 1260, 2401, 2561, 9999] {
            assert_eq!(ClockTime::from_hhmm(absurd), None, "{absurd}");
        }
    }

    #[test]
    fn the_next_time_on_the_clock_crosses_midnight() {
        let clock = |hhmm| ClockTime::from_hhmm(hhmm).unwrap();
        assert_eq!(minute(1, 2330).next(clock(15)), minute(2, 15));
        assert_eq!(minute(1, 2330).next(clock(2400)), minute(2, 0));
        assert_eq!(minute(1, 900).next(clock(900)), minute(1, 900));
        assert_eq!(minute(1, 2359).plus(1), minute(1, 2400));
        assert!(clock(0).shown_at(minute(1, 2400)) && clock(2400).shown_at(minute(2, 0)));
        assert_eq!((minute(1, 2400).hour(), minute(1, 2359).hour()), (0, 23));
    }
}
