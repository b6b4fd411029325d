//! Each reduction leaves verdicts as they are, in scenarios that are small without it; and is certified, state by state.

use quorate_checker::world::campaign::{Compared, Draft as _, Tally, shrunk};
use quorate_checker::world::certify::{Certificate, Discharge, Extent, Obligation, certify};
use quorate_checker::world::{Expected, Faults, Judged, World};
use quorate_checker::{Bounds, Switch, explore};
use quorate_ids::Enumerated;
use quorate_leader_model::builtin::ALL;
use quorate_leader_model::campaign::{Draft, DraftClient, DraftOperation, Verb};
use quorate_leader_model::kinds::Rule;
use quorate_leader_model::setting::{LeaderFile, parse};
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

#[test]
fn reductions_change_nothing_in_scenarios_that_nobody_chose() {
    let mut tally = Tally::<Draft>::default();
    let take = |case: u64| tally.take(&Draft::random(2, case), 3_000).map(|_| case);
    let different: Vec<u64> = (0..150).filter_map(take).collect();
    let told = different.first().map(|case| {
        let differs = |draft: &Draft| {
            matches!(draft.compared(3_000), Some(Compared::Different { switched: None, .. }))
        };
        shrunk(Draft::random(2, *case), 300, differs).toml()
    });
    let count = different.len();
    assert!(different.is_empty(), "{count} differ, such as\n{}", told.unwrap_or_default());
    for (rule, cases) in tally.rules() {
        assert!(cases > 20, "{rule}");
    }
    let modes = tally.modes().filter(|(_, cases)| *cases > 0).count();
    assert!(tally.same > 50 && modes > 45 && tally.refused == 0, "{modes} modes: {tally:?}");
}

#[test]
fn what_nobody_was_told_is_judged_alike_reduced_and_unreduced() {
    let scenario = Draft::random(1, 3_464);
    let compared = scenario.compared(20_000);
    assert!(matches!(compared, Some(Compared::Same(_))), "{compared:?}\n{}", scenario.toml());
}

