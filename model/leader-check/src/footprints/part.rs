//! The parts of an actor: what the protocol declares, log by log, and what a scenario adds.

use std::fmt;

use quorate_checker::footprint::{self, Footprint};
use quorate_leader::footprint::{Area, Component, Declaration, Family};
use quorate_leader::shards::ShardId;

use crate::kinds::Alarm;

/// A part of an actor's state. Clocks stand still here, and are none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// Whether a node runs, and so keeps anything of its logs.
    Runs,
    /// Of what a node keeps of one log.
    OfLog(ShardId, Component),
    /// Of a client.
    OfClient(Component),
    /// A client's timer.
    ClientTimer(Alarm),
    /// How far a client has come in its program.
    Program,
    /// How often a node has started.
    Lives,
    /// Copies of a node's disk.
    Copies,
}

/// Parts of one sort.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sort {
    /// Whether nodes run.
    Runs,
    /// Of what nodes keep of one log.
    OfLog(ShardId, Family),
    /// Of clients.
    OfClient(Family),
    /// Clients' timers.
    ClientTimer,
    /// A client's program.
    Program,
    /// How often nodes have started.
    Lives,
    /// Copies of disks.
    Copies,
}

impl Part {
    /// A component of a client.
    pub(super) fn of_client(component: Component) -> Part {
        Part::OfClient(component)
    }
}

impl footprint::Component for Part {
    type Family = Sort;

    fn family(&self) -> Sort {
        match self {
            Part::Runs => Sort::Runs,
            Part::OfLog(shard, component) => Sort::OfLog(*shard, component.family()),
            Part::OfClient(component) => Sort::OfClient(component.family()),
            Part::ClientTimer(_) => Sort::ClientTimer,
            Part::Program => Sort::Program,
            Part::Lives => Sort::Lives,
            Part::Copies => Sort::Copies,
        }
    }
}

/// Where there are several logs, it is said of which of them; the first is meant otherwise.
fn of_log(f: &mut fmt::Formatter<'_>, ShardId(shard): ShardId) -> fmt::Result {
    if shard == 0 { Ok(()) } else { write!(f, " (log {})", shard + 1) }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sort::Runs => f.write_str("whether the node runs"),
            Sort::OfLog(shard, family) => {
                f.write_str(family.words())?;
                of_log(f, *shard)
            }
            Sort::OfClient(family) => f.write_str(family.words()),
            Sort::ClientTimer => f.write_str("a client's timer"),
            Sort::Program => f.write_str("a client's place in its program"),
            Sort::Lives => f.write_str("how often the node has started"),
            Sort::Copies => f.write_str("copies of the disk"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::OfLog(shard, component) => {
                write!(f, "{component}")?;
                of_log(f, *shard)
            }
            Part::OfClient(component) => component.fmt(f),
            Part::ClientTimer(Alarm::Window) => f.write_str("a client's timer of own writes"),
            Part::ClientTimer(_) => f.write_str("a client's timer of its request"),
            Part::Runs | Part::Program | Part::Lives | Part::Copies => {
                footprint::Component::family(self).fmt(f)
            }
        }
    }
}

/// Adds what is declared of one log, or of a client.
pub(super) fn add(
    touches: &mut Footprint<Part, &'static str>,
    shard: Option<ShardId>,
    declared: Declaration,
) {
    let Declaration { reads, writes, sends, tells } = declared;
    for (areas, region) in [(reads, &mut touches.reads), (writes, &mut touches.writes)] {
        for area in areas {
            match (area, shard) {
                (Area::One(component), Some(shard)) => region.insert(Part::OfLog(shard, component)),
                (Area::One(component), None) => region.insert(Part::OfClient(component)),
                (Area::All(family), Some(shard)) => {
                    region.insert_family(Sort::OfLog(shard, family));
                }
                (Area::All(family), None) => region.insert_family(Sort::OfClient(family)),
            }
        }
    }
    touches.sends.extend(sends);
    touches.tells |= tells;
}
