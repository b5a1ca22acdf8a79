//! The columns of one row, and how each is read.

use std::ops::RangeInclusive;

use csv::ByteRecord;

use super::fault::{RowFault, shown};
use crate::job::calendar::ClockTime;
use crate::job::code::Code;

/// The columns, in the order of the file.
pub(super) const COLUMNS: [&str; 19] = [
    "year",
    "month",
    "day",
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "air_time",
    "distance",
    "hour",
    "minute",
    "time_hour",
];

/// A column by its place in [`COLUMNS`]; `time_hour` says again what others said, and is not read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Year,
    Month,
    Day,
    DepTime,
    SchedDepTime,
    DepDelay,
    ArrTime,
    SchedArrTime,
    ArrDelay,
    Carrier,
    Flight,
    Tailnum,
    Origin,
    Dest,
    AirTime,
    Distance,
    Hour,
    Minute,
}

/// A range that a number keeps, and the same as a sentence.
pub(super) struct Limits {
    /// The numbers that are allowed.
    pub(super) range: RangeInclusive<i32>,
    /// What is allowed, for the error.
    pub(super) rule: &'static str,
}

/// Any number that fits; for columns that are checked and not used.
pub(super) const ANY: Limits = Limits { range: 0..=i32::MAX, rule: "is a number from 0" };

/// A row with the right number of columns.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a>(&'a ByteRecord);

impl<'a> Cells<'a> {
    /// Takes a record that has as many columns as the file.
    pub(super) fn new(record: &'a ByteRecord) -> Result<Self, RowFault> {
        match record.len() {
            found if found == COLUMNS.len() => Ok(Self(record)),
            found => Err(RowFault::Columns { found }),
        }
    }

    fn bytes(self, column: Column) -> &'a [u8] {
        self.0.get(column as usize).unwrap_or_default()
    }

    /// The fault of a column that breaks `rule`.
    pub(super) fn fault(self, column: Column, rule: &'static str) -> RowFault {
        RowFault::Field { column: COLUMNS[column as usize], rule, found: shown(self.bytes(column)) }
    }

    /// Reads a column where it is not `NA`.
    pub(super) fn known<T>(
        self,
        column: Column,
        read: impl FnOnce(Self, Column) -> Result<T, RowFault>,
    ) -> Result<Option<T>, RowFault> {
        if self.bytes(column) == b"NA" { Ok(None) } else { read(self, column).map(Some) }
    }

    /// Reads a number within `limits`.
    pub(super) fn number(self, column: Column, limits: &Limits) -> Result<i32, RowFault> {
        let text = std::str::from_utf8(self.bytes(column)).unwrap_or_default();
        let number = text.parse::<i32>().map_err(|_| self.fault(column, "is a number"))?;
        if limits.range.contains(&number) { Ok(number) } else { Err(self.fault(column, limits.rule)) }
    }

    /// Reads a time of day.
    pub(super) fn clock(self, column: Column) -> Result<ClockTime, RowFault> {
        const CLOCK: Limits = Limits { range: 0..=2400, rule: ClockTime::RULE };
        let hhmm = self.number(column, &CLOCK)?;
        ClockTime::from_hhmm(hhmm).ok_or_else(|| self.fault(column, ClockTime::RULE))
    }

    /// Reads a delay in minutes.
    pub(super) fn delay(self, column: Column) -> Result<i32, RowFault> {
        const DELAY: Limits =
            Limits { range: -1_440..=14_400, rule: "is a delay from -1440 to 14400 minutes" };
        self.number(column, &DELAY)
    }

    /// Reads a short name.
    pub(super) fn code(self, column: Column) -> Result<Code, RowFault> {
        Code::new(self.bytes(column)).ok_or_else(|| self.fault(column, Code::RULE))
    }
}
