//! Sequence diagrams of runs, as SVG.
//!
//! Every message that arrives is an arrow: level, in a row of its own, at the moment it arrives. One
//! that takes no time follows in the row below the one that caused it, within the same step. How
//! long a message was under way shows as a thin line along its sender's lifeline. So lines cross at
//! right angles only, and a label, which stays between two lifelines, is crossed by none.

mod escape;
mod rows;
mod svg;

use super::World;
use super::action::Action;
use super::protocol::Protocol;
use super::words::Words;
pub use escape::escape;

/// The sequence diagram of a run from the initial state: a lifeline per node and client, which is
/// broken while a node is down, an arrow per message that arrives or is lost, a line across all
/// nodes where the network splits or is whole again, marks for what happens at one node. Actions
/// that the model does not allow end the diagram.
#[must_use]
pub fn sequence<P: Protocol>(
    world: &World<P>,
    words: &impl Words<P>,
    actions: &[Action<P>],
) -> String {
    let nodes = world.environment().nodes;
    let actors = nodes + world.environment().clients;
    let names = (0..actors).map(|index| words.peer(world.peer(index))).collect();
    svg::draw(&svg::Lifelines { nodes, names }, &rows::of(world, words, actions))
}
