//! A search of everything, which notes what there is to compare.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::FixedState as FastState;
use foldhash::quality::FixedState;
use hashbrown::{HashMap, HashSet};
use thread_local::ThreadLocal;

use crate::looking::Looking;
use crate::traversal::{Bounds, Switch, explore};
use crate::world::World;
use crate::world::action::Action;
use crate::world::counters::Enumerated;
use crate::world::judged::Judged;
use crate::world::property::{Expected, Property, PropertyKind};
use crate::world::protocol::Protocol;
use crate::world::reduces::Reduces;
use crate::world::state::{ActorState, State};

/// The fewest steps of a run that shows something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Length {
    /// As the search takes them.
    pub steps: usize,
    /// With everything counted that happens in the same step as something else.
    pub unfused: usize,
}

/// What a run shows of a property.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Shown {
    /// That it is violated, or that what it asks for is reached.
    Property(&'static str),
    /// That it was put to the test.
    Witness(&'static str),
}

impl Shown {
    /// The property.
    #[must_use]
    pub fn property(self) -> &'static str {
        let (Shown::Property(name) | Shown::Witness(name)) = self;
        name
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Property(name) => f.write_str(name),
            Shown::Witness(name) => write!(f, "that {name} is put to the test"),
        }
    }
}

/// What became of a property of endless runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ending {
    /// Of which.
    pub name: &'static str,
    /// What was found of it.
    pub found: Option<Expected>,
    /// Whether it was put to the test.
    pub tested: bool,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ending { name, found, tested } = self;
        match found {
            Some(found) => write!(f, "{name} {found}")?,
            None => write!(f, "{name} undecided")?,
        }
        f.write_str(if *tested { "" } else { ", never put to the test" })
    }
}

/// Hashes of what disks hold.
pub type Disks = HashSet<u64, FastState>;

/// What a search of everything found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Of each property that is a matter of single states, and of the witness that it was put to the test: the shortest run
    /// that comes to such a state, if one does.
    pub runs: BTreeMap<Shown, Option<Length>>,
    /// What became of each property of endless runs.
    pub endings: Vec<Ending>,
    /// Everything that the nodes' disks can come to hold: of every reachable state a hash of all disks. It tells more than
    /// verdicts do: as long as nothing is wrong, every verdict is the same whatever is left out.
    pub disks: Disks,
    /// How many distinct states there are.
    pub distinct: usize,
}

/// Searches everything there is, on one thread. `None` if there are more than so many distinct states.
#[must_use]
pub fn visit<P: Reduces>(
    world: &World<P>,
    properties: &[Property<P>],
    distinct_max: usize,
) -> Option<Found> {
    let system = Judged::new(world, properties.iter().cloned());
    let seen = ThreadLocal::<RefCell<DisksSeen>>::new();
    let look = |state: &State<P>, _: &mut Vec<Action<P>>| {
        seen.get_or_default().borrow_mut().note(world.protocol(), state);
    };
    let bounds = Bounds { states_max: Some(distinct_max), ..Bounds::default() };
    let explored = explore(&Looking { system: &system, look }, &bounds, &Switch::default());
    if !explored.is_exhausted() {
        return None;
    }
    let (mut runs, mut endings) = (BTreeMap::new(), Vec::new());
    let length = |run: &Option<Vec<Action<P>>>| {
        run.as_ref().map(|run| Length { steps: run.len(), unfused: unfused(world, run) })
    };
    for (property, verdict) in properties.iter().zip(system.verdicts(&explored)) {
        let name = property.name;
        if let PropertyKind::EventuallyAlways { .. } = property.kind {
            endings.push(Ending { name, found: verdict.found, tested: verdict.witness.is_some() });
            continue;
        }
        runs.insert(Shown::Property(name), length(&verdict.run));
        runs.insert(Shown::Witness(name), length(&verdict.witness));
    }
    let disks = seen.into_iter().flat_map(|seen| seen.into_inner().disks).collect();
    Some(Found { runs, endings, disks, distinct: explored.distinct() })
}

/// What disks hold in the states that one thread looks at.
#[derive(Default)]
pub struct DisksSeen {
    /// Hashes of all that was noted.
    pub disks: Disks,
    /// Of nodes, by their fingerprints.
    known: HashMap<u64, u64, FastState>,
}

impl DisksSeen {
    /// Takes note of what all disks hold in a state.
    pub fn note<P: Reduces>(&mut self, protocol: &P, state: &State<P>) {
        let combined = self.hash_of(protocol, state);
        self.disks.insert(combined);
    }

    /// A hash of what all disks hold, as far as the protocol has it compared.
    pub fn hash_of<P: Reduces>(&mut self, protocol: &P, state: &State<P>) -> u64 {
        let mut combined = 0_u64;
        for seat in &state.seats {
            let ActorState::Node(node) = &seat.state else { break };
            let known = self.known.entry(seat.fingerprint());
            let hash = *known.or_insert_with(|| protocol.hash_of_disk(&node.store));
            combined = FixedState::default().hash_one((combined, hash));
        }
        combined
    }
}

/// How many steps a run has in the full model, at most: what reaches its receiver within a step is a delivery of its own
/// there; what leaves the network is delivered or lost there, and so is what it causes; what is forgotten may be
/// forgotten by a timer; and giving up in the step in which an operation begins is a step.
///
/// # Panics
/// If it is no run of this world.
fn unfused<P: Reduces>(world: &World<P>, run: &[Action<P>]) -> usize {
    let world = world.with_fresh_counters();
    let uncanonical = world.with_protocol(world.protocol().without_canonical_forms());
    let unreduced = world.with_protocol(world.protocol().unreduced());
    let mut state = world.initial_state();
    let mut steps = 0;
    for action in run {
        let mut hops = 0;
        let next = world.apply_telling(&state, action.clone(), |_| hops += 1, |_| {});
        let next = next.expect("a run that was found can be walked again");
        let whole = uncanonical.apply(&state, action.clone());
        let whole = whole.expect("what is left out of states makes no step impossible");
        let (_, deliveries) = unreduced.let_arrive_what_was_left_out(&whole, &next);
        steps += 1 + hops + deliveries;
        steps += usize::from(matches!(action, Action::InvokeLate { .. }));
        state = next;
    }
    let forgets = |rule: &&P::Rule| P::takes_a_step_to_forget(**rule);
    let forgotten = P::Rule::ALL.iter().filter(forgets).map(|rule| {
        let left_out = world.counters().left_out_by();
        left_out.into_iter().find(|(of, _)| of == rule).map_or(0, |(_, things)| things as usize)
    });
    steps + forgotten.sum::<usize>()
}

/// A protocol's disk, hashed whole.
pub(in crate::world) fn hash_of_store<P: Protocol>(store: &P::Store) -> u64 {
    FixedState::default().hash_one(store)
}
