//! Ways in which the protocol can be made wrong on purpose, to see whether the checks notice.
//!
//! The *comparisons* are designs that other systems had, or still have; scenarios show what they
//! lose, and they are always compiled in, though only a scenario can choose one. The *planted
//! faults* are slips that an implementation could make; they exist only with the cargo feature
//! `planted-faults`, so no released node contains them, and the text of the protocol knows nothing
//! of them: each is done from outside, to a step of a node or to what surrounds nodes.

use quorate_ids::deviations;

deviations! {
    comparisons {
        OneActorPerNode: "a node names its writes by itself alone: no incarnation, no epoch",
        RebuildFromOne: "a node that lost its disk serves once it has caught up from one other home",
        RebuildFromQuorum: "a node that lost its disk serves once it has caught up from N - W + 1 other homes, whether or not the others answer",
        ServeUncaught: "a node that lost its disk serves at once",
        CatchUpUnnamed: "a node that lost its disk takes what an earlier start of it was told for what it asked itself",
        RestartsAnew: "every start takes a fresh incarnation",
        LimitCountsHeld: "a put is refused if its key holds as many versions as it may, whatever it replaces",
        TrustsContexts: "a put's context is taken in whether or not any node gave it",
        TrustsRefusals: "a client takes every refusal of a write for certain, whatever became of earlier attempts and copies",
        ValuesOnlyTree: "hash trees cover keys and values, not contexts and dots",
    }
    planted {
        CatchUpAskedOnce: "a node that lost its disk asks the others for what they hold once, and never again",
        DuplicateAcksCounted: "a second acknowledgement of one node counts again",
        WriteQuorumOneLess: "a write is acknowledged when W - 1 nodes hold it",
        ReadQuorumOneLess: "a read is answered from R - 1 replies",
        LastReplyReturned: "a read returns the last reply and not the merge of all",
        FallbackCountedUnderStrict: "fallbacks stand in under a strict quorum too",
        SpeculationAsksNobody: "a read whose first homes are late asks no others",
        SpeculationCountsTwice: "a speculative retry asks the first homes again, and counts a home twice",
        ArrivalsOverwrite: "a state that arrives replaces what is held, instead of being merged",
        BareDeltaReplicated: "the coordinator sends the new version alone, not its whole state",
        ContextIgnored: "a put does not replace the versions that its context covers",
        SiblingsDropped: "a put replaces every version, seen or not",
        CounterRepeats: "the counter of a run does not advance",
        EpochNotRenewed: "a run goes on, whatever was forgotten since",
        LifeNotRaised: "a start goes on in the life that its disk tells of",
        KeepsUnasked: "a start keeps its incarnation without asking anybody",
        KeepsWhenOneAgrees: "a start keeps its incarnation as soon as one other node agrees",
        KeepsThoughDenied: "a start keeps its incarnation though others do not agree",
        AgreedNotDurable: "a node that agreed to a life forgets that it did",
        VoidTakenIn: "what was under way when a disk was replaced is taken in later",
        RetryMintsAgain: "a retry of a finished put is a new write",
        MintedRequestsForgotten: "a restart forgets which requests were minted",
        LateRepliesIgnored: "asynchronous repair ends with the answer",
        HintDroppedOnSend: "a hint is dropped when it is offered",
        NewerHintDropped: "a hint is dropped whatever its home acknowledges",
        HintOverwritten: "a hint replaces the one before, instead of being merged with it",
        HandoffAckedUnstored: "a home acknowledges a handoff and does not store it",
        AckBeforeDurable: "what a step stores is durable only with the next step",
        TombstoneSkippedBySync: "anti-entropy does not send tombstones",
        ReapWithoutAll: "a tombstone goes when one other node agrees",
        ReapDespiteHints: "a node that holds a hint for a key agrees that its tombstone goes",
        ReapAskedOnce: "a tombstone goes after one round of agreement",
        ReapUnsettled: "a tombstone goes at the last agreement, whatever is still under way",
        ReapRoundsUnnamed: "an agreement that a tombstone goes counts whatever round it was given in",
        ReapAtOnceAfterRestart: "a node that restarts asks about tombstones at once",
        ReapWhileRetried: "a tombstone goes while clients may still try again a put that it covers",
        RefusedThoughPassedOn: "a node that is no home refuses a client-driven put and passes it on to the homes all the same",
    }
}

#[cfg(feature = "planted-faults")]
impl Deviations {
    /// Takes the first one out.
    pub(crate) fn pop(&mut self) -> Option<Deviation> {
        let first = Deviation::ALL.get(self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(*first)
    }
}

/// The deviations that mattered: of the comparisons, and of the faults in what surrounds nodes, those
/// that were asked about; of the faults in a node's step, those that would have made one different. As
/// long as one does not matter, it changes nothing. Kept only where faults can be planted.
#[cfg(feature = "planted-faults")]
#[derive(Clone, Default, Debug)]
pub(crate) struct Mattered {
    these: alloc::sync::Arc<core::sync::atomic::AtomicU64>,
    /// Whether a node's steps are looked at too, which takes some more of each.
    in_steps: bool,
}

#[cfg(feature = "planted-faults")]
impl Mattered {
    /// Nothing so far, and steps are looked at too.
    pub(crate) fn in_steps_too() -> Self {
        Mattered { in_steps: true, ..Mattered::default() }
    }

    /// Whether steps are looked at too.
    pub(crate) fn looks_at_steps(&self) -> bool {
        self.in_steps
    }

    /// This one matters.
    pub(crate) fn note(&self, deviation: Deviation) {
        use core::sync::atomic::Ordering::Relaxed;
        let bit = Deviations::default().with(deviation).0;
        // Most have mattered before, and reading is cheap.
        if self.these.load(Relaxed) & bit == 0 {
            self.these.fetch_or(bit, Relaxed);
        }
    }

    /// All that mattered so far.
    pub(crate) fn so_far(&self) -> Deviations {
        Deviations(self.these.load(core::sync::atomic::Ordering::Relaxed))
    }

    /// All others.
    pub(crate) fn not_yet(&self) -> Deviations {
        let all: Deviations = Deviation::ALL.iter().copied().collect();
        Deviations(all.0 & !self.so_far().0)
    }
}

/// Whether a planted fault of what surrounds nodes is to happen: never, unless they are compiled in.
#[cfg(feature = "planted-faults")]
#[macro_export]
macro_rules! planted {
    ($cluster:expr, $name:ident) => {
        $cluster.deviates($crate::deviation::Deviation::$name)
    };
}

/// Whether a planted fault of what surrounds nodes is to happen: never, since they are not compiled in.
#[cfg(not(feature = "planted-faults"))]
#[macro_export]
macro_rules! planted {
    ($cluster:expr, $name:ident) => {{
        let _ = &$cluster;
        false
    }};
}
