//! What must hold, and what should be reachable or come to pass.

use std::fmt;
use std::sync::Arc;

use derive_where::derive_where;
use serde::{Deserialize, Serialize};

use super::protocol::Protocol;
use super::state::State;

/// A condition on one state.
pub type Condition<P> = Arc<dyn Fn(&P, &State<P>) -> bool + Send + Sync>;

/// What is expected, or found, of a property.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Expected {
    /// A safety property holds in every reachable state; or every fair run comes to its goal and stays.
    #[serde(rename = "holds")]
    Holds,
    /// Some reachable state violates a safety property; or some fair run does not stay at the goal.
    #[serde(rename = "violated")]
    Violated,
    /// Some reachable state is of the wanted kind.
    #[serde(rename = "reached")]
    Reached,
    /// No reachable state is of the kind.
    #[serde(rename = "not reached")]
    NotReached,
}

impl Expected {
    /// Whether it is said of what should, or should not, be reached; the others are said of what should hold.
    #[must_use]
    pub fn is_of_reaching(self) -> bool {
        matches!(self, Expected::Reached | Expected::NotReached)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::Holds => "holds",
            Expected::Violated => "violated",
            Expected::Reached => "reached",
            Expected::NotReached => "not reached",
        })
    }
}

/// A named property.
#[derive_where(Clone)]
pub struct Property<P: Protocol> {
    /// Its name in scenario files and reports.
    pub name: &'static str,
    /// What it says, in one sentence; empty where nobody has said it.
    pub statement: &'static str,
    /// The name of its witness: by which Stateright Explorer lists it.
    pub witness_name: &'static str,
    /// Of which kind it is, and how it is judged.
    pub kind: PropertyKind<P>,
    /// Why a state violates it, or is of the kind that it asks for, in one sentence; or, where no single state
    /// shows it, why this one is not at the goal.
    pub explain: Explain<P>,
}

/// Says why a state is as it is judged; `None` where there is nothing to say.
pub type Explain<P> = Arc<dyn Fn(&P, &State<P>) -> Option<String> + Send + Sync>;

/// The kinds of property.
#[derive_where(Clone)]
pub enum PropertyKind<P: Protocol> {
    /// Must hold in every state.
    Safety {
        /// Whether it holds in this state.
        holds: Condition<P>,
        /// The non-vacuity witness: whether it was put to the test in this state. Where no state shows it, the
        /// property holds for lack of occasion.
        witness: Condition<P>,
    },
    /// Should be possible, or impossible, to reach.
    Reachability {
        /// Whether this state is of the kind.
        reached: Condition<P>,
        /// Whether somebody had asked, in this state, for what could lead there. Where no state shows it, the
        /// kind was not reached for lack of occasion.
        opportunity: Condition<P>,
    },
    /// Every fair run comes to states of a kind and stays there, which no single state shows.
    EventuallyAlways {
        /// Whether this state is of the kind.
        goal: Condition<P>,
        /// How a state is told that is of the kind, and one that is not.
        told: [&'static str; 2],
    },
}

impl<P: Protocol> Property<P> {
    /// A safety property, with its non-vacuity witness.
    pub fn always(
        name: &'static str,
        holds: impl Fn(&P, &State<P>) -> bool + Send + Sync + 'static,
        witness: impl Fn(&P, &State<P>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let kind = PropertyKind::Safety { holds: Arc::new(holds), witness: Arc::new(witness) };
        Property::unexplained(name, kind)
    }

    /// A kind of state that is to be reached, or not, and a kind in which somebody had asked for it.
    pub fn sometimes(
        name: &'static str,
        reached: impl Fn(&P, &State<P>) -> bool + Send + Sync + 'static,
        opportunity: impl Fn(&P, &State<P>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let (reached, opportunity) = (Arc::new(reached), Arc::new(opportunity));
        let kind = PropertyKind::Reachability { reached, opportunity };
        Property::unexplained(name, kind)
    }

    /// A kind of state that every fair run comes to and stays at, once faults and clients have ended.
    pub fn eventually_always(
        name: &'static str,
        goal: impl Fn(&P, &State<P>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let told = ["at the goal here", "not at the goal here"];
        let kind = PropertyKind::EventuallyAlways { goal: Arc::new(goal), told };
        Property::unexplained(name, kind)
    }

    fn unexplained(name: &'static str, kind: PropertyKind<P>) -> Self {
        let (statement, explain) = ("", Arc::new(|_: &P, _: &State<P>| None));
        Property { name, statement, witness_name: "(witness)", kind, explain }
    }

    /// The same property, with what it says.
    #[must_use]
    pub fn stated(self, statement: &'static str) -> Self {
        Property { statement, ..self }
    }

    /// The same property, whose verdicts are explained.
    #[must_use]
    pub fn explained(
        self,
        explain: impl Fn(&P, &State<P>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Property { explain: Arc::new(explain), ..self }
    }

    /// How the property stands in one state, in words.
    #[must_use]
    pub fn stands(&self, protocol: &P, state: &State<P>) -> String {
        let verdict = match &self.kind {
            PropertyKind::Safety { holds, .. } if !holds(protocol, state) => "VIOLATED",
            PropertyKind::Safety { witness, .. } if witness(protocol, state) => {
                "holds, put to the test"
            }
            PropertyKind::Safety { .. } => "holds, not put to the test here",
            PropertyKind::Reachability { reached, .. } if reached(protocol, state) => "reached",
            PropertyKind::Reachability { .. } => "not reached here",
            // Whether it holds depends on where all runs from here end.
            PropertyKind::EventuallyAlways { goal, told: [is_at, is_not] } => {
                if goal(protocol, state) { is_at } else { is_not }
            }
        };
        match (self.explain)(protocol, state) {
            Some(reason) => format!("{verdict}: {reason}"),
            None => verdict.to_owned(),
        }
    }

    /// Whether it makes sense to expect this of it.
    #[must_use]
    pub fn admits(&self, expected: Expected) -> bool {
        expected.is_of_reaching() == matches!(self.kind, PropertyKind::Reachability { .. })
    }
}
