//! I24: no stretch of time has more starts than a burst and what its rate brings.

use std::collections::HashMap;
use std::time::Duration;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::terms::MemberId;
use super::violation::{Findings, Violation};
use crate::identity::{GroupId, TenantId};
use crate::time::Monotonic;

type Whose<'h> = (MemberId, &'h GroupId, Option<&'h TenantId>);

/// Runs the generic cell rate algorithm over the starts: a start that does not conform ends a stretch with too many.
/// A limit of a tenant is judged by events that name their aggregate, since only these are seen with their tenant.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut cells: HashMap<Whose<'_>, Cell> = HashMap::new();
    let mut findings = Findings::of(Invariant::I24);
    for (index, at, what) in history.iter() {
        match what {
            Happening::RateLimited { member, group, tenant, every, burst } => {
                let cell = Cell { every: *every, burst: *burst, arrival: at, deaf_until: Monotonic::ZERO };
                cells.insert((*member, group, tenant.as_ref()), cell);
            }
            // What had its token before the process stood still starts when that goes on.
            Happening::Woken { member } => {
                let own = cells.iter_mut().filter(|((of, ..), _)| of == member);
                own.for_each(|(_, cell)| (cell.arrival, cell.deaf_until) = (at, at + limits.reaction));
            }
            Happening::Crashed { member } => cells.retain(|(of, ..), _| of != member),
            Happening::HandlerStarted(start) => {
                let tenant = start.event.key.as_ref().and_then(|key| key.tenant.as_ref());
                let whose = [None, tenant].into_iter().take(1 + usize::from(tenant.is_some()));
                for tenant in whose {
                    let cell = cells.get_mut(&(start.member, &start.place.scope.group, tenant));
                    if cell.is_some_and(|cell| !cell.takes(at)) {
                        let rate = tenant.map_or_else(|| "its subscription".to_owned(), ToString::to_string);
                        findings.add(index, || format!("{start} started faster than the rate of {rate}"));
                    }
                }
            }
            _ => {}
        }
    }
    findings.done()
}

struct Cell {
    every: Duration,
    burst: u32,
    /// When the next start would be expected at an even pace.
    arrival: Monotonic,
    deaf_until: Monotonic,
}

impl Cell {
    /// Takes a start; whether it conforms.
    fn takes(&mut self, at: Monotonic) -> bool {
        if at < self.deaf_until {
            return true;
        }
        let conforms = self.arrival.since(at) <= self.every.saturating_mul(self.burst.saturating_sub(1));
        self.arrival = self.arrival.max(at) + self.every;
        conforms
    }
}
