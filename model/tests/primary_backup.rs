//! The example of a protocol of one's own, as a reader of `docs/your-own-protocol.md` meets it.

#[path = "../examples/primary_backup/main.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod example;

use quorate_checker::ids::{ClientId, NodeId};
use quorate_checker::world::{
    Action, ExploredWorld, Obstacle, Report, ScenarioFile, Selector, Stage, World, report,
};
use stateright::Model;

use example::{PrimaryBackup, Setting, properties};

fn scenario(file: &str) -> ScenarioFile<Setting> {
    let path = format!("{}/examples/primary_backup/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the example has this file");
    ScenarioFile::parse(file, &text).expect("a scenario")
}

fn checked(file: &str) -> Report<PrimaryBackup> {
    let scenario = scenario(file);
    let protocol = PrimaryBackup(scenario.clone());
    let properties = scenario.judged(properties()).expect("its expectations make sense");
    report(&scenario, &World::new(PrimaryBackup(scenario.clone())), &protocol, properties)
}

#[test]
fn a_primary_that_answers_at_once_lets_a_read_miss_an_acknowledged_write() {
    let report = checked("at_once.toml");
    assert!(report.is_as_expected);
    insta::assert_snapshot!(report.text);
}

#[test]
fn a_primary_that_waits_for_its_backup_does_not_but_a_crash_may_leave_the_two_apart() {
    let report = checked("backed_up.toml");
    assert!(report.is_as_expected);
    insta::assert_snapshot!(report.text);
}

#[test]
fn a_counterexample_can_be_saved_replayed_and_browsed() {
    let scenario = scenario("at_once.toml");
    let words = PrimaryBackup(scenario.clone());
    let world = World::new(PrimaryBackup(scenario.clone()));
    let [freshness, _] = properties();
    let saved = checked("at_once.toml").runs.swap_remove(0);
    let text = serde_json::to_string(&saved).expect("a run can be written");
    let read = serde_json::from_str(&text).expect("and read");
    assert_eq!(saved, read);
    assert_eq!(saved.replay(&world, &words, freshness.clone()).1, Ok(()));
    let browsed = ExploredWorld::new(scenario.title, world, words, [freshness]);
    assert_eq!(browsed.address(&saved.actions()).matches('/').count(), 2 + saved.steps.len());
    assert!(format!("{:?}", browsed.init_states()[0]).contains("read-freshness  holds"));
}

#[test]
fn a_script_is_carried_out_through_what_the_world_allows_and_says_what_it_does_not() {
    let one = scenario("at_once.toml").text.replace(r#"[["write"], ["read"]]"#, r#"[["write"]]"#);
    let scenario: ScenarioFile<Setting> =
        ScenarioFile::parse("one.toml", &one).expect("a scenario");
    let (world, words) = (World::new(PrimaryBackup(scenario.clone())), PrimaryBackup(scenario));
    let mut stage = Stage::new(&world, &words);
    let invoke = Action::Invoke { client: ClientId(0), coordinator: NodeId(0) };
    stage.take(invoke.clone()).expect("the client has an operation left");
    stage.deliver_all(|_| {}).expect("there is an end of messages");
    assert_eq!(stage.state().nodes().map(|node| node.store).collect::<Vec<_>>(), [1, 1]);
    let refused = |obstacle: Obstacle| obstacle.to_string();
    assert_eq!(
        stage.take(invoke).map_err(refused),
        Err("not possible here: c0 starts nothing via A".to_owned())
    );
    let any = Selector { kind: (), from: None, to: None, which: None };
    assert_eq!(
        stage.select(&any).map_err(refused),
        Err("no such message is under way; nothing is".to_owned())
    );
    assert_eq!(
        stage.strike(Action::Recover { node: NodeId(1) }).map_err(refused),
        Err("B is up".to_owned())
    );
    assert_eq!(stage.into_transitions().len(), 5);
}

#[test]
fn a_scenario_that_expects_what_nobody_says_is_refused_with_its_line() {
    let text = scenario("at_once.toml").text.replace("agreement", "agreemend");
    let scenario: ScenarioFile<Setting> =
        ScenarioFile::parse("mine.toml", &text).expect("a scenario");
    let refused = scenario.judged(properties()).map(drop).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "mine.toml:10: expect.agreemend: no such property: known are read-freshness, agreement"
    );
}

#[test]
fn a_scenario_that_names_a_node_there_is_not_is_refused_with_its_line() {
    let text = "down = [\"C\"]\n".to_owned() + &scenario("at_once.toml").text;
    let refused = ScenarioFile::<Setting>::parse("mine.toml", &text).map(drop).unwrap_err();
    assert_eq!(refused.to_string(), "mine.toml:1: down: no node is called `C`: known are A, B");
}
