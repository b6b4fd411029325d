//! Whether reductions change anything: reduced searches beside unreduced ones, on scenarios that nobody chose. What is compared, and how, is
//! the same for [every protocol](quorate_checker::world::campaign); here is what scenarios of this one can be.
//!
//! A [`Draft`] is a scenario that can be written down as a file and made simpler. [`small_scope`]
//! enumerates all small ones in order of size, [`random`] makes larger ones from a seed.

mod draft;
mod modes;
pub mod random;
mod shrink;
pub mod small_scope;
pub mod surveyed;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::world::campaign::{self as of_world, Readied};

pub use draft::{Asked, Draft, DraftClient, DraftOperation, Nodes, Verb};
pub use modes::{HasMode, MODES};

use crate::check::leaderless::Leaderless;
use crate::check::property::{ALL, Promise, PropertyKind};
use crate::check::wrong_rule::WrongRule;
use crate::check::{ClusterModel, PropertySpec};
use crate::scenario::builtin::Builtin;
use crate::scenario::{Reductions, Rule, Scenario};

/// What the unreduced model of a scenario gives, to be compared with.
pub type Reference = of_world::Reference<Leaderless>;

/// How a scenario came out.
pub type Compared = of_world::Compared<Leaderless>;

/// What the unreduced model of a scenario gives. `None` if it has more than so many states.
#[must_use]
pub fn reference(scenario: Scenario, distinct_max: usize) -> Option<Reference> {
    let Readied { world, properties, .. } = readied(scenario);
    Reference::new(&world, properties, distinct_max)
}

/// Compares the unreduced search of a scenario with the one by its reductions.
#[must_use]
pub fn compare(scenario: Scenario, distinct_max: usize) -> Compared {
    let Readied { world, properties, .. } = readied(scenario);
    of_world::compare(&world, properties, distinct_max)
}

/// Searches everything that a model has. `None` if there are more than so many distinct states.
#[must_use]
pub fn visit(model: &ClusterModel, distinct_max: usize) -> Option<of_world::Found> {
    of_world::visit(model, &model.properties_of_world(), distinct_max)
}

/// What is compared of a scenario.
#[must_use]
pub fn readied(scenario: Scenario) -> Readied<Leaderless> {
    let modes = MODES.iter().map(|(_, has)| has(&scenario)).collect();
    let promised = scenario.promised().map(|property| property.name).collect();
    let model = ClusterModel::new(Arc::new(scenario));
    let properties = model.properties_of_world();
    Readied { properties, modes, promised, world: model.into_world() }
}

impl of_world::Draft for Draft {
    type Protocol = Leaderless;
    type Wrong = WrongRule;

    fn modes() -> Vec<&'static str> {
        MODES.iter().map(|(name, _)| *name).collect()
    }

    fn promises() -> Vec<&'static str> {
        // A cluster that promises all that any does.
        let strict = Builtin::named("failed-write-seen-blocking").expect("it is built in");
        let strict = strict.parse().expect("built-in scenarios parse").cluster;
        let is_promised = |property: &&PropertySpec| {
            matches!(property.kind, PropertyKind::EventuallyAlways { .. })
                || property.promise(&strict).is_some_and(|promise| promise != Promise::Not)
        };
        ALL.iter().filter(is_promised).map(|property| property.name).collect()
    }

    fn small(size: usize) -> Box<dyn Iterator<Item = Draft> + Send> {
        Box::new(small_scope::up_to(size))
    }

    fn random(seed: u64, number: u64) -> Draft {
        random::draft(&random::tape(seed, number))
    }

    fn toml(&self) -> String {
        Draft::toml(self)
    }

    fn readied(&self) -> Option<Readied<Leaderless>> {
        Some(readied(self.parse().ok()?))
    }

    fn simpler(&self) -> Vec<Draft> {
        shrink::simpler(self)
    }

    fn switched(&self) -> Option<Rule> {
        self.switched
    }

    fn with_switched(&self, switched: Option<Rule>) -> Draft {
        Draft { switched, ..self.clone() }
    }

    fn made_wrong(protocol: &Leaderless, wrong: WrongRule) -> Leaderless {
        let reductions = protocol.scenario().reductions;
        protocol.with_reductions(Reductions { wrong: Some(wrong), ..reductions })
    }
}
