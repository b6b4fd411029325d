//! Which facts the judged properties need.

/// Which facts the judged properties need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Which writes each read must see: `read-freshness`.
    pub freshness: bool,
    /// What earlier reads saw: `monotonic-reads`.
    pub monotonic: bool,
    /// Which writes are the reader's own: `read-your-writes`.
    pub own_writes: bool,
    /// Who acknowledged each write: `quorum-overlap` and shared replicas.
    pub acked_by: bool,
    /// Which writes were answered `Unavailable`.
    pub failed: bool,
    /// Under which dot each write was minted: `unique-dots`.
    pub dots: bool,
    /// Which writes were under way when each read began.
    pub overlapping: bool,
    /// Which deletes each node has held: `no-resurrection`.
    pub deletes: bool,
    /// Which deletes were reaped: whatever asks whether a write is still there.
    pub reaped: bool,
    /// Whether hints that were dropped were safe: `hint-safety`.
    pub hints: bool,
    /// What reads were obliged to and returned, for sentences that say why a property is violated.
    /// Never kept in a search, where it would tell states apart that behave alike.
    pub accounts: bool,
    /// How often each node had reason to take a fresh incarnation: `entries-bounded`.
    pub incidents: bool,
    /// What came of puts that resolve a key which has reached a limit: `key-resolvable`.
    pub resolving: bool,
}

impl Watch {
    /// Everything, for the replay of a running cluster, where states are not compared.
    pub const ALL: Watch = Watch {
        freshness: true,
        monotonic: true,
        own_writes: true,
        acked_by: true,
        failed: true,
        dots: true,
        overlapping: true,
        deletes: true,
        reaped: true,
        hints: true,
        accounts: false,
        incidents: true,
        resolving: true,
    };

    /// Nothing.
    pub const NOTHING: Watch = Watch {
        freshness: false,
        monotonic: false,
        own_writes: false,
        acked_by: false,
        failed: false,
        dots: false,
        overlapping: false,
        deletes: false,
        reaped: false,
        hints: false,
        incidents: false,
        resolving: false,
        accounts: false,
    };

    /// What either of the two asks for.
    #[must_use]
    pub fn union(self, other: Watch) -> Watch {
        Watch {
            freshness: self.freshness || other.freshness,
            monotonic: self.monotonic || other.monotonic,
            own_writes: self.own_writes || other.own_writes,
            acked_by: self.acked_by || other.acked_by,
            failed: self.failed || other.failed,
            dots: self.dots || other.dots,
            overlapping: self.overlapping || other.overlapping,
            deletes: self.deletes || other.deletes,
            reaped: self.reaped || other.reaped,
            hints: self.hints || other.hints,
            incidents: self.incidents || other.incidents,
            resolving: self.resolving || other.resolving,
            accounts: self.accounts || other.accounts,
        }
    }

    /// Whether it matters which nodes acknowledged a write, or that none did: whom an answer comes
    /// from, and when, and not only what it says.
    #[must_use]
    pub fn asks_who_acknowledged(self) -> bool {
        self.acked_by || self.failed || self.overlapping
    }
}
