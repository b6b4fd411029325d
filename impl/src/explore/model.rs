//! The model as Explorer shows it: the same states and actions, told to people.
//!
//! Explorer knows an action by itself, without the state it is offered in, and prints states with
//! `Debug`. So here an action remembers which operation it starts, and a state remembers whose it
//! is and can say how the properties stand in it. Explorer's own marks cannot: "safety holds" is
//! what it says of every state off the path to a counterexample, without looking.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use quorate_model::check::action::Envelope;
use quorate_model::check::diagram;
use quorate_model::check::system::ClusterSystem;
use quorate_model::check::{Action, ClusterModel, ClusterState, Condition, Goal, PropertyKind};
use stateright::{Expectation, Model, Path, Property};

/// A model to be explored.
#[derive(Clone, Debug)]
pub struct ExploredCluster {
    cluster: Arc<Cluster>,
}

/// What all states and actions of one model share.
struct Cluster {
    model: ClusterModel,
    /// The only run there is, where there is nothing to choose.
    run: Option<FixedRun>,
}

/// One run to walk along.
#[derive(Clone, Debug)]
pub struct FixedRun {
    /// What happens, in order.
    pub steps: Vec<FixedStep>,
    /// What is told at its end.
    pub ending: String,
}

/// One step of a [`FixedRun`].
#[derive(Clone, Debug)]
pub struct FixedStep {
    /// What happens.
    pub action: Action,
    /// The step of the script that it belongs to, in words.
    pub part_of: Option<String>,
}

/// A state of an [`ExploredCluster`] model.
#[derive(Clone)]
pub struct ExploredState {
    state: ClusterState,
    /// How many steps of a fixed run led here: a run may pass the same state twice.
    taken: usize,
    cluster: Arc<Cluster>,
}

/// An action of an [`ExploredCluster`] model.
#[derive(Clone)]
pub struct ExploredAction {
    action: Action,
    /// What the client starts, if it is a start.
    starts: Option<String>,
    cluster: Arc<Cluster>,
}

impl ExploredCluster {
    /// The model to explore all runs of a cluster by.
    #[must_use]
    pub fn new(model: ClusterModel) -> Self {
        Self::with_run(model, None)
    }

    /// The model to walk along this run by.
    #[must_use]
    pub fn along(model: ClusterModel, run: FixedRun) -> Self {
        Self::with_run(model, Some(run))
    }

    fn with_run(model: ClusterModel, run: Option<FixedRun>) -> Self {
        // Its states remember what reads returned: people ask why.
        let model = model.explaining();
        ExploredCluster { cluster: Arc::new(Cluster { model, run }) }
    }

    /// The model of the cluster itself.
    #[must_use]
    pub fn model(&self) -> &ClusterModel {
        &self.cluster.model
    }

    /// Where the page shows the end of this run: which of the offered actions is taken, step by
    /// step, as far as they are offered.
    #[must_use]
    pub fn address(&self, actions: &[Action]) -> String {
        let mut state = self.init_states().swap_remove(0);
        let mut address = "#/steps/0".to_owned();
        for action in actions {
            let mut offered = Vec::new();
            self.actions(&state, &mut offered);
            let at = offered.iter().position(|offered| offered.action == *action);
            let next = at.and_then(|at| self.next_state(&state, offered.swap_remove(at)));
            let (Some(at), Some(next)) = (at, next) else { break };
            let _ = write!(address, "/{at}");
            state = next;
        }
        address
    }

    fn state(&self, state: ClusterState, taken: usize) -> ExploredState {
        ExploredState { state, taken, cluster: Arc::clone(&self.cluster) }
    }

    fn action(&self, before: &ClusterState, action: Action) -> ExploredAction {
        let starts = match &action {
            Action::Invoke { client, .. } | Action::InvokeLate { client, .. } => {
                Some(self.cluster.model.starts(before, *client).to_owned())
            }
            _ => None,
        };
        ExploredAction { action, starts, cluster: Arc::clone(&self.cluster) }
    }
}

impl Model for ExploredCluster {
    type State = ExploredState;
    type Action = ExploredAction;

    fn init_states(&self) -> Vec<ExploredState> {
        let states = self.cluster.model.init_states().into_iter();
        states.map(|state| self.state(state, 0)).collect()
    }

    fn actions(&self, state: &ExploredState, actions: &mut Vec<ExploredAction>) {
        let offered = match &self.cluster.run {
            Some(run) => {
                run.steps.get(state.taken).map(|step| step.action.clone()).into_iter().collect()
            }
            None => {
                let mut offered = Vec::new();
                self.cluster.model.actions(&state.state, &mut offered);
                // Messages are under way in the order of their fingerprints, which tells people
                // nothing.
                offered.sort_by_cached_key(place);
                offered
            }
        };
        actions.extend(offered.into_iter().map(|action| self.action(&state.state, action)));
    }

    fn next_state(&self, last: &ExploredState, action: ExploredAction) -> Option<ExploredState> {
        let next = self.cluster.model.apply(&last.state, action.action)?;
        Some(self.state(next, last.taken_next()))
    }

    /// # Panics
    /// If there are more conditions than `CONDITIONS` are functions for.
    fn properties(&self) -> Vec<Property<Self>> {
        let conditions = self.cluster.model.conditions();
        assert!(conditions.len() <= CONDITIONS.len(), "CONDITIONS must be as many");
        let property = |(condition, function): (&Condition, &Function)| Property {
            expectation: match condition {
                Condition::Shown(property) => match property.kind {
                    PropertyKind::Safety { .. } => Expectation::Always,
                    _ => Expectation::Sometimes,
                },
                Condition::PutToTheTest(_) => Expectation::Sometimes,
            },
            name: condition.name(),
            condition: *function,
        };
        conditions.iter().zip(CONDITIONS).map(property).collect()
    }

