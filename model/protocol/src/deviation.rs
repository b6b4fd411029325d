//! Ways in which the protocol can be made wrong on purpose, to see whether the checks notice.
//!
//! The *comparisons* are designs that other systems had, or still have; scenarios show what they
//! lose, and they are always compiled in, though only a scenario can choose one. The *planted
//! faults* are slips that an implementation could make; they exist only with the cargo feature
//! `planted-faults`, so no released node contains them.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! deviations {
    ($($(#[$attribute:meta])* $name:ident: $statement:literal,)*) => {
        /// One way to be wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Deviation {
            $($(#[$attribute])* #[doc = $statement] $name,)*
        }

        impl Deviation {
            /// All there are in this build.
            pub const ALL: &[Deviation] = &[$($(#[$attribute])* Deviation::$name,)*];

            /// What is done wrongly, in words.
            #[must_use]
            pub fn statement(self) -> &'static str {
                match self {
                    $($(#[$attribute])* Deviation::$name => $statement,)*
                }
            }
        }
    };
}

deviations! {
    OneActorPerNode: "a node names its writes by itself alone: no incarnation, no epoch",
    RebuildFromOne: "a node that lost its disk serves once it has caught up from one other home",
    ServeUncaught: "a node that lost its disk serves at once",
    RestartsAnew: "every start takes a fresh incarnation",
    LimitCountsHeld: "a put is refused if its key holds as many versions as it may, whatever it replaces",
    ValuesOnlyTree: "hash trees cover keys and values, not contexts and dots",
    #[cfg(feature = "planted-faults")]
    CatchUpAskedOnce: "a node that lost its disk asks the others for what they hold once, and never again",
    #[cfg(feature = "planted-faults")]
    DuplicateAcksCounted: "a second acknowledgement of one node counts again",
    #[cfg(feature = "planted-faults")]
    WriteQuorumOneLess: "a write is acknowledged when W - 1 nodes hold it",
    #[cfg(feature = "planted-faults")]
    ReadQuorumOneLess: "a read is answered from R - 1 replies",
    #[cfg(feature = "planted-faults")]
    LastReplyReturned: "a read returns the last reply and not the merge of all",
    #[cfg(feature = "planted-faults")]
    FallbackCountedUnderStrict: "fallbacks stand in under a strict quorum too",
    #[cfg(feature = "planted-faults")]
    ArrivalsOverwrite: "a state that arrives replaces what is held, instead of being merged",
    #[cfg(feature = "planted-faults")]
    BareDeltaReplicated: "the coordinator sends the new version alone, not its whole state",
    #[cfg(feature = "planted-faults")]
    ContextIgnored: "a put does not replace the versions that its context covers",
    #[cfg(feature = "planted-faults")]
    SiblingsDropped: "a put replaces every version, seen or not",
    #[cfg(feature = "planted-faults")]
    CounterRepeats: "the counter of a run does not advance",
    #[cfg(feature = "planted-faults")]
    EpochNotRenewed: "a run goes on, whatever was forgotten since",
    #[cfg(feature = "planted-faults")]
    LifeNotRaised: "a start goes on in the life that its disk tells of",
    #[cfg(feature = "planted-faults")]
    KeepsUnasked: "a start keeps its incarnation without asking anybody",
    #[cfg(feature = "planted-faults")]
    KeepsWhenOneAgrees: "a start keeps its incarnation as soon as one other node agrees",
    #[cfg(feature = "planted-faults")]
    KeepsThoughDenied: "a start keeps its incarnation though others do not agree",
    #[cfg(feature = "planted-faults")]
    AgreedNotDurable: "a node that agreed to a life forgets that it did",
    #[cfg(feature = "planted-faults")]
    VoidTakenIn: "what was under way when a disk was replaced is taken in later",
    #[cfg(feature = "planted-faults")]
    RetryMintsAgain: "a retry of a finished put is a new write",
    #[cfg(feature = "planted-faults")]
    MintedRequestsForgotten: "a restart forgets which requests were minted",
    #[cfg(feature = "planted-faults")]
    LateRepliesIgnored: "asynchronous repair ends with the answer",
    #[cfg(feature = "planted-faults")]
    HintDroppedOnSend: "a hint is dropped when it is offered",
    #[cfg(feature = "planted-faults")]
    NewerHintDropped: "a hint is dropped whatever its home acknowledges",
    #[cfg(feature = "planted-faults")]
    HintOverwritten: "a hint replaces the one before, instead of being merged with it",
    #[cfg(feature = "planted-faults")]
    HandoffAckedUnstored: "a home acknowledges a handoff and does not store it",
    #[cfg(feature = "planted-faults")]
    AckBeforeDurable: "what a step stores is durable only with the next step",
    #[cfg(feature = "planted-faults")]
    TombstoneSkippedBySync: "anti-entropy does not send tombstones",
    #[cfg(feature = "planted-faults")]
    ReapWithoutAll: "a tombstone goes when one other node agrees",
    #[cfg(feature = "planted-faults")]
    ReapDespiteHints: "a node that holds a hint for a key agrees that its tombstone goes",
    #[cfg(feature = "planted-faults")]
    ReapAskedOnce: "a tombstone goes after one round of agreement",
    #[cfg(feature = "planted-faults")]
    ReapUnsettled: "a tombstone goes at the last agreement, whatever is still under way",
    #[cfg(feature = "planted-faults")]
    ReapRoundsUnnamed: "an agreement that a tombstone goes counts whatever round it was given in",
    #[cfg(feature = "planted-faults")]
    ReapAtOnceAfterRestart: "a node that restarts asks about tombstones at once",
    #[cfg(feature = "planted-faults")]
    ReapWhileRetried: "a tombstone goes while clients may still try again a put that it covers",
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A set of deviations: empty for every cluster that is meant to work.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Deviations(u64);

impl Deviations {
    /// These and this one.
    #[must_use]
    pub fn with(self, deviation: Deviation) -> Self {
        Deviations(self.0 | 1 << deviation as u32)
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(self, deviation: Deviation) -> bool {
        self.0 >> deviation as u32 & 1 == 1
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Self {
        deviations.into_iter().fold(Deviations::default(), Deviations::with)
    }
}

/// The deviations that steps have asked about, whether they are wanted or not. As long as nothing asks
/// about one, it changes nothing. Kept only where faults can be planted.
#[cfg(feature = "planted-faults")]
#[derive(Clone, Default, Debug)]
pub(crate) struct Asked {
    about: alloc::sync::Arc<core::sync::atomic::AtomicU64>,
}

#[cfg(feature = "planted-faults")]
impl Asked {
    /// Somebody asks about this one.
    pub(crate) fn note(&self, deviation: Deviation) {
        use core::sync::atomic::Ordering::Relaxed;
        let bit = Deviations::default().with(deviation).0;
        // Most have been asked about before, and reading is cheap.
        if self.about.load(Relaxed) & bit == 0 {
            self.about.fetch_or(bit, Relaxed);
        }
    }

    /// All that were asked about so far.
    pub(crate) fn so_far(&self) -> Deviations {
        Deviations(self.about.load(core::sync::atomic::Ordering::Relaxed))
    }
}

/// Whether a planted fault is to happen: never, unless they are compiled in.
#[cfg(feature = "planted-faults")]
#[macro_export]
macro_rules! planted {
    ($cluster:expr, $name:ident) => {
        $cluster.deviates($crate::deviation::Deviation::$name)
    };
}

/// Whether a planted fault is to happen: never, since they are not compiled in.
#[cfg(not(feature = "planted-faults"))]
#[macro_export]
macro_rules! planted {
    ($cluster:expr, $name:ident) => {{
        let _ = &$cluster;
        false
    }};
}
