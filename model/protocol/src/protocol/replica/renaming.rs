//! The volatile state of a node under other names of nodes and clients.

use super::super::renaming::{Renamed, Renaming};
use super::catch_up::CatchUp;
use super::finished::{Finished, FinishedPut};
use super::forward::{PendingForward, PendingProbe};
use super::get::PendingGet;
use super::put::{CoordinatedWrite, PendingPut};
use super::reap::{Reaper, Round};
use super::register::{Naming, Standing, WaitingPut};
use super::weighed::{Weigh, Weighed};
use super::{NodeConfig, Replica};
use crate::protocol::effect::Step;
use crate::protocol::store::MemoryStore;

impl Replica {
    /// The same under other names of nodes and clients, for a node whose store is this one, which is renamed already.
    /// `config` is that of the node under its other name.
    #[must_use]
    pub fn renamed(
        &self,
        config: &NodeConfig,
        store: &MemoryStore,
        names: &dyn Renaming,
    ) -> Replica {
        let Replica {
            puts,
            gets,
            forwards,
            probes,
            finished,
            handoff_cursor,
            catching_up,
            reaper,
            naming,
            forest,
        } = self;
        let mut renamed = Replica {
            puts: puts.renamed(names),
            gets: gets.renamed(names),
            forwards: forwards.renamed(names),
            probes: probes.renamed(names),
            finished: finished.renamed(names),
            handoff_cursor: handoff_cursor.renamed(names),
            catching_up: catching_up.renamed(names),
            reaper: reaper.renamed(names),
            naming: naming.renamed(names),
            forest: None,
        };
        // It follows the store, and is a function of it.
        if forest.is_some() {
            let Ok(()) = renamed.plant_forest(config, store, &mut Step::default());
        }
        renamed
    }
}

impl<T: Renamed + Weigh> Renamed for Weighed<T> {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let mut renamed = Weighed::default();
        for (request, held) in self.iter() {
            renamed.insert(request.renamed(names), held.renamed(names));
        }
        renamed
    }
}

impl Renamed for CoordinatedWrite {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let CoordinatedWrite { key, round, sloppy, stand_ins } = self;
        CoordinatedWrite {
            key: key.clone(),
            round: round.renamed(names),
            sloppy: *sloppy,
            stand_ins: stand_ins.renamed(names),
        }
    }
}

impl Renamed for PendingPut {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let PendingPut { client, write } = self;
        PendingPut { client: client.renamed(names), write: write.renamed(names) }
    }
}

impl Renamed for PendingGet {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let PendingGet { client, key, round } = self;
        PendingGet { client: client.renamed(names), key: key.clone(), round: round.renamed(names) }
    }
}

impl Renamed for PendingForward {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let PendingForward { client, home, may_wait } = self;
        PendingForward {
            client: client.renamed(names),
            home: home.renamed(names),
            may_wait: *may_wait,
        }
    }
}

impl Renamed for PendingProbe {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let PendingProbe { client, put } = self;
        PendingProbe { client: client.renamed(names), put: put.renamed(names) }
    }
}

impl Renamed for FinishedPut {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        match self {
            FinishedPut::Coordinated(write) => FinishedPut::Coordinated(write.renamed(names)),
            FinishedPut::Minted { key } => FinishedPut::Minted { key: key.clone() },
            FinishedPut::Forwarded { home } => FinishedPut::Forwarded { home: home.renamed(names) },
        }
    }
}

impl Renamed for Finished {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let Finished { puts, order, bytes } = self;
        Finished { puts: puts.renamed(names), order: order.renamed(names), bytes: *bytes }
    }
}

impl Renamed for CatchUp {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let CatchUp { token, done, heard, cursors, given_up } = self;
        CatchUp {
            token: *token,
            done: done.renamed(names),
            heard: heard.renamed(names),
            cursors: cursors.renamed(names),
            given_up: given_up.renamed(names),
        }
    }
}

impl Renamed for Round {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let Round { number, held, agreed, is_second } = *self;
        Round { number, held: held.renamed(names), agreed: agreed.renamed(names), is_second }
    }
}

impl Renamed for Reaper {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let Reaper { rounds, cursor, wide, wide_cursor, next, waits_left } = self;
        Reaper {
            rounds: rounds.renamed(names),
            cursor: cursor.clone(),
            wide: wide.clone(),
            wide_cursor: wide_cursor.clone(),
            next: *next,
            waits_left: *waits_left,
        }
    }
}

impl Renamed for WaitingPut {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let WaitingPut { from, put } = self;
        WaitingPut { from: from.renamed(names), put: put.renamed(names) }
    }
}

impl Renamed for Naming {
    fn renamed(&self, names: &dyn Renaming) -> Self {
        let Naming { standing, waiting, waiting_bytes: _ } = self;
        let standing = match *standing {
            Standing::Certain | Standing::Unasked { candidate: _ } => *standing,
            Standing::Asking { candidate, agreed } => {
                Standing::Asking { candidate, agreed: agreed.renamed(names) }
            }
        };
        let mut renamed = Naming { standing, ..Naming::default() };
        for put in waiting {
            let WaitingPut { from, put } = put.renamed(names);
            renamed.push(from, put);
        }
        renamed
    }
}
