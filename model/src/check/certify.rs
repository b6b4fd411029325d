//! Certificates for the reductions of a scenario's search: [what they are](quorate_checker::world::certify).

use alloc::sync::Arc;

use quorate_checker::Switch;
use quorate_checker::world::certify as of_world;

pub use quorate_checker::world::certify::{Discharge, Extent, Failure, Obligation};

use super::leaderless::Leaderless;
use super::model::ClusterModel;
use crate::scenario::Scenario;

/// What became of the obligations of one search.
pub type Certificate = of_world::Certificate<Leaderless>;

/// Certifies the reductions of a scenario's search. `None` if the switch stopped it, or the search visits more states than
/// it may.
pub fn certify(scenario: &Arc<Scenario>, extent: Extent, switch: &Switch) -> Option<Certificate> {
    let model = ClusterModel::new(Arc::clone(scenario));
    of_world::certify(&model, model.properties_of_world(), model.names(), extent, switch)
}
