//! How much may be open: back-pressure by count and bytes, per partition and in all.

use laneway_domain::{Flow, Invalid, PartitionId};

use crate::sabotage::{Bug, is_planted};

/// The most that may be open before partitions hold back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditLimits {
    /// Open events of one partition. Default 8,192: a second of a handler that takes 2 ms with 16 in flight.
    pub partition_events: usize,
    /// Bytes of one partition's open events. Default 16 MiB.
    pub partition_bytes: usize,
    /// Open events of all partitions. Default 262,144.
    pub events: usize,
    /// Bytes of all open events. Default 256 MiB.
    pub bytes: usize,
    /// Lanes of all workers. Default 262,144.
    pub lanes: usize,
}

impl Default for CreditLimits {
    fn default() -> Self {
        Self {
            partition_events: 8_192,
            partition_bytes: 16 << 20,
            events: 262_144,
            bytes: 256 << 20,
            lanes: 262_144,
        }
    }
}

impl CreditLimits {
    /// Every rule that the limits break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        for (field, value) in [
            ("buffer.partition_events", self.partition_events),
            ("buffer.partition_bytes", self.partition_bytes),
            ("buffer.events", self.events),
            ("buffer.bytes", self.bytes),
            ("buffer.lanes", self.lanes),
        ] {
            if value == 0 {
                faults.push(Invalid::new(field, "is at least 1", value));
            }
        }
        faults
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    events: usize,
    bytes: usize,
    /// Lanes whose queue is full; while there is one, the partition holds back.
    full_lanes: usize,
    closed: bool,
    ours: bool,
}

/// What is open in every partition, and which of them hold back.
///
/// A partition closes at a limit of its own, or at one of all if it has anything open itself: an empty partition always
/// admits a batch, so none starves behind another's stalled handler. It opens again at three quarters. What is open
/// passes a limit by one batch at most, plus one for each empty partition.
#[derive(Debug)]
pub struct Credit {
    limits: CreditLimits,
    /// What the limits are multiplied by for a time.
    factor: usize,
    accounts: Vec<Account>,
    events: usize,
    bytes: usize,
    lanes: usize,
    /// Partitions that hold back.
    closed: usize,
    /// Whether all partitions with open events hold back.
    crowded: bool,
}

impl Credit {
    /// Nothing open.
    #[must_use]
    pub fn new(limits: CreditLimits) -> Self {
        Self {
            limits,
            factor: 1,
            accounts: Vec::new(),
            events: 0,
            bytes: 0,
            lanes: 0,
            closed: 0,
            crowded: false,
        }
    }

    /// How many events are open, and their bytes.
    #[must_use]
    pub fn open(&self) -> (usize, usize) {
        (self.events, self.bytes)
    }

    /// Begins an account, open and empty; whatever stood in it before is gone.
    pub fn begin(&mut self, partition: PartitionId) {
        let at = partition.0 as usize;
        if self.accounts.len() <= at {
            self.accounts.resize(at + 1, Account::default());
        }
        self.end(partition);
        self.accounts[at].ours = true;
    }

    /// Ends an account and gives back what stood in it.
    pub fn end(&mut self, partition: PartitionId) {
        let Some(account) = self.accounts.get_mut(partition.0 as usize) else { return };
        let account = std::mem::take(account);
        self.events -= account.events;
        self.bytes -= account.bytes;
        self.closed -= usize::from(account.closed);
    }

    /// Notes that events were opened.
    pub fn opened(&mut self, partition: PartitionId, events: usize, bytes: usize) {
        let Some(account) = self.accounts.get_mut(partition.0 as usize) else { return };
        account.events += events;
        account.bytes += bytes;
        self.events += events;
        self.bytes += bytes;
    }

    /// Notes that events were settled.
    pub fn settled(&mut self, partition: PartitionId, events: usize, bytes: usize) {
        let Some(account) = self.accounts.get_mut(partition.0 as usize) else { return };
        debug_assert!(account.events >= events && account.bytes >= bytes, "credit given back twice");
        if is_planted(Bug::CreditLeaks) {
            return;
        }
        let (events, bytes) = (events.min(account.events), bytes.min(account.bytes));
        account.events -= events;
        account.bytes -= bytes;
        self.events -= events;
        self.bytes -= bytes;
    }

