//! Acknowledgement: how far the log is safe enough for its writes to be acknowledged.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use quorate_ids::NodeId;

use super::{Replica, Role, Turn, Waiting};
use crate::config::{ClusterConfig, ElectionKind, NodeConfig, Replication};
use crate::deviation::Deviation;
use crate::effect::Timer;
use crate::message::Outcome;
use crate::names::{Epoch, Index, RequestId};
use crate::store::Store;

/// Up to where a leader's log is held by all those whose acknowledgement it waits for.
///
/// `matched` is what each follower holds for certain, `own` the leader's last index. A semi-synchronous leader
/// without a synchronous follower waits for nobody.
#[must_use]
pub fn held_through(
    cluster: &ClusterConfig,
    own: Index,
    matched: &BTreeMap<NodeId, Index>,
    synchronous: Option<NodeId>,
) -> Index {
    let of = |node: NodeId| matched.get(&node).copied().unwrap_or_default();
    match cluster.replication {
        Replication::Async => own,
        Replication::SemiSync => synchronous.map_or(own, of),
        Replication::Sync | Replication::Majority => {
            let followers = cluster.nodes - 1;
            let mut held: Vec<Index> = matched.values().copied().collect();
            held.resize(followers, Index(0));
            held.push(own);
            held.sort_unstable_by(|one, other| other.cmp(one));
            let needed = match cluster.replication {
                Replication::Majority => cluster.majority(),
                _ => cluster.nodes,
            };
            held[needed - 1]
        }
    }
}

/// Who is the synchronous follower of a new leader, where there is one.
pub(super) fn first_synchronous(config: &NodeConfig) -> Option<NodeId> {
    (config.cluster.replication == Replication::SemiSync).then(|| config.others().next()).flatten()
}

impl Replica {
    /// Commits what those who are waited for have, applies it, and answers whoever waits for it.
    pub(super) fn advance<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        let Role::Leader(leadership) = &mut self.role else { return Ok(()) };
        let own = turn.draft.last()?.index;
        let cluster = &turn.config.cluster;
        let held = held_through(cluster, own, &leadership.matched, leadership.synchronous);
        if held <= turn.draft.committed()? || !commits_at(turn, held)? {
            return Ok(());
        }
        turn.apply_through(held)?;
        let is_held = |_: &RequestId, waiting: &mut Waiting| waiting.index <= held;
        let answered: Vec<_> = leadership.waiting.extract_if(.., is_held).collect();
        for (request, Waiting { index, .. }) in answered {
            acknowledge(turn, request, index);
        }
        compact(turn)?;
        self.confirm_waiting(turn)
    }

    /// The synchronous follower has not acknowledged what is waited for: another takes its place.
    pub(super) fn suspect_synchronous<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
    ) -> Result<(), S::Error> {
        let falls_back = turn.deviates(Deviation::FallsBackToAsync);
        let Role::Leader(leadership) = &mut self.role else { return Ok(()) };
        turn.set(Timer::Synchronous);
        if turn.draft.committed()? == turn.draft.last()?.index {
            return Ok(());
        }
        if falls_back {
            leadership.synchronous = None;
        } else if let Some(suspected) = leadership.synchronous {
            let next = turn.config.others().find(|other| *other > suspected);
            leadership.synchronous = next.or_else(|| turn.config.others().next());
        }
        self.advance(turn)
    }
}

/// Whether a leader commits up to here by counting who has it: under Raft only an entry of its own epoch. An
/// older one may yet be replaced by a leader that does not have it (Ongaro and Ousterhout 2014, 5.4.2).
fn commits_at<S: Store>(turn: &Turn<'_, S>, index: Index) -> Result<bool, S::Error> {
    if turn.config.cluster.election != ElectionKind::Raft
        || turn.deviates(Deviation::CommitsOlderEpochs)
    {
        return Ok(true);
    }
    let epoch: Epoch = turn.draft.epoch()?;
    Ok(turn.draft.position(index)?.is_some_and(|position| position.epoch == epoch))
}

/// Tells a client that its write is applied: in this step, or nobody would wait for it. Where its client has gone on to
/// its next one, it waits for this one no longer.
fn acknowledge<S: Store>(turn: &mut Turn<'_, S>, request: RequestId, index: Index) {
    if let Some((position, value)) = turn.draft.applied_last(request.client)
        && position.index == index
    {
        turn.reply(request, Outcome::Written { position, value });
    }
}

/// Compacts the log where it has grown so far. What is compacted cannot be discarded any more.
pub(super) fn compact<S: Store>(turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
    let Some(after) = turn.config.cluster.snapshot_after else { return Ok(()) };
    let position = turn.committed_position()?;
    if position.index.0 >= turn.draft.base()?.index.0.saturating_add(after) {
        turn.draft.compact(position);
    }
    Ok(())
}
