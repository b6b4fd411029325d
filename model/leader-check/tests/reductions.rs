//! Each reduction leaves verdicts as they are, in scenarios that are small without it.

use quorate_checker::world::{Expected, Judged, World};
use quorate_checker::{Bounds, Switch, explore};
use quorate_ids::Enumerated;
use quorate_leader_model::builtin::ALL;
use quorate_leader_model::kinds::Rule;
use quorate_leader_model::setting::LeaderFile;
use quorate_leader_model::{LeaderBased, property};

/// How many states a scenario may have without reductions, to be compared.
const STATES_MAX: usize = 60_000;

/// What was found of a property, and whether for lack of occasion.
type Found = (Option<Expected>, bool);

/// How many states there are, and each verdict with whether it was put to the test; `None` if there are too many.
fn found(scenario: &LeaderFile) -> Option<(usize, Vec<Found>)> {
    let world = World::new(LeaderBased::new(scenario.clone()));
    let judged = scenario.judged(property::all()).expect("properties are known");
    let system = Judged::new(&world, judged);
    let bounds = Bounds { threads: 2, states_max: Some(STATES_MAX), ..Bounds::default() };
    let explored = explore(&system, &bounds, &Switch::default());
    let verdicts = system.verdicts(&explored);
    let verdicts = verdicts.iter().map(|verdict| (verdict.found, verdict.is_vacuous())).collect();
    explored.is_exhausted().then(|| (explored.distinct(), verdicts))
}

#[test]
fn reductions_change_no_verdict() {
    for rule in Rule::ALL {
        let (mut compared, mut left_out) = (0, 0);
        for builtin in ALL.iter().filter(|builtin| builtin.default) {
            let mut scenario = builtin.parse().expect("the scenarios that ship are read");
            let Some((reduced, with)) = found(&scenario) else { continue };
            scenario.protocol.without = vec![*rule];
            let Some((full, without)) = found(&scenario) else { continue };
            assert_eq!(with, without, "{} without {}", builtin.name, rule.name());
            compared += 1;
            left_out += full - reduced.min(full);
        }
        assert!(compared > 20 && left_out > 0, "{}: {compared} compared", rule.name());
    }
}
