//! Heartbeats: a leader ships its log and says that it leads; followers take it in and say so.

use alloc::vec::Vec;

use quorate_ids::NodeId;

use super::{Replica, Role, Turn, acknowledgement};
use crate::config::{ElectionKind, Replication};
use crate::deviation::Deviation;
use crate::effect::Timer;
use crate::limits;
use crate::log;
use crate::message::{Append, Message};
use crate::names::{Epoch, Index, Position};
use crate::store::{Ballot, Store};

impl Replica {
    /// Ships the log from this index on to every follower to whom no other piece is under way.
    pub(super) fn ship<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: Index,
        announces: bool,
    ) -> Result<(), S::Error> {
        for other in turn.config.others() {
            let Role::Leader(leadership) = &self.role else { return Ok(()) };
            if !leadership.under_way.contains(other) {
                self.ship_to(turn, other, from, announces)?;
            }
        }
        Ok(())
    }

    /// Ships the log from this index on to one follower, or a snapshot where that is compacted.
    pub(super) fn ship_to<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        to: NodeId,
        from: Index,
        announces: bool,
    ) -> Result<(), S::Error> {
        let Role::Leader(leadership) = &mut self.role else { return Ok(()) };
        let last = turn.draft.last()?.index;
        let from = from.min(last.next());
        let Some(previous) = turn.draft.position(from.before())? else {
            leadership.under_way.insert(to);
            // Pages are made of rows that no change of this step is about; the next heartbeat sends one.
            return if turn.draft.is_empty() { self.send_page(turn, to, None) } else { Ok(()) };
        };
        let cluster = &turn.config.cluster;
        let through = last.0.min(from.0.saturating_add(cluster.entries_max - 1));
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for index in (from.0..=through).map(Index) {
            let Some(entry) = turn.draft.entry(index)? else { break };
            bytes += limits::entry_bytes(&entry);
            if bytes > cluster.limits.piece_bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        let (epoch, commit) = (turn.draft.epoch()?, turn.draft.committed()?);
        let round = if leadership.awaits(to) { leadership.round } else { 0 };
        if !entries.is_empty() || round > 0 {
            leadership.under_way.insert(to);
        }
        let append = Append { epoch, previous, entries, commit, round };
        let message =
            if announces { Message::Coordinator(append) } else { Message::Append(append) };
        turn.send(to, message);
        Ok(())
    }

    /// It is time to say to a follower that the leader leads, and to ship what it is not known to hold.
    pub(super) fn heartbeat<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        follower: NodeId,
    ) -> Result<(), S::Error> {
        let Role::Leader(leadership) = &self.role else { return Ok(()) };
        let next = leadership.matched(follower).next();
        turn.set(Timer::Heartbeat(follower));
        self.ship_to(turn, follower, next, false)
    }

    /// Whether this node takes the sender for its leader. If it is one of an older epoch, it is told so:
    /// fencing.
    pub(super) fn accepts<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        epoch: Epoch,
        announces: bool,
    ) -> Result<bool, S::Error> {
        if self.knows_no_epoch(turn) {
            return Ok(false);
        }
        let cluster = &turn.config.cluster;
        if cluster.fencing {
            let known = turn.draft.ballot()?;
            if epoch < known.epoch {
                turn.send(from, Message::Stale { epoch: known.epoch });
                return Ok(false);
            }
            // Whoever leads in an epoch has won it: nobody else is to be voted for.
            if epoch > known.epoch || known.vote != Some(from) {
                turn.draft.vote(Ballot { epoch, vote: Some(from) });
            }
        } else if matches!(self.role, Role::Leader(_)) && from < turn.config.node && !announces {
            // Without epochs a leader takes a lower one for the deposed one.
            return Ok(false);
        }
        if cluster.election == ElectionKind::Bully && announces && from < turn.config.node {
            self.bully(turn)?;
            return Ok(false);
        }
        self.follow(turn, Some(from));
        Ok(true)
    }

    /// A leader ships a piece of its log.
    pub(super) fn on_append<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        append: Append,
        announces: bool,
    ) -> Result<(), S::Error> {
        let Append { epoch, previous, entries, commit, round } = append;
        if !self.accepts(turn, from, epoch, announces)? {
            return Ok(());
        }
        if !log::holds(&turn.draft, previous)? {
            let last = turn.draft.last()?.index.min(previous.index.before());
            turn.send(from, Message::Ask { epoch, last });
            return Ok(());
        }
        let Some(matched) = previous.index.further(entries.len()) else { return Ok(()) };
        let base = turn.draft.base()?;
        let keeps_rows = turn.deviates(Deviation::KeepsSuffix);
        for (index, entry) in (previous.index.0 + 1..).map(Index).zip(entries) {
            if log::contradicts_base(base, Position { epoch: entry.epoch, index }) {
                return self.start_over(turn, from, epoch);
            }
            log::take_in(&mut turn.draft, index, entry, keeps_rows)?;
        }
        if commit.min(matched) > turn.draft.committed()? {
            turn.apply_through(commit.min(matched))?;
            acknowledgement::compact(turn)?;
        }
        self.arriving = None;
        self.note_caught_up(turn)?;
        turn.send(from, Message::Appended { epoch, matched, round });
        Ok(())
    }

    /// A follower holds the log up to here, and answers a round of heartbeats.
    pub(super) fn on_appended<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        epoch: Epoch,
        matched: Index,
        round: u32,
    ) -> Result<(), S::Error> {
        if epoch != turn.draft.epoch()? {
            return Ok(());
        }
        let last = turn.draft.last()?.index;
        let Role::Leader(leadership) = &mut self.role else { return Ok(()) };
        let known = leadership.matched(from);
        let is_news = matched.min(last) > known || leadership.awaits_round(from, round);
        if matched.min(last) > known {
            leadership.matched.insert(from, matched.min(last));
        }
        let known = leadership.matched(from);
        if known == last && turn.config.cluster.replication == Replication::SemiSync {
            // A follower that is back takes the place that nobody has.
            leadership.synchronous.get_or_insert(from);
        }
        if is_news {
            leadership.under_way = leadership.under_way.without(from);
        }
        self.advance(turn)?;
        self.heard(turn, from, round)?;
        self.ship_rest(turn, from)
    }

    /// Ships what has been appended, or asked for, since the last piece of the log was under way to this follower.
    fn ship_rest<S: Store>(&mut self, turn: &mut Turn<'_, S>, to: NodeId) -> Result<(), S::Error> {
        let Role::Leader(leadership) = &self.role else { return Ok(()) };
        let matched = leadership.matched(to);
        let lacks = matched < turn.draft.last()?.index || leadership.awaits(to);
        if lacks && !leadership.under_way.contains(to) {
            return self.ship_to(turn, to, matched.next(), false);
        }
        Ok(())
    }
}
