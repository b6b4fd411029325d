//! Scenario files: what is refused and how it is told, what ships, and that `docs/scenarios.md`
//! tells all of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use std::sync::Arc;

use stateright::Model as _;

use quorate_model::check::ClusterModel;
use quorate_model::check::property::{ALL as PROPERTIES, PropertyKind};
use quorate_model::cluster::PlacementSpec;
use quorate_model::deviation::Deviation;
use quorate_model::ids::{NodeId, Value};
use quorate_model::protocol::{FanOut, ReadRepair};
use quorate_model::scenario::builtin::{ALL as BUILTINS, Builtin};
use quorate_model::scenario::file::parse;
use quorate_model::scenario::{PlannedAction, Reductions, Scenario, WarningKind};
use quorate_model::versions::Versioning;

const DOCUMENT: &str = include_str!("../../docs/scenarios.md");

const CLAIMS: &str = include_str!("../../docs/claims.md");

/// The blocks of the document that are whole scenario files, each with a name after "toml".
fn complete_examples() -> Vec<&'static str> {
    let blocks = DOCUMENT.split("\n```toml ").skip(1);
    let toml = |rest: &'static str| rest.split_once('\n')?.1.split_once("```");
    blocks.map(|rest| toml(rest).expect("a block that is opened is closed").0).collect()
}

/// The document's worked example, from which the refused files are made.
fn example() -> &'static str {
    complete_examples()[0]
}

fn changed(from: &str, to: &str) -> String {
    assert_eq!(example().matches(from).count(), 1, "`{from}` is in the example once");
    example().replace(from, to)
}

fn refusal(from: &str, to: &str) -> String {
    match parse("my.toml", "my", &changed(from, to)) {
        Ok(_) => panic!("`{from}` changed to `{to}` was accepted"),
        Err(error) => error.to_string(),
    }
}

fn accepted(from: &str, to: &str) -> Scenario {
    parse("my.toml", "my", &changed(from, to)).unwrap_or_else(|error| panic!("{error}"))
}

/// The line of the example on which the changed text starts, or so many lines further.
fn line(from: &str, further: usize) -> usize {
    let before = example().split(from).next().expect("split gives something");
    before.matches('\n').count() + 1 + further
}

const W: &str = "w = 2\n";
const READER: &str = "name = \"page\"\n";
const PUT: &str = "{ put = \"name\", value = \"Ada\" }";
const GET: &str = "{ get = \"name\" }";
const EXPECT: &str = "[expect]";
const NO_LOST_WRITE: &str = "no-lost-write = \"holds\"";

