//! What a run is asked to be.

use std::time::Duration;

use crate::job::arguments::{Arguments, HandlerTime};
use crate::job::chaos::Plan;
use crate::job::code::Code;

/// What a run is asked to be.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How many workers each group has; as many as there are cores where it is not said.
    pub(crate) workers: Option<usize>,
    /// How many partitions the topic has.
    pub(crate) partitions: u32,
    /// How long a handler takes for an event.
    pub(crate) handler_time: Option<HandlerTime>,
    /// Events and rows that wait before the groups begin.
    pub(crate) backlog: Option<u64>,
    /// What goes wrong.
    pub(crate) plan: Option<Plan>,
    /// Decides how long a handler takes.
    pub(crate) seed: u64,
    /// When nothing has moved for so long, the job breaks off.
    pub(crate) patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: None,
            partitions: 12,
            handler_time: None,
            backlog: None,
            plan: None,
            seed: 0,
            patience: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// What the command line asks for, for a table of these aircraft.
    pub(crate) fn new(arguments: &Arguments, aircraft: &[Code]) -> Self {
        let defaults = Self::default();
        Self {
            workers: arguments.workers,
            partitions: arguments.partitions,
            handler_time: arguments.handler_ms,
            backlog: arguments.backlog,
            plan: arguments.chaos.map(|seed| Plan::new(seed, aircraft)),
            seed: arguments.chaos.unwrap_or(defaults.seed),
            // A handler that takes a minute moves nothing for as long.
            patience: defaults.patience + arguments.handler_ms.map_or(Duration::ZERO, |time| time.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn settings(arguments: &[&str]) -> Settings {
        Settings::new(&Arguments::parse_from([&["flights"], arguments].concat()), &[])
    }

    #[test]
    fn what_the_command_line_asks_for_is_done() {
        let all = "--chaos 7 --handler-ms 1..2000 --workers 3 --partitions 64";
        let asked = settings(&all.split(' ').collect::<Vec<_>>());
        assert_eq!((asked.workers, asked.partitions, asked.seed), (Some(3), 64, 7));
        assert!(asked.plan.is_some());
        assert_eq!(asked.handler_time.map(|time| time.from), Some(Duration::from_millis(1)));
        assert_eq!(asked.patience, Duration::from_secs(62));
    }

    #[test]
    fn what_it_does_not_ask_for_has_its_default() {
        let none = settings(&[]);
        assert_eq!((none.workers, none.partitions, none.seed), (None, Settings::default().partitions, 0));
        assert!(none.plan.is_none() && none.handler_time.is_none());
    }
}