#[test]
fn the_format_takes_every_scenario_that_is_made_up_and_whatever_is_simpler() {
    for case in 0..2_000 {
        let draft = Draft::random(3, case);
        for draft in std::iter::once(draft.clone()).chain(draft.simpler().into_iter().take(40)) {
            let text = draft.toml();
            parse("made-up.toml", &text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        }
    }
}

#[test]
fn a_scenario_made_smaller_still_shows_what_it_is_to_show_and_nothing_simpler_does() {
    for case in 0..200 {
        let draft = Draft::random(4, case);
        let reads = |draft: &Draft| {
            let mut operations = draft.clients.iter().flat_map(|client| &client.operations);
            operations.any(|operation| operation.verb == Verb::Read)
        };
        let is_so = |draft: &Draft| reads(draft) && draft.faults.crashes > 0;
        if !is_so(&draft) {
            continue;
        }
        let small = shrunk(draft, usize::MAX, is_so);
        let plain = Draft::plain(2);
        let operation = DraftOperation { other_key: false, verb: Verb::Read };
        let clients =
            vec![DraftClient { operations: vec![operation], asks: None, is_after_first: false }];
        let faults = Faults { crashes: 1, ..Faults::default() };
        assert_eq!(small, Draft { clients, faults, asked: small.asked.clone(), ..plain });
        assert_eq!(small.asked.len(), 1);
    }
}

/// The certificate of a search by what is looked at in about so many states, if it has no more than this.
fn certificate(
    scenario: LeaderFile,
    states: usize,
    search_max: usize,
) -> Option<Certificate<LeaderBased>> {
    let judged = scenario.judged(property::all()).expect("properties are known");
    let protocol = LeaderBased::new(scenario);
    let extent = Extent { threads: 2, states, search_max: Some(search_max) };
    certify(&World::new(protocol.clone()), judged, &protocol, extent, &Switch::default())
}

#[test]
fn the_reductions_of_small_built_in_scenarios_are_certified_as_they_are_and_each_alone() {
    let (mut certified, mut met) = (0, Vec::new());
    for builtin in ALL.iter().filter(|builtin| builtin.default) {
        let scenario = builtin.parse().expect("the scenarios that ship are read");
        if scenario.is_script() {
            continue;
        }
        let without = [vec![], vec![Rule::ClientHops], vec![Rule::DeadMessages]];
        for without in without {
            let mut scenario = scenario.clone();
            scenario.protocol.without.extend(without.clone());
            let Some(certificate) = certificate(scenario, 400, 3_000) else { continue };
            let failures = &certificate.failures;
            assert!(certificate.is_met(), "{} without {without:?}: {failures:#?}", builtin.name);
            certified += 1;
            met.extend(certificate.met.iter().map(|(how, _)| *how));
        }
    }
    assert!(certified > 60, "{certified} searches");
    let is_met = |obligation, discharge| met.contains(&(obligation, discharge));
    for obligation in [Obligation::OneStep, Obligation::Delay, Obligation::CanonicalForm] {
        assert!(is_met(obligation, Discharge::Exactly), "{obligation:?} came up");
    }
    assert!(is_met(Obligation::Delay, Discharge::WithMoreObliged));
    assert!(is_met(Obligation::CanonicalForm, Discharge::WithMoreFaultsLeft));
}

#[cfg(feature = "planted-faults")]
mod wrong {
    use quorate_leader_model::builtin::Builtin;
    use quorate_leader_model::wrong_rule::WrongRule;

    use super::*;

    /// A scenario of two nodes.
    fn small(setting: &str, program: &str, faults: &str) -> LeaderFile {
        let text = format!(
            "title = \"Two nodes\"\nnodes = [\"A\", \"B\"]\n[protocol]\nname = \"leader\"\nelection = \"raft\"\n\
             {setting}\n[[protocol.clients]]\nname = \"x\"\noperations = [{program}]\n[faults]\n{faults}\n\
             [expect]\nno-lost-write = \"holds\"\n"
        );
        parse("two-nodes.toml", &text).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The scenario in which a certificate notices a wrong rule; `None` where what shows it takes more than one step of
    /// delay.
    fn notices(rule: WrongRule) -> Option<LeaderFile> {
        let builtin = |name| {
            let builtin = Builtin::named(name).expect("it ships");
            Some(builtin.parse().expect("the scenarios that ship are read"))
        };
        let majority = "replication = \"majority\"";
        match rule {
            WrongRule::HopsDespiteLoss => builtin("retry-add-answer-lost"),
            WrongRule::HopsDespiteRetries => None,
            WrongRule::HopsOfRedirections => builtin("retry-add"),
            WrongRule::HopsWithoutGivingUp => Some(small(majority, "\"k = red\"", "timeouts = 1")),
            WrongRule::HopsThoughOthersAnswer => builtin("retry-add"),
            WrongRule::DeadWhileDown => builtin("raft-does-not-preempt"),
            WrongRule::DeadThoughNotVoted | WrongRule::DeadThoughEpochsMayCome => {
                builtin("raft-rivals")
            }
            WrongRule::DeadThoughFollowersStop => builtin("follower-catches-up"),
            WrongRule::DeadThoughForgetting | WrongRule::DeadThoughStanding => {
                let setting = format!("{majority}\ndeviations = [\"votes-uncaught\"]");
                let faults = "crashes = 1\nwipes = 1\ntimeouts = 1";
                Some(small(&setting, "\"k = red\"", faults))
            }
            WrongRule::DeadThoughReadsWait => {
                Some(small(&format!("{majority}\nreads = \"confirmed\""), "\"read k\"", ""))
            }
            WrongRule::DeadThoughAPlaceIsFree => builtin("semi-sync-falls-back"),
        }
    }

    #[test]
    fn a_wrong_rule_is_not_certified() {
        for rule in WrongRule::ALL {
            let Some(scenario) = notices(*rule) else { continue };
            let right = certificate(scenario.clone(), 4_000, 60_000).expect("it is small");
            assert!(right.is_met(), "{rule}: the right rules are certified: {:#?}", right.failures);
            let mut wrong = scenario;
            wrong.protocol.wrong = Some(*rule);
            let wrong = certificate(wrong, 60_000, 60_000).expect("it is small");
            assert!(!wrong.is_met(), "{rule}: nothing notices it in {} states", wrong.distinct);
        }
    }
}