/// What is changed into what, how many lines after the change the problem is, and the problem.
const REFUSED: &[(&str, &str, usize, &str)] = &[
    (
        EXPECT,
        "[reductions]\ncoordinators = true\n[expect]",
        1,
        "unknown field `coordinators`, expected one of `client-hops`, `replies`, `answers`, `sync-walks`, \
         `late-exchanges`, `client-symmetry`, `node-symmetry`, `dead-messages`, `finished-requests`, `stubborn-sets`",
    ),
    (
        EXPECT,
        "[reductions]\nstubborn-sets = true\nreplies = true\n[expect]",
        1,
        "reductions.stubborn-sets: applies where no other rule is on; leave it out, or the others",
    ),
    (
        EXPECT,
        "[reductions]\nlate-exchanges = true\ndead-messages = false\n[expect]",
        1,
        "reductions.late-exchanges: rests on `dead-messages`, which is off; leave it out, or switch \
         `dead-messages` on",
    ),
    (
        W,
        "w = 2\nread_repair = \"async\"\n",
        1,
        "unknown field `read_repair`, expected one of `nodes`, `n`, `r`, `w`, `versioning`, \
         `read-repair`, `speculative-retry`, `fan-out`, `siblings-max`, `placement`, `tokens-per-node`, `context-entries-max`, `sloppy`, `handoff`, \
         `anti-entropy`, `reaping`, `left`, `deviations`",
    ),
    (
        W,
        "w = 2\nturn-length = 1\n",
        1,
        "unknown field `turn-length`, expected one of `nodes`, `n`, `r`, `w`, `versioning`, \
         `read-repair`, `speculative-retry`, `fan-out`, `siblings-max`, `placement`, `tokens-per-node`, `context-entries-max`, `sloppy`, `handoff`, \
         `anti-entropy`, `reaping`, `left`, `deviations`",
    ),
    (
        "r = 1\n",
        "r = 0\n",
        0,
        "cluster.r: R is 0, but a read needs between 1 and N = 3 answers: set R in 1..=3 or raise N",
    ),
    (
        W,
        "w = 4\n",
        0,
        "cluster.w: W is 4, but a write needs between 1 and N = 3 acknowledgements: set W in \
         1..=3 or raise N",
    ),
    (
        "n = 3\n",
        "n = 4\n",
        0,
        "cluster.n: n = 4 homes of each key, but the cluster has only 3 nodes; lower n or add nodes",
    ),
    (
        "n = 3\n",
        "n = 0\n",
        0,
        "cluster.n: N is 0, but a key needs between 1 and 128 replicas: set N in 1..=128",
    ),
    (
        W,
        "w = 2\nplacement = \"ring\"\ntokens-per-node = 0\n",
        2,
        "cluster.tokens-per-node: 0 tokens per node, but the ring takes 1 to 4096; 128 balance well",
    ),
    (
        "\"B\", \"C\"]",
        "\"B\", \"B\"]",
        0,
        "cluster.nodes: two nodes are named `B`; rename one of them",
    ),
    (
        READER,
        "name = \"page\"\nvia = [\"D\"]\n",
        1,
        "via: unknown node `D`; the cluster's nodes are A, B, C",
    ),
    (
        EXPECT,
        "[clocks-ahead]\nD = 1\n\n[expect]",
        1,
        "clocks-ahead: unknown node `D`; the cluster's nodes are A, B, C",
    ),
    (
        READER,
        "name = \"page\"\nvia = []\n",
        2,
        "program: no coordinator is left to choose; name one in `via`",
    ),
    (READER, "name = \"page\"\nattempts = 0\n", 1, "client.attempts: must be at least 1"),
    (READER, "name = \"page\"\nrepeat = 0\n", 1, "client.repeat: must be at least 1"),
    (READER, "name = \"page\"\nrepeat = 1001\n", 2, "client.program: more than 1000 operations"),
    ("[cluster]", "turn-length = 0\n\n[cluster]", 0, "turn-length: must be at least 1"),
    (
        PUT,
        "{ put = \"name\", value = \"Ada\" }, { put = \"nick\", value = \"Ada\" }",
        0,
        "client.program: value `Ada` is written twice; every value must name one write (leave \
         `value` out to have it named)",
    ),
    (
        "program = [{ put = \"name\", value = \"Ada\" }]",
        "repeat = 129\nprogram = [{ put = \"name\" }]",
        1,
        "client.program: 129 writes in all, but a scenario has at most 128",
    ),
    (
        PUT,
        "{ put = \"name\", value = \"Ada\", w = 4 }",
        0,
        "program.w: 4 is out of range; a request may ask for 1 to n = 3",
    ),
    (GET, "{ get = \"name\", w = 1 }", 0, "program: a get takes `r` and `via` only"),
    (PUT, "{ put = \"name\", value = \"Ada\", r = 1 }", 0, "program: a put takes `w`, not `r`"),
    (
        PUT,
        "{ delete = \"name\", value = \"Ada\" }",
        0,
        "program: a delete takes `w`, `sloppy`, `context` and `via` only",
    ),
    (
        GET,
        "{ get = \"name\", put = \"name\" }",
        0,
        "program: an operation is exactly one of `get`, `put` and `delete`",
    ),
    (
        NO_LOST_WRITE,
        "no-lost-write = \"reached\"",
        0,
        "expect.no-lost-write: cannot be expected to be \"reached\"; expect \"holds\" or \
         \"violated\"",
    ),
    (
        NO_LOST_WRITE,
        "siblings = \"violated\"",
        0,
        "expect.siblings: cannot be expected to be \"violated\"; expect \"reached\" or \"not \
         reached\"",
    ),
];

#[test]
fn what_cannot_be_is_refused_with_file_line_field_and_what_would_be_right() {
    for (from, to, further, problem) in REFUSED {
        let expected = format!("my.toml:{}: {problem}", line(from, *further));
        assert_eq!(refusal(from, to), expected);
    }
}

