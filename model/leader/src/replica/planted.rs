//! The planted faults: slips that an implementation could make, each done to a step from outside.
//!
//! The text of the protocol knows nothing of them. A fault is one arm of [`step`]: it may alter what the node is told or
//! what it sees of its store, take the step once or more often, and alter what comes out.

use alloc::vec::Vec;

use quorate_ids::{ClientId, NodeId, Peer};

use super::{Replica, Role};
use crate::config::NodeConfig;
use crate::deviation::Deviation;
use crate::effect::{Effect, Input, Step, Timer};
use crate::log::Entry;
use crate::message::{Append, Message, Operation, ReadFrom};
use crate::names::{Epoch, Index, Key, Position, Value};
use crate::sessions::Sessions;
use crate::statement::Surroundings;
use crate::store::{Ballot, Change, Remembered, Store, Undo};

/// A store in which the vote of the present epoch cannot be seen.
struct Voteless<'a, S>(&'a S);

impl<S: Store> Store for Voteless<'_, S> {
    type Error = S::Error;

    fn ballot(&self) -> Result<Ballot, S::Error> {
        Ok(Ballot { vote: None, ..self.0.ballot()? })
    }

    fn is_caught_up(&self) -> Result<bool, S::Error> {
        self.0.is_caught_up()
    }

    fn base(&self) -> Result<Position, S::Error> {
        self.0.base()
    }

    fn last(&self) -> Result<Position, S::Error> {
        self.0.last()
    }

    fn entry(&self, index: Index) -> Result<Option<Entry>, S::Error> {
        self.0.entry(index)
    }

    fn committed(&self) -> Result<Index, S::Error> {
        self.0.committed()
    }

    fn row(&self, key: &Key) -> Result<Option<Value>, S::Error> {
        self.0.row(key)
    }

    fn rows(&self, after: Option<&Key>, at_most: usize) -> Result<Vec<(Key, Value)>, S::Error> {
        self.0.rows(after, at_most)
    }

    fn remembered(&self, client: ClientId) -> Result<Option<Remembered>, S::Error> {
        self.0.remembered(client)
    }

    fn all_remembered(&self) -> Result<Vec<(ClientId, Remembered)>, S::Error> {
        self.0.all_remembered()
    }

    fn sessions(&self) -> Result<Sessions, S::Error> {
        self.0.sessions()
    }

    fn sessions_by_use(
        &self,
        after: Index,
        at_most: usize,
    ) -> Result<Vec<(Index, ClientId)>, S::Error> {
        self.0.sessions_by_use(after, at_most)
    }

    fn undo(&self, index: Index) -> Result<Option<Undo>, S::Error> {
        self.0.undo(index)
    }
}

