//! Fault budgets with as much or more left.

use itertools::iproduct;

use super::super::environment::Faults;

/// All budgets of messages and timers that have at least as much left as these, up to the most there may be:
/// with the same left of crashes, disks and partitions.
pub(super) fn with_more(left: Faults, most: Faults) -> impl Iterator<Item = Faults> {
    let more = iproduct!(
        left.drops..=most.drops,
        left.duplicates..=most.duplicates,
        left.timeouts..=most.timeouts
    );
    more.map(move |(drops, duplicates, timeouts)| Faults { drops, duplicates, timeouts, ..left })
}
