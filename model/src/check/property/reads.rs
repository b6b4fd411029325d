//! What properties of reads have in common: what each read is obliged to is fixed when it begins, and
//! judged when it ends.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::Deref;

use derive_where::derive_where;

use super::memory::Remembers;
use super::{View, wording};
use crate::check::history::{Base, Happening, Historian, Judgement, LastRead, Read};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;

/// What a property asks of reads: what each owes when it begins, and how it met that when it is answered.
pub(super) trait Owes {
    /// Whether a read that owes more, and was judged no better, breaks whatever the other breaks.
    const MORE_BREAKS_NO_LESS: bool;

    /// What a read of this key by this client owes that begins now.
    fn owed(base: Base<'_>, client: usize, key: usize) -> WriteSet;

    /// How a read met what it owed.
    fn judge(base: Base<'_>, owed: WriteSet, read: &Read<'_>) -> Judgement;
}

/// The memory of a property that asks this of reads, and remembers nothing else.
#[derive_where(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OfReads<O> {
    readers: Readers,
    asks: PhantomData<fn() -> O>,
}

impl<O> Deref for OfReads<O> {
    type Target = Readers;

    fn deref(&self) -> &Readers {
        &self.readers
    }
}

impl<O: Owes> Remembers for OfReads<O> {
    fn blank(historian: &Historian) -> Self {
        OfReads { readers: Readers::blank(historian), asks: PhantomData }
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let owed = |client, key| O::owed(base, client, key);
        let judge = |owed, read: &Read<'_>| O::judge(base, owed, read);
        self.readers.note(base.historian, happening, owed, judge);
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let OfReads { readers, asks } = self;
        OfReads { readers: readers.renamed(names), asks: *asks }
    }

    fn obliges_as_much_as(&self, other: &Self) -> bool {
        match O::MORE_BREAKS_NO_LESS {
            true => self.readers.oblige_as_much_as(&other.readers),
            false => self == other,
        }
    }
}

/// What one property remembers of each client's last read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Readers(Vec<Reader>);

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
struct Reader {
    /// What the read in progress is obliged to; fixed when it began. Afterwards kept for explanations
    /// alone.
    owed: WriteSet,
    /// How the last read was judged. Stands until the client's next operation starts.
    judged: Judgement,
}

impl Readers {
    /// Before any client has read.
    pub(super) fn blank(historian: &Historian) -> Self {
        Readers(alloc::vec![Reader::default(); historian.scenario().clients.len()])
    }

    /// Takes note of what happened: `owed` says what a read of a key by a client is obliged to when it
    /// begins, and `judge` how it met that when it is answered.
    pub(super) fn note(
        &mut self,
        historian: &Historian,
        happening: &Happening<'_>,
        owed: impl Fn(usize, usize) -> WriteSet,
        mut judge: impl FnMut(WriteSet, &Read<'_>) -> Judgement,
    ) {
        match happening {
            Happening::ReadBegan { client, key } => {
                let owed = owed(*client, *key).intersection(historian.writes_of(*key));
                self.0[*client] = Reader { owed, judged: Judgement::NotObliged };
            }
            Happening::WriteBegan { client } => self.0[*client] = Reader::default(),
            Happening::ReadAnswered(read) => {
                let reader = &mut self.0[read.client];
                reader.judged = judge(reader.owed, read);
                if !historian.explains() {
                    reader.owed = WriteSet::EMPTY;
                }
            }
            Happening::ReadUnavailable { client }
            | Happening::WriteRefused { client, .. }
            | Happening::EndedOtherwise { client } => {
                self.0[*client].owed = WriteSet::EMPTY;
            }
            _ => {}
        }
    }

    /// The same with nodes, clients, and the writes that they make, under other names.
    pub(super) fn renamed(&self, names: &Permutation) -> Self {
        let Readers(readers) = self;
        let renamed = |Reader { owed, judged }: &Reader| Reader {
            owed: names.writes(*owed),
            judged: *judged,
        };
        Readers(names.by_client(readers.iter().map(renamed).collect()))
    }

    /// How a client's last read was judged.
    pub(super) fn judged(&self, client: usize) -> Judgement {
        self.0[client].judged
    }

    /// Judges a client's last read anew.
    pub(super) fn judge_anew(&mut self, client: usize, judged: Judgement) {
        self.0[client].judged = judged;
    }

    /// Whether some client's last read was judged so.
    pub(super) fn any(&self, judged: Judgement) -> bool {
        self.0.iter().any(|reader| reader.judged == judged)
    }

    /// The first client whose last read was judged so.
    pub(super) fn first(&self, judged: Judgement) -> Option<usize> {
        self.0.iter().position(|reader| reader.judged == judged)
    }

    /// Whether a read that is obliged to something is in progress, or has just ended.
    pub(super) fn any_obliged(&self) -> bool {
        let is_obliged =
            |reader: &Reader| !reader.owed.is_empty() || reader.judged != Judgement::NotObliged;
        self.0.iter().any(is_obliged)
    }

    /// What a client's last read is or was obliged to.
    pub(super) fn owed(&self, client: usize) -> WriteSet {
        self.0[client].owed
    }

    /// Whether each read is obliged to what the other is, or more, and judged no better.
    pub(super) fn oblige_as_much_as(&self, other: &Readers) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| {
                other.owed.is_subset(one.owed) && one.judged.is_no_better_than(other.judged)
            })
    }

    /// The first client whose last read broke its obligation, with what is known of that read.
    pub(super) fn broken<'a>(&self, view: &View<'a>) -> Option<(usize, &'a LastRead)> {
        let client = self.first(Judgement::Broken)?;
        Some((client, view.ledger().last_read(client)?))
    }

    /// `reader read nothing, though <told of what it missed>`, of a read that was to return what it was
    /// obliged to.
    pub(super) fn told_of_missing(
        &self,
        view: &View<'_>,
        told: impl Fn(WriteSet) -> String,
    ) -> Option<String> {
        let (client, read) = self.broken(view)?;
        let missing = view.base().missing(self.owed(client), read.returned);
        let (read, told) = (wording::read(view, client)?, told(latest(view, missing)));
        Some(format!("{read}, though {told}"))
    }
}

/// Some of what a read misses is told best by what is left of it once what it had seen is out.
fn latest(view: &View<'_>, writes: WriteSet) -> WriteSet {
    let past = |write| view.ledger().past(write);
    let seen = writes.iter().fold(WriteSet::EMPTY, |all, write| all.union(past(write)));
    let latest = writes.without(seen);
    if latest.is_empty() { writes } else { latest }
}
