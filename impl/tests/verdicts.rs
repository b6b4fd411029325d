//! The built-in scenarios give the verdicts their files expect, over state spaces whose sizes are
//! on record: a change of a size is a change of the protocol or of a reduction, and is reviewed
//! as one (`cargo insta review`).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use quorate::check::{Case, Cut, Limits, Verdict, check, second_opinion, survey};
use quorate::cli::scenario::{Found, Shipped};
use quorate_model::check::kinds::{Kind, TimerKind};
use quorate_model::check::{Action, Expected};
use quorate_model::protocol::Timer;
use quorate_model::scenario::ShownWith;
use quorate_model::scenario::builtin::Builtin;
use quorate_model::scenario::file::parse;

const LIMITS: Limits = Limits { threads: 2, states_max: None, depth_max: None, timeout: None };

/// Checks a scenario, and adds its size to the list.
fn as_expected<C: Case>(case: &C, sizes: &mut String) {
    let name = case.name();
    let report = check(case, &LIMITS, |_| {});
    for verdict in &report.verdicts {
        let (property, found, expected) = (verdict.property.name, verdict.found, verdict.expected);
        assert!(
            verdict.is_as_expected(),
            "{name}: {property} {found:?}, expected {expected}, witness {:?}",
            verdict.witness
        );
    }
    assert!(report.is_as_expected(), "{name}: {:?}", report.script);
    let _ = write!(
        sizes,
        "{name:<34}{:>8} distinct {:>8} generated",
        report.distinct, report.generated
    );
    let siblings = if report.largest > 0 {
        format!(" {:>3} siblings at most", report.largest)
    } else {
        String::new()
    };
    let _ = writeln!(sizes, "{siblings}");
}

/// The documents have how many states each scenario has, and so which are left to `quorate check`.
const CLAIMS: &str = include_str!("../../docs/claims.md");

/// How many states take too long in a build for tests.
const LARGE: usize = 100_000;

/// Those that the table of sizes tells of as large.
fn large() -> BTreeSet<&'static str> {
    let (_, rest) = CLAIMS.split_once("<!-- sizes: begin -->").expect("the table begins");
    let (table, _) = rest.split_once("<!-- sizes: end -->").expect("the table ends");
    let mut rows = table.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let header = rows.find(|cells| cells.len() > 1).expect("there is a header");
    let column = header.iter().position(|cell| *cell == "distinct").expect("it tells of states");
    let states = |cell: &str| cell.replace(',', "").parse::<usize>();
    let is_large = |row: &Vec<&str>| {
        row.get(column).is_some_and(|cell| states(cell).is_ok_and(|states| states > LARGE))
    };
    rows.filter(is_large).map(|row| row[1]).collect()
}

// `quorate check` is for those that are larger, and `quorate check --deep` for those that take longer still. How many states
// they have CI compares with the documents where it certifies them.
#[test]
fn every_scenario_gives_the_verdicts_its_file_expects_over_as_many_states_as_before() {
    let (mut sizes, large) = (String::new(), large());
    for shipped in Shipped::all() {
        let found = shipped.load().unwrap_or_else(|failure| panic!("{failure:?}"));
        match found {
            found if !found.is_default() => {}
            _ if large.contains(shipped.name()) => {
                let _ = writeln!(sizes, "{:<34}{:>8}", shipped.name(), "large");
            }
            Found::Leaderless(loaded) => as_expected(&loaded.scenario, &mut sizes),
            Found::Leader(loaded) => as_expected(&loaded.scenario, &mut sizes),
        }
    }
    insta::assert_snapshot!(sizes);
}

fn r1_w1() -> Arc<quorate_model::scenario::Scenario> {
    let builtin = Builtin::named("r1-w1").expect("it is built in");
    Arc::new(builtin.parse().expect("built-in scenarios parse"))
}

#[test]
fn a_verdict_that_differs_from_the_file_is_not_as_expected() {
    let mut scenario = (*r1_w1()).clone();
    scenario.expect.insert("read-freshness".into(), Expected::Holds);
    assert!(!check(&Arc::new(scenario), &LIMITS, |_| {}).is_as_expected());
}

