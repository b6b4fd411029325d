//! What a property is, and what it is judged on.

use alloc::string::String;
use alloc::vec::Vec;

use quorate_checker::world::Expected;

use super::{ALL, Goal, Memories, OnTraces};
use crate::check::history::{Base, Historian, History, Ledger, Watch};
use crate::check::state::NodeState;
use crate::check::words::Names;
use crate::scenario::Scenario;

/// What is judged: the nodes and the history at one moment, of the model or of a replayed
/// cluster.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The scenario, for its planned writes.
    pub scenario: &'a Scenario,
    /// Who can name the writes of a record.
    pub historian: &'a Historian,
    /// What clients asked for and saw.
    pub history: &'a History,
    /// The nodes.
    pub nodes: &'a dyn Nodes,
}

impl<'a> View<'a> {
    /// What properties share.
    pub(super) fn ledger(&self) -> &'a Ledger {
        self.history.ledger()
    }

    /// What the judged properties remember.
    pub(super) fn memories(&self) -> &'a Memories {
        self.history.memories()
    }

    /// What can be told from the plan and the ledger.
    pub(crate) fn base(&self) -> Base<'a> {
        Base { historian: self.historian, ledger: self.history.ledger() }
    }
}

/// Whoever can show the states of all nodes.
pub trait Nodes {
    /// Calls `visit` with every node's state, in order.
    fn visit(&self, visit: &mut dyn FnMut(&NodeState));
}

/// A condition on one moment.
pub type Condition = fn(&View<'_>) -> bool;

/// Says in one sentence why a moment violates a property, or is of the wanted kind. `None` where it
/// is neither, or where the history was not kept for it: see [`Historian::explaining`].
pub type Explanation = fn(&View<'_>, &Names) -> Option<String>;

/// When a property was put to the test.
#[derive(Clone, Copy, Debug)]
pub struct Witness {
    /// Whether this moment shows it.
    pub shown: Condition,
    /// What a witness is, in words.
    pub statement: &'static str,
    /// The name under which Stateright knows the witness.
    pub name: &'static str,
}

/// The kinds of property.
#[derive(Clone, Copy, Debug)]
pub enum PropertyKind {
    /// Must hold in every state. The witness is a state in which it was put to the test: without
    /// one, it held for lack of occasion.
    Safety {
        /// Whether it holds at this moment.
        holds: Condition,
        /// Whether this moment shows that it could have failed.
        witness: Witness,
    },
    /// Should be possible, or impossible, to reach. The opportunity is a state in which somebody had
    /// asked for what could lead there: without one, it was not reached for lack of occasion.
    Reachability {
        /// Whether this moment is of the kind.
        reached: Condition,
        /// Whether this moment shows that it could have been reached.
        opportunity: Witness,
    },
    /// Every fair run comes to states of a kind and stays there, which no single moment shows:
    /// decided on all of them at once by [`crate::check::convergence`].
    EventuallyAlways {
        /// To which states.
        goal: Goal,
        /// What a witness is, in words: a state in which it was put to the test.
        witness_statement: &'static str,
    },
}

/// A named property.
#[derive(Clone, Copy, Debug)]
pub struct PropertySpec {
    /// Its name in scenario files and reports.
    pub name: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// What kind it is and how it is judged.
    pub kind: PropertyKind,
    /// Which facts of history it needs.
    pub(super) watch: Watch,
    /// Whether it is judged on traces of running nodes, and how.
    pub on_traces: OnTraces,
    pub(super) explanation: Explanation,
}

impl PropertySpec {
    /// The property of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static PropertySpec> {
        ALL.iter().find(|property| property.name == name)
    }

    /// Whether it makes sense to expect this of it.
    #[must_use]
    pub fn admits(&self, expected: Expected) -> bool {
        expected.is_of_reaching() == matches!(self.kind, PropertyKind::Reachability { .. })
    }

    /// What shows in one state that it was put to the test; `None` where no single state does.
    #[must_use]
    pub fn witness(&self) -> Option<Witness> {
        match self.kind {
            PropertyKind::Safety { witness, .. } => Some(witness),
            PropertyKind::Reachability { opportunity, .. } => Some(opportunity),
            PropertyKind::EventuallyAlways { .. } => None,
        }
    }

    /// The goal that every fair run should come to, if it is about where runs end.
    #[must_use]
    pub fn goal(&self) -> Option<Goal> {
        match self.kind {
            PropertyKind::EventuallyAlways { goal, .. } => Some(goal),
            PropertyKind::Safety { .. } | PropertyKind::Reachability { .. } => None,
        }
    }

    /// Why a moment violates it, or is of the kind that it asks for, in one sentence. Of a property
    /// that is decided on whole runs: why this moment is none of those that they should come to.
    #[must_use]
    pub fn explain(&self, view: &View<'_>, names: &Names) -> Option<String> {
        (self.explanation)(view, names)
    }

    /// What to watch for these properties.
    #[must_use]
    pub fn watch(properties: &[&PropertySpec]) -> Watch {
        properties.iter().map(|property| property.watch).fold(Watch::NOTHING, Watch::union)
    }

    /// The properties that a scenario states an expectation of, in the order of [`ALL`].
    #[must_use]
    pub fn judged_in(scenario: &Scenario) -> Vec<&'static PropertySpec> {
        ALL.iter().filter(|property| scenario.expect.contains_key(property.name)).collect()
    }

    /// All names, for an error message.
    #[must_use]
    pub fn names() -> String {
        ALL.iter().map(|property| property.name).collect::<Vec<_>>().join(", ")
    }
}
