//! What happened, told in terms of writes: what properties take note of.

use crate::check::facts::Touched;
use crate::check::resolving::Resolving;
use crate::check::write_set::WriteSet;
use crate::ids::{Key, NodeId, NodeSet};
use crate::versions::Record;

/// Something that happened, once the ledger has it. Clients, writes and keys are counted from zero.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening<'a> {
    /// A client started a read.
    ReadBegan { client: usize, key: usize },
    /// A client asked for a write.
    WriteBegan { client: usize },
    /// A read was answered.
    ReadAnswered(Read<'a>),
    /// A read was not: too few replied, or nobody did.
    ReadUnavailable { client: usize },
    /// A write was acknowledged.
    WriteAcknowledged { client: usize, key: usize, write: usize },
    /// A write was refused, and its client takes it for certain that it does not happen, or not.
    WriteRefused { client: usize, write: usize, is_certain: bool },
    /// An operation ended otherwise: a write that nobody answered for in time, or a read that was refused.
    EndedOtherwise { client: usize },
    /// A node's record of a key was touched, its own or a hint.
    Touched(&'a Touched),
    /// A hint of these writes was dropped, or became less.
    HintDropped { node: NodeId, key: &'a Key, named: WriteSet },
    /// A node gave up its incarnation, not because it was told to, or named a write as a fallback.
    Incident { node: NodeId },
    /// A node lost its disk, or was given an older one.
    DiskReplaced { node: NodeId },
    /// A put that resolves its key met a limit of the record.
    Resolving { node: NodeId, write: usize, came: Resolving },
    /// Tombstones were reaped.
    Reaped,
}

impl Happening<'_> {
    /// Whether a write was given a name.
    pub(crate) fn mints(&self) -> bool {
        matches!(self, Happening::Touched(Touched { minted: Some((_, Some(_))), .. }))
    }
}

/// A read that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'a> {
    /// Whose.
    pub(crate) client: usize,
    /// Of which key.
    pub(crate) key: usize,
    /// The writes that it returned.
    pub(crate) named: WriteSet,
    /// Those, and everything that their writers had seen.
    pub(crate) returned: WriteSet,
    /// Who answered it.
    pub(crate) replied: NodeSet,
    /// The answer itself.
    pub(crate) state: Option<&'a Record>,
}
