//! The parts of an actor of the model: what the protocol declares, and what the model adds.

use alloc::collections::BTreeSet;
use core::fmt;

use quorate_checker::footprint::{self, Footprint};

use crate::ids::Key;
use crate::protocol::footprint::{Area, Component, Declaration, Family};

/// A part of an actor's state.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// One that the protocol knows.
    Protocol(Component),
    /// How far a client has come in its program, and what came of its last operation.
    Program,
    /// What a client has read of a key, as far as it is still used.
    Context(Key),
    /// How often a node has started.
    Lives,
    /// Copies of a node's disk.
    Copies,
}

/// Parts of one sort.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sort {
    /// Of the protocol.
    Protocol(Family),
    /// A client's program.
    Program,
    /// What clients have read.
    Context,
    /// How often nodes have started.
    Lives,
    /// Copies of disks.
    Copies,
}

impl footprint::Component for Part {
    type Family = Sort;

    fn family(&self) -> Sort {
        match self {
            Part::Protocol(component) => Sort::Protocol(component.family()),
            Part::Program => Sort::Program,
            Part::Context(_) => Sort::Context,
            Part::Lives => Sort::Lives,
            Part::Copies => Sort::Copies,
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sort::Protocol(family) => family.words(),
            Sort::Program => "a client's place in its program",
            Sort::Context => "what a client has read of a key",
            Sort::Lives => "how often the node has started",
            Sort::Copies => "copies of the disk",
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Protocol(component) => component.fmt(f),
            Part::Context(key) => write!(f, "what the client has read of {key}"),
            Part::Program | Part::Lives | Part::Copies => footprint::Component::family(self).fmt(f),
        }
    }
}

/// What a declaration comes to, for the engine.
pub(super) fn footprint_of(declared: Declaration) -> Footprint<Part, &'static str> {
    let mut footprint = Footprint::default();
    let Declaration { reads, writes, joins, sends, tells } = declared;
    for (areas, region) in [
        (reads, &mut footprint.reads),
        (writes, &mut footprint.writes),
        (joins, &mut footprint.joins),
    ] {
        for area in areas {
            match area {
                Area::One(component) => region.insert(Part::Protocol(component)),
                Area::All(family) => region.insert_family(Sort::Protocol(family)),
            }
        }
    }
    footprint.sends = BTreeSet::from_iter(sends);
    footprint.tells = tells;
    footprint
}
