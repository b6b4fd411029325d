//! Which built-in scenario shows that a cluster does not promise something.

use quorate_checker::world::Expected;
use quorate_leader::config::Reads;

use crate::builtin::{ALL, Builtin};
use crate::promises::{Judged, Promiser, Told};
use crate::setting::LeaderFile;

/// A built-in scenario in which this property is violated by a cluster that is set like this one, as far as the property
/// goes, and of which no disk is lost. `None` if there is none.
#[must_use]
pub fn counterexample(
    property: Judged,
    promiser: &Promiser,
    reads: Reads,
) -> Option<&'static Builtin> {
    let shows = |scenario: &LeaderFile| {
        let Some(Told { promiser: theirs, under }) = Told::of(scenario) else { return false };
        scenario.expect.get(property.name()) == Some(&Expected::Violated)
            && !scenario.is_script()
            && under.lost_disks == 0
            && !under.draws
            && (theirs.replication, theirs.election) == (promiser.replication, promiser.election)
            && (!property.is_about_reads() || under.reads == reads)
    };
    ALL.iter().filter(|builtin| builtin.default).find(|builtin| {
        let scenario = builtin.parse().expect("the scenarios that ship are read");
        shows(&scenario)
    })
}