#[test]
fn the_document_has_every_refusal_word_for_word() {
    for (_, _, _, problem) in REFUSED {
        assert!(DOCUMENT.contains(problem), "not in docs/scenarios.md: {problem}");
    }
}

#[test]
fn an_unknown_property_is_refused_with_all_that_are_known() {
    let error = refusal("no-lost-write", "no-lost-writes");
    let start = format!(
        "my.toml:{}: expect: unknown property `no-lost-writes`; known are read-freshness, ",
        line("no-lost-write", 0)
    );
    assert!(error.starts_with(&start), "{error}");
    for property in PROPERTIES {
        assert!(error.contains(property.name), "{} is not in: {error}", property.name);
    }
}

#[test]
fn every_field_that_names_a_node_refuses_one_that_the_cluster_does_not_have() {
    let fields = [
        ("down", "down = [\"D\"]"),
        ("partition", "partition = [[\"A\"], [\"D\"]]"),
        ("shared-identity", "shared-identity = [[\"A\", \"D\"]]"),
    ];
    for (field, text) in fields {
        let expected = format!(
            "my.toml:{}: {field}: unknown node `D`; the cluster's nodes are A, B, C",
            line("[cluster]", 0)
        );
        assert_eq!(refusal("[cluster]", &format!("{text}\n\n[cluster]")), expected);
    }
}

#[test]
fn an_operation_may_not_ask_for_a_quorum_that_every_node_would_refuse() {
    for asked in [0, 4] {
        let error = refusal(GET, &format!("{{ get = \"name\", r = {asked} }}"));
        assert!(error.contains(&format!("program.r: {asked} is out of range")), "{error}");
    }
    accepted(GET, "{ get = \"name\", r = 3 }");
}

#[test]
fn a_scenario_must_expect_something() {
    let from = &example()[example().find(EXPECT).expect("the example expects something")..];
    let error = refusal(from, "[expect]\n");
    assert!(error.ends_with("expect: state at least one verdict"), "{error}");
    assert!(refusal(from, "").contains("missing field `expect`"));
}

#[test]
fn text_that_is_no_toml_is_refused_on_its_line() {
    let error = refusal("[cluster]", "[cluster");
    assert!(error.starts_with(&format!("my.toml:{}: ", line("[cluster]", 0))), "{error}");
}

#[test]
fn the_largest_program_and_the_most_writes_are_accepted() {
    assert_eq!(
        accepted(READER, "name = \"page\"\nrepeat = 1000\n").clients[1].operations.len(),
        1000
    );
    let most = "repeat = 128\nprogram = [{ put = \"name\" }]";
    assert_eq!(accepted("program = [{ put = \"name\", value = \"Ada\" }]", most).writes.len(), 128);
}

#[test]
fn what_a_file_leaves_out_is_what_the_document_says() {
    let scenario = parse("my.toml", "my", example()).expect("the example parses");
    assert_eq!(scenario.spec.versioning, Versioning::Dotted);
    assert_eq!(scenario.spec.read_repair, ReadRepair::Off);
    assert_eq!(scenario.spec.placement, PlacementSpec::InOrder);
    assert_eq!(scenario.spec.tokens_per_node, 128);
    assert_eq!(scenario.fan_out, FanOut::NodeDriven);
    assert_eq!(scenario.turn_length, None);
    assert_eq!(scenario.reductions, Reductions::default());
    assert!(scenario.reductions.client_hops && scenario.default);
    assert!(scenario.down.is_empty() && scenario.partition.is_empty());
    let faults = scenario.faults;
    assert_eq!((faults.drops, faults.duplicates, faults.timeouts), (0, 0, 0));
    assert_eq!(scenario.clocks_ahead, [0, 0, 0]);
    assert_eq!(scenario.mints_as, scenario.cluster.nodes());
    assert_eq!(scenario.clients[1].attempts, 1);
    assert_eq!(scenario.clients[1].operations[0].via, scenario.cluster.nodes());
    assert_eq!(scenario.clients[1].operations[0].quorum, None);
}

#[test]
fn exchanges_come_late_only_where_dead_messages_are_forgotten() {
    let with =
        |reductions: &str| accepted(EXPECT, &format!("[reductions]\n{reductions}\n[expect]"));
    assert!(with("replies = false").reductions_that_apply().late_exchanges);
    assert!(!with("dead-messages = false").reductions_that_apply().late_exchanges);
    let neither = with("late-exchanges = false\ndead-messages = false");
    assert!(!neither.reductions_that_apply().late_exchanges);
}