#[test]
fn a_property_that_was_never_put_to_the_test_is_not_as_expected() {
    let mut scenario = (*r1_w1()).clone();
    // Nobody reads after an own write.
    scenario.expect.insert("read-your-writes".into(), Expected::Holds);
    let report = check(&Arc::new(scenario), &LIMITS, |_| {});
    let verdict = report.verdicts.iter().find(|verdict| verdict.is_vacuous());
    assert_eq!(verdict.expect("it is vacuous").property.name, "read-your-writes");
    assert!(!report.is_as_expected());
}

/// The run that is shown of monotonic-reads where a failed write stays on one node.
fn shown_of_reads_that_go_back(with: Option<ShownWith>) -> quorate::check::Verdict {
    let builtin = Builtin::named("failed-write-seen").expect("it is built in");
    let mut scenario = builtin.parse().expect("built-in scenarios parse");
    scenario.show = with.map(|with| ("monotonic-reads".into(), with)).into_iter().collect();
    let report = check(&Arc::new(scenario), &LIMITS, |_| {});
    let mut verdicts = report.verdicts.into_iter();
    verdicts.find(|verdict| verdict.property.name == "monotonic-reads").expect("it is judged")
}

#[test]
fn a_run_is_shown_with_what_the_scenario_is_about_if_there_is_one() {
    let has_timeout = |verdict: &quorate::check::Verdict| {
        let run = verdict.path.as_ref().expect("it is violated");
        run.iter().any(|action| matches!(action, Action::Expire { timer: Timer::Request(_), .. }))
    };
    let steps = |verdict: &quorate::check::Verdict| verdict.path.as_ref().map(Vec::len);
    let shortest = shown_of_reads_that_go_back(None);
    assert!(!has_timeout(&shortest), "the shortest run reads a write that is under way");
    // By a property that it comes to, or by what happens in it: the write fails either way.
    for with in [
        ShownWith::Reached("write-unavailable".into()),
        ShownWith::Happens(Kind::Expire(TimerKind::Request)),
    ] {
        let shown = shown_of_reads_that_go_back(Some(with.clone()));
        assert!(has_timeout(&shown) && steps(&shown) > steps(&shortest), "{with}");
        assert_eq!(shown.shown_with, Some((with, true)));
        // It happens before what it is to be shown with, and not at the end.
        let run = shown.path.as_ref().expect("it is violated");
        assert!(matches!(run.last(), Some(Action::Deliver(_))), "{run:?}");
        assert!(shown.is_as_expected());
    }
    // No disk can be lost here: then the shortest run is shown, and the file is wrong.
    let lacking = shown_of_reads_that_go_back(Some(ShownWith::Happens(Kind::Wipe)));
    assert_eq!(lacking.path, shortest.path);
    assert!(lacking.lacks_what_is_shown() && !lacking.is_as_expected());
}

/// Nodes may crash, and that is all.
const NOTHING_EVER_HAPPENS: &str = r#"title = "Nobody asks for anything: is anything reached?"

[cluster]
nodes = ["A", "B", "C"]
n = 3
r = 2
w = 2

[[client]]
name = "idle"
program = []

[faults]
crashes = 1

[expect]
write-acknowledged = "not reached"
write-unavailable = "not reached"
siblings = "not reached"
more-siblings-than-clients = "not reached"
tombstone-reaped = "not reached"
hint-kept = "not reached"
read-answered = "not reached"
read-unavailable = "not reached"
overlapping-write-seen = "not reached"
overlapping-write-missed = "not reached"
concurrent-writes-share-no-replica = "not reached"
"#;

#[test]
fn what_nobody_asked_for_is_not_reached_for_lack_of_occasion_and_not_as_expected() {
    let scenario = parse("nothing.toml", "nothing", NOTHING_EVER_HAPPENS)
        .unwrap_or_else(|error| panic!("{error}"));
    let report = check(&Arc::new(scenario), &LIMITS, |_| {});
    assert_eq!(report.verdicts.len(), 11, "every property that may be reached is asked for");
    for verdict in &report.verdicts {
        let name = verdict.property.name;
        assert_eq!(verdict.found, Some(Expected::NotReached), "{name}");
        assert!(verdict.is_vacuous() && !verdict.is_as_expected(), "{name}");
    }
    assert!(!report.is_as_expected());
}

