//! The world as Stateright Explorer shows it: the same states and actions, told to people.
//!
//! Explorer knows an action by itself, without the state it is offered in, and prints states with
//! `Debug`. So here an action remembers which operation it starts, and a state remembers whose it
//! is and can say how the properties stand in it. Explorer's own marks cannot: "safety holds" is
//! what it says of every state off the path to a counterexample, without looking.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ::stateright::{Expectation, Model, Path, Property as StaterightProperty};
use derive_where::derive_where;
use quorate_ids::Peer;

use super::World;
use super::action::{Action, Envelope};
use super::diagram;
use super::property::{Property, PropertyKind};
use super::protocol::Protocol;
use super::state::State;
use super::words::Words;

/// A world to be browsed.
#[derive_where(Clone, Debug)]
pub struct ExploredWorld<P: Protocol, W> {
    shared: Arc<Shown<P, W>>,
}

/// What all states and actions of one model share.
struct Shown<P: Protocol, W> {
    /// What it is called.
    name: String,
    world: World<P>,
    words: W,
    properties: Vec<Property<P>>,
    /// The only run there is, where there is nothing to choose.
    run: Option<FixedRun<P>>,
}

/// One run to walk along.
#[derive_where(Clone, Debug)]
pub struct FixedRun<P: Protocol> {
    /// What happens, in order.
    pub steps: Vec<FixedStep<P>>,
    /// What is told at its end.
    pub ending: String,
}

/// One step of a [`FixedRun`].
#[derive_where(Clone, Debug)]
pub struct FixedStep<P: Protocol> {
    /// What happens.
    pub action: Action<P>,
    /// The step of the script that it belongs to, in words.
    pub part_of: Option<String>,
}

/// A state of an [`ExploredWorld`].
#[derive_where(Clone)]
pub struct ExploredState<P: Protocol, W> {
    state: State<P>,
    /// How many steps of a fixed run led here: a run may pass the same state twice.
    taken: usize,
    shared: Arc<Shown<P, W>>,
}

/// An action of an [`ExploredWorld`].
#[derive_where(Clone)]
pub struct ExploredAction<P: Protocol, W> {
    action: Action<P>,
    /// What the client starts, if it is a start.
    starts: Option<String>,
    shared: Arc<Shown<P, W>>,
}

impl<P: Protocol, W: Words<P>> ExploredWorld<P, W> {
    /// A world to be browsed under a name, with how these properties stand in each state.
    #[must_use]
    pub fn new(
        name: String,
        world: World<P>,
        words: W,
        properties: impl IntoIterator<Item = Property<P>>,
    ) -> Self {
        let properties = properties.into_iter().collect();
        let shown = Shown { name, world, words, properties, run: None };
        ExploredWorld { shared: Arc::new(shown) }
    }

    /// The same, where there is this one run to walk along.
    #[must_use]
    pub fn along(
        name: String,
        world: World<P>,
        words: W,
        properties: impl IntoIterator<Item = Property<P>>,
        run: FixedRun<P>,
    ) -> Self {
        let properties = properties.into_iter().collect();
        let shown = Shown { name, world, words, properties, run: Some(run) };
        ExploredWorld { shared: Arc::new(shown) }
    }

    /// Where the page shows the end of this run: which of the offered actions is taken, step by
    /// step, as far as they are offered.
    #[must_use]
    pub fn address(&self, actions: &[Action<P>]) -> String {
        let mut state = self.first();
        let mut address = "#/steps/0".to_owned();
        for action in actions {
            let mut offered = Vec::new();
            self.offer(&state, &mut offered);
            let at = offered.iter().position(|offered| offered.action == *action);
            let next = at.and_then(|at| self.step(&state, offered.swap_remove(at)));
            let (Some(at), Some(next)) = (at, next) else { break };
            let _ = write!(address, "/{at}");
            state = next;
        }
        address
    }

    fn first(&self) -> ExploredState<P, W> {
        self.state(self.shared.world.initial_state(), 0)
    }