/// Takes a step of a node with this fault.
pub(super) fn step<S: Store>(
    replica: &mut Replica,
    config: &NodeConfig,
    store: &S,
    around: Surroundings,
    mut input: Input,
    fault: Deviation,
) -> Result<Step, S::Error> {
    let ballot = store.ballot()?;
    match (fault, &mut input) {
        (Deviation::VotesTwice, Input::Receive { message: Message::RequestVote { .. }, .. }) => {
            return replica.react(config, &Voteless(store), around, input);
        }
        (Deviation::VoteNotDurable, Input::Start { founding: false, .. }) => {
            let mut step = replica.react(config, store, around, input)?;
            step.changes.push(Change::Ballot(Ballot { vote: None, ..ballot }));
            return Ok(step);
        }
        (Deviation::EpochNotDurable, Input::Start { founding: false, .. }) => {
            let mut step = replica.react(config, store, around, input)?;
            let epoch = config.cluster.founding_epoch();
            step.changes.push(Change::Ballot(Ballot { epoch, vote: None }));
            return Ok(step);
        }
        (
            Deviation::NoUpToDateCheck,
            Input::Receive { message: Message::RequestVote { last, .. }, .. },
        ) => *last = Position { epoch: Epoch::of(u32::MAX), index: Index(u32::MAX) },
        (Deviation::LeadsWithOneVoteLess, Input::Expire(Timer::Election | Timer::Candidacy)) => {
            return lead_early(replica, config, store, around, input);
        }
        (Deviation::OlderVotesCounted, Input::Receive { message: Message::Vote { epoch }, .. }) => {
            *epoch = ballot.epoch
        }
        (Deviation::DeposedLeaderStays, Input::Receive { message, .. }) => {
            let is_later = match message {
                Message::RequestVote { epoch, .. } | Message::Stale { epoch } => {
                    *epoch > ballot.epoch
                }
                Message::Append(append) => append.epoch > ballot.epoch,
                _ => false,
            };
            if is_later && matches!(replica.role, Role::Leader(_)) {
                return Ok(Step::default());
            }
        }
        (Deviation::OldEpochRenewed, Input::Receive { message: Message::Append(append), .. })
            if append.epoch < ballot.epoch =>
        {
            let old = core::mem::replace(&mut append.epoch, ballot.epoch);
            let mut step = replica.react(config, store, around, input)?;
            for effect in &mut step.effects {
                if let Effect::Send { message, .. } = effect
                    && let Message::Appended { epoch, .. } | Message::Ask { epoch, .. } = message
                {
                    *epoch = old;
                }
            }
            return Ok(step);
        }
        (Deviation::AcknowledgedUnstored, Input::Receive { message: Message::Append(_), .. }) => {
            let mut step = replica.react(config, store, around, input)?;
            step.changes.retain(|change| matches!(change, Change::Ballot(_)));
            return Ok(step);
        }
        (Deviation::AppendsOutOfOrder, Input::Receive { message: Message::Append(append), .. })
            if store.last()?.index < append.previous.index =>
        {
            let sent = append.previous.index;
            append.previous = store.last()?;
            let lacks = sent.0 - append.previous.index.0;
            let mut step = replica.react(config, store, around, input)?;
            for effect in &mut step.effects {
                if let Effect::Send { message: Message::Appended { matched, .. }, .. } = effect {
                    matched.0 += lacks;
                }
            }
            return Ok(step);
        }
        (
            Deviation::SuffixNotDiscarded,
            Input::Receive { message: Message::Append(Append { previous, entries, .. }), .. },
        ) => {
            for (index, entry) in (previous.index.0 + 1..).map(Index).zip(entries) {
                if let Some(held) = store.entry(index)? {
                    *entry = held;
                }
            }
        }
        (
            Deviation::OneCountsForAll,
            Input::Receive { from: Peer::Node(from), message: Message::Appended { .. } },
        ) => {
            let others: Vec<NodeId> = config.others().filter(|other| other != from).collect();
            return take_from_all(replica, config, store, around, &input, &others);
        }
        (
            Deviation::ReadsUnconfirmed,
            Input::Receive {
                message: Message::Request { operation: Operation::Read { from, .. }, .. },
                ..
            },
        ) => *from = ReadFrom::Leader,
        (Deviation::SnapshotDropsLastRow | Deviation::SnapshotForgetsRequests, _) => {
            let mut step = replica.react(config, store, around, input)?;
            for effect in &mut step.effects {
                if let Effect::Send { message: Message::Snapshot(page), .. } = effect
                    && let Some(remembered) = &mut page.end
                {
                    match fault {
                        Deviation::SnapshotDropsLastRow => drop(page.rows.pop()),
                        _ => remembered.clients.clear(),
                    }
                }
            }
            return Ok(step);
        }
        (
            Deviation::ExpiredTakenForNew | Deviation::TakesFromThoseAhead,
            Input::Receive {
                message:
                    Message::Request { operation: Operation::Write { since: Some(since), .. }, .. },
                ..
            },
        ) => {
            let reaches = Position { epoch: store.ballot()?.epoch, index: store.last()?.index };
            if fault == Deviation::ExpiredTakenForNew || *since > reaches {
                *since = reaches;
            }
        }
        (Deviation::SnapshotForgetsExpiry, _) => {
            let mut step = replica.react(config, store, around, input)?;
            for effect in &mut step.effects {
                if let Effect::Send { message: Message::Snapshot(page), .. } = effect
                    && let Some(end) = &mut page.end
                {
                    end.sessions.expired = Position::default();
                }
            }
            return Ok(step);
        }
        (Deviation::SnapshotMisplaced, input) => {
            let last = store.last()?;
            // It goes on with the pages of what it has misplaced.
            if let Input::Receive { message: Message::More { position, .. }, .. } = input
                && *position == last
            {
                let (base, index) = (store.base()?, store.committed()?);
                let entry = store.entry(index)?;
                *position = entry.map_or(base, |entry| Position { epoch: entry.epoch, index });
            }
            let mut step = replica.react(config, store, around, input.clone())?;
            for effect in &mut step.effects {
                if let Effect::Send { message: Message::Snapshot(page), .. } = effect {
                    page.position = last;
                }
            }
            return Ok(step);
        }
        (
            Deviation::AppliesUncommitted,
            Input::Receive { message: Message::Append(append), .. },
        ) => {
            append.commit = Index(append.previous.index.0 + append.entries.len() as u32);
        }
        (Deviation::StandsOnce, Input::Expire(Timer::Election)) => {
            let mut step = replica.react(config, store, around, input)?;
            step.effects.retain(|effect| *effect != Effect::SetTimer(Timer::Candidacy));
            return Ok(step);
        }
        (Deviation::RestartForgetsRequests, Input::Start { founding: false, .. }) => {
            let mut step = replica.react(config, store, around, input)?;
            for (client, _) in store.all_remembered()? {
                step.changes.push(Change::Remember { client, remembered: None });
            }
            return Ok(step);
        }
        (
            Deviation::RecallsFromOne,
            Input::Receive { from: Peer::Node(from), message: Message::Recalled { .. } },
        ) => {
            if let Some(recall) = &mut replica.recall {
                config.others().filter(|other| other != from).for_each(|it| recall.is_told_by(it));
            }
        }
        _ => {}
    }
    replica.react(config, store, around, input)
}

