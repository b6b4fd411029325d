//! Permutations of nodes and clients of which nothing can tell whether they took place.

use alloc::vec::Vec;

use itertools::Itertools;

use crate::check::write_set::WriteSet;
use crate::ids::{ClientId, NodeId, NodeSet, Value};
use crate::scenario::{ClientProgram, PlannedAction, PlannedOperation, Scenario};
use crate::versions::Names;

/// The most permutations that are looked at: those of four clients, or of four nodes. Each state is compared with as many
/// images.
const ORDER_MAX: usize = 36;

/// The most clients of a scenario of which some may be exchanged.
const CLIENTS_MAX: usize = 6;

/// The most nodes of a scenario of which some may be exchanged.
const NODES_MAX: usize = 4;

/// A permutation of the nodes and of the clients of a scenario, with the writes that they make: each client takes the place
/// of another that does the same, at the nodes that take the places of those it does it at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permutation {
    /// Whose place each node takes.
    nodes: Vec<usize>,
    /// Whose place each client takes.
    clients: Vec<usize>,
    /// Which write each write is then.
    writes: Vec<usize>,
    /// Values that others are written in the place of.
    values: Vec<(Value, Value)>,
}

impl Permutation {
    /// That which moves each node and each client to the place of these. A write becomes the one that stands in the same
    /// place of the other program.
    fn new(scenario: &Scenario, nodes: Vec<usize>, clients: Vec<usize>) -> Self {
        let mut writes: Vec<usize> = (0..scenario.writes.len()).collect();
        for (write, planned) in scenario.writes.iter().enumerate() {
            let other = &scenario.clients[clients[planned.client.0 as usize]];
            if let PlannedAction::Put { write: other, .. } =
                other.operations[planned.operation].action
            {
                writes[write] = other;
            }
        }
        let value = |write: usize| scenario.writes[write].value.clone();
        let pairs = writes.iter().enumerate().filter(|(write, other)| write != *other);
        let values = pairs.filter_map(|(write, other)| value(write).zip(value(*other))).collect();
        Permutation { nodes, clients, writes, values }
    }

    /// Whether some node takes the place of another.
    #[must_use]
    pub fn moves_nodes(&self) -> bool {
        is_moved(&self.nodes)
    }

    /// Whether some client takes the place of another.
    #[must_use]
    pub fn moves_clients(&self) -> bool {
        is_moved(&self.clients)
    }

    /// The positions of nodes, then of clients behind them, each the place that the one at this position takes.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let clients = self.clients.iter().map(|place| self.nodes.len() + place);
        self.nodes.iter().copied().chain(clients)
    }

    /// Which write a write is then.
    #[must_use]
    pub fn write(&self, write: usize) -> usize {
        self.writes[write]
    }

    /// Which writes these are then.
    #[must_use]
    pub fn writes(&self, writes: WriteSet) -> WriteSet {
        writes.iter().map(|write| self.writes[write]).collect()
    }

    /// What is kept per write, each in the place of the write that it is then.
    #[must_use]
    pub fn by_write<T>(&self, kept: Vec<T>) -> Vec<T> {
        moved(kept, &self.writes)
    }

    /// What is kept per node, each in the place that it takes. Nothing may be kept.
    #[must_use]
    pub fn by_node<T>(&self, kept: Vec<T>) -> Vec<T> {
        if kept.is_empty() { kept } else { moved(kept, &self.nodes) }
    }

    /// What is kept per client, each in the place that it takes. Nothing may be kept.
    #[must_use]
    pub fn by_client<T>(&self, kept: Vec<T>) -> Vec<T> {
        if kept.is_empty() { kept } else { moved(kept, &self.clients) }
    }
}

impl Names for Permutation {
    fn node(&self, node: NodeId) -> NodeId {
        moved_node(&self.nodes, node)
    }

    fn client(&self, client: ClientId) -> ClientId {
        self.clients.get(client.0 as usize).map_or(client, |place| ClientId(*place as u64))
    }

    fn value(&self, value: &Value) -> Value {
        let other = self.values.iter().find(|(known, _)| known == value);
        other.map_or_else(|| value.clone(), |(_, other)| other.clone())
    }
}

/// The node whose place a node takes.
fn moved_node(places: &[usize], node: NodeId) -> NodeId {
    let place = places.get(node.index());
    place.map_or(node, |place| NodeId(u16::try_from(*place).expect("a place is that of a node")))
}

fn is_moved(places: &[usize]) -> bool {
    places.iter().enumerate().any(|(position, place)| position != *place)
}

/// The items, each at its place.
fn moved<T>(items: Vec<T>, places: &[usize]) -> Vec<T> {
    let placed = items.into_iter().zip(places).sorted_by_key(|(_, place)| **place);
    placed.map(|(item, _)| item).collect()
}

