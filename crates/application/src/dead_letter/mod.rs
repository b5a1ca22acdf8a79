//! Dead letters: the entry first, then the ledger.

mod burial;

pub(crate) use burial::{Burials, Buried};