#[test]
fn stubborn_sets_take_the_place_of_all_other_reductions() {
    let scenario = accepted(EXPECT, "[reductions]\nstubborn-sets = true\n\n[expect]");
    assert_eq!(scenario.reductions, Reductions::STUBBORN);
    assert!(!Reductions::default().stubborn_sets);
}

fn values(scenario: &Scenario) -> Vec<String> {
    let values = scenario.writes.iter().map(|write| write.value.as_ref().map(Value::to_string));
    values.map(|value| value.unwrap_or_else(|| "deleted".to_owned())).collect()
}

#[test]
fn values_are_named_by_their_client_and_numbered_by_round() {
    let program = "program = [{ put = \"name\", value = \"Ada\" }]";
    let unnamed = "program = [{ put = \"a\" }, { delete = \"a\" }, { put = \"b\" }]";
    assert_eq!(values(&accepted(program, unnamed)), ["editor1", "deleted", "editor3"]);
    let repeated = "repeat = 2\nprogram = [{ put = \"a\", value = \"v\" }, { put = \"a\" }]";
    assert_eq!(values(&accepted(program, repeated)), ["v1", "editor2", "v2", "editor4"]);
}

#[test]
fn a_client_s_via_is_that_of_each_operation_without_one_and_nodes_down_are_not_chosen() {
    let program = "name = \"page\"\nvia = [\"B\"]\n";
    let scenario = accepted(READER, program);
    assert_eq!(scenario.clients[1].operations[0].via, [NodeId(1)]);
    let both = accepted(GET, "{ get = \"name\", via = [\"C\", \"A\"] }");
    assert_eq!(both.clients[1].operations[0].via, [NodeId(2), NodeId(0)]);
    let down = accepted("[cluster]", "down = [\"A\"]\n\n[cluster]");
    assert_eq!(down.clients[1].operations[0].via, [NodeId(1), NodeId(2)]);
}

#[test]
fn a_put_carries_what_was_read_unless_it_is_blind() {
    let with_context = |put: &str| match accepted(PUT, put).clients[0].operations[0].action {
        PlannedAction::Put { with_context, .. } => with_context,
        PlannedAction::Get => panic!("a put is planned"),
    };
    assert!(with_context("{ put = \"name\" }"));
    assert!(with_context("{ put = \"name\", context = \"read\" }"));
    assert!(!with_context("{ put = \"name\", context = \"blind\" }"));
    assert!(!with_context("{ delete = \"name\", context = \"blind\" }"));
}

#[test]
fn nodes_that_share_an_identity_mint_as_the_first_of_their_group() {
    let scenario = accepted("[cluster]", "shared-identity = [[\"B\", \"C\"]]\n\n[cluster]");
    assert_eq!(scenario.mints_as, [NodeId(0), NodeId(1), NodeId(1)]);
}

#[test]
fn nodes_of_different_groups_and_nodes_in_no_group_do_not_reach_each_other() {
    let scenario = accepted("[cluster]", "partition = [[\"A\", \"B\"]]\n\n[cluster]");
    let state = ClusterModel::new(Arc::new(scenario)).init_states().remove(0);
    let connected = |from: u16, to: u16| state.connected(NodeId(from).into(), NodeId(to).into());
    assert!(connected(0, 1));
    assert!(!connected(0, 2));
    assert!(!connected(2, 1));
}

// What is malformed, and what has no effect, each changed into the worked example or into a script.

