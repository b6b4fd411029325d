//! `quorate validate` on the traces of real processes.

use crate::support::{Ran, TestCluster, quorate};

fn validate(traces: &[std::path::PathBuf], flags: &[&str]) -> Ran {
    quorate().arg("validate").args(traces).args(flags).output().unwrap().into()
}

/// A cluster that traced some requests and has ended, and its traces.
fn traced() -> (TestCluster, Vec<std::path::PathBuf>) {
    let mut cluster = TestCluster::configured(3, |text| {
        let text = text.replacen("client_fan_out = false", "client_fan_out = true", 1);
        (1..=3).fold(text, |text, node| {
            text.replacen(
                &format!("data = \"n{node}\""),
                &format!("trace = \"n{node}.jsonl\"\ndata = \"n{node}\""),
                1,
            )
        })
    });
    cluster.start_all();
    let trace = cluster.path("clients.jsonl");
    let trace = trace.to_str().unwrap();
    for value in ["one", "two"] {
        cluster.ok(&["put", "key", value, "--trace", trace]);
        cluster.ok(&["get", "key", "--trace", trace, "--client-driven"]);
    }
    cluster.kill("n2");
    cluster.start("n2");
    cluster.ok(&["get", "key", "--trace", trace]);
    for name in cluster.names() {
        cluster.kill(&name);
    }
    let names = ["n1.jsonl", "n2.jsonl", "n3.jsonl", "clients.jsonl"];
    let traces = names.map(|name| cluster.path(name)).to_vec();
    (cluster, traces)
}

/// Gives the first step of a trace that changed its node's state the digest of the step before; says which
/// step that is. The header is the first line.
fn with_an_earlier_digest(trace: &std::path::Path) -> usize {
    let text = std::fs::read_to_string(trace).unwrap();
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    let digest = |line: &str| {
        let (before, digest) = line.rsplit_once("digest\":\"")?;
        Some((before.to_owned(), digest.to_owned()))
    };
    for step in 2..lines.len() {
        let (Some((_, earlier)), Some((before, now))) =
            (digest(&lines[step - 1]), digest(&lines[step]))
        else {
            continue;
        };
        if earlier != now {
            lines[step] = format!("{before}digest\":\"{earlier}");
            std::fs::write(trace, lines.concat()).unwrap();
            return step;
        }
    }
    panic!("no step changes the node's state");
}

#[test]
fn traces_are_accepted_with_what_they_showed_and_refused_at_the_altered_line() {
    let (_cluster, traces) = traced();
    let accepted = validate(&traces, &[]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
    // A blind put reads afterwards, to tell whether it made a sibling.
    let operations = "2 of 2 writes acknowledged, 5 of 5 reads answered";
    assert!(accepted.out.contains(operations), "{accepted:?}");
    assert!(accepted.out.contains("steps of 3 nodes and 5 clients are what the protocol gives"));
    assert!(accepted.out.contains("every promise that was put to the test held"));
    let untested = "\npromised, but never put to the test: key-resolvable, ";
    assert!(accepted.out.contains(untested), "{accepted:?}");
    let json = validate(&traces, &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["accepted"]["nodes"][1]["restarts"], 1);
    assert_eq!(json["accepted"]["vacuous"], false);
    let actions = json["accepted"]["actions"].as_array().unwrap();
    let count = |name: &str| {
        let action = actions.iter().find(|action| action["name"] == name);
        action.and_then(|action| action["count"].as_u64()).unwrap_or_else(|| panic!("no {name}"))
    };
    for (name, expected) in [("start", 3), ("crash", 1), ("recover", 1), ("put", 2), ("get", 5)] {
        assert_eq!(count(name), expected, "{name}");
    }
    assert!(count("deliver Store") > 0);
    // Every step is of one kind, and a crash is no step.
    let steps: u64 = actions.iter().map(|action| action["count"].as_u64().unwrap()).sum();
    assert_eq!(json["accepted"]["events"], steps - count("crash"));

    let altered = with_an_earlier_digest(&traces[0]);
    let refused = validate(&traces, &[]);
    assert_eq!((refused.code, &*refused.out), (1, ""));
    let place = format!("{}:{}: n1 step {altered}: ", traces[0].display(), altered + 1);
    assert!(refused.err.starts_with(&format!("error: {place}")), "{refused:?}");
    let json = validate(&traces, &["--json"]);
    assert_eq!(json.code, 1);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["refused"]["line"], altered + 1);
}

#[test]
fn a_validation_that_judged_nothing_says_so_and_fails_unless_that_is_allowed() {
    let (_cluster, traces) = traced();
    let nodes = &traces[..3];
    let vacuous = validate(nodes, &[]);
    assert_eq!(vacuous.code, 1, "{vacuous:?}");
    assert!(vacuous.out.contains("NOTHING WAS JUDGED"), "{vacuous:?}");
    assert!(!vacuous.out.contains("held"), "{vacuous:?}");
    assert!(vacuous.err.contains("nothing was judged"), "{vacuous:?}");
    assert!(vacuous.err.contains("--trace FILE"), "{vacuous:?}");
    let allowed = validate(nodes, &["--allow-vacuous"]);
    assert_eq!((allowed.code, &*allowed.err), (0, ""), "{allowed:?}");
    assert!(allowed.out.contains("NOTHING WAS JUDGED"), "{allowed:?}");
    let json = validate(nodes, &["--json"]);
    assert_eq!(json.code, 1, "{json:?}");
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["accepted"]["vacuous"], true);
}

#[test]
fn what_is_no_trace_is_told_from_what_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let absent = directory.path().join("absent");
    for (path, code, said) in [
        (absent, 2, "cannot be read"),
        (file("other", "hello\n"), 2, "other:1: not a line of a trace"),
        (file("newer", "{\"node\":{\"format\":9}}\n"), 2, "newer:1: trace format 9"),
        (file("empty", ""), 1, "empty:1: the trace is empty"),
    ] {
        let ran = validate(&[path], &[]);
        assert_eq!((ran.code, &*ran.out), (code, ""), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
    assert_eq!(validate(&[], &[]).code, 2);
}
