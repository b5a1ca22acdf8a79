//! One event alone in the process: who may have that, and when.

use std::collections::VecDeque;

/// The order of those who ask to run an event alone, over all subscriptions of a process.
///
/// From the first question on nothing new starts ([`may_start`](Self::may_start)); when nothing runs any more, the first in the
/// queue gets the process for itself ([`grant`](Self::grant)) until it lets go. An event that kills the process while another
/// runs beside it could not be told from that one, whatever subscription the other belongs to. So the whole process shares
/// one of these. Empty, and free, in health.
#[derive(Debug)]
pub struct Solo<A> {
    holder: Option<A>,
    queue: VecDeque<A>,
}

impl<A> Default for Solo<A> {
    fn default() -> Self {
        Self { holder: None, queue: VecDeque::new() }
    }
}

impl<A: PartialEq + Clone> Solo<A> {
    /// Somebody asks. Asking twice is asking once.
    pub fn ask(&mut self, asker: A) {
        if self.holder.as_ref() != Some(&asker) && !self.queue.contains(&asker) {
            self.queue.push_back(asker);
        }
    }

    /// Somebody lets go, or no longer asks: its partition went away.
    pub fn let_go(&mut self, asker: &A) {
        self.holder.take_if(|holder| holder == asker);
        self.queue.retain(|waits| waits != asker);
    }

    /// Some go away, with whatever they asked for.
    pub fn forget(&mut self, gone: impl Fn(&A) -> bool) {
        self.holder.take_if(|holder| gone(holder));
        self.queue.retain(|waits| !gone(waits));
    }

    /// Whether events may start that nobody asked to run alone.
    #[must_use]
    pub fn may_start(&self) -> bool {
        self.holder.is_none() && self.queue.is_empty()
    }

    /// Whether somebody has the process.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.holder.is_some()
    }

    /// Whose turn it is, said once; `running` handlers run in the process, those of named batches that are about to
    /// start included.
    pub fn grant(&mut self, running: usize) -> Option<A> {
        if running > 0 || self.holder.is_some() {
            return None;
        }
        self.holder = self.queue.pop_front();
        self.holder.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_process_and_nothing_starts_meanwhile() {
        let mut solo = Solo::default();
        assert!(solo.may_start() && solo.grant(0).is_none());
        solo.ask('a');
        solo.ask('b');
        solo.ask('a');
        assert!(!solo.may_start());
        assert_eq!(solo.grant(3), None, "others still run");
        assert_eq!((solo.grant(0), solo.grant(0)), (Some('a'), None));
        solo.let_go(&'a');
        assert!(!solo.may_start());
        assert_eq!(solo.grant(0), Some('b'));
        solo.let_go(&'b');
        assert!(solo.may_start() && solo.grant(0).is_none());
    }

    #[test]
    fn whoever_goes_away_blocks_nobody() {
        let mut solo = Solo::default();
        solo.ask(1);
        solo.ask(2);
        solo.let_go(&1);
        assert_eq!(solo.grant(0), Some(2));
        solo.let_go(&2);
        assert!(solo.may_start());
    }
}
