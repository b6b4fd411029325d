//! Gathering the replies of one read, and repairing what they show to be behind.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::waits::Waits;
use crate::ids::{NodeId, NodeSet};
use crate::versions::{Record, RecordDigest};

/// What a read does about replicas whose replies differ from the merge.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadRepair {
    /// Nothing.
    Off,
    /// Sends them the merge after the answer; late replies are repaired too.
    #[default]
    Async,
    /// The answer waits until enough homes hold the merge that every later quorum read sees it,
    /// which makes quorum reads monotonic.
    Blocking,
}

impl fmt::Display for ReadRepair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReadRepair::Off => "off",
            ReadRepair::Async => "async",
            ReadRepair::Blocking => "blocking",
        })
    }
}

/// What a round asks of whoever runs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadStep {
    /// Answer the client with this state.
    Answer(Option<Arc<Record>>),
    /// Send this state to a node that lacks some of it.
    Repair {
        /// To whom.
        to: NodeId,
        /// The merge.
        state: Arc<Record>,
        /// Whether the answer waits for the node's acknowledgement.
        awaited: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub(super) enum Phase {
    /// Fewer than R replies.
    Gathering,
    /// Blocking repair: the merge is fixed and its holders are counted.
    Repairing,
    /// Answered; asynchronous repair still listens for late replies.
    Trailing,
    /// Nothing more to do.
    Finished,
}

/// One read in progress. Used by a coordinating node and by a client that fans out itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct ReadRound {
    pub(super) repair: ReadRepair,
    pub(super) needed: usize,
    /// Whose replies may come. Once all of them have, the round is over.
    pub(super) asked: NodeSet,
    /// How many homes must hold the merge before a blocking read answers.
    pub(super) holders_needed: usize,
    pub(super) phase: Phase,
    /// Whose replies the answer merged.
    pub(super) counted: NodeSet,
    /// What each home is known to hold, from its reply or from what it was sent; sorted by node.
    pub(super) replies: Vec<(NodeId, Option<Arc<Record>>)>,
    pub(super) merged: Option<Arc<Record>>,
    pub(super) holders: NodeSet,
}

impl ReadRound {
    /// A round that needs `needed` replies of these homes, which are all asked. `later_r` is the R of the
    /// reads that a blocking repair makes monotonic: the cluster's own.
    #[must_use]
    pub fn new(repair: ReadRepair, homes: NodeSet, needed: usize, later_r: usize) -> Self {
        ReadRound {
            repair,
            needed,
            asked: homes,
            // R homes are asked later: at most R - 1 of them may lack the merge, so every
            // R-subset of the homes meets a holder exactly when N - R + 1 hold it.
            holders_needed: homes.len() + 1 - later_r,
            phase: Phase::Gathering,
            counted: NodeSet::EMPTY,
            replies: Vec::new(),
            merged: None,
            holders: NodeSet::EMPTY,
        }
    }

    /// The same, asking no more homes at first than it takes to answer: those that come first in this
    /// order. Where repair is blocking, that may be more than R: whoever has to hold the merge is asked.
    #[must_use]
    pub fn asking_first(mut self, order: impl IntoIterator<Item = NodeId>) -> Self {
        let enough = match self.repair {
            ReadRepair::Off | ReadRepair::Async => self.needed,
            ReadRepair::Blocking => self.needed.max(self.holders_needed),
        };
        self.asked = order.into_iter().take(enough).collect();
        self
    }

    /// Who is asked.
    #[must_use]
    pub fn asked(&self) -> NodeSet {
        self.asked
    }

    /// These are asked as well.
    pub fn ask(&mut self, more: NodeSet) {
        self.asked = self.asked.union(more);
    }

    /// Whose replies the answer counts.
    #[must_use]
    pub fn replied(&self) -> NodeSet {
        self.counted
    }

