//! A world with what is judged in it: as it is explored.

use std::sync::Arc;

use derive_where::derive_where;

use super::World;
use super::action::Action;
use super::property::{Condition, Expected, Property, PropertyKind};
use super::protocol::Protocol;
use super::state::State;
use crate::compact::{Ended, Ending, Survey};
use crate::decision::{Decision, Outcome, Size, Violation};
use crate::explored::Explored;
use crate::system::System;
use crate::traversal::{Bounds, Switch, explore};

/// A world with the properties that are judged in it.
#[derive_where(Clone)]
pub struct Judged<P: Protocol> {
    world: World<P>,
    properties: Arc<[Property<P>]>,
    /// Of each property of single states, in order: what shows that it is violated or reached, and what
    /// shows that it was put to the test.
    conditions: Arc<[Shown<P>]>,
    goals: Arc<[Condition<P>]>,
}

#[derive_where(Clone)]
struct Shown<P: Protocol> {
    condition: Condition<P>,
    /// What the condition says where it is shown: of safety, a violation is that it does not hold.
    when: bool,
}

/// What became of a property.
#[derive_where(Clone, Debug)]
pub struct Verdict<P: Protocol> {
    /// What was found: within the bounds, and only as far as the search went if it was cut. `None`
    /// where a search that was cut allows no verdict at all.
    pub found: Option<Expected>,
    /// A shortest run that shows it: a counterexample, or a way to reach what is to be reached. Of a property
    /// about where runs end, the last [`Endings::cycle`] steps happen again and again.
    pub run: Option<Vec<Action<P>>>,
    /// A shortest run in which it was put to the test and met, or in which somebody had asked for what could
    /// lead to what is to be reached. Without one it holds, or is not reached, for lack of occasion.
    pub witness: Option<Vec<Action<P>>>,
    /// For a property about where runs end, what that was decided on.
    pub endings: Option<Endings>,
}

/// Where fair runs end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endings {
    /// How large the graph of all states was.
    pub size: Size,
    /// How many steps at the end of the run happen again and again; none if it ends stuck.
    pub cycle: usize,
}

impl<P: Protocol> Verdict<P> {
    /// Whether this is a property that holds, or a state that is not reached, for lack of occasion.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        matches!(self.found, Some(Expected::Holds | Expected::NotReached)) && self.witness.is_none()
    }
}

impl<P: Protocol> Judged<P> {
    /// This world, in which these properties are judged.
    ///
    /// # Panics
    /// If there are more than 32 of them.
    #[must_use]
    pub fn new(world: &World<P>, properties: impl IntoIterator<Item = Property<P>>) -> Self {
        let properties: Arc<[_]> = properties.into_iter().collect();
        let (mut conditions, mut goals) = (Vec::new(), Vec::new());
        for property in &*properties {
            let (shown, when, tested) = match &property.kind {
                PropertyKind::Safety { holds, witness } => (holds, false, witness),
                PropertyKind::Reachability { reached, opportunity } => (reached, true, opportunity),
                PropertyKind::EventuallyAlways { goal, .. } => {
                    goals.push(Arc::clone(goal));
                    continue;
                }
            };
            conditions.push(Shown { condition: Arc::clone(shown), when });
            conditions.push(Shown { condition: Arc::clone(tested), when: true });
        }
        assert!(conditions.len() <= 64, "a state's conditions are the bits of one word");
        Judged {
            world: world.clone(),
            properties,
            conditions: conditions.into(),
            goals: goals.into(),
        }
    }

