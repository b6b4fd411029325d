//! Ways in which the protocol can be made wrong on purpose, to see whether the checks notice.
//!
//! The *comparisons* are what other systems do, or did; scenarios show what they lose. The *planted faults* are slips
//! that an implementation could make; they exist only with the cargo feature `planted-faults`, and the text of the
//! protocol knows nothing of them: each is done from outside, to a step of a node.

use quorate_ids::deviations;

deviations! {
    comparisons {
        KeepsSuffix: "a deposed leader keeps the rows of writes that the new leader does not have",
        FallsBackToAsync: "a leader whose synchronous follower is suspected goes on without one",
        ForgetsRequests: "a retry is a new write, whatever the log remembers",
        CommitsOlderEpochs: "a new leader commits entries of older epochs by counting who has them",
        VotesUncaught: "a node that lost its disk votes at once",
        TrustsRefusals: "a client takes a write that was refused for one that is never done",
        EpochsWithoutLives: "an epoch that a node claims does not say in which of its lives",
    }
    planted {
        VotesTwice: "a node votes for whoever asks, however often in one epoch",
        VoteNotDurable: "a restart forgets for whom a node has voted",
        EpochNotDurable: "a restart forgets the latest epoch",
        NoUpToDateCheck: "a node votes for a candidate whatever its log holds",
        LeadsWithOneVoteLess: "a candidate leads with one vote less than a majority",
        OlderVotesCounted: "a vote counts whatever epoch it was given for",
        DeposedLeaderStays: "a leader goes on when it hears of a later epoch",
        OldEpochRenewed: "a follower takes in what a leader of an older epoch sends",
        AcknowledgedUnstored: "a follower acknowledges entries before they are durable, and loses them",
        AppendsOutOfOrder: "a follower takes in entries whatever comes before them",
        SuffixNotDiscarded: "a follower keeps its own entries where its leader has others",
        OneCountsForAll: "the acknowledgement of one follower counts as that of all",
        ReadsUnconfirmed: "a confirmed read is answered without its round of heartbeats",
        SnapshotDropsLastRow: "a snapshot lacks its last row",
        SnapshotForgetsRequests: "a snapshot lacks the requests that the log remembered",
        RestartForgetsRequests: "a restart forgets the requests that the log remembered",
        ExpiredTakenForNew: "a client whose session has expired is taken for a new one",
        TakesFromThoseAhead: "a leader takes what clients ask for that have seen more of the log than it has",
        SnapshotForgetsExpiry: "a snapshot does not say which sessions had expired",
        SnapshotMisplaced: "a snapshot says that it comes to all that its leader holds, and comes to what is committed",
        AppliesUncommitted: "a follower applies what its leader ships before it is committed",
        StandsOnce: "a candidate that was not elected in time does not stand again",
        RecallsFromOne: "a node that lost its disk takes what one other holds for what all do",
    }
}

#[cfg(feature = "planted-faults")]
impl Deviations {
    /// The first planted fault among them.
    pub(crate) fn planted(self) -> Option<Deviation> {
        Deviation::PLANTED.iter().copied().find(|fault| self.contains(*fault))
    }
}
