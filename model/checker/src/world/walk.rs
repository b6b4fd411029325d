//! Walking along a run, step by step.

use derive_where::derive_where;

use super::World;
use super::action::{Action, Envelope};
use super::property::{Property, PropertyKind};
use super::protocol::Protocol;
use super::state::State;
use super::words::Words;

/// One step of a run that was walked.
#[derive_where(Clone, Debug)]
pub struct Step<P: Protocol> {
    /// The action.
    pub action: Action<P>,
    /// The action in words.
    pub words: String,
    /// The state it led from.
    pub before: State<P>,
    /// The state it led to.
    pub after: State<P>,
    /// What it changed, a line per actor; and what became of the operations that ended with it.
    pub changes: Vec<String>,
    /// The latter alone.
    pub outcomes: Vec<String>,
}

impl<P: Protocol> World<P> {
    /// Lets one action happen and tells what it changed, a line each: messages of nodes that reached
    /// their receivers in the same step, actors that changed, messages sent, operations that ended. Counts
    /// nothing.
    #[must_use]
    pub fn step_in_words(
        &self,
        words: &impl Words<P>,
        before: &State<P>,
        action: &Action<P>,
    ) -> Option<Step<P>> {
        let (mut changes, mut outcomes) = (Vec::new(), Vec::new());
        let on_hop = |hop: &Envelope<P>| {
            if let quorate_ids::Peer::Node(_) = hop.from {
                changes.push(words.envelope(hop));
            }
        };
        let on_facts =
            |facts: &[P::Fact]| outcomes.extend(facts.iter().filter_map(|fact| words.fact(fact)));
        let uncounted = self.with_fresh_counters();
        let after = uncounted.apply_telling(before, action.clone(), on_hop, on_facts)?;
        changes.extend(words.changes(before, &after));
        changes.extend(outcomes.iter().cloned());
        let words = words.tell(before, action);
        Some(Step {
            action: action.clone(),
            words,
            before: before.clone(),
            after,
            changes,
            outcomes,
        })
    }

    /// Whether an action that is possible is one of those that are explored.
    #[must_use]
    pub fn is_offered(&self, state: &State<P>, action: &Action<P>) -> bool {
        let mut offered = Vec::new();
        self.with_fresh_counters().offer(state, &mut offered);
        offered.contains(action)
    }

    /// Lets actions happen from the initial state, as far as they are possible and explored; gives the steps
    /// and the last state.
    #[must_use]
    pub fn walk(&self, words: &impl Words<P>, actions: &[Action<P>]) -> (Vec<Step<P>>, State<P>) {
        self.walk_along(words, actions, |state, action| self.is_offered(state, action))
    }

    /// The same, along whatever actions somebody allows.
    #[must_use]
    pub fn walk_along(
        &self,
        words: &impl Words<P>,
        actions: &[Action<P>],
        allows: impl Fn(&State<P>, &Action<P>) -> bool,
    ) -> (Vec<Step<P>>, State<P>) {
        let mut state = self.initial_state();
        let mut steps = Vec::new();
        for action in actions {
            let Some(step) = self.step_in_words(words, &state, action) else { break };
            if !allows(&state, action) {
                break;
            }
            state = step.after.clone();
            steps.push(step);
        }
        (steps, state)
    }
}

impl<P: Protocol> World<P> {
    /// Why the run of these actions violates a property, or reaches what it asks for: of its last state; of a run
    /// that goes on for ever, of the last state that is not what it should be. `None` if the run shows neither.
    #[must_use]
    pub fn reason(&self, property: &Property<P>, actions: &[Action<P>]) -> Option<String> {
        let uncounted = self.with_fresh_counters();
        let explain = |state: &State<P>| (property.explain)(&self.protocol, state);
        let is_endless = matches!(property.kind, PropertyKind::EventuallyAlways { .. });
        let mut state = self.initial_state();
        let mut last = explain(&state);
        for action in actions {
            state = uncounted.apply(&state, action.clone())?;
            last = explain(&state).or(last.filter(|_| is_endless));
        }
        last
    }
}

/// What stands before the steps of a cycle.
pub const CYCLE_STARTS: &str = "then again and again:";

/// What stands after the last step of a run that cannot go on to converge.
pub const STUCK: &str = "then stuck: without a fault or a client nothing more can happen";

/// Numbered steps with what changed, for a report. The last `cycle` of them happen again and
/// again.
#[must_use]
pub fn numbered<P: Protocol>(steps: &[Step<P>], cycle: usize) -> Vec<String> {
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
