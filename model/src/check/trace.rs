//! Counterexamples and witnesses as files: the scenario, the property, and the actions one by one.

use alloc::vec::Vec;

use quorate_checker::world;
pub use quorate_checker::world::{CYCLE_STARTS, PATH_FORMAT, ReplayError, STUCK, numbered};

use super::action::Action;
use super::leaderless::Leaderless;
use super::model::ClusterModel;
use super::property::{ALL, Expected};
use super::state::ClusterState;

/// A run that shows something, with the scenario it is a run of.
pub type SavedPath = world::SavedPath<Leaderless>;

/// One step of a [`SavedPath`].
pub type SavedStep = world::SavedStep<Leaderless>;

/// One replayed step.
pub type ReplayedStep = world::Step<Leaderless>;

/// A path to save, the last `cycle` of whose actions happen again and again.
#[must_use]
pub fn save(
    model: &ClusterModel,
    scenario_toml: &str,
    property: &str,
    shows: Expected,
    actions: &[Action],
    cycle: usize,
) -> SavedPath {
    let name = &model.scenario().name;
    SavedPath::new(name, scenario_toml, property, shows, &walk(model, actions).0, cycle)
}

/// Walks a path through the model again. Gives the steps that fit, and why it stopped
/// there if it did not reach the end, or if the end does not show what the path says.
pub fn replay(
    model: &ClusterModel,
    saved: &SavedPath,
) -> (Vec<ReplayedStep>, Result<(), ReplayError>) {
    let properties = ALL.iter().map(|property| property.of_world(model.scenario()));
    let is_judged = |name: &str| model.judged().iter().any(|judged| judged.name == name);
    saved.replay_among(model, model.names(), properties, is_judged, allows(model))
}

/// What a run of a scenario may consist of: what makes up the scenario. A script makes its own choices, among all
/// that is possible.
fn allows(model: &ClusterModel) -> impl Fn(&ClusterState, &Action) -> bool {
    let is_script = model.scenario().script.is_some();
    move |state, action| is_script || model.is_offered(state, action)
}

/// Lets the actions happen from the initial state, as far as they are possible and make up the scenario; gives
/// the steps and the last state.
#[must_use]
pub fn walk(model: &ClusterModel, actions: &[Action]) -> (Vec<ReplayedStep>, ClusterState) {
    model.walk_along(model.names(), actions, allows(model))
}
