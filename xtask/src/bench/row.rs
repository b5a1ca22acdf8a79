//! One measured workload.

use serde::{Deserialize, Serialize};

/// One measured workload: a line that a bench prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The bench it belongs to, as the scorecard numbers it.
    pub(crate) id: String,
    /// What was done.
    pub(crate) workload: String,
    /// Our figure, the median of the runs.
    pub(crate) ours: f64,
    /// The floor's or the peer's figure, measured in the same run.
    #[serde(default)]
    pub(crate) floor: Option<f64>,
    /// What the floor or the peer is.
    #[serde(default)]
    pub(crate) floor_name: Option<String>,
    /// The unit of both figures.
    pub(crate) unit: String,
    /// How the two stand to each other, as the target means it.
    #[serde(default)]
    pub(crate) ratio: Option<f64>,
    /// What the scorecard asks for.
    pub(crate) target: String,
    /// How many runs each side had.
    pub(crate) runs: u32,
}