/// A candidate counts a node that has not voted for it among those that have, and leads if that is enough.
fn lead_early<S: Store>(
    replica: &mut Replica,
    config: &NodeConfig,
    store: &S,
    around: Surroundings,
    input: Input,
) -> Result<Step, S::Error> {
    let mut step = replica.react(config, store, around, input)?;
    if let Role::Candidate { votes } = &mut replica.role
        && let Some(missing) = config.others().next_back()
    {
        votes.insert(missing);
        if config.cluster.is_majority(*votes) {
            let mut turn = super::Turn {
                config,
                draft: crate::draft::Draft::resumed(store, core::mem::take(&mut step.changes)),
                around,
                effects: step.effects,
            };
            replica.lead(&mut turn)?;
            step = Step { changes: turn.draft.into_changes(), effects: turn.effects };
        }
    }
    Ok(step)
}

/// Takes the step of a message as if these nodes had sent the same one too. The steps see one store: what the
/// first changes is changed by the last again.
fn take_from_all<S: Store>(
    replica: &mut Replica,
    config: &NodeConfig,
    store: &S,
    around: Surroundings,
    input: &Input,
    others: &[NodeId],
) -> Result<Step, S::Error> {
    if let (
        Role::Leader(leadership),
        Input::Receive { message: Message::Appended { matched, epoch, .. }, .. },
    ) = (&mut replica.role, input)
        && *epoch == store.ballot()?.epoch
    {
        for other in others {
            let known = leadership.matched.entry(*other).or_default();
            *known = (*known).max(*matched);
        }
    }
    replica.react(config, store, around, input.clone())
}
