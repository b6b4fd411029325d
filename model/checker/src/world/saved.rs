//! Counterexamples and witnesses as files: the scenario, the property, and the actions one by one.

use derive_where::derive_where;
use serde::{Deserialize, Serialize};

use super::World;
use super::action::Action;
use super::judged::Judged;
use super::property::{Expected, Property, PropertyKind};
use super::protocol::Protocol;
use super::state::State;
use super::walk::Step;
use super::words::Words;
use crate::system::System;

/// The version of the file format. A reader refuses any other.
pub const PATH_FORMAT: u32 = 1;

/// A run that shows something, with the scenario it is a run of.
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct SavedPath<P: Protocol> {
    /// [`PATH_FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario file, whole: a run can be replayed where the file is not at hand.
    pub scenario_toml: String,
    /// The property it is about.
    pub property: String,
    /// What it shows: `"violated"` or `"reached"`; a witness that a property which holds was put
    /// to the test is `"holds"`, one that something could have been reached `"not reached"`.
    pub shows: Expected,
    /// The steps.
    pub steps: Vec<SavedStep<P>>,
    /// How many steps at the end lead back to where the first of them began, and so happen again
    /// and again: of a run that goes on for ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cycle: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One step of a [`SavedPath`].
#[derive_where(Clone, PartialEq, Eq, Debug)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "", deny_unknown_fields)]
pub struct SavedStep<P: Protocol> {
    /// The action for people; not looked at when the path is replayed.
    pub words: String,
    /// The action.
    pub action: Action<P>,
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
    /// The scenario expects nothing of the property, so its history is not kept for it.
    #[error(
        "the scenario in the file expects nothing of `{property}`, so no run of it shows that; say \
         under [expect] what is expected"
    )]
    NotJudged {
        /// What the file says.
        property: String,
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

impl<P: Protocol> SavedPath<P> {
    /// A path to save: what was walked, the last `cycle` steps of which happen again and again.
    #[must_use]
    pub fn new(
        scenario: &str,
        scenario_toml: &str,
        property: &str,
        shows: Expected,
        walked: &[Step<P>],
        cycle: usize,
    ) -> Self {
        let saved =
            |step: &Step<P>| SavedStep { words: step.words.clone(), action: step.action.clone() };
        SavedPath {
            format: PATH_FORMAT,
            scenario: scenario.into(),
            scenario_toml: scenario_toml.into(),
            property: property.into(),
            shows,
            steps: walked.iter().map(saved).collect(),
            cycle,
        }
    }

    /// The actions.
    #[must_use]
    pub fn actions(&self) -> Vec<Action<P>> {
        self.steps.iter().map(|step| step.action.clone()).collect()
    }

    /// Walks the path through the world again, whose property this is. Gives the steps that fit, and why it
    /// stopped there if it did not reach the end, or if the end does not show what the path says.
    pub fn replay(
        &self,
        world: &World<P>,
        words: &impl Words<P>,
        property: Property<P>,
    ) -> (Vec<Step<P>>, Result<(), ReplayError>) {
        let (steps, last) = world.walk(words, &self.actions());
        let result = self.shown_by(world, property, &steps, &last);
        (steps, result)
    }

    /// Walks the path again through a world of which all these are properties, along whatever actions somebody
    /// allows; what is remembered for those that are not judged shows nothing. Gives what [`SavedPath::replay`]
    /// gives.
    pub fn replay_among(
        &self,
        world: &World<P>,
        words: &impl Words<P>,
        properties: impl IntoIterator<Item = Property<P>>,
        is_judged: impl Fn(&str) -> bool,
        allows: impl Fn(&State<P>, &Action<P>) -> bool,
    ) -> (Vec<Step<P>>, Result<(), ReplayError>) {
        let (steps, last) = world.walk_along(words, &self.actions(), allows);
        let mut known = Vec::new();
        let mut named = None;
        for property in properties {
            known.push(property.name);
            named = named.or((property.name == self.property).then_some(property));
        }
        let needs_history = |property: &Property<P>| {
            !matches!(property.kind, PropertyKind::EventuallyAlways { .. })
        };
        let property = self.property.clone();
        let result = match (named, self.steps.get(steps.len())) {
            (Some(named), _) if needs_history(&named) && !is_judged(&property) => {
                Err(ReplayError::NotJudged { property })
            }
            (Some(named), _) => self.shown_by(world, named, &steps, &last),
            (None, None) => Err(ReplayError::UnknownProperty { property, known: known.join(", ") }),
            (None, Some(saved)) => {
                let (step, words) = (steps.len() + 1, saved.words.clone());
                Err(ReplayError::NotPossible { step, words })
            }
        };
        (steps, result)
    }

    /// Whether these steps of the path, which end in this state, are all of it and show what it says.
    ///
    /// # Errors
    /// When they do not: why.
    pub fn shown_by(
        &self,
        world: &World<P>,
        property: Property<P>,
        steps: &[Step<P>],
        last: &State<P>,
    ) -> Result<(), ReplayError> {
        if let Some(saved) = self.steps.get(steps.len()) {
            let (step, words) = (steps.len() + 1, saved.words.clone());
            return Err(ReplayError::NotPossible { step, words });
        }
        let protocol = world.protocol();
        let is_shown = match (&property.kind, self.shows) {
            (PropertyKind::Safety { holds, .. }, Expected::Violated) => !holds(protocol, last),
            (PropertyKind::Safety { witness, .. }, _) => witness(protocol, last),
            (PropertyKind::Reachability { opportunity, .. }, Expected::NotReached) => {
                opportunity(protocol, last)
            }
            (PropertyKind::Reachability { reached, .. }, _) => reached(protocol, last),
            (PropertyKind::EventuallyAlways { .. }, Expected::Violated) => {
                self.never_stays(&Judged::new(world, [property]).uncounted(), steps, last)
            }
            (PropertyKind::EventuallyAlways { goal, .. }, _) => !goal(protocol, last),
        };
        match is_shown {
            true => Ok(()),
            false => Err(ReplayError::ShowsNothing {
                steps: steps.len(),
                property: self.property.clone(),
                shows: self.shows,
            }),
        }
    }

    /// Whether the steps end where a fair run stays for ever, and show how it does not stay at the
    /// only goal of this system.
    fn never_stays(&self, system: &Judged<P>, steps: &[Step<P>], last: &State<P>) -> bool {
        let Some(turn) = steps.len().checked_sub(self.cycle) else { return false };
        let cycle = &steps[turn..];
        let is_shown = match cycle.first() {
            Some(first) => {
                first.before == *last
                    && cycle.iter().all(|step| system.is_settling(&step.action))
                    && cycle.iter().any(|step| !system.meets(0, &step.before))
            }
            None => !system.meets(0, last),
        };
        is_shown && system.is_violated_at(0, last)
    }
}
