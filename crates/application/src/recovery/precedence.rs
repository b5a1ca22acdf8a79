//! Which subscriptions of a bus go first.

use std::sync::Arc;

use tokio::sync::watch;

/// How many subscriptions of normal priority recover in one bus; those of low priority watch it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Precedence(Arc<watch::Sender<usize>>);

/// Goes first until it is dropped.
#[derive(Debug)]
pub(crate) struct Lead(Precedence);

impl Precedence {
    pub(crate) fn lead(&self) -> Lead {
        self.0.send_modify(|leads| *leads += 1);
        Lead(self.clone())
    }

    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.0.0.send_modify(|leads| *leads -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leads_is_counted_until_it_is_dropped() {
        let precedence = Precedence::default();
        let watch = precedence.watch();
        let (a, b) = (precedence.lead(), precedence.clone().lead());
        assert_eq!(*watch.borrow(), 2);
        drop(a);
        assert_eq!(*watch.borrow(), 1);
        drop(b);
        assert_eq!(*watch.borrow(), 0);
    }
}
