//! What reads are obliged to, and how they are judged.

use crate::check::write_set::WriteSet;

/// What a judgement came to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub enum Judgement {
    /// Nothing obliged this read: the property says nothing about it.
    #[default]
    NotObliged,
    /// The read was obliged and met the obligation: a witness against vacuity.
    Met,
    /// The read broke the obligation.
    Broken,
}

impl Judgement {
    pub(super) fn of(obliged: bool, met: bool) -> Self {
        match (obliged, met) {
            (false, _) => Judgement::NotObliged,
            (true, true) => Judgement::Met,
            (true, false) => Judgement::Broken,
        }
    }
}

/// How a client's last read was judged. It stands until the client's next operation starts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Judged {
    /// It was answered.
    pub answered: bool,
    /// It was not: too few replied, or nobody did.
    pub unavailable: bool,
    /// It returned every write acknowledged before it began, or something that had seen it.
    pub freshness: Judgement,
    /// It returned everything that reads finished before it began had returned.
    pub monotonic: Judgement,
    /// It returned every write of its own client acknowledged before.
    pub own_writes: Judgement,
    /// Those who replied met those who acknowledged every earlier write.
    pub overlap: Judgement,
    /// It did not return a write that had been answered `Unavailable` before it began.
    pub failed_invisible: Judgement,
    /// It did not return what a delete that was acknowledged before it began had covered, and that
    /// no node holds any more.
    pub resurrection: Judgement,
    /// It overlapped an unacknowledged write and returned it.
    pub saw_overlapping: bool,
    /// It overlapped an unacknowledged write and did not return it.
    pub missed_overlapping: bool,
}

/// What a read in progress is obliged to, fixed when it began.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Obligation {
    /// Writes that were acknowledged.
    pub acknowledged: WriteSet,
    /// Those of them that are the reader's own.
    pub own: WriteSet,
    /// What reads had returned.
    pub seen_by_reads: WriteSet,
    /// Writes that had been answered `Unavailable`.
    pub failed: WriteSet,
    /// Writes that were under way.
    pub under_way: WriteSet,
    /// Deletes that were acknowledged.
    pub deletes: WriteSet,
}

impl Judged {
    pub(super) fn is_no_better_than(&self, other: &Judged) -> bool {
        let alike = |judged: &Judged| Judged {
            freshness: Judgement::default(),
            monotonic: Judgement::default(),
            own_writes: Judgement::default(),
            overlap: Judgement::default(),
            failed_invisible: Judgement::default(),
            resurrection: Judgement::default(),
            ..*judged
        };
        let judgements = |judged: &Judged| {
            let Judged { freshness, monotonic, own_writes, overlap, .. } = *judged;
            [
                freshness,
                monotonic,
                own_writes,
                overlap,
                judged.failed_invisible,
                judged.resurrection,
            ]
        };
        // What was met may be broken, and what was not put to the test may be either.
        alike(self) == alike(other)
            && judgements(self).iter().zip(judgements(other)).all(|(one, other)| {
                *one == other || *one == Judgement::Broken || other == Judgement::default()
            })
    }
}
