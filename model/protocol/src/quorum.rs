//! Quorum arithmetic: what the three numbers N, R and W promise.
//!
//! N is how many replicas (the key's *homes*) keep a key, R how many of them must answer a read
//! and W how many must acknowledge a write (Dynamo, SOSP 2007, section 4.5; the idea is Gifford's
//! weighted voting, SOSP 1979, with one vote each).
//!
//! Everything here holds for *strict* quorums, whose members all are homes of the key. Once a
//! fallback node may acknowledge in place of a home (Dynamo's sloppy quorum, section 4.6), a
//! read and a write no longer choose from the same N nodes and no overlap is promised.

use alloc::format;
use alloc::string::String;

use crate::ids::NODES_MAX;

/// A replication configuration that can work: `1 <= R <= N`, `1 <= W <= N` and
/// `1 <= N <= NODES_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quorum {
    n: usize,
    r: usize,
    w: usize,
}

/// Why three numbers are no [`Quorum`]. Nothing was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// N, the replicas of a key, is zero or more than a cluster can have.
    #[error(
        "N is {n}, but a key needs between 1 and {NODES_MAX} replicas: set N in 1..={NODES_MAX}"
    )]
    NOutOfRange {
        /// The N that was asked for.
        n: usize,
    },
    /// R, the answers a read waits for, is zero or more than the replicas.
    #[error(
        "R is {r}, but a read needs between 1 and N = {n} answers: set R in 1..={n} or raise N"
    )]
    ROutOfRange {
        /// The R that was asked for.
        r: usize,
        /// The largest R allowed.
        n: usize,
    },
    /// W, the acknowledgements a write waits for, is zero or more than the replicas.
    #[error(
        "W is {w}, but a write needs between 1 and N = {n} acknowledgements: \
         set W in 1..={n} or raise N"
    )]
    WOutOfRange {
        /// The W that was asked for.
        w: usize,
        /// The largest W allowed.
        n: usize,
    },
}

impl Quorum {
    /// Checks N replicas, R answers to a read and W acknowledgements of a write.
    ///
    /// # Errors
    /// Names the first of N, R and W, in that order, that is out of its range.
    pub fn new(n: usize, r: usize, w: usize) -> Result<Quorum, QuorumError> {
        if !(1..=NODES_MAX).contains(&n) {
            return Err(QuorumError::NOutOfRange { n });
        }
        if !(1..=n).contains(&r) {
            return Err(QuorumError::ROutOfRange { r, n });
        }
        if !(1..=n).contains(&w) {
            return Err(QuorumError::WOutOfRange { w, n });
        }
        Ok(Quorum { n, r, w })
    }

    /// N: how many replicas keep a key.
    #[must_use]
    pub fn n(self) -> usize {
        self.n
    }

    /// R: how many replicas must answer a read.
    #[must_use]
    pub fn r(self) -> usize {
        self.r
    }

    /// W: how many replicas must acknowledge a write.
    #[must_use]
    pub fn w(self) -> usize {
        self.w
    }

    /// Whether every read quorum meets every write quorum: `R + W > N`.
    ///
    /// This makes a read see every write acknowledged before it began. It does not make the
    /// store linearizable: of two reads during an unfinished write, the later may see less.
    #[must_use]
    pub fn is_strong(self) -> bool {
        self.r + self.w > self.n
    }

    /// Whether every two write quorums share a replica: `2W > N`.
    ///
    /// That replica has seen both writes, so two acknowledged writes cannot stay unaware of each
    /// other on every replica they reached.
    #[must_use]
    pub fn writes_overlap(self) -> bool {
        2 * self.w > self.n
    }

    /// How many replicas of a key may fail, whichever they are, and leave a read quorum: `N - R`.
    #[must_use]
    pub fn read_failures_survived(self) -> usize {
        self.n - self.r
    }

    /// How many replicas of a key may fail, whichever they are, and leave a write quorum: `N - W`.
    #[must_use]
    pub fn write_failures_survived(self) -> usize {
        self.n - self.w
    }

    /// How many replicas of a key may fail, whichever they are, and leave both a read quorum and
    /// a write quorum: the smaller of `N - R` and `N - W`.
    #[must_use]
    pub fn failures_survived(self) -> usize {
        self.read_failures_survived().min(self.write_failures_survived())
    }

