//! Evidence that running nodes never leave the model: clusters that trace, load on them, and
//! traces to alter. What it shows and what it does not is in `docs/refinement.md`.

mod cluster;
mod load;
mod recorded;

pub use cluster::{DEADLINE, Setting, TracedCluster, wait_for};
pub use load::{Load, LoadSetting};
pub use recorded::Recorded;