/// The permutations of nodes and clients that nothing tells apart but their names, that of nobody first. Of clients alone if
/// there are too many; that of nobody alone if there are still too many.
pub(super) fn group(scenario: &Scenario) -> Vec<Permutation> {
    let (nodes, clients) = (scenario.cluster.nodes().len(), scenario.clients.len());
    let (no_node, nobody): (Vec<usize>, Vec<usize>) =
        ((0..nodes).collect(), (0..clients).collect());
    let of_nodes = exchanges_of_nodes(scenario);
    let with_clients = |of_nodes: &[Vec<usize>]| -> Vec<Permutation> {
        let each = of_nodes.iter().flat_map(|nodes| {
            let of_clients = exchanges_of_clients(scenario, nodes);
            of_clients.into_iter().map(|clients| Permutation::new(scenario, nodes.clone(), clients))
        });
        each.collect()
    };
    let identity = || Vec::from([Permutation::new(scenario, no_node.clone(), nobody)]);
    let groups = [of_nodes.as_slice(), core::slice::from_ref(&no_node)];
    let fits = |group: &Vec<Permutation>| group.len() <= ORDER_MAX;
    groups.into_iter().map(with_clients).find(fits).unwrap_or_else(identity)
}

/// The places that nodes may take, in lexicographic order, so that the first moves nobody.
///
/// Where none is asked before others, requests, rounds and faults treat nodes alike, but for those that the scenario names.
fn exchanges_of_nodes(scenario: &Scenario) -> Vec<Vec<usize>> {
    let nodes = scenario.cluster.nodes().len();
    let may_move = nodes <= NODES_MAX
        && scenario.script.is_none()
        && scenario.names_writes_once()
        && (none_is_asked_before_others(scenario) || forgets!(scenario, NodesThoughAskedInOrder));
    if !may_move {
        return Vec::from([(0..nodes).collect()]);
    }
    let mut named = scenario.partition.clone();
    if !forgets!(scenario, NodesDespiteFaults) {
        named.extend([scenario.down, scenario.faulty]);
    }
    let keeps_named = |places: &Vec<usize>| {
        let is_kept =
            |named: &NodeSet| named.iter().all(|node| named.contains(moved_node(places, node)));
        named.iter().all(is_kept)
    };
    (0..nodes).permutations(nodes).filter(keeps_named).collect()
}

/// Whether all nodes are homes of all keys, and no order of them decides: that of fallbacks, or in which a read asks R homes
/// first.
fn none_is_asked_before_others(scenario: &Scenario) -> bool {
    let mut operations = scenario.clients.iter().flat_map(|client| &client.operations);
    scenario.cluster.quorum().n() == scenario.cluster.nodes().len()
        && !scenario.cluster.speculative_retry()
        && !scenario.cluster.sloppy()
        && operations.all(|operation| operation.sloppy != Some(true))
}

/// The places that clients may take once nodes have taken these, in lexicographic order.
fn exchanges_of_clients(scenario: &Scenario, nodes: &[usize]) -> Vec<Vec<usize>> {
    let clients = scenario.clients.len();
    let is_alike = |places: &Vec<usize>| {
        let mut each = places.iter().enumerate();
        each.all(|(client, place)| are_alike(scenario, nodes, client, *place))
    };
    let may_move = clients <= CLIENTS_MAX && names_alone_tell_clients_apart(scenario);
    // The first moves nobody.
    let looked_at = if may_move { usize::MAX } else { 1 };
    (0..clients).permutations(clients).take(looked_at).filter(is_alike).collect()
}

/// Whether nothing but their names tells clients apart that do the same.
///
/// A script says who does what, and turns go by the order of clients. With versionings other than dotted, values or clients break ties, and
/// versions that have no dot of their own are told apart by what they say.
fn names_alone_tell_clients_apart(scenario: &Scenario) -> bool {
    scenario.script.is_none()
        && (scenario.turn_length.is_none() || forgets!(scenario, SymmetryDespiteTurns))
        && (scenario.names_writes_once() || forgets!(scenario, SymmetryThoughTiesBreak))
}

/// Whether one client does what the other does, at the nodes that take these places.
fn are_alike(scenario: &Scenario, nodes: &[usize], one: usize, other: usize) -> bool {
    let (one, other): (&ClientProgram, &ClientProgram) =
        (&scenario.clients[one], &scenario.clients[other]);
    let what = |operation: &PlannedOperation| match operation.action {
        PlannedAction::Get => None,
        PlannedAction::Put { write, with_context } => {
            Some((with_context, scenario.writes[write].value.is_none()))
        }
    };
    let moved = |node: &NodeId| match forgets!(scenario, NodesWhoeverIsAsked) {
        true => *node,
        false => moved_node(nodes, *node),
    };
    let is_alike = |mine: &PlannedOperation, theirs: &PlannedOperation| {
        let PlannedOperation { action: _, key, quorum, sloppy, via } = mine;
        let via: NodeSet = via.iter().map(moved).collect();
        let there: NodeSet = theirs.via.iter().copied().collect();
        what(mine) == what(theirs)
            && (key, quorum, sloppy, via) == (&theirs.key, &theirs.quorum, &theirs.sloppy, there)
    };
    let mut both = one.operations.iter().zip(&other.operations);
    one.attempts == other.attempts
        && one.operations.len() == other.operations.len()
        && (both.all(|(mine, theirs)| is_alike(mine, theirs))
            || forgets!(scenario, SymmetryWhateverTheyDo))
}
