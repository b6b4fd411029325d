//! Causality without clocks: every write carries the set of all the writes it had seen.

use std::collections::BTreeSet;

use super::history::{CLIENTS, Op, REPLICAS};

/// A write, as its position in the history.
pub(crate) type WriteId = usize;

/// A set of writes that holds, with each write, everything that write had seen.
pub(crate) type Past = BTreeSet<WriteId>;

/// What replicas and clients have seen, as explicit sets.
pub(crate) struct Reference {
    /// Whether each client has seen its own last write whenever it writes.
    remembers_own: bool,
    /// What each write had seen, without itself.
    pasts: Vec<Past>,
    replicas: Vec<Past>,
    got: Vec<Past>,
    own: Vec<Past>,
}

impl Reference {
    pub(crate) fn new(remembers_own: bool) -> Self {
        Reference {
            remembers_own,
            pasts: Vec::new(),
            replicas: vec![Past::new(); REPLICAS],
            got: vec![Past::new(); CLIENTS],
            own: vec![Past::new(); CLIENTS],
        }
    }

    /// Everything the replica ever received, directly or as the past of something received.
    pub(crate) fn known(&self, replica: usize) -> &Past {
        &self.replicas[replica]
    }

    /// Everything the client had seen with its last get.
    pub(crate) fn got(&self, client: usize) -> &Past {
        &self.got[client]
    }

    /// The writes at the replica that no other write there had seen.
    pub(crate) fn maximal(&self, replica: usize) -> BTreeSet<WriteId> {
        let known = &self.replicas[replica];
        let is_maximal = |write: &WriteId| known.iter().all(|by| !self.pasts[*by].contains(write));
        known.iter().copied().filter(is_maximal).collect()
    }

    pub(crate) fn apply(&mut self, op: Op) {
        match op {
            Op::Get { client, replica } => self.got[client] = self.replicas[replica].clone(),
            Op::Put { client, replica, blind, .. } => {
                let write = self.pasts.len();
                let mut past = self.own[client].clone();
                if !blind {
                    past.extend(&self.got[client]);
                }
                self.pasts.push(past.clone());
                past.insert(write);
                self.replicas[replica].extend(&past);
                if self.remembers_own {
                    self.own[client] = past;
                }
            }
            Op::Merge { from, into } => {
                let sent = self.replicas[from].clone();
                self.replicas[into].extend(sent);
            }
            Op::Lose { replica } => self.replicas[replica].clear(),
        }
    }
}