    /// How many homes must hold a state before every later read that waits for `r` answers sees
    /// it: `N - r + 1`, the least number that leaves fewer than `r` homes without it.
    ///
    /// A read that repairs this many homes before it returns keeps later reads from going back
    /// in time, even when the write it saw was never acknowledged (the write-back phase of
    /// Attiya, Bar-Noy and Dolev, JACM 1995).
    ///
    /// `r` is an argument because a later read may wait for another number than this one's R.
    ///
    /// # Panics
    /// If `r` is not in `1..=N`. An `r` from outside goes through [`Quorum::new`] first.
    #[must_use]
    pub fn repair_holders(self, r: usize) -> usize {
        assert!((1..=self.n).contains(&r), "R = {r} was never checked against N = {}", self.n);
        self.n - r + 1
    }

    /// What the numbers promise, for people: one sentence each on reads against writes, writes
    /// against writes, and the failures that reads and writes survive. No final full stops.
    #[must_use]
    pub fn explain(self) -> [String; 4] {
        let Quorum { n, r, w } = self;
        let sum = r + w;
        let double = 2 * w;
        [
            if self.is_strong() {
                format!("R + W = {sum} > N = {n}: every read meets every acknowledged write")
            } else {
                format!("R + W = {sum} <= N = {n}: a read can miss an acknowledged write")
            },
            if self.writes_overlap() {
                format!("2W = {double} > N = {n}: every two acknowledged writes share a replica")
            } else {
                format!(
                    "2W = {double} <= N = {n}: two acknowledged writes can have no replica in common"
                )
            },
            explain_failures("N - R", "reads", n, self.read_failures_survived()),
            explain_failures("N - W", "writes", n, self.write_failures_survived()),
        ]
    }
}

