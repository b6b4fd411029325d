//! What validation asks of a protocol.

use std::time::Duration;

use quorate_ids::{ClientId, NodeId, Timestamp};

use super::judge::Judge;
use super::parse::ClientTrace;
use super::traced::Traced;
use crate::world::{Protocol, Words};

/// A protocol in the cluster that the headers of traces describe, to be replayed and judged.
///
/// It says how nodes and clients of its own take one step, and who judges what that comes to. Everything else is
/// the validator's: which lines may follow each other, which messages may arrive, which timers expire, what a
/// crash leaves, in which order the steps of all traces are taken, and whether the recorded steps are these.
pub trait Validated: Sized {
    /// The protocol.
    type Protocol: Traced;
    /// A node as far as it has been replayed.
    type Node: ReplayedNode<Self::Protocol>;
    /// A client as far as it has been replayed.
    type Client: ReplayedClient<Self::Protocol>;
    /// Who judges what is replayed.
    type Judge: Judge<Self::Protocol, Seen = SeenOf<Self>>;
    /// How refusals call things.
    type Words: Words<Self::Protocol>;

    /// The protocol in this cluster.
    ///
    /// # Errors
    /// When no cluster can be like that: why.
    fn new(cluster: &ClusterOf<Self>) -> Result<Self, String>;

    /// How many nodes the cluster has.
    fn nodes(&self) -> usize;

    /// How refusals call things.
    fn words(&self) -> &Self::Words;

    /// A node on an empty disk that has never started.
    fn node(&self, node: NodeId) -> Self::Node;

    /// A client that has done nothing yet.
    fn client(&self, client: ClientId) -> Self::Client;

    /// A judge of what these clients did, and of the nodes.
    fn judge(&self, clients: &[ClientTrace<Self::Protocol>]) -> Self::Judge;

    /// Whether a client may say this of its own accord, under its own name: what is believed of clients without a
    /// trace.
    fn may_say(client: ClientId, message: &MessageOf<Self>) -> bool;

    /// Whether this timer runs until every datagram is gone that was under way when it was set.
    fn waits_for_older(timer: TimerOf<Self>) -> bool {
        let _ = timer;
        false
    }

    /// How long such a wait takes at least, where datagrams live so long at most. Two lifetimes where receivers
    /// tell the age of a datagram by clocks that may differ by one.
    fn least_wait(datagram_lifetime: Duration) -> Duration {
        2 * datagram_lifetime
    }
}

/// What headers say of a cluster.
pub type ClusterOf<V> = <<V as Validated>::Protocol as Traced>::Cluster;

/// What is sent.
pub type MessageOf<V> = <<V as Validated>::Protocol as Protocol>::Message;

/// What expires.
pub type TimerOf<V> = <<V as Validated>::Protocol as Protocol>::Timer;

/// What a judge is told of a step of a node.
pub type SeenOf<V> = <<V as Validated>::Node as ReplayedNode<<V as Validated>::Protocol>>::Seen;

/// A node that takes the steps of a trace, by the code that running nodes take them by.
pub trait ReplayedNode<P: Traced> {
    /// What a crash leaves of it.
    type Durable;
    /// What a judge is told of a step.
    type Seen;

    /// What a crash now would leave, were everything durable.
    fn durable(&self) -> Self::Durable;

    /// It is stopped, and to start again: on this, or, if `None`, on what it has come to. What is volatile is gone.
    fn restart(&mut self, durable: Option<Self::Durable>);

    /// Something reaches it at this time of its clock.
    fn step(&mut self, now: Timestamp, input: &P::Input) -> Replayed<P, Self::Seen>;
}

/// What a step of a node comes to.
#[derive(Debug)]
pub struct Replayed<P: Traced, S> {
    /// What it asks for, in order.
    pub effects: Vec<P::Effect>,
    /// The digest of the node afterwards.
    pub digest: P::Digest,
    /// What a judge is told.
    pub seen: S,
}

/// A client that takes the steps of a trace.
pub trait ReplayedClient<P: Traced> {
    /// Whether it waits for its operation to end, and so may not start another.
    fn is_waiting(&self) -> bool;

    /// Something reaches it: what it asks for then, in order, and how its operation ended, if it did.
    fn step(&mut self, input: &P::ClientInput) -> (Vec<P::Effect>, Option<P::Outcome>);
}
