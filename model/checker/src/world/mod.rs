//! A cluster of nodes and clients in a hostile world, whatever protocol they follow.
//!
//! A [`Protocol`] says what nodes and clients do when something reaches them. The [`World`] does the
//! rest: messages under way, timers, crashes, lost and older disks, partitions, each within a budget
//! ([`Faults`]), in every order. It is a [`System`](crate::System), so it is explored, and a
//! Stateright `Model`, so it is browsed in Stateright Explorer.
//!
//! A step of the world is, one after the other: what it does ([`World::apply`]), what an observer sees of
//! that ([`Protocol::facts`], [`Protocol::note`]), the form in which the result is visited
//! ([`Protocol::canonicalise`]), and what is counted ([`Counters`]).

mod action;
mod actors;
mod apply;
pub mod campaign;
mod canonical;
pub mod certify;
mod command_line;
mod counters;
pub mod diagram;
mod disks;
mod environment;
mod explorer;
pub mod footprints;
mod judged;
mod local;
mod malformed;
mod offer;
mod operations;
mod promise;
mod property;
mod protocol;
mod reduces;
mod report;
mod saved;
mod scenario_file;
mod script;
mod shown_with;
mod stage;
mod state;
mod stateright;
mod taken;
mod walk;
mod words;

pub use action::{Action, Envelope};
pub use actors::WorldActor;
pub use command_line::command_line;
pub use counters::{Counters, Enumerated, Kind, KindOf};
pub use environment::{Environment, Faults};
pub use explorer::{ExploredAction, ExploredState, ExploredWorld, FixedRun, FixedStep};
pub use judged::{Endings, Judged, Verdict};
pub use local::{Event, Taken};
pub use malformed::malformed;
pub use promise::Promise;
pub use property::{Condition, Expected, Explain, Property, PropertyKind};
pub use protocol::{ClientInput, Effect, Expiry, NodeInput, Outbox, Protocol, Value};
pub use reduces::Reduces;
pub use report::{Report, report};
pub use saved::{PATH_FORMAT, ReplayError, SavedPath, SavedStep};
pub use scenario_file::{FileStep, NoSteps, ScenarioFile, ScenarioFileError};
pub use script::{ScriptDifference, ScriptRun, ScriptedStep};
pub use shown_with::{ShownWith, Shows, Unfit, shortest_with};
pub use stage::{Obstacle, Selector, Stage, Transition};
pub use state::{ActorState, Network, NodeState, Seat, State};
pub use taken::{ActorStep, StepsTaken};
pub use walk::{CYCLE_STARTS, STUCK, Step, numbered};
pub use words::Words;

use std::sync::Arc;

use crate::memo::Memo;
use crate::shared::Shared;

use local::LocalStep;

/// Steps of actors that were taken before.
type Steps<P> = Memo<Shared<Seat<P>>, Event<P>, LocalStep<P>>;

/// A protocol in its environment: every run that the budgets allow.
pub struct World<P: Protocol> {
    protocol: Arc<P>,
    environment: Arc<Environment>,
    counters: Arc<Counters<P>>,
    steps: Arc<Steps<P>>,
}

impl<P: Protocol> Clone for World<P> {
    fn clone(&self) -> Self {
        World {
            protocol: Arc::clone(&self.protocol),
            environment: Arc::clone(&self.environment),
            counters: Arc::clone(&self.counters),
            steps: Arc::clone(&self.steps),
        }
    }
}

impl<P: Protocol> World<P> {
    /// The world of this protocol, in the environment that it names.
    #[must_use]
    pub fn new(protocol: P) -> Self {
        World {
            environment: Arc::new(protocol.environment()),
            protocol: Arc::new(protocol),
            counters: Arc::default(),
            steps: Arc::default(),
        }
    }

    /// The same world of a protocol whose nodes and clients take the same steps, and of whose steps the same
    /// facts are seen: what was worked out before is remembered. Counters begin anew.
    #[must_use]
    pub fn with_protocol(&self, protocol: P) -> Self {
        World { steps: Arc::clone(&self.steps), ..World::new(protocol) }
    }

    /// The same world with counters of its own.
    #[must_use]
    pub fn with_fresh_counters(&self) -> Self {
        World { counters: Arc::default(), ..self.clone() }
    }

    /// The protocol.
    #[must_use]
    pub fn protocol(&self) -> &P {
        &self.protocol
    }

    /// The environment.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The name by which searches tell states apart.
    #[must_use]
    pub fn fingerprint(&self, state: &State<P>) -> u64 {
        self.protocol.fingerprint(state, &self.counters)
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters<P> {
        &self.counters
    }
}