    /// Notes that a lane of the partition became full, or is no longer.
    pub fn lane_full(&mut self, partition: PartitionId, full: bool) {
        let Some(account) = self.accounts.get_mut(partition.0 as usize) else { return };
        account.full_lanes = if full { account.full_lanes + 1 } else { account.full_lanes.saturating_sub(1) };
    }

    /// Notes how many lanes all workers have.
    pub fn lanes(&mut self, lanes: usize) {
        self.lanes = lanes;
    }

    /// Multiplies the limits by `factor` from now on; [`Credit::step_all`] tells what that changes.
    pub fn widen(&mut self, factor: usize) {
        self.factor = factor.max(1);
    }

    /// How many partitions hold back.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.closed
    }

    /// Which way every partition's flow changes now.
    pub fn step_all(&mut self, out: &mut Vec<(PartitionId, Flow)>) {
        self.crowded = self.is_crowded();
        (0..self.accounts.len()).for_each(|at| self.step_one(at, out));
    }

    fn wide(&self, limit: usize) -> usize {
        limit.saturating_mul(self.factor)
    }

    /// Which way a partition's flow changes now, if it does; and all others', if a limit of all was passed.
    pub fn step(&mut self, partition: PartitionId, out: &mut Vec<(PartitionId, Flow)>) {
        let crowded = self.is_crowded();
        let was = std::mem::replace(&mut self.crowded, crowded);
        if was == self.crowded {
            self.step_one(partition.0 as usize, out);
        } else {
            (0..self.accounts.len()).for_each(|at| self.step_one(at, out));
        }
    }

    fn is_crowded(&self) -> bool {
        let limits = &self.limits;
        let over = |value, limit| if self.crowded { value > relief(limit) } else { value >= limit };
        over(self.events, self.wide(limits.events))
            || over(self.bytes, self.wide(limits.bytes))
            || over(self.lanes, self.wide(limits.lanes))
    }

    fn step_one(&mut self, at: usize, out: &mut Vec<(PartitionId, Flow)>) {
        let (most_events, most_bytes) =
            (self.wide(self.limits.partition_events), self.wide(self.limits.partition_bytes));
        let crowded = self.crowded;
        let Some(account) = self.accounts.get_mut(at).filter(|account| account.ours) else { return };
        let closed = account.closed;
        let over = |value, limit| if closed { value > relief(limit) } else { value >= limit };
        let own =
            over(account.events, most_events) || over(account.bytes, most_bytes) || account.full_lanes > 0;
        account.closed = account.events > 0 && (own || crowded);
        if account.closed != closed {
            self.closed = if closed { self.closed - 1 } else { self.closed + 1 };
            let flow = if account.closed { Flow::Closed } else { Flow::Open };
            out.push((PartitionId(u32::try_from(at).unwrap_or(u32::MAX)), flow));
        }
    }
}

