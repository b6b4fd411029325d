//! What judged properties look at that they share.

/// What of the [ledger](super::Ledger) the judged properties look at, beyond what is always kept,
/// and what of a run they ask about that reductions must then leave as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Who acknowledged each write.
    pub acked_by: bool,
    /// Which writes were answered `Unavailable`, or not at all.
    pub failed: bool,
    /// Which operations overlap. Asks for what failed, too, since that is no longer under way.
    pub overlapping: bool,
    /// Under which dots each put was minted.
    pub dots: bool,
    /// Which deletes each node has held.
    pub deletes: bool,
    /// Which deletes were reaped: whatever asks whether a write is still there.
    pub reaped: bool,
}

impl Watch {
    /// Nothing.
    pub const NOTHING: Watch = Watch {
        acked_by: false,
        failed: false,
        overlapping: false,
        dots: false,
        deletes: false,
        reaped: false,
    };

    /// What either of the two asks for.
    #[must_use]
    pub fn union(self, other: Watch) -> Watch {
        Watch {
            acked_by: self.acked_by || other.acked_by,
            failed: self.failed || other.failed,
            overlapping: self.overlapping || other.overlapping,
            dots: self.dots || other.dots,
            deletes: self.deletes || other.deletes,
            reaped: self.reaped || other.reaped,
        }
    }

    /// Whether it matters which nodes acknowledged a write, or that none did: whom an answer comes
    /// from, and when, and not only what it says.
    #[must_use]
    pub fn asks_who_acknowledged(self) -> bool {
        self.acked_by || self.failed || self.overlapping
    }
}
