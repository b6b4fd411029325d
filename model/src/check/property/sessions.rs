//! What the client library's sessions would make of what clients are told: each client of a scenario is a session, and
//! the library's own code judges the answers of its reads.

use alloc::vec::Vec;

use super::memory::Remembers;
use super::reads::Readers;
use crate::check::history::{Base, Happening, Historian, Judgement};
use crate::check::symmetry::Permutation;
use crate::check::write_set::WriteSet;
use crate::protocol::{Session, Standing};

/// Per client: its session, and what that owes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Sessions {
    sessions: Vec<Session>,
    /// How the reads that sessions took did.
    readers: Readers,
    /// Per client, and per key: everything that the reads which its session took returned, and its own writes that the
    /// session follows.
    owed: Vec<Vec<WriteSet>>,
    /// Per client: whether its last read lacked something, and its session turned it away. Stands until the client's next
    /// operation starts.
    turned_away: Vec<bool>,
}

impl Sessions {
    /// How the reads that sessions took did.
    pub(super) fn taken(&self) -> &Readers {
        &self.readers
    }

    /// The first client whose session turned its last read away, which lacked something.
    pub(super) fn turned_away(&self) -> Option<usize> {
        self.turned_away.iter().position(|turned_away| *turned_away)
    }

    /// Whether some read owes its session something.
    pub(super) fn any_obliged(&self) -> bool {
        self.readers.any_obliged()
    }
}

impl Remembers for Sessions {
    fn blank(historian: &Historian) -> Self {
        let clients = historian.scenario().clients.len();
        let owed = alloc::vec![WriteSet::EMPTY; historian.keys().len()];
        Sessions {
            sessions: alloc::vec![Session::default(); clients],
            readers: Readers::blank(historian),
            owed: alloc::vec![owed; clients],
            turned_away: alloc::vec![false; clients],
        }
    }

    fn note(&mut self, base: Base<'_>, happening: &Happening<'_>) {
        let Sessions { sessions, readers, owed, turned_away } = self;
        let (historian, config) = (base.historian, &base.scenario().cluster);
        match happening {
            Happening::ReadBegan { client, .. } | Happening::WriteBegan { client } => {
                turned_away[*client] = false;
            }
            Happening::WriteAcknowledged { client, key, write } => {
                let acked = base.ledger.acked_by(*write);
                if sessions[*client].wrote(config, &historian.keys()[*key], acked) {
                    owed[*client][*key].insert(*write);
                }
            }
            _ => {}
        }
        let mut taken = None;
        readers.note(
            historian,
            happening,
            |client, key| owed[client][key],
            |owed, read| {
                let key = &historian.keys()[read.key];
                let how = base.covers(owed, read);
                match sessions[read.client].take(config, key, read.state, read.replied) {
                    Standing::Current => {
                        taken = Some((read.client, read.key, read.returned));
                        how
                    }
                    Standing::Behind => {
                        turned_away[read.client] = how == Judgement::Broken;
                        Judgement::NotObliged
                    }
                }
            },
        );
        if let Some((client, key, returned)) = taken {
            let owed = &mut owed[client][key];
            *owed = owed.union(returned);
        }
    }

    fn renamed(&self, names: &Permutation) -> Self {
        let Sessions { sessions, readers, owed, turned_away } = self;
        let sets = |sets: &Vec<WriteSet>| sets.iter().map(|set| names.writes(*set)).collect();
        Sessions {
            sessions: names
                .by_client(sessions.iter().map(|session| session.renamed(names)).collect()),
            readers: readers.renamed(names),
            owed: names.by_client(owed.iter().map(sets).collect()),
            turned_away: names.by_client(turned_away.clone()),
        }
    }
}