    fn state(&self, state: State<P>, taken: usize) -> ExploredState<P, W> {
        ExploredState { state, taken, shared: Arc::clone(&self.shared) }
    }

    fn offer(&self, state: &ExploredState<P, W>, actions: &mut Vec<ExploredAction<P, W>>) {
        let Shown { world, words, run, .. } = &*self.shared;
        let offered = match run {
            Some(run) => {
                run.steps.get(state.taken).map(|step| step.action.clone()).into_iter().collect()
            }
            None => {
                let mut offered = Vec::new();
                world.offer(&state.state, &mut offered);
                // Messages are under way in the order of their fingerprints, which tells people
                // nothing.
                offered.sort_by_cached_key(|action| place(words, action));
                offered
            }
        };
        actions.extend(offered.into_iter().map(|action| {
            let starts = match &action {
                Action::Invoke { client, .. } | Action::InvokeLate { client, .. } => {
                    Some(words.starts_in(&state.state, *client))
                }
                _ => None,
            };
            ExploredAction { action, starts, shared: Arc::clone(&self.shared) }
        }));
    }

    fn step(
        &self,
        last: &ExploredState<P, W>,
        action: ExploredAction<P, W>,
    ) -> Option<ExploredState<P, W>> {
        let next = self.shared.world.apply(&last.state, action.action)?;
        Some(self.state(next, last.taken_next()))
    }
}

impl<P: Protocol, W: Words<P> + Send + Sync + 'static> Model for ExploredWorld<P, W> {
    type State = ExploredState<P, W>;
    type Action = ExploredAction<P, W>;

    fn init_states(&self) -> Vec<Self::State> {
        Vec::from([self.first()])
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.offer(state, actions);
    }

    fn next_state(&self, last: &Self::State, action: Self::Action) -> Option<Self::State> {
        self.step(last, action)
    }

    /// # Panics
    /// If there are more conditions than functions for them.
    fn properties(&self) -> Vec<StaterightProperty<Self>> {
        let functions = functions::<P, W>();
        let mut properties = Vec::new();
        for property in &self.shared.properties {
            let (expectation, witness) = match property.kind {
                PropertyKind::Safety { .. } => (Expectation::Always, true),
                PropertyKind::Reachability { .. } => (Expectation::Sometimes, true),
                PropertyKind::EventuallyAlways { .. } => continue,
            };
            let number = properties.len();
            assert!(number + 1 < functions.len(), "there is a function for each condition");
            properties.push(StaterightProperty {
                expectation,
                name: property.name,
                condition: functions[number],
            });
            if witness {
                properties.push(StaterightProperty {
                    expectation: Expectation::Sometimes,
                    name: property.witness_name,
                    condition: functions[number + 1],
                });
            }
        }
        properties
    }

    fn format_action(&self, action: &Self::Action) -> String {
        action.to_string()
    }

    /// What the action changes, and the state it leads to.
    fn format_step(&self, last: &Self::State, action: Self::Action) -> Option<String> {
        let Shown { world, words, run, .. } = &*self.shared;
        let step = world.step_in_words(words, &last.state, &action.action)?;
        let nothing = [String::from("nothing")];
        let changes = if step.changes.is_empty() { &nothing[..] } else { &step.changes };
        let changes: Vec<String> = changes.iter().map(|change| format!("  {change}")).collect();
        let state = self.state(step.after, last.taken_next());
        let part_of = run.as_ref().and_then(|run| {
            let part_of = run.steps.get(last.taken)?.part_of.as_ref()?;
            Some(format!("{part_of}\n\n"))
        });
        let part_of = part_of.unwrap_or_default();
        Some(format!("{part_of}{action}\n\nchanged\n{}\n\nnow\n{state:?}", changes.join("\n")))
    }

    fn as_svg(&self, path: Path<Self::State, Self::Action>) -> Option<String> {
        let actions: Vec<Action<P>> =
            path.into_actions().into_iter().map(|action| action.action).collect();
        Some(diagram::sequence(&self.shared.world, &self.shared.words, &actions))
    }
}