/// Where a closed flow opens again.
const fn relief(limit: usize) -> usize {
    limit - limit.div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits() -> CreditLimits {
        CreditLimits { partition_events: 8, partition_bytes: 800, events: 20, bytes: 2_000, lanes: 50 }
    }

    fn step(credit: &mut Credit, partition: u32) -> Vec<(PartitionId, Flow)> {
        let mut out = Vec::new();
        credit.step(PartitionId(partition), &mut out);
        out
    }

    #[test]
    fn a_partition_closes_at_its_limit_and_opens_at_three_quarters() {
        let mut credit = Credit::new(limits());
        credit.begin(PartitionId(0));
        credit.opened(PartitionId(0), 8, 80);
        assert_eq!(step(&mut credit, 0), [(PartitionId(0), Flow::Closed)]);
        credit.settled(PartitionId(0), 1, 10);
        assert_eq!(step(&mut credit, 0), []);
        credit.settled(PartitionId(0), 1, 10);
        assert_eq!(step(&mut credit, 0), [(PartitionId(0), Flow::Open)]);
    }

    #[test]
    fn a_limit_of_all_closes_everyone_but_the_empty() {
        let mut credit = Credit::new(CreditLimits { events: 10, ..limits() });
        (0..3).for_each(|at| credit.begin(PartitionId(at)));
        credit.opened(PartitionId(0), 5, 0);
        credit.opened(PartitionId(1), 5, 0);
        assert_eq!(step(&mut credit, 1), [(PartitionId(0), Flow::Closed), (PartitionId(1), Flow::Closed)]);
        credit.opened(PartitionId(2), 1, 0);
        assert_eq!(step(&mut credit, 2), [(PartitionId(2), Flow::Closed)]);
        credit.end(PartitionId(0));
        credit.end(PartitionId(1));
        assert_eq!(step(&mut credit, 2), [(PartitionId(2), Flow::Open)]);
    }

    #[test]
    fn a_full_lane_closes_its_partition_alone() {
        let mut credit = Credit::new(limits());
        (0..2).for_each(|at| credit.begin(PartitionId(at)));
        credit.opened(PartitionId(0), 2, 0);
        credit.opened(PartitionId(1), 2, 0);
        credit.lane_full(PartitionId(0), true);
        assert_eq!(step(&mut credit, 0), [(PartitionId(0), Flow::Closed)]);
        assert_eq!(step(&mut credit, 1), []);
        credit.lane_full(PartitionId(0), false);
        assert_eq!(step(&mut credit, 0), [(PartitionId(0), Flow::Open)]);
    }

    #[test]
    fn wider_limits_open_what_is_closed_and_narrower_ones_close_it_again() {
        let mut credit = Credit::new(limits());
        let mut out = Vec::new();
        credit.begin(PartitionId(0));
        credit.opened(PartitionId(0), 8, 80);
        assert_eq!(step(&mut credit, 0), [(PartitionId(0), Flow::Closed)]);
        credit.widen(2);
        credit.step_all(&mut out);
        assert_eq!(std::mem::take(&mut out), [(PartitionId(0), Flow::Open)]);
        credit.opened(PartitionId(0), 7, 70);
        assert_eq!((step(&mut credit, 0), credit.closed()), (vec![], 0));
        credit.widen(1);
        credit.step_all(&mut out);
        assert_eq!((out, credit.closed()), (vec![(PartitionId(0), Flow::Closed)], 1));
    }

    proptest! {
        #[test]
        fn credit_never_leaks_and_an_empty_partition_is_always_open(
            steps in prop::collection::vec((0u32..3, 0u8..5, 1usize..9), 0..300),
        ) {
            let mut credit = Credit::new(limits());
            let mut model = [(0usize, 0usize); 3];
            let mut open = [true; 3];
            (0..3).for_each(|at| credit.begin(PartitionId(at)));
            let mut out = Vec::new();
            for (at, kind, n) in steps {
                let (partition, own) = (PartitionId(at), &mut model[at as usize]);
                match kind {
                    0..=1 if open[at as usize] => {
                        credit.opened(partition, n, n * 100);
                        *own = (own.0 + n, own.1 + n * 100);
                    }
                    2..=3 => {
                        let n = n.min(own.0);
                        credit.settled(partition, n, n * 100);
                        *own = (own.0 - n, own.1 - n * 100);
                    }
                    4 => {
                        credit.begin(partition);
                        *own = (0, 0);
                        open[at as usize] = true;
                    }
                    _ => {}
                }
                credit.step(partition, &mut out);
                for (partition, flow) in out.drain(..) {
                    prop_assert_ne!(open[partition.0 as usize], flow == Flow::Open, "said twice");
                    open[partition.0 as usize] = flow == Flow::Open;
                }
                let sum = model.iter().fold((0, 0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
                prop_assert_eq!(credit.open(), sum);
                prop_assert_eq!(credit.closed(), open.iter().filter(|open| !**open).count());
                prop_assert!(model[at as usize].0 > 0 || open[at as usize], "an empty partition is closed");
                prop_assert!(model[at as usize].0 < 8 || !open[at as usize], "a full partition is open");
            }
        }
    }
}
