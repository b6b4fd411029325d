//! Nodes, clients and values under other names.

use crate::ids::{ClientId, NodeId, NodeSet, Value};

/// What nodes, clients and values are called instead, one to one.
pub trait Names {
    /// The other name of a node.
    fn node(&self, node: NodeId) -> NodeId;

    /// The other name of a client.
    fn client(&self, client: ClientId) -> ClientId;

    /// The value that the client under its other name writes in the place of this one.
    fn value(&self, value: &Value) -> Value;

    /// The other names of nodes.
    fn nodes(&self, nodes: NodeSet) -> NodeSet {
        nodes.iter().map(|node| self.node(node)).collect()
    }
}
