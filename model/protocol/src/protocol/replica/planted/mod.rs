//! The planted faults: slips that an implementation could make, each done to a step from outside.
//!
//! The text of the protocol knows nothing of them. A fault is one function around the step: it may
//! alter what the node is told, what the node remembers or what it sees of its store, take the step
//! once or more often, and alter what comes out. It does so before the trees that a node keeps of its
//! store follow, so that these are right about a store that is wrong. [`piece`] says which steps each
//! fault is about.

mod hints;
mod minted;
mod names;
mod puts;
mod reads;
mod states;
mod tombstones;
mod view;

use crate::deviation::{Deviation, Deviations};
use crate::ids::{NodeId, Peer, Timestamp};
use crate::protocol::effect::{Input, Step, Timer};
use crate::protocol::message::Message;
use crate::protocol::store::Store;

use super::{NodeConfig, Replica};
use view::View;

/// What a step is given, and the faults that are still to be done to it.
struct Taking<'a, S> {
    replica: &'a mut Replica,
    config: &'a NodeConfig,
    store: View<'a, S>,
    now: Timestamp,
    input: Input,
    faults: Deviations,
}

/// A fault, done to one step.
type Piece<S> = for<'a> fn(&mut Taking<'a, S>) -> Result<Step, <S as Store>::Error>;

/// Takes a step of a node as wrongly as its cluster says.
pub(super) fn react<S: Store>(
    replica: &mut Replica,
    config: &NodeConfig,
    store: &S,
    now: Timestamp,
    input: Input,
) -> Result<Step, S::Error> {
    let (store, faults) = (View::of(store), config.cluster.deviations());
    let mut taking = Taking { replica, config, store, now, input, faults };
    if config.cluster.mattered().looks_at_steps() { taking.take_and_note() } else { taking.take() }
}

impl<S: Store> Taking<'_, S> {
    /// Takes the step, with the faults that are left. May be taken again, of another input.
    fn take(&mut self) -> Result<Step, S::Error> {
        let left = self.faults;
        let step = match self.next_piece() {
            Some(piece) => piece(self),
            None => self.replica.react(self.config, &self.store, self.now, self.input.clone()),
        };
        self.faults = left;
        step
    }

    /// The next fault that is about such a step.
    fn next_piece(&mut self) -> Option<Piece<S>> {
        while let Some(fault) = self.faults.pop() {
            if let Some(piece) = piece(fault, &self.input) {
                return Some(piece);
            }
        }
        None
    }

    /// Takes the step, and notes which further faults would have made anything of it different.
    fn take_and_note(&mut self) -> Result<Step, S::Error> {
        let Taking { config, store, now, faults, .. } = *self;
        let (before, input) = (self.replica.clone(), self.input.clone());
        let step = self.take()?;
        let mut not_yet = config.cluster.mattered().not_yet();
        while let Some(fault) = not_yet.pop() {
            if piece::<S>(fault, &input).is_none() {
                continue;
            }
            let mut after = before.clone();
            let (replica, input, faults) = (&mut after, input.clone(), faults.with(fault));
            let wrong = Taking { replica, config, store, now, input, faults }.take()?;
            if wrong != step || after != *self.replica {
                config.cluster.mattered().note(fault);
            }
        }
        Ok(step)
    }

    /// Takes the step of a message as if these nodes had sent the same one just before.
    fn take_from_all(
        &mut self,
        others: impl IntoIterator<Item = NodeId>,
    ) -> Result<Step, S::Error> {
        let mut all = Step::default();
        if let Input::Receive { from, message } = self.input.clone() {
            let before = others.into_iter().map(Peer::Node).filter(|other| *other != from);
            for from in before.chain([from]) {
                self.input = Input::Receive { from, message: message.clone() };
                all.extend(self.take()?);
            }
        }
        Ok(all)
    }
}

impl Step {
    /// This one, and then another.
    fn extend(&mut self, then: Step) {
        self.changes.extend(then.changes);
        self.effects.extend(then.effects);
    }
}

