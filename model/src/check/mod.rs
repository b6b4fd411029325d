//! The model: the protocol's actors under a network and faults, what must hold of it, and the
//! searches.

#[macro_use]
pub mod wrong_rule;

pub mod action;
pub mod actor;
mod background;
mod begin;
pub mod certify;
pub mod convergence;
pub mod diagram;
mod expiry;
pub mod explain;
mod facts;
mod ghost;
pub mod history;
mod instant;
pub mod instruments;
mod late;
mod layout;
mod local;
pub mod model;
mod numbering;
mod offer;
pub mod property;
mod reduce;
mod resolving;
pub mod script;
pub mod search;
pub mod state;
mod stateright_properties;
pub mod system;
pub mod trace;
pub mod words;
pub mod write_set;

pub use action::Action;
pub use model::ClusterModel;
pub use property::{Expected, Goal, PropertyKind, PropertySpec};
pub use state::ClusterState;
pub use system::{ClusterSystem, Condition};
