//! Counterexamples and witnesses as files: the scenario, the property, and the actions one by one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use stateright::Model;

use super::action::Action;
use super::model::ClusterModel;
use super::property::{Expected, Goal, PropertyKind, PropertySpec};
use super::state::ClusterState;
use super::system::ClusterSystem;

/// The version of the file format. A reader refuses any other.
pub const PATH_FORMAT: u32 = 1;

/// A run that shows something, with the scenario it is a run of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPath {
    /// [`PATH_FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario file, whole: a trace can be replayed where the file is not at hand.
    pub scenario_toml: String,
    /// The property it is about.
    pub property: String,
    /// What it shows: `"violated"` or `"reached"`; a witness that a property which holds was put
    /// to the test is `"holds"`, one that something could have been reached `"not reached"`.
    pub shows: Expected,
    /// The steps.
    pub steps: Vec<SavedStep>,
    /// How many steps at the end lead back to where the first of them began, and so happen again
    /// and again: of a run that goes on for ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cycle: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One step of a [`SavedPath`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedStep {
    /// The action for people; not looked at when the path is replayed.
    pub words: String,
    /// The action.
    pub action: Action,
}

/// One replayed step.
#[derive(Clone, Debug)]
pub struct ReplayedStep {
    /// The action in words.
    pub words: String,
    /// The state it led from.
    pub before: ClusterState,
    /// The state it led to.
    pub after: ClusterState,
    /// What it changed, a line per actor; and what became of the operations that ended with it.
    pub changes: Vec<String>,
    /// The latter alone.
    pub outcomes: Vec<String>,
}

/// Why a path is no run of the model any more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayError {
    /// A step is not possible in the state before it.
    #[error("step {step} no longer fits the model: not possible here: {words}")]
    NotPossible {
        /// Which step, from one.
        step: usize,
        /// The action in words.
        words: String,
    },
    /// All steps fit, but the last state does not show what the file says.
    #[error("all {steps} steps fit the model, but they no longer show `{property}` {shows}")]
    ShowsNothing {
        /// How many steps there are.
        steps: usize,
        /// The property.
        property: String,
        /// What it should show.
        shows: Expected,
    },
    /// No such property.
    #[error("unknown property `{property}`; known are {known}")]
    UnknownProperty {
        /// What the file says.
        property: String,
        /// What there is.
        known: String,
    },
}

impl SavedPath {
    /// A path to save, the last `cycle` of whose actions happen again and again.
    #[must_use]
    pub fn new(
        model: &ClusterModel,
        scenario_toml: &str,
        property: &str,
        shows: Expected,
        actions: &[Action],
        cycle: usize,
    ) -> Self {
        let steps = walk(model, actions).0;
        SavedPath {
            format: PATH_FORMAT,
            scenario: model.scenario().name.clone(),
            scenario_toml: scenario_toml.into(),
            property: property.into(),
            shows,
            steps: steps
                .into_iter()
                .zip(actions)
                .map(|(step, action)| SavedStep { words: step.words, action: action.clone() })
                .collect(),
            cycle,
        }
    }

    /// The actions.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        self.steps.iter().map(|step| step.action.clone()).collect()
    }

    /// Walks the path through the model again. Gives the steps that fit, and why it stopped
    /// there if it did not reach the end, or if the end does not show what the path says.
    pub fn replay(&self, model: &ClusterModel) -> (Vec<ReplayedStep>, Result<(), ReplayError>) {
        let actions = self.actions();
        let (steps, last) = walk(model, &actions);
        if let Some(saved) = self.steps.get(steps.len()) {
            let step = steps.len() + 1;
            return (steps, Err(ReplayError::NotPossible { step, words: saved.words.clone() }));
        }
        let Some(property) = PropertySpec::named(&self.property) else {
            let (property, known) = (self.property.clone(), PropertySpec::names());
            return (steps, Err(ReplayError::UnknownProperty { property, known }));
        };
        let view = model.view(&last);
        let shown = match (property.kind, self.shows) {
            (PropertyKind::Safety { holds, .. }, Expected::Violated) => !holds(&view),
            (PropertyKind::Safety { witness, .. }, _) => (witness.shown)(&view),
            (PropertyKind::Reachability { opportunity, .. }, Expected::NotReached) => {
                (opportunity.shown)(&view)
            }
            (PropertyKind::Reachability { reached, .. }, _) => reached(&view),
            (PropertyKind::EventuallyAlways { goal, .. }, Expected::Violated) => {
                self.never_stays_at(goal, model, &steps, &last)
            }
            (PropertyKind::EventuallyAlways { goal, .. }, _) => {
                !ClusterSystem::with_goals(model, &[goal]).is_at(goal, &last)
            }
        };
        let result = if shown {
            Ok(())
        } else {
            Err(ReplayError::ShowsNothing {
                steps: steps.len(),
                property: self.property.clone(),
                shows: self.shows,
            })
        };
        (steps, result)
    }

    /// Whether the steps end where a fair run stays for ever, and show how it does not stay at the
    /// goal.
    fn never_stays_at(
        &self,
        goal: Goal,
        model: &ClusterModel,
        steps: &[ReplayedStep],
        last: &ClusterState,
    ) -> bool {
        let system = ClusterSystem::with_goals(model, &[goal]);
        let Some(turn) = steps.len().checked_sub(self.cycle) else { return false };
        let shown = match steps.get(turn) {
            Some(first) => {
                let cycle = &steps[turn..];
                first.before == *last
                    && self.steps[turn..].iter().all(|step| step.action.is_settling())
                    && cycle.iter().any(|step| !system.is_at(goal, &step.before))
            }
            None => !system.is_at(goal, last),
        };
        shown && system.is_violated_at(goal, last)
    }
}

/// Lets the actions happen from the initial state, as far as they are possible; gives the steps
/// and the last state.
#[must_use]
pub fn walk(model: &ClusterModel, actions: &[Action]) -> (Vec<ReplayedStep>, ClusterState) {
    let mut before = model.init_states().swap_remove(0);
    let mut steps = Vec::new();
    for action in actions {
        let Some((after, changes)) = model.changes(&before, action.clone()) else { break };
        if !is_offered(model, &before, action) {
            break;
        }
        steps.push(ReplayedStep {
            words: model.tell(&before, action),
            outcomes: model.outcomes(&before, action),
            changes,
            before,
            after: after.clone(),
        });
        before = after;
    }
    (steps, before)
}

/// Whether an action that is possible is one of those that make up the scenario. A script makes its
/// own choices, among all that is possible.
fn is_offered(model: &ClusterModel, state: &ClusterState, action: &Action) -> bool {
    if model.scenario().script.is_some() {
        return true;
    }
    let mut offered = Vec::new();
    model.actions(state, &mut offered);
    offered.contains(action)
}

/// What stands before the steps of a cycle.
pub const CYCLE_STARTS: &str = "then again and again:";

/// What stands after the last step of a run that cannot go on to converge.
pub const STUCK: &str = "then stuck: without a fault or a client nothing more can happen";

/// Numbered steps with what changed, for a report. The last `cycle` of them happen again and
/// again.
#[must_use]
pub fn numbered(steps: &[ReplayedStep], cycle: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        if position + cycle == steps.len() {
            lines.push(CYCLE_STARTS.into());
        }
        lines.push(format!("{:>3}. {}", position + 1, step.words));
        lines.extend(step.changes.iter().map(|change| format!("       {change}")));
    }
    lines
}