    fn format_action(&self, action: &ExploredAction) -> String {
        action.to_string()
    }

    /// What the action changes, and the state it leads to.
    fn format_step(&self, last: &ExploredState, action: ExploredAction) -> Option<String> {
        let (state, changes) = self.cluster.model.changes(&last.state, action.action.clone())?;
        let changes = if changes.is_empty() { vec!["nothing".to_owned()] } else { changes };
        let changes: Vec<String> = changes.iter().map(|change| format!("  {change}")).collect();
        let state = self.state(state, last.taken_next());
        let part_of = self.cluster.run.as_ref().and_then(|run| {
            let part_of = run.steps.get(last.taken)?.part_of.as_ref()?;
            Some(format!("{part_of}\n\n"))
        });
        let part_of = part_of.unwrap_or_default();
        Some(format!("{part_of}{action}\n\nchanged\n{}\n\nnow\n{state:?}", changes.join("\n")))
    }

    fn as_svg(&self, path: Path<ExploredState, ExploredAction>) -> Option<String> {
        let actions: Vec<Action> =
            path.into_actions().into_iter().map(|action| action.action).collect();
        Some(diagram::sequence(&self.cluster.model, &actions))
    }
}

/// Where an action stands among those offered: what clients can start, what can arrive, faults.
fn place(action: &Action) -> impl Ord + use<> {
    let of = |rank: u8, envelope: Option<&Envelope>| (rank, envelope.map(Envelope::reading_order));
    match action {
        Action::Invoke { .. } => of(0, None),
        Action::InvokeLate { .. } => of(2, None),
        Action::Deliver(envelope) => of(1, Some(envelope)),
        Action::Expire { .. } => of(2, None),
        Action::Drop(envelope) => of(3, Some(envelope)),
        Action::Duplicate(envelope) => of(4, Some(envelope)),
        Action::Recover { .. } | Action::Heal => of(5, None),
        Action::Crash { .. } | Action::Partition { .. } => of(6, None),
        Action::AcceptLoss { .. } => of(7, None),
        Action::Wipe { .. } | Action::Snapshot { .. } | Action::Restore { .. } => of(7, None),
        Action::SetClock { .. } => of(8, None),
    }
}

/// Stateright wants plain functions without captured values, so each knows its condition by
/// position.
fn function<const POSITION: usize>(model: &ExploredCluster, state: &ExploredState) -> bool {
    let model = &model.cluster.model;
    match model.conditions()[POSITION] {
        // Of safety it wants to know whether it holds.
        Condition::Shown(property) if matches!(property.kind, PropertyKind::Safety { .. }) => {
            !Condition::Shown(property).is_met(model, &state.state)
        }
        condition => condition.is_met(model, &state.state),
    }
}

macro_rules! conditions {
    ($($position:literal)*) => {
        [$(function::<$position>),*]
    };
}

type Function = fn(&ExploredCluster, &ExploredState) -> bool;

/// Twice as many as there are properties in all, most of which have a witness, with room to grow.
const CONDITIONS: &[Function] = &conditions!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);

impl ExploredState {
    /// How many steps of a fixed run lead to the states after this one.
    fn taken_next(&self) -> usize {
        if self.cluster.run.is_some() { self.taken + 1 } else { 0 }
    }

    /// What is told at the end of a fixed run.
    fn ending(&self) -> Option<&str> {
        let run = self.cluster.run.as_ref()?;
        (self.taken == run.steps.len()).then_some(&*run.ending)
    }

    /// How each judged property stands in this very state.
    fn verdicts(&self) -> Vec<(&'static str, String)> {
        let model = &self.cluster.model;
        let view = model.view(&self.state);
        let system = ClusterSystem::with_goals(model, &Goal::ALL);
        let judged = model.judged().iter().map(|property| {
            let verdict = match property.kind {
                PropertyKind::Safety { holds, .. } if !holds(&view) => "VIOLATED",
                PropertyKind::Safety { witness, .. } if (witness.shown)(&view) => {
                    "holds, put to the test"
                }
                PropertyKind::Safety { .. } => "holds, not put to the test here",
                PropertyKind::Reachability { reached, .. } if reached(&view) => "reached",
                PropertyKind::Reachability { .. } => "not reached here",
                // Whether it holds depends on where all runs from here end.
                PropertyKind::EventuallyAlways { goal, .. } => {
                    goal.told(system.is_at(goal, &self.state))
                }
            };
            match property.explain(&view, model.names()) {
                Some(reason) => (property.name, format!("{verdict}: {reason}")),
                None => (property.name, verdict.to_owned()),
            }
        });
        judged.collect()
    }
}

impl fmt::Debug for ExploredState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.state.told(self.cluster.model.names()))?;
        let verdicts = self.verdicts();
        let width = verdicts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        writeln!(f, "properties in this state")?;
        for (name, verdict) in verdicts {
            writeln!(f, "  {name:<width$}  {verdict}")?;
        }
        if let Some(ending) = self.ending() {
            writeln!(f, "\n{ending}")?;
        }
        // Explorer takes states that read alike for the same; they may differ in what the
        // history remembers.
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        write!(f, "\nstate {:016x}", hasher.finish())
    }
}

impl fmt::Display for ExploredAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cluster.model.names().action(&self.action, self.starts.as_deref()))
    }
}

/// Explorer prints the path it searches with `Debug`.
impl fmt::Debug for ExploredAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.model.scenario().name)
    }
}

impl PartialEq for ExploredState {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state && self.taken == other.taken
    }
}

impl Hash for ExploredState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.state.hash(state);
        self.taken.hash(state);
    }
}

impl PartialEq for ExploredAction {
    fn eq(&self, other: &Self) -> bool {
        self.action == other.action
    }
}
