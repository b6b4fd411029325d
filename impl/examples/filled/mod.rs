//! Stores that are filled before a node starts.

use std::sync::Arc;

use quorate::node::NodeSettings;
use quorate::storage::{Owner, StagedChanges, Storage};
use quorate_model::ids::{ClientId, Key, NodeId, Timestamp, Value};
use quorate_model::protocol::Change;
use quorate_model::versions::{
    ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const VALUE_BYTES: usize = 128;
/// Rows written in one group.
const BATCH: usize = 1_000;

/// Makes these changes in the directory of a node.
pub(crate) fn fill(settings: &NodeSettings, changes: impl Iterator<Item = Change>) -> Result<()> {
    let node = settings.cluster.cluster.name(settings.node).to_string();
    let owner = Owner { node, versioning: Versioning::Dotted };
    let mut storage = Storage::open(&settings.data, &owner, settings.cluster.cache_bytes)?;
    let mut changes = changes.peekable();
    while changes.peek().is_some() {
        let mut group = StagedChanges::default();
        group.stage(&storage, changes.by_ref().take(BATCH))?;
        let step = storage.step() + 1;
        storage.begin(&group, step, |_, _, _| {})?;
        storage.progress()?;
    }
    storage.settle()?;
    Ok(())
}

/// The key of this number.
pub(crate) fn key(number: usize) -> Key {
    Key::from(format!("key-{number:012}").as_str())
}

/// What a node of it holds: one version of 128 bytes.
pub(crate) fn state(number: usize) -> Arc<Record> {
    let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(1), epoch: Epoch(0) };
    let mut state = Record::empty(Versioning::Dotted);
    let value: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(VALUE_BYTES).collect();
    state.put(&Write {
        dot: Dot { actor, counter: number as u64 + 1 },
        client: ClientId(1),
        context: VersionVector::new(),
        timestamp: Timestamp(0),
        value: Some(Value(value.into())),
    });
    Arc::new(state)
}
