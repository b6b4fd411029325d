//! What a protocol is to a client of a running cluster.

use std::fmt::Debug;
use std::time::Duration;

use quorate_model::ids::{ClientId, NodeId};
use serde::Serialize;

use super::{EffectOf, MessageOf, Speaks, TimerOf};
use crate::client::ClientError;
use crate::config::ClusterFile;

/// A client of a protocol, which asks a running cluster for one thing after the other.
///
/// A step is a function of what the client remembers and what reaches it.
pub trait Asks: Sized + Debug {
    /// What it and the nodes say to each other.
    type Speaks: Speaks;
    /// How it asks.
    type Options;
    /// What it can ask for.
    type Operation;
    /// How that can end.
    type Outcome;
    /// What reaches it, as a trace tells it.
    type Input: Clone;
    /// What a step asks for, as a trace tells it.
    type Effect: Clone;
    /// A line of a trace.
    type Line: Serialize;

    /// A client that has asked for nothing yet.
    ///
    /// # Errors
    /// When it may not ask like this.
    fn new(
        id: ClientId,
        cluster: &ClusterFile,
        options: Self::Options,
    ) -> Result<Self, ClientError>;

    /// Asks like this from now on.
    ///
    /// # Errors
    /// When it may not.
    fn set_options(
        &mut self,
        cluster: &ClusterFile,
        options: Self::Options,
    ) -> Result<(), ClientError>;

    /// Who it is.
    fn id(&self) -> ClientId;

    /// How long one operation may take in all; as the configuration says if absent.
    fn timeout(&self) -> Option<Duration>;

    /// Whom to ask: the first to answer a ping of the first of these groups in which any does.
    fn whom_to_ask(&self, operation: &Self::Operation) -> Whom;

    // What reaches it.

    /// It starts an operation, with so many attempts in all.
    fn invoke(&self, operation: Self::Operation, coordinator: NodeId, attempts: u32)
    -> Self::Input;

    /// A message arrives.
    fn receive(from: NodeId, message: MessageOf<Self::Speaks>) -> Self::Input;

    /// A timer that was set, and not cancelled since, expires.
    fn expire(timer: TimerOf<Self::Speaks>) -> Self::Input;

    // What it does then.

    /// Takes one step. None of its effects has happened yet.
    fn step(&mut self, input: Self::Input) -> Asked<Self>;

    /// What the runtime has to do for an effect.
    fn effect(effect: Self::Effect) -> EffectOf<Self::Speaks>;

    // What a trace tells.

    /// The line that it starts with.
    fn header(&self, cluster: &ClusterFile) -> Self::Line;

    /// The line of a step.
    fn line(&self, at: StepAt, input: Self::Input, step: &Asked<Self>) -> Self::Line;
}

/// Whom a client asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whom {
    /// This node, whether or not it is there.
    Node(NodeId),
    /// The first to answer a ping, of the first of these groups in which any node does.
    FirstOf(Vec<Vec<NodeId>>),
}

/// What comes out of a client's step.
#[derive(Debug)]
pub struct Asked<A: Asks> {
    /// Messages to send and timers to start or stop, in this order.
    pub effects: Vec<A::Effect>,
    /// How the operation ended, if it did in this step.
    pub outcome: Option<A::Outcome>,
}

/// When a client took a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepAt {
    /// Counts its steps from one.
    pub number: u64,
    /// The machine's clock, never earlier than at the step before, in microseconds.
    pub at_us: u64,
}
