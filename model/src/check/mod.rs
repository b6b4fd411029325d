//! The model: the protocol's actors under a network and faults, what must hold of it, and the
//! searches.

#[macro_use]
pub mod wrong_rule;

pub mod action;
mod background;
mod begin;
pub mod certify;
pub mod client;
pub mod convergence;
mod expiry;
pub mod explain;
pub mod facts;
pub mod footprints;
mod ghost;
pub mod history;
mod instant;
pub mod kinds;
mod label;
mod late;
mod layout;
pub mod leaderless;
mod lie;
pub mod model;
pub mod node;
mod numbering;
pub mod property;
mod reduce;
mod reduces;
pub mod resolving;
pub mod script;
pub mod search;
pub mod state;
mod stubborn;
pub mod symmetry;
pub mod system;
pub mod trace;
pub mod words;
pub mod write_set;

pub use action::Action;
pub use model::ClusterModel;
pub use property::{Expected, Goal, PropertyKind, PropertySpec};
pub use state::ClusterState;
pub use system::{ClusterSystem, Condition};