    /// About how many bytes the states take that it has gathered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let replies = self.replies.iter().filter_map(|(_, state)| state.as_ref());
        replies.chain(&self.merged).map(|state| state.size_estimate()).sum()
    }

    /// Whether the client has not been answered yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Gathering | Phase::Repairing)
    }

    /// Whether a reply of this home can still matter.
    #[must_use]
    pub fn awaits_reply(&self, from: NodeId) -> bool {
        self.phase != Phase::Finished
            && self.replies.binary_search_by_key(&from, |reply| reply.0).is_err()
    }

    /// Whether an acknowledgement of the repair by this home can still matter.
    #[must_use]
    pub fn awaits_holder(&self, from: NodeId) -> bool {
        self.phase == Phase::Repairing && !self.holders.contains(from)
    }

    /// Whether an acknowledgement of a repair by this home can matter, now or once the round has
    /// gathered its replies: one of an earlier round of the same request may still come.
    #[must_use]
    pub fn may_count_holder(&self, from: NodeId) -> bool {
        self.repair == ReadRepair::Blocking && self.is_waiting() && !self.holders.contains(from)
    }

    /// Whether nothing that still arrives can matter to this round.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }

    /// What it waits for.
    #[must_use]
    pub fn waits(&self) -> Waits {
        match self.phase {
            Phase::Gathering => Waits::Replies { replied: self.counted, needed: self.needed },
            Phase::Repairing => {
                Waits::Holders { held_by: self.holders, needed: self.holders_needed }
            }
            Phase::Trailing | Phase::Finished => Waits::LateReplies { replied: self.counted },
        }
    }

    /// Takes a home's reply. A second reply of the same home is ignored.
    pub fn on_reply(&mut self, from: NodeId, state: Option<Arc<Record>>) -> Vec<ReadStep> {
        let mut steps = Vec::new();
        let Err(at) = self.replies.binary_search_by_key(&from, |reply| reply.0) else {
            return steps;
        };
        match self.phase {
            Phase::Gathering => {
                self.counted.insert(from);
                self.absorb(state.as_ref());
                self.replies.insert(at, (from, state));
                if self.counted.len() >= self.needed {
                    self.on_quorum(&mut steps);
                }
            }
            Phase::Repairing => {
                // The merge is fixed: the late home need only come to hold it.
                self.replies.insert(at, (from, state));
                self.require_merge(at, &mut steps);
                self.answer_if_held(&mut steps);
            }
            Phase::Trailing => {
                self.absorb(state.as_ref());
                self.replies.insert(at, (from, state));
                self.repair_differing(&mut steps);
                self.finish_if_all_replied();
            }
            Phase::Finished => {}
        }
        steps
    }

    /// The repairs the answer still waits for, to be sent again when the client asks again: any of
    /// them, or its acknowledgement, may have been lost.
    #[must_use]
    pub fn awaited_repairs(&self) -> Vec<ReadStep> {
        let Some(merged) = self.merged.as_ref().filter(|_| self.phase == Phase::Repairing) else {
            return Vec::new();
        };
        let behind = self.replies.iter().filter(|(node, _)| !self.holders.contains(*node));
        behind
            .map(|(node, _)| ReadStep::Repair {
                to: *node,
                state: Arc::clone(merged),
                awaited: true,
            })
            .collect()
    }

    /// Notes that a home now holds what a blocking repair sent it. It counts only if that was
    /// this round's merge: an earlier round of the same request may have sent less.
    pub fn on_holder(&mut self, from: NodeId, held: RecordDigest) -> Vec<ReadStep> {
        let mut steps = Vec::new();
        let is_merge = || self.merged.as_ref().is_some_and(|merged| merged.digest() == held);
        if self.phase == Phase::Repairing && is_merge() {
            self.holders.insert(from);
            self.answer_if_held(&mut steps);
        }
        steps
    }

    fn absorb(&mut self, state: Option<&Arc<Record>>) {
        let Some(state) = state else { return };
        match &mut self.merged {
            None => self.merged = Some(Arc::clone(state)),
            Some(merged) if merged.dominates(state) => {}
            Some(merged) => *merged = Arc::new(merged.merged(state)),
        }
    }

    fn on_quorum(&mut self, steps: &mut Vec<ReadStep>) {
        match self.repair {
            ReadRepair::Off => {
                steps.push(ReadStep::Answer(self.merged.clone()));
                self.phase = Phase::Finished;
            }
            ReadRepair::Async => {
                steps.push(ReadStep::Answer(self.merged.clone()));
                self.phase = Phase::Trailing;
                self.repair_differing(steps);
                self.finish_if_all_replied();
            }
            ReadRepair::Blocking => {
                self.phase = Phase::Repairing;
                for at in 0..self.replies.len() {
                    self.require_merge(at, steps);
                }
                self.answer_if_held(steps);
            }
        }
    }

    /// Counts the home at this position as a holder if its reply has all of the merge, and asks
    /// for a repair otherwise.
    fn require_merge(&mut self, at: usize, steps: &mut Vec<ReadStep>) {
        let (node, reply) = &self.replies[at];
        match &self.merged {
            Some(merged) if !reply.as_ref().is_some_and(|state| state.dominates(merged)) => {
                steps.push(ReadStep::Repair {
                    to: *node,
                    state: Arc::clone(merged),
                    awaited: true,
                });
            }
            _ => {
                self.holders.insert(*node);
            }
        }
    }

    fn answer_if_held(&mut self, steps: &mut Vec<ReadStep>) {
        // A merge of nothing needs no holders: there is nothing a later read could miss.
        if self.phase == Phase::Repairing
            && (self.merged.is_none() || self.holders.len() >= self.holders_needed)
        {
            steps.push(ReadStep::Answer(self.merged.clone()));
            self.phase = Phase::Finished;
        }
    }

    /// Sends the merge to every home that is not known to have all of it, once.
    fn repair_differing(&mut self, steps: &mut Vec<ReadStep>) {
        let Some(merged) = &self.merged else { return };
        for (node, known) in &mut self.replies {
            if !known.as_ref().is_some_and(|state| state.dominates(merged)) {
                steps.push(ReadStep::Repair {
                    to: *node,
                    state: Arc::clone(merged),
                    awaited: false,
                });
                *known = Some(Arc::clone(merged));
            }
        }
    }

    fn finish_if_all_replied(&mut self) {
        let has_replied = |home| self.replies.binary_search_by_key(&home, |reply| reply.0).is_ok();
        if self.asked.iter().all(has_replied) {
            self.phase = Phase::Finished;
        }
    }
}