    /// The same, whose steps are counted apart: to make runs again.
    #[must_use]
    pub fn uncounted(&self) -> Self {
        Judged { world: self.world.with_fresh_counters(), ..self.clone() }
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &World<P> {
        &self.world
    }

    /// The properties, in order.
    #[must_use]
    pub fn properties(&self) -> &[Property<P>] {
        &self.properties
    }

    /// What a search of all this found of each property, in order.
    #[must_use]
    pub fn verdicts(&self, explored: &Explored) -> Vec<Verdict<P>> {
        let system = self.uncounted();
        let decided = if self.goals.is_empty() { Vec::new() } else { explored.decide(&system) };
        let run = |number| explored.first(number).map(|state| explored.run_to(&system, state));
        self.told(run, decided.into_iter().map(of_decision))
    }

    /// What a survey of all this found of each property, in order. No run is a shortest one.
    #[must_use]
    pub fn surveyed(&self, survey: &Survey<Action<P>>) -> Vec<Verdict<P>> {
        let endings = survey.endings.iter().enumerate();
        let ended = endings.map(|(goal, ending)| self.of_ending(goal, survey, ending));
        self.told(|number: usize| survey.runs[number].clone(), ended)
    }

    /// What was found of each property, in order: from runs to states that show conditions, by number, and from what
    /// became of goals, in order.
    fn told(
        &self,
        run: impl Fn(usize) -> Option<Vec<Action<P>>>,
        mut of_goals: impl Iterator<Item = Verdict<P>>,
    ) -> Vec<Verdict<P>> {
        let mut numbers = (0..).step_by(2);
        let verdict = |property: &Property<P>| {
            if let PropertyKind::EventuallyAlways { .. } = property.kind {
                return of_goals.next().expect("one verdict per goal");
            }
            let number = numbers.next().expect("numbers do not end");
            let (run, witness) = (run(number), run(number + 1));
            let found = match (&property.kind, run.is_some()) {
                (PropertyKind::Reachability { .. }, true) => Expected::Reached,
                (PropertyKind::Reachability { .. }, false) => Expected::NotReached,
                (_, true) => Expected::Violated,
                (_, false) => Expected::Holds,
            };
            Verdict { found: Some(found), run, witness, endings: None }
        };
        self.properties.iter().map(verdict).collect()
    }

    /// What a survey says of a goal. Where it is violated, the run goes on to a component in which fair runs end.
    fn of_ending(
        &self,
        goal: usize,
        survey: &Survey<Action<P>>,
        ending: &Ending<Action<P>>,
    ) -> Verdict<P> {
        let Ending { ended, met, settling_edges, witness, .. } = ending;
        let (found, run, cycle) = match ended {
            Ended::Holds => (Some(Expected::Holds), None, 0),
            Ended::Undecided => (None, None, 0),
            Ended::Violated => {
                let system = self.uncounted();
                let run = survey.run_to_lost(&system, goal).expect("the state was visited before");
                let step = |state: State<P>, action: &Action<P>| {
                    system.apply(&state, action.clone()).expect("a run that was found is possible")
                };
                let state = run.iter().fold(system.initial().swap_remove(0), step);
                let violation =
                    self.violation_from(goal, &state).expect("no way leads to the goal");
                let cycle = violation.cycle.len();
                let run = [run, violation.stem, violation.cycle].concat();
                (Some(Expected::Violated), Some(run), cycle)
            }
        };
        let settling_edges = *settling_edges as usize;
        let size = Size { states: survey.distinct, met: *met, settling_edges, components: None };
        Verdict { found, run, witness: witness.clone(), endings: Some(Endings { size, cycle }) }
    }

    /// How fair runs that go on from this state without faults and clients fail to come to the goal of this
    /// number for good, if some do. Visits what can be reached so.
    fn violation_from(&self, goal: usize, state: &State<P>) -> Option<Violation<Action<P>>> {
        let settling = Settling { system: self.uncounted(), start: state, goal };
        let explored = explore(&settling, &Bounds::default(), &Switch::default());
        match explored.decide(&settling).swap_remove(0).outcome {
            Outcome::Violated(violation) => Some(violation),
            Outcome::Holds | Outcome::Undecided => None,
        }
    }

    /// Whether fair runs that go on from this state without faults and clients visit a state that
    /// is not at the goal of this number again and again, having this one as a state they always come back
    /// to: the end of a stem. Visits what can be reached so.
    #[must_use]
    pub fn is_violated_at(&self, goal: usize, state: &State<P>) -> bool {
        // With a stem, this would not be a state they come back to.
        self.violation_from(goal, state).is_some_and(|violation| violation.stem.is_empty())
    }
}

fn of_decision<P: Protocol>(decision: Decision<Action<P>>) -> Verdict<P> {
    let (found, run, cycle) = match decision.outcome {
        Outcome::Holds => (Some(Expected::Holds), None, 0),
        Outcome::Undecided => (None, None, 0),
        Outcome::Violated(violation) => {
            let cycle = violation.cycle.len();
            let run = [violation.stem, violation.cycle].concat();
            (Some(Expected::Violated), Some(run), cycle)
        }
    };
    let endings = Some(Endings { size: decision.size, cycle });
    Verdict { found, run, witness: decision.witness, endings }
}

impl<P: Protocol> System for Judged<P> {
    type State = State<P>;
    type Action = Action<P>;

    fn initial(&self) -> Vec<State<P>> {
        self.world.initial()
    }

    fn actions(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        self.world.offer(state, actions);
    }

    fn apply(&self, state: &State<P>, action: Action<P>) -> Option<State<P>> {
        self.world.apply(state, action)
    }

    fn fingerprint(&self, state: &State<P>) -> u64 {
        self.world.fingerprint(state)
    }

    fn own_fingerprint(&self, state: &State<P>) -> u64 {
        state.fingerprint()
    }

    fn is_settling(&self, action: &Action<P>) -> bool {
        self.world.is_settling(action)
    }

    fn conditions(&self) -> usize {
        self.conditions.len()
    }

    fn shows(&self, condition: usize, state: &State<P>) -> bool {
        let Shown { condition, when } = &self.conditions[condition];
        condition(self.world.protocol(), state) == *when
    }

    fn goals(&self) -> usize {
        self.goals.len()
    }

    fn meets(&self, goal: usize, state: &State<P>) -> bool {
        self.goals[goal](self.world.protocol(), state)
    }
}

/// What still happens from one state on, once faults and clients have ended.
struct Settling<'a, P: Protocol> {
    system: Judged<P>,
    start: &'a State<P>,
    goal: usize,
}

impl<P: Protocol> System for Settling<'_, P> {
    type State = State<P>;
    type Action = Action<P>;

    fn initial(&self) -> Vec<State<P>> {
        Vec::from([self.start.clone()])
    }

    fn actions(&self, state: &State<P>, actions: &mut Vec<Action<P>>) {
        self.system.actions(state, actions);
        actions.retain(|action| self.system.is_settling(action));
    }

    fn apply(&self, state: &State<P>, action: Action<P>) -> Option<State<P>> {
        self.system.apply(state, action)
    }

    fn fingerprint(&self, state: &State<P>) -> u64 {
        self.system.fingerprint(state)
    }

    fn own_fingerprint(&self, state: &State<P>) -> u64 {
        state.fingerprint()
    }

    fn goals(&self) -> usize {
        1
    }

    fn meets(&self, _: usize, state: &State<P>) -> bool {
        self.system.meets(self.goal, state)
    }
}
