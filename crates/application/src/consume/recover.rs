//! The loop's part in a recovery: how much may be open, and when what was read meanwhile is through.

use laneway_domain::Resume;
use laneway_domain::invariant::RecoveryMode;
use tokio::sync::oneshot;

use super::r#loop::Loop;
use super::message::Switch;
use crate::ledger::Tenure;

/// How far reading had come when a recovery ended, in every partition.
pub(crate) struct Draining {
    read: Vec<(Tenure, Resume)>,
    through: oneshot::Sender<()>,
}

impl Loop {
    /// The mode changed: for whatever is read from now on.
    pub(super) fn switch(&mut self, Switch { factor, drained }: Switch) {
        self.count_ahead();
        self.credit.widen(factor);
        self.change_flows();
        self.draining = drained.map(|through| Draining { read: self.read(), through });
    }

    /// Counts what is finished above the watermarks while somebody estimates how much is left: the broker knows of commits alone.
    pub(super) fn count_ahead(&mut self) {
        self.ledger.count_ahead(self.shared.gauges.mode() != RecoveryMode::Normal);
    }

    /// Tells how much that is.
    pub(super) fn say_ahead(&self) {
        if self.shared.gauges.mode() != RecoveryMode::Normal {
            self.shared.gauges.finished_ahead(self.ledger.ahead());
        }
    }

    fn read(&mut self) -> Vec<(Tenure, Resume)> {
        let tenures: Vec<Tenure> = self.ledger.tenures().collect();
        tenures.into_iter().filter_map(|tenure| Some((tenure, self.ledger.book(tenure)?.read()))).collect()
    }

    /// Says when the watermarks have passed what was read; what is no longer ours is another's.
    pub(super) fn finish_draining(&mut self) {
        let Some(Draining { read, .. }) = &mut self.draining else { return };
        let ledger = &mut self.ledger;
        read.retain(|(tenure, upto)| {
            ledger.book(*tenure).is_some_and(|book| book.watermark().rank() < upto.rank())
        });
        if read.is_empty()
            && let Some(draining) = self.draining.take()
        {
            // Whoever waited may have given up.
            let _ = draining.through.send(());
        }
    }
}