#[test]
fn what_was_asked_for_and_is_not_reached_is_as_expected() {
    // Two clients write, each once.
    let builtin = Builtin::named("strict-concurrent").expect("it is built in");
    let mut scenario = builtin.parse().expect("built-in scenarios parse");
    scenario.expect.insert("more-siblings-than-clients".into(), Expected::NotReached);
    let report = check(&Arc::new(scenario), &LIMITS, |_| {});
    let of =
        |verdict: &&quorate::check::Verdict| verdict.property.name == "more-siblings-than-clients";
    let verdict = report.verdicts.iter().find(of).expect("it is judged");
    assert!(verdict.is_as_expected());
    assert!(verdict.witness.is_some(), "both writes are asked for");
}

#[test]
fn convergence_and_progress_are_judged_on_one_graph() {
    let builtin = Builtin::named("two-disks-lost").expect("it is built in");
    let mut scenario = builtin.parse().expect("built-in scenarios parse");
    scenario.expect.insert("convergence".into(), Expected::Violated);
    let report = check(&Arc::new(scenario), &LIMITS, |_| {});
    let endings = |name: &str| {
        let verdict = report.verdicts.iter().find(|verdict| verdict.property.name == name);
        verdict.and_then(|verdict| verdict.endings).expect("it is judged where runs end").size
    };
    let (convergence, progress) = (endings("convergence"), endings("progress"));
    assert_eq!(convergence.states, progress.states);
    assert!(convergence.components.is_some());
    assert_eq!(convergence.components, progress.components);
    assert_ne!(convergence.met, progress.met);
}

/// Compares a survey with a search by distance. Says how many verdicts there were.
fn compare_with_survey<C: Case>(case: &C) -> usize {
    let (name, scratch) = (case.name(), tempfile::tempdir().expect("a directory can be made"));
    let report = check(case, &LIMITS, |_| {});
    let surveyed = survey(case, &LIMITS, scratch.path(), |_| {}).expect("edges can be written");
    assert_eq!(
        (surveyed.distinct, surveyed.generated),
        (report.distinct, report.generated),
        "{name}"
    );
    assert_eq!(surveyed.fired, report.fired, "{name}");
    assert!(surveyed.is_survey && surveyed.is_as_expected(), "{name}");
    for (other, verdict) in surveyed.verdicts.iter().zip(&report.verdicts) {
        let told = (verdict.property.name, verdict.found);
        assert_eq!((other.property.name, other.found), told, "{name}");
        assert_eq!(other.witness.is_some(), verdict.witness.is_some(), "{name}: {told:?}");
        assert_eq!(other.path.is_some(), verdict.path.is_some(), "{name}: {told:?}");
        let met = |verdict: &Verdict<C::Protocol>| verdict.endings.map(|endings| endings.size.met);
        assert_eq!(met(other), met(verdict), "{name}: {told:?}");
        let lengths = other.path.as_ref().zip(verdict.path.as_ref());
        let shorter = lengths.is_some_and(|(run, shortest)| run.len() < shortest.len());
        assert!(!shorter || verdict.is_endless(), "{name}: {told:?}");
    }
    report.verdicts.len()
}

#[test]
fn a_survey_finds_in_little_memory_what_a_search_by_distance_finds() {
    let names = [
        "r1-w1",
        "two-disks-lost",
        "crash-sloppy",
        "hint-holder-dies-w1",
        "delete-hinted",
        "async-leader-lost",
        "raft-timeout",
    ];
    let compare = |name: &str| match Shipped::named(name).expect("it ships").load() {
        Ok(Found::Leaderless(loaded)) => compare_with_survey(&loaded.scenario),
        Ok(Found::Leader(loaded)) => compare_with_survey(&loaded.scenario),
        Err(failure) => panic!("{failure:?}"),
    };
    assert!(names.map(compare).into_iter().sum::<usize>() >= 14);
}

#[test]
fn a_survey_that_finds_its_table_full_says_so_and_has_failed() {
    let limits = Limits { states_max: Some(1_000), ..LIMITS };
    let scratch = tempfile::tempdir().expect("a directory can be made");
    let report = survey(&larger(), &limits, scratch.path(), |_| {}).expect("edges can be written");
    assert_eq!((report.distinct, report.cut), (1_000, Some(Cut::States(1_000))));
    assert!(!report.is_as_expected());
    let nowhere = scratch.path().join("not-there");
    let failed = survey(&larger(), &limits, &nowhere, |_| {}).expect_err("nothing can be written");
    assert!(failed.to_string().contains("not-there"), "{failed}");
}

