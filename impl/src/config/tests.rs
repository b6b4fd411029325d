use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};
use quorate_model::cluster::{Background, Reaping};

use super::*;
use crate::leader_based::WithLeader;

fn template() -> Template {
    let node = |(name, port, is_traced): (&str, u16, bool)| TemplateNode {
        name: name.to_string(),
        address: ([127, 0, 0, 1], port).into(),
        is_traced,
        http: None,
    };
    Template {
        n: 2,
        r: 1,
        w: 2,
        versioning: Versioning::Dotted,
        read_repair: ReadRepair::Blocking,
        speculative_retry: true,
        sloppy: true,
        client_fan_out: false,
        leader: None,
        unauthenticated: false,
        nodes: [("a", 7001, false), ("b", 7002, true)].map(node).to_vec(),
    }
}

fn parse(text: &str) -> Result<ClusterFile, String> {
    ClusterFile::parse(Path::new("dir/cluster.toml"), text).map_err(|error| error.to_string())
}

fn rejected(from: &str, to: &str) -> String {
    let text = template().render();
    assert!(text.contains(from), "{from} is not in the template");
    parse(&text.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_new_file_says_what_it_was_made_from() {
    let file = parse(&template().render()).unwrap();
    assert_eq!((file.spec.n, file.spec.r, file.spec.w), (2, 1, 2));
    assert_eq!(file.spec.read_repair, ReadRepair::Blocking);
    assert_eq!(file.spec.nodes, ["a", "b"]);
    assert!(file.spec.sloppy && file.spec.left.is_empty() && file.spec.deviations.is_empty());
    let background = file.spec.background;
    assert!(background.handoff && background.anti_entropy);
    assert_eq!(background.reaping, Reaping::Off);
    assert_eq!(file.nodes[0].data, Path::new("dir/a"));
    assert_eq!(file.nodes[0].trace, None);
    assert_eq!(file.nodes[1].trace.as_deref(), Some(Path::new("dir/b.trace.jsonl")));
    assert_eq!(file.timeouts.request, Duration::from_secs(1));
    assert_eq!(file.faults, None);
}

#[test]
fn the_timeouts_and_intervals_of_a_new_file_are_the_defaults() {
    let text = template().render();
    let without: String = text
        .lines()
        .filter(|line| !line.contains("_ms") && !line.starts_with("client_attempts"))
        .map(|line| format!("{line}\n"))
        .collect();
    let (without, with) = (parse(&without).unwrap(), parse(&text).unwrap());
    assert_eq!(without.timeouts, with.timeouts);
    assert_eq!(without.intervals, with.intervals);
}

#[test]
fn without_a_word_about_it_what_was_kept_reaches_its_home_and_homes_compare() {
    let text = "n = 1\nr = 1\nw = 1\n[[node]]\nname = \"a\"\naddr = \"127.0.0.1:7001\"\n";
    let expected = Background { handoff: true, anti_entropy: true, reaping: Reaping::Off };
    assert_eq!(parse(text).unwrap().spec.background, expected);
    let reaping = parse(&format!("{text}[background]\nreaping = \"agreed\"\n")).unwrap();
    let expected = Background { reaping: Reaping::Agreed, ..expected };
    assert_eq!(reaping.spec.background, expected);
}

#[test]
fn clients_fan_out_themselves_only_where_the_file_says_so_and_never_with_reaping_by_agreement() {
    let file = parse(&template().render()).unwrap();
    assert!(!file.cluster.takes_client_driven());
    let allowed =
        template().render().replacen("client_fan_out = false", "client_fan_out = true", 1);
    assert!(parse(&allowed).unwrap().cluster.takes_client_driven());
    let without = template().render().replacen("client_fan_out = false", "", 1);
    assert!(!parse(&without).unwrap().cluster.takes_client_driven());
    let both = allowed.replacen("reaping = \"off\"", "reaping = \"agreed\"", 1);
    let refused = parse(&both).unwrap_err();
    let line = 1 + both.lines().position(|line| line.starts_with("client_fan_out")).unwrap();
    assert!(
        refused.starts_with(&format!("dir/cluster.toml:{line}: client_fan_out: ")),
        "{refused}"
    );
}

#[test]
fn limits_in_bytes_are_those_of_the_file_and_otherwise_as_documented() {
    let file = parse(&template().render()).unwrap();
    assert_eq!(file.spec.limits, BytesMax::default(), "the template says what would be so anyway");
    let few = "pending_bytes_max = 2000000";
    let text = template().render().replacen("pending_bytes_max = 268435456", few, 1);
    let file = parse(&text).unwrap();
    assert_eq!(file.cluster.limits().pending_bytes_max, 2_000_000);
    assert_eq!(file.cluster.limits().hints_bytes_max, BytesMax::default().hints);
    let too_few = rejected("pending_bytes_max = 268435456", "pending_bytes_max = 1000000");
    assert!(too_few.contains("limits.pending_bytes_max = 1000000, but one put"), "{too_few}");
    let misspelt = rejected("hints_bytes_max", "hint_bytes_max");
    assert!(misspelt.contains("hint_bytes_max"), "{misspelt}");
}

#[test]
fn sloppy_writes_without_handoff_are_refused() {
    let refused = rejected("handoff = true", "handoff = false");
    assert!(refused.contains("sloppy = true needs background.handoff = true"), "{refused}");
}

#[test]
fn an_error_names_file_line_and_field() {
    let line_of = |text: &str| {
        let template = template().render();
        1 + template.lines().position(|line| line.starts_with(text)).unwrap()
    };
    let unknown = rejected("r = 1", "read = 1");
    assert!(
        unknown.starts_with(&format!("dir/cluster.toml:{}: unknown field `read`", line_of("r ="))),
        "{unknown}"
    );
    let mistyped = rejected("w = 2", "w = \"two\"");
    assert!(mistyped.contains("in `w = \"two\""), "{mistyped}");
    let address = rejected("127.0.0.1:7002", "nowhere");
    assert!(address.contains("in `addr = \"nowhere\"`"), "{address}");
    assert!(!address.contains('\n'), "{address}");
}

#[test]
fn what_cannot_be_a_cluster_is_refused() {
    assert!(rejected("r = 1", "r = 3").contains("R is 3"));
    assert!(rejected("n = 2", "n = 3").contains("only 2 nodes"));
    assert!(rejected("name = \"b\"", "name = \"a\"").contains("name: a has the same already"));
    assert!(rejected(":7002", ":7001").contains("addr: a has the same already"));
    let faults = rejected("[timeouts]", "[faults]\ndrop = 2.0\n[timeouts]");
    assert!(faults.contains("faults.drop"), "{faults}");
    let slow = "[faults]\ndelay = 0.1\ndelay_ms_max = 30000\n[timeouts]";
    assert!(rejected("[timeouts]", slow).contains("faults.delay_ms_max"));
    assert!(rejected("handoff_ms = 500", "handoff_ms = 0").contains("intervals.handoff_ms"));
    let small = "message_bytes_max = 100\nsloppy";
    assert!(rejected("sloppy", small).contains("message_bytes_max: must be from 65507"));
    assert!(rejected("left = []", "left = [\"c\"]").contains("`c` has left"));
    assert!(rejected("reaping = \"off\"", "reaping = \"now\"").contains("reaping"));
}

#[test]
fn a_node_that_left_is_no_home_any_more() {
    let text = template().render().replacen("left = []", "left = [\"a\"]", 1);
    let file = parse(&text.replacen("n = 2", "n = 1", 1).replacen("w = 2", "w = 1", 1)).unwrap();
    assert_eq!(file.cluster.members(), [NodeId(1)]);
}

#[test]
fn the_protocol_cannot_be_made_wrong_by_a_configuration() {
    let deviant = rejected("left = []", "deviations = [\"serve-uncaught\"]");
    assert!(deviant.contains("unknown field `deviations`"), "{deviant}");
}

#[test]
fn an_unknown_node_is_answered_with_the_known_ones() {
    let error = parse(&template().render()).unwrap().node_named("c").unwrap_err();
    assert_eq!(error.to_string(), "dir/cluster.toml has no node \"c\"; its nodes are a, b");
}

fn with_leader() -> String {
    let leader = Some(TemplateLeader { replication: Replication::SemiSync, ..Default::default() });
    Template { leader, ..template() }.render()
}

#[test]
fn a_file_with_a_protocol_is_that_of_a_cluster_with_a_leader() {
    let file = parse(&with_leader()).unwrap();
    let leader = file.leader.as_ref().unwrap();
    assert_eq!(leader.cluster.nodes, ["a", "b"]);
    assert_eq!(leader.cluster.replication, Replication::SemiSync);
    assert_eq!(leader.cluster.election, ElectionKind::Raft);
    assert_eq!((leader.reads, leader.cluster.log), (Reads::Confirmed, LogKind::Row));
    assert_eq!(leader.times.election, Duration::from_secs(1));
    assert_eq!(file.nodes[1].trace.as_deref(), Some(Path::new("dir/b.trace.jsonl")));
    assert!(parse(&template().render()).unwrap().leader.is_none());
    let refused = file.without_leader("`delete`").unwrap_err().to_string();
    assert!(refused.contains("`delete` is for clusters without one"), "{refused}");
}

#[test]
fn what_a_new_file_says_of_a_leader_is_the_default() {
    let text = with_leader();
    let defaults = [
        "snapshot_after",
        "sessions",
        "entries_max",
        "page_rows",
        "_bytes_max",
        "_ms",
        "client_attempts",
        "log =",
        "reads =",
    ];
    let is_left_out = |line: &&str| defaults.iter().any(|field| line.contains(field));
    let short: String =
        text.lines().filter(|line| !is_left_out(line)).map(|line| format!("{line}\n")).collect();
    let [full, short] = [&text, &short].map(|text| parse(text).unwrap());
    assert_eq!((full.leader, full.timeouts), (short.leader, short.timeouts));
    assert_eq!(full.intervals, short.intervals);
}

#[test]
fn what_cannot_be_a_cluster_with_a_leader_is_refused() {
    for (from, to, expected) in [
        ("\"semi-sync\"", "\"some\"", "unknown variant `some`"),
        ("name = \"leader\"", "name = \"paxos\"", "unknown variant `paxos`"),
        ("heartbeat_ms = 100", "heartbeat_ms = 0", "protocol.heartbeat_ms: must be at least 1"),
        (
            "election_ms = 1000",
            "election_ms = 150",
            "protocol.election_ms: 150 ms is less than two",
        ),
        ("page_rows = 1000", "page_rows = 0", "protocol: entries_max, page_rows"),
        ("sessions = 100000", "sessions = 0", "protocol: sessions must be at least 1"),
        (
            "pending_bytes_max = 268435456",
            "pending_bytes_max = 1000000",
            "protocol: pending_bytes_max = 1000000, but one put of the largest key and value takes",
        ),
        (
            "# Who may talk",
            "message_bytes_max = 1000000\n# Who may talk",
            "message_bytes_max: must be at least",
        ),
        ("[timeouts]", "n = 3\n[timeouts]", "unknown field `n`"),
        ("[timeouts]", "[background]\nhandoff = true\n[timeouts]", "unknown field `background`"),
    ] {
        let text = with_leader();
        assert!(text.contains(from), "{from} is not in the template");
        let refused = parse(&text.replacen(from, to, 1)).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn processes_that_differ_in_what_all_agree_on_are_of_two_clusters_and_other_settings_may_differ() {
    let fingerprint = |text: &str| WithLeader::fingerprint(&parse(text).unwrap());
    let text = with_leader();
    let one = fingerprint(&text);
    for (from, to, is_same) in [
        ("\"semi-sync\"", "\"async\"", false),
        ("\"raft\"", "\"bully\"", false),
        ("snapshot_after = 10000", "snapshot_after = 9", false),
        ("sessions = 100000", "sessions = 9", false),
        ("piece_bytes_max = 1048576", "piece_bytes_max = 9", false),
        ("reads = \"confirmed\"", "reads = \"any\"", true),
        ("heartbeat_ms = 100", "heartbeat_ms = 50", true),
    ] {
        assert!(text.contains(from), "{from} is not in the template");
        assert_eq!(fingerprint(&text.replacen(from, to, 1)) == one, is_same, "{from}");
    }
}
