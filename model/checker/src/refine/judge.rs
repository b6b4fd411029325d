//! Who judges what is replayed.

use quorate_ids::{ClientId, NodeId};

use super::report::{PropertyReport, UnjudgedKey};
use super::trace::{ClientStep, NodeStep};
use super::traced::Traced;

/// Judges the properties of a protocol on a run that is replayed: by the conditions, and from the facts, by which
/// the checker judges them on the runs that it searches.
pub trait Judge<P: Traced> {
    /// What it is told of a node's step.
    type Seen;

    /// A node is about to start with its disk lost: it holds nothing any more.
    ///
    /// # Errors
    /// When a promised property does not hold after it.
    fn on_lost_disk(&mut self, node: NodeId) -> Result<(), Broken>;

    /// A node took a step, which no crash cut off.
    ///
    /// # Errors
    /// When a promised property does not hold after it.
    fn on_node_step(
        &mut self,
        node: NodeId,
        step: &NodeStep<P>,
        seen: Self::Seen,
    ) -> Result<(), Broken>;

    /// A client took a step. `operation` counts the operations of the client from zero: the one that it starts in this
    /// step, or started last.
    ///
    /// # Errors
    /// When a promised property does not hold after it.
    fn on_client_step(&mut self, step: &ClientStep<P>, operation: u64) -> Result<(), Broken>;

    /// A node is about to take a step for a message of a client without a trace.
    fn on_untraced(&mut self, client: ClientId, message: &P::Message);

    /// What the judgement came to.
    fn findings(&self) -> Findings;
}

/// A promised property that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Which property.
    pub name: &'static str,
    /// Of what, where each part of what is stored is judged on its own: `key k`.
    pub of: Option<String>,
    /// What it says, or why it does not hold.
    pub statement: String,
}

/// What a judgement came to.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Findings {
    /// How each property did, in the order of reports.
    pub properties: Vec<PropertyReport>,
    /// How many keys were judged to the end. A protocol without keys has one.
    pub keys_judged: usize,
    /// Those that were not.
    pub keys_not_judged: Vec<UnjudgedKey>,
}