/// What is changed into what, of the document's worked example.
const MALFORMED: &[(&str, &str)] = &[
    (EXPECT, "[faults]\ndrops = 256\n\n[expect]"),
    (EXPECT, "[faults]\ntimeouts = -1\n\n[expect]"),
    (EXPECT, "[faults]\ncrashes = \"one\"\n\n[expect]"),
    (EXPECT, "[clocks-ahead]\nA = -2\n\n[expect]"),
    ("n = 3\n", "n = -3\n"),
    ("r = 1\n", "r = 1.5\n"),
    (W, "w = \"two\"\n"),
    (W, "w = 2\nw = 3\n"),
    (W, "w = 2\nsloppy = 1\n"),
    (W, "w = 2\nversioning = \"vector\"\n"),
    (W, "w = 2\nversioning = 3\n"),
    (W, "w = 2\ntokens-per-node = -1\n"),
    ("nodes = [\"A\", \"B\", \"C\"]", "nodes = \"A, B, C\""),
    ("nodes = [\"A\", \"B\", \"C\"]", "nodes = [\"A\", 2]"),
    ("n = 3\n", ""),
    (READER, "name = 7\n"),
    (READER, "name = \"page\"\nattempts = -1\n"),
    (GET, "{ get = \"name\", r = -1 }"),
    (GET, "\"get\""),
    ("[cluster]", "turn-length = \"long\"\n\n[cluster]"),
    (NO_LOST_WRITE, "no-lost-write = true"),
];

