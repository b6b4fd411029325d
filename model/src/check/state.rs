//! The global state of the model.

use quorate_checker::world;

use super::leaderless::Leaderless;

/// Everything at one moment: actors, messages under way, faults that may still happen, history.
pub type ClusterState = world::State<Leaderless>;

/// The state of a node.
pub type NodeState = world::NodeState<Leaderless>;

/// The state of an actor.
pub type ActorState = world::ActorState<Leaderless>;

/// An actor with the timers it has running.
pub type Seat = world::Seat<Leaderless>;