/// Where an action stands among those offered: what clients can start, what can arrive, faults.
fn place<P: Protocol>(
    words: &impl Words<P>,
    action: &Action<P>,
) -> (u8, Option<(String, Peer, Peer, String)>) {
    let of = |rank: u8, sent: Option<&Envelope<P>>| {
        let place = |sent: &Envelope<P>| {
            (words.place(&sent.message), sent.from, sent.to, words.message(&sent.message))
        };
        (rank, sent.map(place))
    };
    match action {
        Action::Invoke { .. } => of(0, None),
        Action::Deliver(envelope) => of(1, Some(envelope)),
        Action::InvokeLate { .. } | Action::Expire { .. } => of(2, None),
        Action::Drop(envelope) => of(3, Some(envelope)),
        Action::Duplicate(envelope) | Action::Lie(envelope) => of(4, Some(envelope)),
        Action::Recover { .. } | Action::Heal => of(5, None),
        Action::Crash { .. } | Action::Partition { .. } => of(6, None),
        Action::Command { .. }
        | Action::Wipe { .. }
        | Action::Snapshot { .. }
        | Action::Restore { .. } => of(7, None),
        Action::SetClock { .. } => of(8, None),
    }
}

type Function<P, W> = fn(&ExploredWorld<P, W>, &ExploredState<P, W>) -> bool;

/// Stateright wants plain functions without captured values, so each knows its condition by
/// position: that a property of single states holds, or is reached, and then that it was put to the test.
fn function<P: Protocol, W, const POSITION: usize>(
    explored: &ExploredWorld<P, W>,
    state: &ExploredState<P, W>,
) -> bool {
    let Shown { world, properties, .. } = &*explored.shared;
    let conditions = properties.iter().filter_map(|property| match &property.kind {
        PropertyKind::Safety { holds, witness } => Some([holds, witness]),
        PropertyKind::Reachability { reached, opportunity } => Some([reached, opportunity]),
        PropertyKind::EventuallyAlways { .. } => None,
    });
    let condition = conditions.flatten().nth(POSITION);
    condition.is_some_and(|condition| condition(world.protocol(), &state.state))
}

macro_rules! functions {
    ($($position:literal)*) => {
        &[$(function::<P, W, $position>),*]
    };
}

/// Two for each of 32 properties.
fn functions<P: Protocol, W>() -> &'static [Function<P, W>; 64] {
    functions!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
        32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61
        62 63
    )
}

impl<P: Protocol, W> ExploredState<P, W> {
    /// How many steps of a fixed run lead to the states after this one.
    fn taken_next(&self) -> usize {
        if self.shared.run.is_some() { self.taken + 1 } else { 0 }
    }

    /// What is told at the end of a fixed run.
    fn ending(&self) -> Option<&str> {
        let run = self.shared.run.as_ref()?;
        (self.taken == run.steps.len()).then_some(&*run.ending)
    }
}

impl<P: Protocol, W: Words<P>> fmt::Debug for ExploredState<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { world, words, properties, .. } = &*self.shared;
        writeln!(f, "{}\n", words.state(&self.state))?;
        let width = properties.iter().map(|one| one.name.len()).max().unwrap_or_default();
        writeln!(f, "properties in this state")?;
        for property in properties {
            let stands = property.stands(world.protocol(), &self.state);
            writeln!(f, "  {:<width$}  {stands}", property.name)?;
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

impl<P: Protocol, W: Words<P>> fmt::Display for ExploredAction<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shared.words.action(&self.action, self.starts.as_deref()))
    }
}

/// Explorer prints the path it searches with `Debug`.
impl<P: Protocol, W: Words<P>> fmt::Debug for ExploredAction<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<P: Protocol, W> fmt::Debug for Shown<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<P: Protocol, W> PartialEq for ExploredState<P, W> {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state && self.taken == other.taken
    }
}

impl<P: Protocol, W> Hash for ExploredState<P, W> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.state.hash(state);
        self.taken.hash(state);
    }
}

impl<P: Protocol, W> PartialEq for ExploredAction<P, W> {
    fn eq(&self, other: &Self) -> bool {
        self.action == other.action
    }
}