#[test]
fn malformed_values_are_told_with_their_field_and_what_it_may_be_and_no_type_of_rust() {
    let told: Vec<String> = MALFORMED.iter().map(|(from, to)| refusal(from, to)).collect();
    for problem in &told {
        for rust in ["u8", "u32", "u64", "usize", "Raw", "struct", "enum", "sequence"] {
            assert!(!problem.contains(rust), "{rust} is a word of Rust: {problem}");
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// Changes of the worked example that say something without effect.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (READER, "name = \"page\"\nattempts = 2\n"),
    (EXPECT, "[clocks-ahead]\nA = 1\n\n[expect]"),
    (W, "w = 2\nhandoff = true\n"),
    (W, "w = 2\nsloppy = true\nhandoff = true\n"),
    (PUT, "{ put = \"name\", value = \"Ada\", sloppy = true }"),
    ("[cluster]", "heals = true\n\n[cluster]"),
    ("[cluster]", "down-returns = true\n\n[cluster]"),
    (EXPECT, "[faults]\nwipes = 1\n\n[expect]"),
    (EXPECT, "[faults]\nrollbacks = 1\n\n[expect]"),
    (EXPECT, "[faults]\npartitions = 1\n\n[expect]"),
    ("[cluster]", "faulty = []\n\n[cluster]"),
    ("[cluster]", "faulty = [\"A\"]\n\n[cluster]"),
    ("[cluster]", "partition = []\n\n[cluster]"),
    ("[cluster]", "partition = [[\"A\", \"B\", \"C\"]]\n\n[cluster]"),
    ("[cluster]", "partition = [[\"A\", \"B\"], []]\n\n[cluster]"),
    ("[cluster]", "partition = [[\"A\", \"B\"], [\"B\"]]\n\n[cluster]"),
    ("[cluster]", "partition = [[\"A\", \"B\"], [\"B\", \"C\"], [\"A\", \"C\"]]\n\n[cluster]"),
    ("[cluster]", "partition = [[\"A\", \"A\"], [\"B\"]]\n\n[cluster]"),
    ("[cluster]", "down = [\"A\", \"A\"]\n\n[cluster]"),
    ("[cluster]", "shared-identity = [[\"A\", \"B\"], [\"B\", \"C\"]]\n\n[cluster]"),
    ("[cluster]", "shared-identity = [[\"A\"]]\n\n[cluster]"),
    ("[cluster]", "shared-identity = [[\"A\", \"A\"]]\n\n[cluster]"),
    (READER, "name = \"page\"\nvia = [\"A\", \"B\", \"A\"]\n"),
    (GET, "{ get = \"name\", via = [\"A\", \"A\"] }"),
    (W, "w = 2\ndeviations = [\"values-only-tree\", \"values-only-tree\"]\n"),
];

#[test]
fn what_has_no_effect_is_refused_with_what_it_would_take() {
    let told: Vec<String> = WITHOUT_EFFECT.iter().map(|(from, to)| refusal(from, to)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Changes that make what was without effect count.
const WITH_EFFECT: &[(&str, &str)] = &[
    (EXPECT, "[faults]\ncrashes = 1\nwipes = 1\nrollbacks = 1\n\n[expect]"),
    (W, "w = 2\nversioning = \"last-write-wins\"\n\n[clocks-ahead]\nA = 1\n"),
    ("[cluster]", "heals = true\npartition = [[\"A\"], [\"B\", \"C\"]]\n\n[cluster]"),
    ("[cluster]", "heals = false\n\n[cluster]"),
    ("[cluster]", "partition = [[\"A\", \"B\"], [\"B\", \"C\"]]\n\n[cluster]"),
    ("[cluster]", "shared-identity = [[\"A\", \"B\"]]\n\n[cluster]"),
    ("[cluster]", "down = [\"A\"]\ndown-returns = true\nfaults = { wipes = 1 }\n\n[cluster]"),
];

#[test]
fn what_has_an_effect_is_accepted_without_a_warning() {
    for (from, to) in WITH_EFFECT {
        assert_eq!(accepted(from, to).warnings, [], "{to}");
    }
    let tried_again = changed(READER, "name = \"page\"\nattempts = 2\n");
    let tried_again = tried_again.replace(EXPECT, "[faults]\ntimeouts = 1\n\n[expect]");
    let scenario = parse("my.toml", "my", &tried_again).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.warnings, []);
}

/// A script whose steps are these, in a cluster with a fallback.
fn script(steps: &str) -> String {
    format!(
        "title = \"t\"\nstep = [\n  {{ put = \"k\", client = \"x\", via = \"A\", value = \"v\" }},\n  \
         {steps},\n]\n\n[cluster]\nnodes = [\"A\", \"B\", \"C\"]\nn = 2\nr = 1\nw = 1\n\n\
         [expect]\nno-lost-write = \"holds\"\n"
    )
}

/// Steps without effect, or that look at nothing, or at less than they say.
const STEPS_WITHOUT_EFFECT: &[&str] = &[
    "{ set-clock = { node = \"A\", to = 7 } }",
    "{ get = \"k\", client = \"x\", via = \"A\", finds = [\"v\", \"v\"] }",
    "{ get = \"k\", client = \"x\", via = \"A\", only = [\"A\", \"A\"] }",
    "{ expect-held = [] }",
    "{ expect-hint = [] }",
    "{ expect-held = { node = \"A\", key = \"k\", values = [\"v\", \"v\"] } }",
    "{ expect-hint = { node = \"C\", home = \"A\", key = \"k\", values = [\"v\", \"v\"] } }",
    "{ expect-answer = { client = \"x\", finds = [\"v\", \"v\"] } }",
    "{ crash = \"A\" }, { get = \"k\", client = \"x\", via = \"A\" }",
    "{ crash = \"A\" }, { delete = \"k\", client = \"x\", via = \"A\" }",
    "{ partition = [[\"A\", \"B\", \"C\"]] }",
    "{ partition = [[\"A\", \"B\"], [\"A\"]] }",
    "{ partition = [] }",
    "{ deliver = { kind = \"Store\", which = -1 } }",
    "{ crash = 1 }",
];

#[test]
fn steps_without_effect_and_checks_of_nothing_are_refused() {
    let told =
        STEPS_WITHOUT_EFFECT.iter().map(|steps| match parse("my.toml", "my", &script(steps)) {
            Ok(_) => panic!("{steps} was accepted"),
            Err(error) => error.to_string(),
        });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
    for steps in [
        "{ crash = \"A\" }, { get = \"k\", client = \"x\", via = \"A\", expect = \"pending\" }",
        "{ crash = \"A\" }, { recover = \"A\" }, { get = \"k\", client = \"x\", via = \"A\" }",
        "{ partition = [[\"A\", \"B\"], [\"B\", \"C\"]] }",
    ] {
        let scenario = parse("my.toml", "my", &script(steps));
        assert_eq!(scenario.unwrap_or_else(|error| panic!("{error}")).warnings, [], "{steps}");
    }
}

#[test]
fn what_has_less_effect_than_it_seems_is_told_in_a_warning() {
    const TWO_HOMES: &str = "n = 2\nr = 1\nw = 2\n";
    let sloppy = |more: &str| {
        let text = changed("n = 3\nr = 1\nw = 2\n", &format!("{TWO_HOMES}sloppy = true\n{more}"));
        parse("my.toml", "my", &text).unwrap_or_else(|error| panic!("{error}"))
    };
    let told: Vec<String> = [
        sloppy(""),
        accepted(W, "w = 2\ntokens-per-node = 3\n"),
        accepted("[cluster]", "down = [\"A\"]\n\n[cluster]"),
        parse(
            "my.toml",
            "my",
            &changed(READER, "name = \"page\"\nvia = [\"A\"]\n")
                .replace("[cluster]", "down = [\"A\"]\n\n[cluster]"),
        )
        .unwrap(),
    ]
    .iter()
    .flat_map(|scenario| scenario.warnings.iter().map(ToString::to_string))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let text =
        changed("n = 3\nr = 1\nw = 2\n", &format!("{TWO_HOMES}sloppy = true\nhandoff = true\n"));
    let text = text.replace(EXPECT, "[faults]\ntimeouts = 1\n\n[expect]");
    assert_eq!(parse("my.toml", "my", &text).unwrap().warnings, []);
}

#[test]
fn the_document_has_what_is_refused_for_having_no_effect_and_every_warning() {
    for (from, to) in [WITHOUT_EFFECT[1], WITHOUT_EFFECT[2], WITHOUT_EFFECT[5], WITHOUT_EFFECT[7]] {
        let told = refusal(from, to);
        let (_, problem) = told.split_once(": ").expect("file and line come first");
        assert!(DOCUMENT.contains(problem), "not in docs/scenarios.md: {problem}");
    }
    let client = "x".to_owned();
    for kind in [
        WarningKind::HintsStay,
        WarningKind::NoHints,
        WarningKind::NobodyStandsIn,
        WarningKind::NobodyCoordinates { client },
        WarningKind::TokensUnused,
    ] {
        assert!(DOCUMENT.contains(&kind.to_string()), "not in docs/scenarios.md: {kind}");
    }
}

#[test]
fn no_scenario_that_ships_gives_a_warning() {
    for builtin in BUILTINS {
        let scenario = builtin.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.warnings, [], "{}", builtin.name);
    }
}

// The scenarios that ship.

#[test]
fn every_scenario_that_ships_parses_and_says_what_it_asks() {
    for builtin in BUILTINS {
        let scenario = builtin.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, builtin.name);
        assert!(!scenario.title.trim().is_empty(), "{} has no title", builtin.name);
        assert!(!scenario.title.contains('\n'), "the title of {} is one line", builtin.name);
        assert!(!scenario.expect.is_empty(), "{} expects nothing", builtin.name);
        assert!(Builtin::named(builtin.name).is_some_and(|named| named.toml == builtin.toml));
    }
    assert!(Builtin::named("no such scenario").is_none());
}

#[test]
fn the_directory_holds_the_scenarios_that_ship_and_no_other() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = fs::read_dir(directory).expect("the scenarios are there");
    let files: BTreeSet<String> = files
        .map(|file| file.expect("the directory can be read").file_name())
        .map(|name| name.into_string().expect("names are plain"))
        .collect();
    let listed: BTreeSet<String> =
        BUILTINS.iter().map(|builtin| format!("{}.toml", builtin.name)).collect();
    assert_eq!(files, listed);
    assert_eq!(listed.len(), BUILTINS.len(), "no name is listed twice");
}