/// One sentence on how many of `n` failed replicas the operations outlive.
fn explain_failures(formula: &str, operations: &str, n: usize, survived: usize) -> String {
    if survived == 0 {
        format!("{formula} = 0: {operations} need every replica and stop when one fails")
    } else {
        format!(
            "{formula} = {survived}: {operations} go on while any {survived} of {n} replicas fail"
        )
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use itertools::{Itertools, iproduct};

    use super::*;
    use crate::ids::{NodeId, NodeSet};

    /// Every configuration of up to this many replicas is compared with all its subsets.
    const N_TRIED: usize = 7;

    fn all_quorums() -> impl Iterator<Item = Quorum> {
        (1..=N_TRIED)
            .flat_map(|n| iproduct!([n], 1..=n, 1..=n))
            .map(|(n, r, w)| Quorum::new(n, r, w).unwrap())
    }

    /// All sets of `size` out of `n` replicas.
    fn subsets(n: usize, size: usize) -> Vec<NodeSet> {
        (0..n as u16).map(NodeId).combinations(size).map(NodeSet::from_iter).collect()
    }

    fn meets(left: NodeSet, right: NodeSet) -> bool {
        !left.intersection(right).is_empty()
    }

    fn all_meet(lefts: &[NodeSet], rights: &[NodeSet]) -> bool {
        iproduct!(lefts, rights).all(|(left, right)| meets(*left, *right))
    }

    /// Whether one of the quorums has no failed member.
    fn one_is_left(quorums: &[NodeSet], failed: NodeSet) -> bool {
        quorums.iter().any(|quorum| !meets(*quorum, failed))
    }

    /// Asserts that `survived` failures always leave one of each kind of quorum, and that one
    /// failure more can leave none of some kind.
    fn assert_survives_exactly(n: usize, survived: usize, kinds: &[&[NodeSet]]) {
        let works = |failed: &NodeSet| kinds.iter().all(|quorums| one_is_left(quorums, *failed));
        assert!(subsets(n, survived).iter().all(works));
        assert!(!subsets(n, survived + 1).iter().all(works));
    }

    #[test]
    fn strong_means_that_every_read_quorum_meets_every_write_quorum() {
        for quorum in all_quorums() {
            let reads = subsets(quorum.n(), quorum.r());
            let writes = subsets(quorum.n(), quorum.w());
            assert_eq!(quorum.is_strong(), all_meet(&reads, &writes), "{quorum:?}");
        }
    }

    #[test]
    fn writes_overlap_means_that_every_two_write_quorums_share_a_replica() {
        for quorum in all_quorums() {
            let writes = subsets(quorum.n(), quorum.w());
            assert_eq!(quorum.writes_overlap(), all_meet(&writes, &writes), "{quorum:?}");
        }
    }

    #[test]
    fn the_failures_survived_leave_a_quorum_and_one_more_can_leave_none() {
        for quorum in all_quorums() {
            let n = quorum.n();
            let reads = subsets(n, quorum.r());
            let writes = subsets(n, quorum.w());
            assert_survives_exactly(n, quorum.read_failures_survived(), &[&reads]);
            assert_survives_exactly(n, quorum.write_failures_survived(), &[&writes]);
            assert_survives_exactly(n, quorum.failures_survived(), &[&reads, &writes]);
        }
    }

    #[test]
    fn every_read_sees_what_the_repair_holders_hold_and_can_miss_what_one_fewer_hold() {
        for (quorum, r) in all_quorums().flat_map(|quorum| iproduct!([quorum], 1..=quorum.n())) {
            let reads = subsets(quorum.n(), r);
            let holders = quorum.repair_holders(r);
            assert!(all_meet(&subsets(quorum.n(), holders), &reads), "{quorum:?} r={r}");
            assert!(!all_meet(&subsets(quorum.n(), holders - 1), &reads), "{quorum:?} r={r}");
        }
    }

    #[test]
    fn a_quorum_is_built_exactly_when_r_and_w_are_between_one_and_n() {
        for (n, r, w) in iproduct!(0..=N_TRIED, 0..=N_TRIED + 1, 0..=N_TRIED + 1) {
            let possible = n >= 1 && r >= 1 && r <= n && w >= 1 && w <= n;
            let built = Quorum::new(n, r, w);
            assert_eq!(built.is_ok(), possible, "N={n} R={r} W={w}");
            if let Ok(quorum) = built {
                assert_eq!((quorum.n(), quorum.r(), quorum.w()), (n, r, w));
            }
        }
        assert!(Quorum::new(NODES_MAX, NODES_MAX, NODES_MAX).is_ok());
    }

    #[test]
    fn an_error_names_the_field_and_its_range() {
        let message = |n, r, w| Quorum::new(n, r, w).unwrap_err().to_string();
        assert_eq!(
            message(0, 0, 0),
            "N is 0, but a key needs between 1 and 128 replicas: set N in 1..=128"
        );
        assert_eq!(Quorum::new(129, 1, 1), Err(QuorumError::NOutOfRange { n: 129 }));
        assert_eq!(
            message(3, 4, 0),
            "R is 4, but a read needs between 1 and N = 3 answers: set R in 1..=3 or raise N"
        );
        assert_eq!(
            message(3, 2, 0),
            "W is 0, but a write needs between 1 and N = 3 acknowledgements: \
             set W in 1..=3 or raise N"
        );
    }

    #[test]
    fn a_strong_configuration_explains_its_overlap_and_what_it_survives() {
        assert_eq!(
            Quorum::new(3, 2, 2).unwrap().explain(),
            [
                "R + W = 4 > N = 3: every read meets every acknowledged write",
                "2W = 4 > N = 3: every two acknowledged writes share a replica",
                "N - R = 1: reads go on while any 1 of 3 replicas fail",
                "N - W = 1: writes go on while any 1 of 3 replicas fail",
            ]
        );
    }

    #[test]
    fn a_weak_configuration_explains_what_it_can_miss() {
        assert_eq!(
            Quorum::new(3, 1, 1).unwrap().explain(),
            [
                "R + W = 2 <= N = 3: a read can miss an acknowledged write",
                "2W = 2 <= N = 3: two acknowledged writes can have no replica in common",
                "N - R = 2: reads go on while any 2 of 3 replicas fail",
                "N - W = 2: writes go on while any 2 of 3 replicas fail",
            ]
        );
    }

    #[test]
    fn a_configuration_that_needs_every_replica_says_so() {
        let [.., reads, writes] = Quorum::new(3, 1, 3).unwrap().explain();
        assert_eq!(reads, "N - R = 2: reads go on while any 2 of 3 replicas fail");
        assert_eq!(writes, "N - W = 0: writes need every replica and stop when one fails");
    }

    #[test]
    #[should_panic(expected = "R = 4 was never checked against N = 3")]
    fn asking_repair_holders_about_an_unchecked_r_is_a_broken_invariant() {
        let _ = Quorum::new(3, 2, 2).unwrap().repair_holders(4);
    }
}
