//! Reductions made wrong on purpose, to see whether the comparison with the unreduced search notices.
//!
//! Each forgets one of the conditions under which a rule applies, or one of the cases that its argument
//! speaks of: that is how the rules that once changed a verdict were wrong. One place in the rules asks
//! for each. They exist only with the cargo feature `planted-faults`.

use quorate_checker::wrong_rules;
use serde::Serialize;

use crate::scenario::Rule;

wrong_rules! {
    HopsDespiteLoss of ClientHops: "requests take no time though they may still be lost or doubled",
    HopsDespiteRetries of ClientHops: "requests take no time though a client may still try again",
    HopsDespiteClocks of ClientHops: "requests take no time though clocks decide",
    HopsDespiteOverlap of ClientHops: "requests take no time though it is asked which operations overlap",
    HopsThoughTombstonesAge of ClientHops: "requests take no time though tombstones go by age and it is asked who held a delete",
    HopsWithoutGivingUp of ClientHops: "no client gives up before its request arrives",
    RepliesDespiteRetries of Replies: "replies take no time though clients try again",
    RepliesDespiteReaping of Replies: "replies take no time though tombstones are reaped",
    RepliesDespiteRepair of Replies: "replies take no time though reads repair",
    AnswersDespiteTimeouts of Answers: "acknowledgements take no time though requests may time out",
    AnswersDespiteRetries of Answers: "acknowledgements take no time though clients try again after a crash",
    AnswersDespiteReaping of Answers: "acknowledgements take no time though tombstones are reaped",
    AnswersDespiteWhoIsAsked of Answers: "acknowledgements take no time though it is asked who acknowledged",
    ForwardsDespiteFaults of Answers: "forwarded puts take no time though something can still go wrong",
    WalksThoughOverlapping of SyncWalks: "walks take no time though exchanges overlap",
    LateThoughShrinking of LateExchanges: "exchanges begin late though records may become less",
    LateThoughPutsCome of LateExchanges: "an exchange goes on before a put or a probe that its sender is to receive",
    LateThoughAskingBack of LateExchanges: "an exchange that asks for something in return begins late",
    LateWithSeveralKeys of LateExchanges: "exchanges begin late though there are several keys",
    SymmetryThoughTiesBreak of ClientSymmetry: "clients are exchanged though values or clients break ties",
    SymmetryDespiteTurns of ClientSymmetry: "clients are exchanged though they take turns",
    SymmetryWhateverTheyDo of ClientSymmetry: "clients are exchanged if they do as many operations",
    SymmetryForgettingMintedRequests of ClientSymmetry: "an exchange of clients forgets the requests that disks remember",
    SymmetryForgettingHistory of ClientSymmetry: "an exchange of clients forgets what was asked and seen",
    NodesThoughAskedInOrder of NodeSymmetry: "nodes are exchanged though some are asked before others",
    NodesWhoeverIsAsked of NodeSymmetry: "nodes are exchanged whichever of them clients ask",
    NodesDespiteFaults of NodeSymmetry: "nodes are exchanged of which one is down or faulty",
    NodesForgettingWaits of NodeSymmetry: "an exchange of nodes forgets what they wait for",
    DeadThoughShrinking of DeadMessages: "what is held is taken to be held for ever though disks are lost or tombstones go",
    DeadThoughNamesShared of DeadMessages: "what is held is taken to be held for ever though nodes share an identity",
    DeadDespiteRetries of DeadMessages: "a late answer to a forwarded put is dead though its client may try again",
    DeadWhileDown of DeadMessages: "a message for a node that is down is dead though the node may start",
    DeadThoughRepairing of DeadMessages: "a read that nobody waits for is dead though it repairs",
    FinishedDespiteReaping of FinishedRequests: "a read that listens for replies is forgotten though tombstones are reaped",
    FinishedDespiteRetries of FinishedRequests: "finished puts are forgotten though their client may try again",
    StubbornForgettingStates of StubbornSets: "what merges a state is not declared to change what is held",
    StubbornForgettingTheFuture of StubbornSets: "what an event leads to is not declared",
    StubbornThoughSeen of StubbornSets: "what observers see, and properties look at, is chosen as well",
    StubbornDespiteStarts of StubbornSets: "a set is chosen though nodes may start again",
    StubbornDespiteGuards of StubbornSets: "it is forgotten what timers, clocks and turns look at",
}

/// Whether a rule is to forget this: never, unless wrong rules are compiled in.
#[cfg(feature = "planted-faults")]
macro_rules! forgets {
    ($scenario:expr, $name:ident) => {
        $scenario.reductions.wrong == Some($crate::check::wrong_rule::WrongRule::$name)
    };
}

/// Whether a rule is to forget this: never, since wrong rules are not compiled in.
#[cfg(not(feature = "planted-faults"))]
macro_rules! forgets {
    ($scenario:expr, $name:ident) => {{
        let _ = &$scenario;
        false
    }};
}