#[test]
fn a_second_opinion_agrees_and_tells_what_it_does_not_agree_with() {
    let scenario = r1_w1().comparable();
    let mut report = check(&scenario, &LIMITS, |_| {});
    let opinion = second_opinion(&scenario, 2).expect("it is searched");
    assert_eq!(opinion.differences(&report), Vec::<String>::new());
    assert!(opinion.met.iter().any(|met| met.is_shown), "something is found at all");
    report.distinct += 1;
    report.verdicts[0].witness = None;
    insta::assert_snapshot!(opinion.differences(&report).join("\n"), @r"
    distinct states: 60, Stateright 59
    read-freshness (witness): no state shows it, Stateright: some state shows it
    ");
}

fn larger() -> Arc<quorate_model::scenario::Scenario> {
    let builtin = Builtin::named("strict-concurrent-3").expect("it is built in");
    Arc::new(builtin.parse().expect("built-in scenarios parse"))
}

#[test]
fn a_run_cut_by_states_time_or_depth_says_so_and_has_failed() {
    let cuts = [
        Limits { states_max: Some(1_000), ..LIMITS },
        Limits { timeout: Some(Duration::from_millis(1)), ..LIMITS },
        Limits { depth_max: Some(5), ..LIMITS },
    ];
    for limits in cuts {
        let report = check(&larger(), &limits, |_| {});
        assert!(report.cut.is_some(), "{limits:?}");
        assert!(!report.is_as_expected(), "{limits:?}");
    }
}

#[test]
fn exactly_as_many_states_are_visited_as_may_be() {
    let of = |states| {
        let limits = Limits { states_max: Some(states), ..LIMITS };
        let report = check(&r1_w1(), &limits, |_| {});
        (report.distinct, report.cut)
    };
    let all = check(&r1_w1(), &LIMITS, |_| {}).distinct;
    assert!(all > 7);
    for fewer in [1, 7, all - 1] {
        assert_eq!(of(fewer), (fewer, Some(Cut::States(fewer))));
    }
    // There is no more to visit.
    assert_eq!(of(all), (all, None));
}

#[test]
fn convergence_is_undecided_where_a_run_was_cut() {
    let builtin = Builtin::named("r1-w1").expect("it is built in");
    let mut scenario = builtin.parse().expect("built-in scenarios parse");
    scenario.expect.insert("convergence".into(), Expected::Holds);
    let scenario = Arc::new(scenario);
    assert_eq!(convergence(&scenario, &LIMITS), Some(Expected::Holds));
    let cuts = [Limits { states_max: Some(10), ..LIMITS }, Limits { depth_max: Some(3), ..LIMITS }];
    for limits in cuts {
        let report = check(&scenario, &limits, |_| {});
        assert!(report.cut.is_some() && !report.is_as_expected(), "{limits:?}");
        assert_eq!(convergence(&scenario, &limits), None, "{limits:?}");
    }
}

/// What is found of convergence.
fn convergence(
    scenario: &Arc<quorate_model::scenario::Scenario>,
    limits: &Limits,
) -> Option<Expected> {
    let report = check(scenario, limits, |_| {});
    let of = |verdict: &&quorate::check::Verdict| verdict.property.name == "convergence";
    report.verdicts.iter().find(of).expect("it is judged").found
}

#[test]
fn a_limit_that_is_not_met_cuts_nothing() {
    let limits = Limits {
        states_max: Some(1_000_000),
        timeout: Some(Duration::from_secs(600)),
        depth_max: Some(1_000),
        ..LIMITS
    };
    let report = check(&r1_w1(), &limits, |_| {});
    assert_eq!(report.cut, None);
    assert!(report.is_as_expected());
}

#[test]
fn the_number_of_threads_changes_nothing_but_time() {
    let builtin = Builtin::named("strict-concurrent").expect("it is built in");
    let scenario = Arc::new(builtin.parse().expect("built-in scenarios parse"));
    let of = |threads| {
        let report = check(&scenario, &Limits { threads, ..LIMITS }, |_| {});
        let paths: Vec<_> = report.verdicts.into_iter().map(|verdict| verdict.path).collect();
        (report.distinct, report.generated, paths)
    };
    assert_eq!(of(1), of(3));
}
