//! Deletes: what they covered stays away, and their tombstones go.

use alloc::format;
use alloc::string::String;

use super::held::{self, Held};
use super::{PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Judgement, Watch};
use crate::check::words::Names;
use crate::check::write_set::WriteSet;
use crate::cluster::Reaping;
use crate::ids::NodeId;

fn is_delete(view: &View<'_>, write: usize) -> bool {
    view.scenario.writes[write].value.is_none()
}

/// What is made of the first record that has a value which a delete had covered, and of those values.
fn find_covered<T>(
    view: &View<'_>,
    delete: usize,
    make: impl Fn(&Held<'_>, WriteSet) -> Option<T>,
) -> Option<T> {
    held::find(view, |held| {
        let covered = view.historian.covered(view.history, delete, held.named);
        if covered.is_empty() { None } else { make(held, covered) }
    })
}

/// Whether somebody has a value that this delete had covered.
pub(super) fn is_undone(view: &View<'_>, delete: usize) -> bool {
    is_delete(view, delete) && find_covered(view, delete, |_, _| Some(())).is_some()
}

/// `C holds "v", which it covered`
pub(super) fn told_of_covered(view: &View<'_>, names: &Names, delete: usize) -> Option<String> {
    find_covered(view, delete, |held, covered| {
        let (holder, values) =
            (wording::holder(names, held), wording::values(view.scenario, covered));
        Some(format!("{holder} holds {values}, which it covered"))
    })
}

/// A node's own record in which something came back that an acknowledged delete had covered, which
/// that node had held: the node, the delete and what came back.
fn came_back(view: &View<'_>) -> Option<(NodeId, usize, WriteSet)> {
    held::find(view, |held| {
        if held.hint_for.is_some() {
            return None;
        }
        let deletes = view.history.deletes_held_by(held.node.index());
        let mut deletes = deletes.intersection(view.history.acknowledged()).iter();
        deletes.find_map(|delete| {
            let covered = view.historian.covered(view.history, delete, held.named);
            (!covered.is_empty()).then_some((held.node, delete, covered))
        })
    })
}

/// An acknowledged delete that is on no disk any more, while somebody holds what it covered.
fn lost_and_undone(view: &View<'_>) -> Option<usize> {
    let acknowledged = view.history.acknowledged();
    let deletes = acknowledged.iter().filter(|write| is_delete(view, *write));
    let deletes: WriteSet = deletes.collect();
    if deletes.is_empty() {
        return None;
    }
    let gone = deletes.without(held::everything(view));
    gone.iter().find(|delete| is_undone(view, *delete))
}

/// A client that read what a delete covered, which was acknowledged before the read began and was on
/// no disk when it ended.
fn reader(view: &View<'_>) -> Option<usize> {
    view.history.judged().position(|judged| judged.resurrection == Judgement::Broken)
}

pub(super) const NO_RESURRECTION: PropertySpec = PropertySpec {
    name: "no-resurrection",
    statement: "what an acknowledged delete covered does not come back: to a node that had held the \
                delete, or anywhere once no node holds the delete any more",
    kind: PropertyKind::Safety {
        holds: |view| {
            came_back(view).is_none() && lost_and_undone(view).is_none() && reader(view).is_none()
        },
        witness: Witness {
            shown: |view| view.history.covering_delete_held(),
            statement: "a node held an acknowledged delete that covers a write",
            name: "no-resurrection (witness)",
        },
    },
    watch: Watch { deletes: true, reaped: true, ..Watch::NOTHING },
    explanation: |view, names| {
        let told = |delete| wording::write(view.scenario, delete);
        if let Some((node, delete, covered)) = came_back(view) {
            let (node, values) = (names.node(node), wording::values(view.scenario, covered));
            let delete = told(delete);
            return Some(format!("{node} has held {delete}, and holds {values}, which it covered"));
        }
        if let Some(delete) = lost_and_undone(view) {
            let covered = told_of_covered(view, names, delete)?;
            let delete = told(delete);
            return Some(format!("{delete} was acknowledged and is held by nobody, and {covered}"));
        }
        let client = reader(view)?;
        let account = view.history.read_account(client)?;
        let deletes = account.obligation.deletes;
        let undone = view.historian.undone(view.history, deletes, account.returned);
        Some(format!(
            "{}, though {}, which covered it, was acknowledged before the read began and is held by \
             nobody",
            wording::read(view, client)?,
            wording::writes(view.scenario, undone),
        ))
    },
};

/// A node that has held a delete, and holds nothing of its key any more.
fn reaped(view: &View<'_>) -> Option<(NodeId, usize)> {
    let (mut found, mut index) = (None, 0);
    view.nodes.visit(&mut |node| {
        let key = |delete: usize| &view.scenario.writes[delete].key;
        let mut deletes = view.history.deletes_held_by(usize::from(index)).iter();
        let gone = deletes.find(|delete| node.store.get(key(*delete)).is_none());
        found = found.or(gone.map(|delete| (NodeId(index), delete)));
        index += 1;
    });
    found
}

pub(super) const TOMBSTONE_REAPED: PropertySpec = PropertySpec {
    name: "tombstone-reaped",
    statement: "a node that held a delete holds nothing of the key any more",
    kind: PropertyKind::Reachability {
        reached: |view| reaped(view).is_some(),
        opportunity: Witness {
            shown: |view| {
                let is_minted = |(write, dots): (usize, &alloc::vec::Vec<_>)| {
                    is_delete(view, write) && !dots.is_empty()
                };
                view.scenario.cluster.background().reaping != Reaping::Off
                    && view.history.dots().iter().enumerate().any(is_minted)
            },
            statement: "a delete was minted, where tombstones are reaped",
            name: "tombstone-reaped (opportunity)",
        },
    },
    watch: Watch { deletes: true, ..Watch::NOTHING },
    explanation: |view, names| {
        let (node, delete) = reaped(view)?;
        let (node, delete) = (names.node(node), wording::write(view.scenario, delete));
        Some(format!("{node} has held {delete}, and holds nothing of its key any more"))
    },
};
