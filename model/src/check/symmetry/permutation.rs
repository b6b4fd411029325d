//! Permutations of clients that do the same.

use alloc::vec::Vec;

use itertools::Itertools;

use crate::check::write_set::WriteSet;
use crate::ids::{ClientId, Value};
use crate::scenario::{ClientProgram, PlannedAction, PlannedOperation, Scenario};

/// The most permutations that are looked at: those of four clients. Each state is compared with as many images.
const ORDER_MAX: usize = 24;

/// The most clients of a scenario of which some may be exchanged.
const CLIENTS_MAX: usize = 6;

/// A permutation of the clients of a scenario, with the writes that they make: each client takes the place of
/// another that does the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permutation {
    /// Whose place each client takes.
    clients: Vec<usize>,
    /// Which write each write is then.
    writes: Vec<usize>,
    /// Values that others are written in the place of.
    values: Vec<(Value, Value)>,
}

impl Permutation {
    /// That which moves each client to the place of this one. A write becomes the one that stands in the same
    /// place of the other program.
    fn new(scenario: &Scenario, clients: Vec<usize>) -> Self {
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
        Permutation { clients, writes, values }
    }

    /// How many clients there are.
    #[must_use]
    pub fn order(&self) -> usize {
        self.clients.len()
    }

    /// Whose place a client takes.
    #[must_use]
    pub fn client(&self, client: ClientId) -> ClientId {
        self.clients.get(client.0 as usize).map_or(client, |place| ClientId(*place as u64))
    }

    /// The position of the client whose place the one at this position takes.
    #[must_use]
    pub fn place(&self, client: usize) -> usize {
        self.clients[client]
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

    /// The value that is written in the place of this one.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        let other = self.values.iter().find(|(known, _)| known == value);
        other.map_or_else(|| value.clone(), |(_, other)| other.clone())
    }

    /// What is kept per write, each in the place of the write that it is then.
    #[must_use]
    pub fn by_write<T>(&self, kept: Vec<T>) -> Vec<T> {
        moved(kept, &self.writes)
    }

    /// What is kept per client, each in the place that it takes. Nothing may be kept.
    #[must_use]
    pub fn by_client<T>(&self, kept: Vec<T>) -> Vec<T> {
        if kept.is_empty() { kept } else { moved(kept, &self.clients) }
    }
}

/// The items, each at its place.
fn moved<T>(items: Vec<T>, places: &[usize]) -> Vec<T> {
    let placed = items.into_iter().zip(places).sorted_by_key(|(_, place)| **place);
    placed.map(|(item, _)| item).collect()
}

/// The permutations of clients that nothing tells apart but their names, that of nobody first. That alone if
/// something else does, or there are too many.
pub(super) fn group(scenario: &Scenario) -> Vec<Permutation> {
    let clients = scenario.clients.len();
    let permutation = |places| Permutation::new(scenario, places);
    let nobody = || Vec::from([permutation((0..clients).collect())]);
    if clients > CLIENTS_MAX || !names_alone_tell_clients_apart(scenario) {
        return nobody();
    }
    let is_alike = |places: &Vec<usize>| {
        places.iter().enumerate().all(|(client, place)| are_alike(scenario, client, *place))
    };
    // In lexicographic order, so that the first moves nobody.
    let places = (0..clients).permutations(clients).filter(is_alike);
    let group: Vec<Permutation> = places.map(permutation).collect();
    if group.len() > ORDER_MAX { nobody() } else { group }
}

/// Whether nothing but their names tells clients apart that do the same.
///
/// Turns go by the order of clients. With versionings other than dotted, values or clients break ties, and
/// versions that have no dot of their own are told apart by what they say.
fn names_alone_tell_clients_apart(scenario: &Scenario) -> bool {
    scenario.script.is_none()
        && (scenario.turn_length.is_none() || forgets!(scenario, SymmetryDespiteTurns))
        && (scenario.names_writes_once() || forgets!(scenario, SymmetryThoughTiesBreak))
}

fn are_alike(scenario: &Scenario, one: usize, other: usize) -> bool {
    let (one, other): (&ClientProgram, &ClientProgram) =
        (&scenario.clients[one], &scenario.clients[other]);
    let what = |operation: &PlannedOperation| match operation.action {
        PlannedAction::Get => None,
        PlannedAction::Put { write, with_context } => {
            Some((with_context, scenario.writes[write].value.is_none()))
        }
    };
    let all = |operation: &PlannedOperation| {
        let PlannedOperation { action: _, key, quorum, sloppy, via } = operation.clone();
        (what(operation), key, quorum, sloppy, via)
    };
    one.attempts == other.attempts
        && (one.operations.iter().map(all).eq(other.operations.iter().map(all))
            || forgets!(scenario, SymmetryWhateverTheyDo)
                && one.operations.len() == other.operations.len())
}