#[test]
fn every_property_is_put_to_some_use_by_a_scenario_that_ships() {
    let scenarios: Vec<Scenario> =
        BUILTINS.iter().map(|builtin| builtin.parse().expect("a test reads all")).collect();
    for property in PROPERTIES {
        let used = scenarios.iter().any(|scenario| scenario.expect.contains_key(property.name));
        assert!(used, "no scenario expects anything of {}", property.name);
    }
}

// The document.

#[test]
fn the_complete_examples_of_the_document_parse() {
    // That of the leader-based protocol is checked by the command.
    let mut examples = complete_examples();
    examples.retain(|text| !text.contains("\n[protocol]\n"));
    assert!(examples.len() >= 2, "the worked example has two files");
    for text in examples {
        parse("docs/scenarios.md", "example", text).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_document_says_every_property_with_its_statement_under_what_may_be_expected_of_it() {
    let (_, safety) = DOCUMENT.split_once("### `\"holds\"` or `\"violated\"`").expect("a heading");
    let (safety, rest) =
        safety.split_once("### `\"reached\"` or `\"not reached\"`").expect("a heading");
    let reachability = rest.split("\n#").next().expect("split gives something");
    for property in PROPERTIES {
        let (name, statement) = (property.name, property.statement);
        let (section, tested) = match property.kind {
            PropertyKind::Safety { witness, .. } => (safety, witness.statement),
            PropertyKind::EventuallyAlways { witness_statement, .. } => (safety, witness_statement),
            PropertyKind::Reachability { opportunity, .. } => (reachability, opportunity.statement),
        };
        let row = format!("\n| `{name}` | {statement} | {tested} |\n");
        assert!(section.contains(&row), "not in docs/scenarios.md:{row}");
    }
}

/// The heading under which the document tells the keys of tables within steps.
const TABLES: &str = "### Tables within steps";

/// The names that the parser itself offers when it meets one that it does not know.
fn offered(from: &str, to: &str) -> Vec<String> {
    let error = refusal(from, to);
    // Of two names there is no "one of".
    let (_, names) = error.split_once(", expected ").unwrap_or_else(|| panic!("{error}"));
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_document_mentions_every_key_and_every_word_of_the_format() {
    let unknown = [
        ("### Top level", "[cluster]", "unknown = 1\n\n[cluster]"),
        ("### `[cluster]`", W, "w = 2\nunknown = 1\n"),
        ("### `[[client]]`", READER, "name = \"page\"\nunknown = 1\n"),
        ("### Operations", GET, "{ get = \"name\", unknown = 1 }"),
        ("### Steps", "[cluster]", "step = [{ unknown = 1 }]\n\n[cluster]"),
        (TABLES, "[cluster]", "step = [{ timeout = { unknown = 1 } }]\n\n[cluster]"),
        (TABLES, "[cluster]", "step = [{ set-clock = { unknown = 1 } }]\n\n[cluster]"),
        (TABLES, "[cluster]", "step = [{ deliver = { unknown = 1 } }]\n\n[cluster]"),
        (TABLES, "[cluster]", "step = [{ fire = { unknown = 1 } }]\n\n[cluster]"),
        (TABLES, "[cluster]", "step = [{ expect-held = { unknown = 1 } }]\n\n[cluster]"),
        (TABLES, "[cluster]", "step = [{ expect-hint = { unknown = 1 } }]\n\n[cluster]"),
        (TABLES, "[cluster]", "step = [{ expect-answer = { unknown = 1 } }]\n\n[cluster]"),
        ("### `[faults]`", EXPECT, "[faults]\nunknown = 1\n\n[expect]"),
        ("## Reductions", EXPECT, "[reductions]\nunknown = true\n\n[expect]"),
    ];
    for (heading, from, to) in unknown {
        let (_, section) = DOCUMENT.split_once(&format!("\n{heading}\n")).expect(heading);
        let section = section.split("\n#").next().expect("split gives something");
        for key in offered(from, to) {
            let row = format!("\n| `{key}` | ");
            assert!(section.contains(&row), "no row for `{key}` under {heading}");
        }
    }
    let words = [
        (W, "w = 2\nversioning = \"unknown\"\n"),
        (W, "w = 2\nread-repair = \"unknown\"\n"),
        (W, "w = 2\nfan-out = \"unknown\"\n"),
        (W, "w = 2\nplacement = \"unknown\"\n"),
        (W, "w = 2\nreaping = \"unknown\"\n"),
        ("[cluster]", "step = [{ expect = \"unknown\" }]\n\n[cluster]"),
        ("[cluster]", "step = [{ fire = { timer = \"unknown\" } }]\n\n[cluster]"),
        (NO_LOST_WRITE, "no-lost-write = \"unknown\""),
    ];
    for (from, to) in words {
        for word in offered(from, to) {
            assert!(DOCUMENT.contains(&format!("`\"{word}\"`")), "`\"{word}\"` is not mentioned");
        }
    }
    for word in ["read", "blind"] {
        assert!(DOCUMENT.contains(&format!("`\"{word}\"`")), "`\"{word}\"` is not mentioned");
    }
    // Builds that can plant faults offer these too. They stand in the table of what catches them.
    for word in offered(W, "w = 2\ndeviations = [\"unknown\"]\n") {
        let is_compared = Deviation::COMPARISONS.iter().any(|known| known.to_string() == word);
        let (document, mention) = match is_compared {
            true => (DOCUMENT, format!("`\"{word}\"`")),
            false => (CLAIMS, format!("\n| {word} ")),
        };
        assert!(document.contains(&mention), "`\"{word}\"` is not mentioned");
    }
}
