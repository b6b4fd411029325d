//! What a delete covered stays away.

use alloc::format;
use alloc::vec::Vec;

use super::memory::{self, Remembers};
use super::reads::Readers;
use super::{Nodes, OnTraces, PropertyKind, PropertySpec, View, Witness, covered, held, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, Watch};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;
use crate::ids::NodeId;

/// Per client: the deletes that were acknowledged when its read began.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    readers: Readers,
    /// Per client: those of them that covered something of what the read returned which has just
    /// ended; empty again once it is known who holds them.
    undone: Vec<WriteSet>,
}

impl Remembers for Memory {
    fn blank(historian: &Historian) -> Self {
        let undone = alloc::vec![WriteSet::EMPTY; historian.scenario().clients.len()];
        Memory { readers: Readers::blank(historian), undone }
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let Base { historian, ledger } = base;
        let owed = |_, _| ledger.acknowledged().intersection(historian.deletes());
        let undone = &mut self.undone;
        self.readers.note(historian, happening, owed, |deletes, read| {
            let undone = &mut undone[read.client];
            *undone = base.undone(deletes, read.named);
            let is_obliged = deletes.iter().any(|delete| !ledger.past(delete).is_empty());
            Judgement::of(is_obliged, undone.is_empty())
        });
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Memory { readers, undone } = self;
        let undone = undone.iter().map(|undone| names.writes(*undone)).collect();
        Memory { readers: readers.renamed(names), undone: names.by_client(undone) }
    }

    fn has_questions(&self) -> bool {
        self.undone.iter().any(|undone| !undone.is_empty())
    }

    /// A read that is merely stale is no resurrection, as long as some disk has the delete.
    fn ask(&mut self, base: Base<'_>, nodes: &dyn Nodes) {
        let held = held::on_disks(base, nodes);
        for (client, undone) in self.undone.iter_mut().enumerate() {
            if !undone.is_empty() {
                self.readers.judge_anew(client, Judgement::of(true, undone.is_subset(held)));
                *undone = WriteSet::EMPTY;
            }
        }
    }

    fn obliges_as_much_as(&self, other: &Self) -> bool {
        self.undone == other.undone && self.readers.oblige_as_much_as(&other.readers)
    }
}

fn readers<'a>(view: &View<'a>) -> &'a Readers {
    &memory::of(&view.memories().no_resurrection).readers
}

/// A node's own record in which something came back that an acknowledged delete had covered, which
/// that node had held: the node, the delete and what came back.
fn came_back(view: &View<'_>) -> Option<(NodeId, usize, WriteSet)> {
    held::find(view, |held| {
        if held.hint_for.is_some() {
            return None;
        }
        let deletes = view.ledger().deletes_held_by(held.node.index());
        let mut deletes = deletes.intersection(view.ledger().acknowledged()).iter();
        deletes.find_map(|delete| {
            let covered = view.base().covered(delete, held.named);
            (!covered.is_empty()).then_some((held.node, delete, covered))
        })
    })
}

/// An acknowledged delete that is on no disk any more, while somebody holds what it covered.
fn lost_and_undone(view: &View<'_>) -> Option<usize> {
    let acknowledged = view.ledger().acknowledged();
    let deletes = acknowledged.intersection(view.historian.deletes());
    if deletes.is_empty() {
        return None;
    }
    let gone = deletes.without(held::everything(view));
    gone.iter().find(|delete| covered::is_undone(view, *delete))
}

pub(super) const PROPERTY: PropertySpec = PropertySpec {
    name: "no-resurrection",
    statement: "what an acknowledged delete covered does not come back: to a node that had held the \
                delete, or anywhere once no node holds the delete any more",
    kind: PropertyKind::Safety {
        holds: |view| {
            came_back(view).is_none()
                && lost_and_undone(view).is_none()
                && !readers(view).any(Judgement::Broken)
        },
        witness: Witness {
            shown: |view| view.ledger().covering_delete_held(),
            statement: "a node held an acknowledged delete that covers a write",
            name: "no-resurrection (witness)",
        },
    },
    watch: Watch { deletes: true, reaped: true, ..Watch::NOTHING },
    on_traces: OnTraces::of_states(
        |promiser| {
            let is_safe = promiser.is_exact() && promiser.forgets_safely();
            is_safe && !promiser.is_minted_twice && promiser.keeps_writes()
        },
        "records that know of a delete",
        |view, happening| match happening {
            Happening::Touched(touched) => {
                let seen = view.base().seen_by(&touched.key, &touched.after);
                let deletes = seen.intersection(view.historian.deletes());
                deletes.iter().any(|delete| !view.ledger().past(delete).is_empty())
            }
            _ => false,
        },
    ),
    explanation: |view, names| {
        let told = |delete| wording::write(view.scenario, delete);
        if let Some((node, delete, covered)) = came_back(view) {
            let (node, values) = (names.node(node), wording::values(view.scenario, covered));
            let delete = told(delete);
            return Some(format!("{node} has held {delete}, and holds {values}, which it covered"));
        }
        if let Some(delete) = lost_and_undone(view) {
            let covered = covered::told(view, names, delete)?;
            let delete = told(delete);
            return Some(format!("{delete} was acknowledged and is held by nobody, and {covered}"));
        }
        let (client, read) = readers(view).broken(view)?;
        let undone = view.base().undone(readers(view).owed(client), read.returned);
        Some(format!(
            "{}, though {}, which covered it, was acknowledged before the read began and is held by \
             nobody",
            wording::read(view, client)?,
            wording::writes(view.scenario, undone),
        ))
    },
};