/// What a fault does to a step with this input; nothing, if it is not about such steps.
fn piece<S: Store>(fault: Deviation, input: &Input) -> Option<Piece<S>> {
    use Input::{Expire, Receive, Start};
    use Message::{
        FetchReply, Get, Handoff, HandoffAck, Put, ReapAgree, ReapAsk, Register, Registered,
        StoreAck, StoreHint, SyncKeys, SyncStates,
    };
    macro_rules! at {
        ($inputs:pat => $piece:path) => {
            matches!(input, $inputs).then_some($piece as Piece<S>)
        };
    }
    match fault {
        // In the text of the protocol, for everybody to choose.
        Deviation::OneActorPerNode
        | Deviation::TrustsContexts
        | Deviation::RebuildFromOne
        | Deviation::RebuildFromQuorum
        | Deviation::ServeUncaught
        | Deviation::CatchUpUnnamed
        | Deviation::RestartsAnew
        | Deviation::LimitCountsHeld
        | Deviation::TrustsRefusals
        | Deviation::ValuesOnlyTree => None,
        // In what surrounds nodes.
        Deviation::AckBeforeDurable | Deviation::ReapWhileRetried => None,
        Deviation::WriteQuorumOneLess => {
            at!(Receive { message: Put(_), .. } => puts::write_quorum_one_less)
        }
        Deviation::FallbackCountedUnderStrict => {
            at!(Receive { message: Put(_), .. } => puts::fallback_counted_under_strict)
        }
        Deviation::ContextIgnored => {
            at!(Receive { message: Put(_), .. } => puts::context_ignored)
        }
        Deviation::RefusedThoughPassedOn => {
            at!(Receive { message: Put(_), .. } => puts::refused_though_passed_on)
        }
        Deviation::SiblingsDropped => {
            at!(Receive { message: Put(_), .. } => puts::siblings_dropped)
        }
        Deviation::BareDeltaReplicated => {
            at!(Receive { message: Put(_) | Registered { .. }, .. } | Expire(_)
                => puts::bare_delta_replicated)
        }
        Deviation::DuplicateAcksCounted => {
            at!(Receive { message: StoreAck { .. }, .. } => puts::duplicate_acks_counted)
        }
        Deviation::RetryMintsAgain => {
            at!(Receive { message: Put(_) | Registered { .. }, .. } | Expire(_)
                => puts::retry_mints_again)
        }
        Deviation::MintedRequestsForgotten => {
            at!(Start { .. } => puts::minted_requests_forgotten)
        }
        Deviation::ReadQuorumOneLess => {
            at!(Receive { message: Get(_), .. } => reads::read_quorum_one_less)
        }
        Deviation::LastReplyReturned => {
            at!(Receive { message: FetchReply { .. }, .. } => reads::last_reply_returned)
        }
        Deviation::LateRepliesIgnored => {
            at!(Receive { message: FetchReply { .. }, .. } => reads::late_replies_ignored)
        }
        Deviation::SpeculationAsksNobody => {
            at!(Expire(Timer::Speculate(_)) => reads::speculation_asks_nobody)
        }
        Deviation::SpeculationCountsTwice => {
            at!(Receive { message: FetchReply { .. }, .. } | Expire(Timer::Speculate(_))
                => reads::speculation_counts_twice)
        }
        Deviation::ArrivalsOverwrite => at!(Receive { .. } => states::arrivals_overwrite),
        Deviation::TombstoneSkippedBySync => {
            at!(Receive { message: SyncKeys { .. } | SyncStates { .. }, .. }
                => states::tombstone_skipped_by_sync)
        }
        Deviation::CatchUpAskedOnce => {
            at!(Start { .. } | Expire(Timer::CatchUp) => states::catch_up_asked_once)
        }
        Deviation::HintDroppedOnSend => at!(Expire(Timer::Handoff) => hints::hint_dropped_on_send),
        Deviation::NewerHintDropped => {
            at!(Receive { message: HandoffAck { .. }, .. } => hints::newer_hint_dropped)
        }
        Deviation::HintOverwritten => {
            at!(Receive { message: StoreHint { .. }, .. } | Expire(Timer::Request(_))
                => hints::hint_overwritten)
        }
        Deviation::HandoffAckedUnstored => {
            at!(Receive { message: Handoff { .. }, .. } => hints::handoff_acked_unstored)
        }
        Deviation::CounterRepeats => {
            at!(Receive { message: Put(_) | Registered { .. }, .. } | Expire(_)
                => names::counter_repeats)
        }
        Deviation::EpochNotRenewed => {
            at!(Receive { .. } | Expire(_) => names::epoch_not_renewed)
        }
        Deviation::LifeNotRaised => at!(Start { .. } => names::life_not_raised),
        Deviation::KeepsUnasked => at!(Start { .. } => names::keeps_unasked),
        Deviation::KeepsWhenOneAgrees => {
            at!(Receive { message: Registered { agrees: true, .. }, .. }
                => names::keeps_when_one_agrees)
        }
        Deviation::KeepsThoughDenied => {
            at!(Receive { message: Registered { .. }, .. } => names::keeps_though_denied)
        }
        Deviation::AgreedNotDurable => {
            at!(Receive { message: Register { .. }, .. } => names::agreed_not_durable)
        }
        Deviation::VoidTakenIn => {
            at!(Receive { message: Register { .. }, .. } => names::void_taken_in)
        }
        Deviation::ReapWithoutAll => {
            at!(Receive { message: ReapAgree { .. }, .. } => tombstones::reap_without_all)
        }
        Deviation::ReapDespiteHints => {
            at!(Receive { message: ReapAsk { .. }, .. } => tombstones::reap_despite_hints)
        }
        Deviation::ReapAskedOnce => at!(Expire(Timer::Settled) => tombstones::reap_asked_once),
        Deviation::ReapUnsettled => {
            at!(Receive { message: ReapAgree { .. }, .. } => tombstones::reap_unsettled)
        }
        Deviation::ReapRoundsUnnamed => {
            at!(Receive { message: ReapAgree { .. }, .. } => tombstones::reap_rounds_unnamed)
        }
        Deviation::ReapAtOnceAfterRestart => {
            at!(Start { .. } => tombstones::reap_at_once_after_restart)
        }
    }
}
