//! What is open in every partition that we own.

mod attempts;
mod open;
mod partition;
mod state;
mod tenure;

pub use open::Slot;
pub use partition::{Opening, PartitionLedger, Settled};
pub use tenure::{Ledger, Tenure, TenureInfo};
