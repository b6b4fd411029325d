//! What became of a script: one run, judged over the states that it passes.

use derive_where::derive_where;

use super::World;
use super::action::Action;
use super::judged::Verdict;
use super::property::{Condition, Expected, Property, PropertyKind};
use super::protocol::Protocol;
use super::stage::Transition;

/// The run of a script, whatever steps its protocol knows.
#[derive_where(Clone, Debug)]
pub struct ScriptRun<P: Protocol> {
    /// The file, as it was named.
    pub file: String,
    /// The steps, in order.
    pub steps: Vec<ScriptedStep>,
    /// Everything that happened, in order. Up to the step that differs, if one does.
    pub transitions: Vec<Transition<P>>,
    /// The first step that did not come out as the script says, or could not be carried out.
    pub difference: Option<ScriptDifference>,
}

/// A step of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptedStep {
    /// Its line in the file, from one.
    pub line: usize,
    /// What happens, in words.
    pub words: String,
}

/// Where a run left its script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptDifference {
    /// At which step, from zero.
    pub step: usize,
    /// What came of it instead, or why it could not be carried out.
    pub problem: String,
}

impl<P: Protocol> ScriptRun<P> {
    /// What happened, without the steps.
    #[must_use]
    pub fn actions(&self) -> Vec<Action<P>> {
        self.transitions.iter().map(|transition| transition.action.clone()).collect()
    }

    /// `step 4 (line 31): x: put k = "v" via A`
    #[must_use]
    pub fn step_in_words(&self, step: usize) -> String {
        let ScriptedStep { line, words } = &self.steps[step];
        format!("step {} (line {line}): {words}", step + 1)
    }

    /// The first step that differs, and how, if one does.
    #[must_use]
    pub fn difference_in_words(&self) -> Option<String> {
        let ScriptDifference { step, problem } = self.difference.as_ref()?;
        Some(format!("{}: {problem}", self.step_in_words(*step)))
    }

    /// What the run shows of these properties, in order: those about where runs end are left out, since one run
    /// shows nothing of all that there could be. A run is up to the first state that shows what it is of.
    ///
    /// # Panics
    /// If this is no run of the world.
    #[must_use]
    pub fn verdicts(
        &self,
        world: &World<P>,
        properties: &[Property<P>],
    ) -> Vec<(Property<P>, Verdict<P>)> {
        let actions = self.actions();
        let mut states = Vec::from([world.initial_state()]);
        for action in &actions {
            let next = world.apply(&states[states.len() - 1], action.clone());
            states.push(next.expect("what was possible once is possible again"));
        }
        let until_first = |condition: &Condition<P>, wanted: bool| {
            let first =
                states.iter().position(|state| condition(world.protocol(), state) == wanted);
            first.map(|count| actions[..count].to_vec())
        };
        let verdict = |property: &Property<P>| {
            let (run, witness, found) = match &property.kind {
                PropertyKind::Safety { holds, witness } => {
                    (until_first(holds, false), witness, [Expected::Violated, Expected::Holds])
                }
                PropertyKind::Reachability { reached, opportunity } => {
                    let found = [Expected::Reached, Expected::NotReached];
                    (until_first(reached, true), opportunity, found)
                }
                PropertyKind::EventuallyAlways { .. } => return None,
            };
            let found = Some(found[usize::from(run.is_none())]);
            let witness = until_first(witness, true);
            Some((property.clone(), Verdict { found, run, witness, endings: None }))
        };
        properties.iter().filter_map(verdict).collect()
    }
}
