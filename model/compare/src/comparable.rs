//! What a protocol has to say to be compared: what its clients observe, what its nodes hold, and which timers are right.

use quorate_checker::world::{Action, NodeState, Protocol, State, Words};
use quorate_ids::NodeSet;

use crate::calls::ClientEvent;

/// Told a key and a value.
pub(crate) type OnValue<'a> = &'a mut dyn FnMut(&str, &str);

/// A protocol whose clients' observations can be compared with another's.
pub(crate) trait Comparable: Protocol {
    /// What a client observed, if the fact is about that.
    fn client_event(&self, fact: &Self::Fact) -> Option<ClientEvent>;

    /// The nodes that are to hold every key.
    fn replicas(&self) -> NodeSet;

    /// What a client that asks this node alone would find, key by key.
    fn readable(&self, node: &NodeState<Self>, on_value: OnValue<'_>);

    /// Everything that is on a node's disk, whether or not a client would find it: entries of logs, hints for others. What
    /// is held somewhere is not lost, even if nobody can be asked for it as long as a node is down.
    fn held(&self, node: &NodeState<Self>, on_value: OnValue<'_>);

    /// Whether what a timer concludes is so, of an action that spends the budget of timeouts: whoever waits would
    /// wait for ever.
    fn is_right(&self, state: &State<Self>, action: &Action<Self>) -> bool;

    /// Whether the protocol's own world counts those timeouts alone that are wrong: once none is left, it is told so, and
    /// reductions apply that rest on it.
    fn counts_wrong_ones_alone(&self) -> bool;

    /// Whether an action is that somebody has waited in vain: a client, a coordinator, a follower without a leader.
    fn is_wait(&self, action: &Action<Self>) -> bool;

    /// How people call its parts.
    fn words(&self) -> impl Words<Self>;
}
