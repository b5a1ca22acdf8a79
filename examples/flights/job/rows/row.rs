//! One row: one flight.

use super::cells::{ANY, Cells, Column, Limits};
use super::fault::RowFault;
use crate::job::calendar::{Day, Minute};
use crate::job::code::Code;

/// One flight, as its row tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// The airline.
    pub(crate) carrier: Code,
    /// The flight's number.
    pub(crate) number: u16,
    /// The tail number; none where the row says `NA`.
    pub(crate) aircraft: Option<Code>,
    /// Where it leaves from.
    pub(crate) origin: Code,
    /// Where it goes to.
    pub(crate) destination: Code,
    /// When it should leave, on the origin's clock.
    pub(crate) scheduled: Minute,
    /// What became of it.
    pub(crate) flight: Flight,
}

/// What became of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flight {
    /// It never left.
    Cancelled,
    /// It left.
    Departed {
        /// Minutes after schedule; negative where it left early.
        delay: i32,
        /// When and how late it came in, where it did.
        landing: Option<Landing>,
    },
}

/// The end of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Landing {
    /// When, on the destination's clock.
    pub(crate) at: Minute,
    /// Minutes after schedule; none where the flight was diverted.
    pub(crate) delay: Option<i32>,
}

impl Row {
    /// When the flight left, where it did.
    pub(crate) fn departed(&self) -> Option<Minute> {
        match self.flight {
            Flight::Cancelled => None,
            Flight::Departed { delay, .. } => Some(self.scheduled.plus(delay)),
        }
    }

    /// Reads the columns.
    pub(super) fn read(cells: Cells<'_>) -> Result<Self, RowFault> {
        const FLIGHT: Limits = Limits { range: 1..=9_999, rule: "is a flight number from 1 to 9999" };
        let scheduled = Minute::on(day(cells)?, cells.clock(Column::SchedDepTime)?);
        let number = cells.number(Column::Flight, &FLIGHT)?;
        for unused in [Column::Distance, Column::Hour, Column::Minute] {
            cells.number(unused, &ANY)?;
        }
        cells.known(Column::AirTime, |cells, column| cells.number(column, &ANY))?;
        Ok(Self {
            carrier: cells.code(Column::Carrier)?,
            number: u16::try_from(number).map_err(|_| cells.fault(Column::Flight, FLIGHT.rule))?,
            aircraft: cells.known(Column::Tailnum, Cells::code)?,
            origin: cells.code(Column::Origin)?,
            destination: cells.code(Column::Dest)?,
            scheduled,
            flight: flight(cells, scheduled)?,
        })
    }
}

fn day(cells: Cells<'_>) -> Result<Day, RowFault> {
    const YEAR: Limits = Limits { range: 1900..=2999, rule: "is a year from 1900 to 2999" };
    const MONTH: Limits = Limits { range: 1..=12, rule: "is a month from 1 to 12" };
    const DAY: Limits = Limits { range: 1..=31, rule: "is a day of its month" };
    let year = cells.number(Column::Year, &YEAR)?;
    let month = cells.number(Column::Month, &MONTH)?;
    let day = cells.number(Column::Day, &DAY)?;
    Day::new(year, month, day).ok_or_else(|| cells.fault(Column::Day, DAY.rule))
}

fn flight(cells: Cells<'_>, scheduled: Minute) -> Result<Flight, RowFault> {
    let clock = cells.known(Column::DepTime, Cells::clock)?;
    let delay = cells.known(Column::DepDelay, Cells::delay)?;
    match (clock, delay) {
        (Some(clock), Some(delay)) if clock.shown_at(scheduled.plus(delay)) => {
            Ok(Flight::Departed { delay, landing: landing(cells, scheduled, scheduled.plus(delay))? })
        }
        (Some(_), Some(_)) => Err(cells.fault(Column::DepDelay, "is dep_time less sched_dep_time")),
        (None, None) => match landing(cells, scheduled, scheduled)? {
            None => Ok(Flight::Cancelled),
            Some(_) => Err(cells.fault(Column::ArrTime, "is NA where dep_time is")),
        },
        _ => Err(cells.fault(Column::DepDelay, "is NA where, and only where, dep_time is")),
    }
}

/// Reads when the flight came in: no flight of the table takes a day, so that is the first time after departure when
/// the destination's clock shows `arr_time`.
fn landing(cells: Cells<'_>, scheduled: Minute, departed: Minute) -> Result<Option<Landing>, RowFault> {
    let due = scheduled.next(cells.clock(Column::SchedArrTime)?);
    let clock = cells.known(Column::ArrTime, Cells::clock)?;
    let delay = cells.known(Column::ArrDelay, Cells::delay)?;
    match (clock, delay) {
        (Some(clock), Some(delay)) if !clock.shown_at(due.plus(delay)) => {
            Err(cells.fault(Column::ArrDelay, "is arr_time less sched_arr_time"))
        }
        (Some(clock), delay) => Ok(Some(Landing { at: departed.next(clock), delay })),
        (None, Some(_)) => Err(cells.fault(Column::ArrDelay, "is NA where arr_time is")),
        (None, None) => Ok(None),
    }
}
