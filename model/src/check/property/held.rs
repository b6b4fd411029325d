//! What the nodes hold, record by record.

use super::{Nodes, View};
use crate::check::history::Base;
use crate::check::write_set::WriteSet;
use crate::ids::{Key, NodeId};
use crate::versions::Record;

/// One record that a node holds, as a home or for one.
pub(super) struct Held<'a> {
    /// Which node.
    pub(super) node: NodeId,
    /// For which home it is a hint; `None` if it is the node's own.
    pub(super) hint_for: Option<NodeId>,
    /// Of which key.
    pub(super) key: &'a Key,
    /// The record.
    pub(super) record: &'a Record,
    /// The writes that its versions name.
    pub(super) named: WriteSet,
}

/// Calls `visit` with every record and hint of every node, nodes that are down among them: what is on
/// a disk is held.
pub(super) fn each(view: &View<'_>, visit: &mut dyn FnMut(&Held<'_>)) {
    let mut index = 0;
    view.nodes.visit(&mut |state| {
        let node = NodeId(index);
        index += 1;
        let base = view.base();
        for (key, entry) in state.store.entries() {
            let record = &*entry.state;
            let named = base.named(key, record);
            visit(&Held { node, hint_for: None, key, record, named });
        }
        for (home, key, record) in state.store.hints() {
            let record = &**record;
            let named = base.named(key, record);
            visit(&Held { node, hint_for: Some(home), key, record, named });
        }
    });
}

/// Whether some record satisfies this.
pub(super) fn any(view: &View<'_>, wanted: impl Fn(&Held<'_>) -> bool) -> bool {
    let mut found = false;
    each(view, &mut |held| found = found || wanted(held));
    found
}

/// What is made of the first record of which anything is.
pub(super) fn find<T>(view: &View<'_>, wanted: impl Fn(&Held<'_>) -> Option<T>) -> Option<T> {
    let mut found = None;
    each(view, &mut |held| {
        if found.is_none() {
            found = wanted(held);
        }
    });
    found
}

/// The writes that some record names, and all that their writers had seen.
pub(super) fn everything(view: &View<'_>) -> WriteSet {
    let mut held = WriteSet::EMPTY;
    each(view, &mut |record| held = held.union(record.named));
    view.ledger().closure(held)
}

/// Calls `visit` with every record and hint, and its key, that would survive if all nodes stopped now.
pub(super) fn each_on_disk(nodes: &dyn Nodes, visit: &mut dyn FnMut(&Key, &Record)) {
    nodes.visit(&mut |node| {
        let store = node.durable();
        store.entries().for_each(|(key, entry)| visit(key, &entry.state));
        store.hints().for_each(|(_, key, state)| visit(key, state));
    });
}

/// The writes that these records name, and all that their writers had seen.
pub(super) fn on_disks(base: Base<'_>, nodes: &dyn Nodes) -> WriteSet {
    let mut held = WriteSet::EMPTY;
    each_on_disk(nodes, &mut |key, record| held = held.union(base.named(key, record)));
    base.ledger.closure(held)
}
