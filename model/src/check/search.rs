//! Runs to states that somebody describes.

use alloc::vec::Vec;

use quorate_checker::{Bounds, Seeking, Switch, Until, explore};

use super::action::Action;
use super::model::ClusterModel;
use super::state::ClusterState;

/// Describes a kind of state.
pub type Wanted<'a> = quorate_checker::Wanted<'a, ClusterState>;

/// How a search for shortest runs ended.
#[derive(Clone, Debug)]
pub struct Shortest {
    /// For each wanted condition the actions of a shortest run that reaches it, if any was found.
    pub paths: Vec<Option<Vec<Action>>>,
    /// How many distinct states were visited.
    pub distinct: usize,
    /// Whether the search ended because it visited as many states as it might, and not because it
    /// had found everything or visited all there is.
    pub cut: bool,
}

/// Looks for a shortest run to a state that satisfies each of `wanted`, on one thread. Stops when all are
/// found, or when `distinct_max` states have been visited.
///
/// # Panics
/// If more than 64 are wanted.
pub fn shortest(model: &ClusterModel, wanted: &[Wanted<'_>], distinct_max: usize) -> Shortest {
    let system = model.with_goals(&[]);
    let seeking = Seeking { system: &system, wanted };
    let all = (0..wanted.len()).fold(0, |bits, number| bits | 1 << number);
    let bounds =
        Bounds { states_max: Some(distinct_max), until: Until::AllShown(all), ..Bounds::default() };
    let explored = explore(&seeking, &bounds, &Switch::default());
    let path = |number| explored.first(number).map(|state| explored.run_to(&seeking, state));
    Shortest {
        paths: (0..wanted.len()).map(path).collect(),
        distinct: explored.distinct(),
        cut: explored.cut().is_some(),
    }
}

/// Looks for any run to a state that satisfies `wanted`, depth first: see [`quorate_checker::dive`].
pub fn dive(
    model: &ClusterModel,
    wanted: &dyn Fn(&ClusterState) -> bool,
    distinct_max: usize,
) -> quorate_checker::Dive<Action> {
    quorate_checker::dive(&model.with_goals(&[]), wanted, distinct_max)
}
