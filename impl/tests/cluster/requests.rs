//! Puts, gets and deletes as a user types them.

use std::io::Write;
use std::net::UdpSocket;
use std::process::Stdio;

use crate::support::{TestCluster, quorate, wait_for};

#[test]
fn what_was_put_is_got_and_what_was_deleted_is_not_found() {
    let cluster = TestCluster::running(3);
    let absent = cluster.ok(&["get", "key"]);
    assert_eq!((absent.out.as_str(), absent.err.as_str()), ("", "not found\n"));
    assert!(cluster.ok(&["put", "key", "value"]).out.starts_with("ok, acknowledged by "));
    assert_eq!(cluster.ok(&["get", "key"]).out, "value\n");
    cluster.ok(&["delete", "key"]);
    let deleted = cluster.ok(&["get", "key"]);
    assert_eq!(deleted.out, "");
    assert!(deleted.err.starts_with("not found: deleted; write again with: "), "{deleted:?}");
    let json: serde_json::Value =
        serde_json::from_str(&cluster.ok(&["get", "key", "--json"]).out).unwrap();
    assert_eq!((&json["found"], &json["values"]), (&false.into(), &serde_json::json!([])));
}

#[test]
fn blind_writes_become_siblings_and_the_token_of_a_read_resolves_them() {
    let cluster = TestCluster::running(3);
    cluster.ok(&["put", "key", "one"]);
    cluster.ok(&["put", "key", "two"]);
    let read = cluster.ok(&["get", "key"]);
    let mut values: Vec<_> = read.out.lines().collect();
    values.sort_unstable();
    assert_eq!(values, ["one", "two"]);
    assert!(read.err.starts_with("2 siblings; resolve with: "), "{read:?}");
    let token = cluster.token("key");
    cluster.ok(&["put", "key", "both", "--context", &token]);
    assert_eq!(cluster.ok(&["get", "key"]).out, "both\n");
}

#[test]
fn a_token_that_is_damaged_or_of_another_key_is_wrong_usage() {
    let cluster = TestCluster::running(3);
    cluster.ok(&["put", "key", "value"]);
    let token = cluster.token("key");
    for (key, token) in [("other", token.as_str()), ("key", &token[1..]), ("key", "?")] {
        let refused = cluster.run(&["put", key, "value", "--context", token]);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.starts_with("error: --context: "), "{refused:?}");
    }
}

#[test]
fn a_client_that_fans_out_itself_writes_and_reads() {
    let mut cluster = TestCluster::configured(5, |text| {
        text.replacen("client_fan_out = false", "client_fan_out = true", 1)
    });
    cluster.start_all();
    cluster.ok(&["put", "key", "value", "--client-driven", "--w", "3"]);
    assert_eq!(cluster.ok(&["get", "key", "--client-driven", "--r", "3"]).out, "value\n");
    assert_eq!(cluster.ok(&["get", "key"]).out, "value\n");
    let stranger = cluster.some_node("key", false);
    let refused = cluster.run(&["put", "key", "x", "--client-driven", "--coordinator", &stranger]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("must go to a home of the key"), "{refused:?}");
}

#[test]
fn a_client_may_fan_out_itself_only_where_the_configuration_says_so() {
    let cluster = TestCluster::running(3);
    cluster.ok(&["put", "key", "value"]);
    for request in [&["put", "key", "other"][..], &["get", "key"], &["delete", "key"]] {
        let refused = cluster.run(&[request, &["--client-driven"]].concat());
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("set client_fan_out = true in cluster.toml"), "{refused:?}");
    }
    assert_eq!(cluster.ok(&["get", "key"]).out, "value\n");
}

#[test]
fn a_put_or_get_through_a_node_that_is_no_home_finds_its_way() {
    let cluster = TestCluster::running(5);
    let stranger = cluster.some_node("key", false);
    let written = cluster.ok(&["put", "key", "value", "--coordinator", &stranger]);
    assert!(!written.out.contains(&stranger), "{written:?}");
    assert_eq!(cluster.ok(&["get", "key", "--coordinator", &stranger]).out, "value\n");
}

#[test]
fn a_write_that_too_few_acknowledge_is_indeterminate_and_says_who_did() {
    let mut cluster =
        TestCluster::configured(3, |text| text.replace("request_ms = 10000", "request_ms = 100"));
    cluster.start("n1");
    let written = cluster.run(&["put", "key", "value", "--coordinator", "n1"]);
    assert_eq!(written.code, 1);
    assert!(written.err.contains("acknowledged by n1"), "{written:?}");
    assert!(written.err.contains("indeterminate"), "{written:?}");
    let read = cluster.run(&["get", "key", "--coordinator", "n1", "--json"]);
    assert_eq!(read.code, 1);
    let json: serde_json::Value = serde_json::from_str(&read.out).unwrap();
    assert_eq!(json["error"], "unavailable");
    assert_eq!(json["answered"], serde_json::json!(["n1"]));
}

#[test]
fn nobody_there_is_one_clear_line() {
    let cluster =
        TestCluster::configured(3, |text| text.replace("ping_ms = 10000", "ping_ms = 50"));
    let ran = cluster.run(&["get", "key"]);
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.err.contains("no answer from "), "{ran:?}");
}

#[test]
fn status_tells_who_is_up_and_counts_what_was_dropped_by_its_cause() {
    let mut cluster = TestCluster::running(3);
    cluster.ok(&["put", "key", "value", "--w", "3"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = cluster.file.nodes[0].address;
    let mut newer = b"qrat".to_vec();
    newer.extend([99; 9]);
    let mut foreign = b"qrat".to_vec();
    foreign.extend([quorate::wire::WIRE_VERSION; 9]);
    for junk in [b"GET / HTTP/1.1".to_vec(), Vec::new(), newer, foreign] {
        socket.send_to(&junk, address).unwrap();
    }
    wait_for("the junk to be counted", || {
        let traffic = cluster.status()["n1"]["status"]["traffic"].clone();
        let counts = ["malformed", "other_version", "other_cluster"].map(|field| &traffic[field]);
        counts == [&serde_json::json!(2), &serde_json::json!(1), &serde_json::json!(1)]
    });
    assert_eq!(cluster.status()["n1"]["status"]["keys"], 1);
    let table = cluster.ok(&["status"]).out;
    assert!(table.contains("2 malformed, 1 other version, 1 other cluster"), "{table}");
    cluster.kill("n3");
    let down = cluster.run(&["status"]);
    assert_eq!(down.code, 1);
    assert!(down.err.contains("no answer from n3"), "{down:?}");
}

#[test]
fn a_value_is_these_very_bytes_on_the_way_in_and_out() {
    let cluster = TestCluster::running(3);
    cluster.ok(&["put", "hex", "0x41"]);
    assert_eq!(cluster.ok(&["get", "hex"]).out, "0x41\n");
    let json: serde_json::Value =
        serde_json::from_str(&cluster.ok(&["get", "hex", "--json"]).out).unwrap();
    let value = serde_json::json!({ "encoding": "utf-8", "value": "0x41" });
    assert_eq!(json["values"], serde_json::json!([value]));
    assert_eq!(cluster.ok(&["get", "hex", "--raw"]).out, "0x41");

    let bytes = b"a\nb\xff\x00\x1b[2J";
    let file = cluster.path("value");
    std::fs::write(&file, bytes).unwrap();
    cluster.ok(&["put", "bytes", "--value-file", file.to_str().unwrap()]);
    assert_eq!(cluster.ok(&["get", "bytes"]).out, "\"a\\nb\\xff\\x00\\x1b[2J\"\n");
    let json: serde_json::Value =
        serde_json::from_str(&cluster.ok(&["get", "bytes", "--json"]).out).unwrap();
    let value = serde_json::json!({ "encoding": "base64", "value": "YQpi/wAbWzJK" });
    assert_eq!(json["values"], serde_json::json!([value]));
    let mut raw = quorate();
    raw.args(["get", "bytes", "--raw", "--config"]).arg(&cluster.file.path);
    assert_eq!(raw.output().unwrap().stdout, bytes);

    cluster.ok(&["put", "hex", "sibling"]);
    let raw = cluster.run(&["get", "hex", "--raw"]);
    assert_eq!((raw.code, raw.out.as_str()), (1, ""), "{raw:?}");
    assert!(raw.err.contains("the key has 2"), "{raw:?}");
    let missing = cluster.run(&["put", "hex"]);
    assert_eq!(missing.code, 2, "{missing:?}");
}

#[test]
fn a_value_comes_from_standard_input_or_a_file_or_is_literal() {
    let cluster = TestCluster::running(3);
    let bytes = b"a\nb\xff\x00\r\n";
    let raw = |key: &str| {
        let mut raw = quorate();
        raw.args(["get", key, "--raw", "--config"]).arg(&cluster.file.path);
        raw.output().unwrap().stdout
    };
    let mut put = quorate();
    put.args(["put", "piped", "-", "--config"]).arg(&cluster.file.path);
    let mut child = put.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(raw("piped"), bytes);

    let file = cluster.path("value");
    std::fs::write(&file, bytes).unwrap();
    cluster.ok(&["put", "read", &format!("@{}", file.display())]);
    assert_eq!(raw("read"), bytes);
    let absent = cluster.run(&["put", "read", "@/absent"]);
    assert!(absent.code == 2 && absent.err.contains("@FILE: cannot read /absent"), "{absent:?}");
    for literal in ["-", "@here"] {
        cluster.ok(&["put", literal, literal, "--literal"]);
        assert_eq!(raw(literal), literal.as_bytes());
    }
}

#[test]
fn a_blind_put_says_that_it_made_a_sibling_and_replace_writes_over_what_is_there() {
    let cluster = TestCluster::running(3);
    let first = cluster.ok(&["put", "key", "one"]);
    assert_eq!(first.err, "", "{first:?}");
    let second = cluster.ok(&["put", "key", "two"]);
    assert!(second.err.contains("key has 2 siblings now"), "{second:?}");
    let third = cluster.ok(&["put", "key", "three", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&third.out).unwrap();
    assert_eq!(json["siblings"], 3);
    let replaced = cluster.ok(&["put", "key", "all", "--replace"]);
    assert_eq!(replaced.err, "", "{replaced:?}");
    assert_eq!(cluster.ok(&["get", "key"]).out, "all\n");
    cluster.ok(&["put", "new", "value", "--replace"]);
    assert_eq!(cluster.ok(&["get", "new"]).out, "value\n");
}

#[test]
fn a_delete_of_what_is_not_there_says_so_and_writes_nothing() {
    let cluster = TestCluster::running(3);
    let absent = cluster.ok(&["delete", "key"]);
    assert_eq!((absent.out.as_str(), absent.err.lines().count()), ("", 1));
    assert!(absent.err.starts_with("nothing to delete: key is not found"), "{absent:?}");
    assert_eq!(cluster.ok(&["get", "key"]).err, "not found\n", "no tombstone");
    cluster.ok(&["put", "key", "value"]);
    cluster.ok(&["delete", "key"]);
    let again = cluster.ok(&["delete", "key"]);
    assert!(again.err.contains("deleted already"), "{again:?}");
    let json: serde_json::Value =
        serde_json::from_str(&cluster.ok(&["delete", "key", "--json"]).out).unwrap();
    assert_eq!(json["found"], false);
}

#[test]
fn errors_name_the_coordinator_that_is_down_and_what_w_counts() {
    let mut cluster = TestCluster::configured(3, |text| {
        text.replace("client_attempts = 10 ", "client_attempts = 2 ")
            .replace("client_attempts = 40 ", "client_attempts = 2 ")
    });
    cluster.start_all();
    cluster.kill("n2");
    let address = cluster.file.nodes[1].address;
    for command in [&["put", "key", "value"][..], &["get", "key"]] {
        let silent = cluster.run(&[command, &["--coordinator", "n2"]].concat());
        assert_eq!(silent.code, 1, "{silent:?}");
        assert!(silent.err.contains(&format!("n2 ({address}), did not answer")), "{silent:?}");
    }
    let refused = cluster.run(&["put", "key", "value", "--w", "9"]);
    assert!(refused.err.contains("asked for 9 acknowledgements of 3 homes"), "{refused:?}");
    let refused = cluster.run(&["get", "key", "--r", "9"]);
    assert!(refused.err.contains("asked for 9 replies of 3 homes"), "{refused:?}");
}

#[test]
fn a_cluster_that_has_converged_is_said_to_have() {
    let cluster = TestCluster::running(3);
    let converged = cluster.ok(&["status", "--wait-converged", "--timeout", "20s"]);
    assert!(converged.err.contains("converged: every node is up"), "{converged:?}");
}

#[test]
fn trace_key_shows_what_each_home_holds_or_lacks_and_which_hints_wait() {
    let mut cluster = TestCluster::configured(4, |text| {
        text.replace("request_ms = 10000", "request_ms = 200")
            .replace("handoff_ms = 500", "handoff_ms = 600000")
            .replace("sync_ms = 2000", "sync_ms = 600000")
    });
    cluster.start_all();
    let traced = |cluster: &TestCluster| -> serde_json::Value {
        serde_json::from_str(&cluster.run(&["trace-key", "key", "--json"]).out).unwrap()
    };
    let absent = traced(&cluster);
    assert_eq!(
        (absent["homes"].as_array().unwrap().len(), &absent["nodes"][0]["held"]),
        (3, &().into())
    );
    cluster.ok(&["put", "key", "one", "--w", "3"]);
    let victim = absent["homes"][2].as_str().unwrap().to_string();
    cluster.kill(&victim);
    cluster.ok(&["put", "key", "two", "--replace", "--sloppy", "--w", "3"]);
    let down = cluster.run(&["trace-key", "key"]);
    assert_eq!(down.code, 1, "{down:?}");
    assert!(down.err.contains(&format!("no answer from {victim}, home of this key")), "{down:?}");
    assert!(down.out.contains(&format!("keeps a hint for {victim}: ")), "{down:?}");
    cluster.start(&victim);
    let behind = traced(&cluster);
    let held = &behind["nodes"][2]["held"];
    assert_eq!(
        (&behind["nodes"][2]["node"], held["versions"][0]["bytes"].as_u64()),
        (&victim.into(), Some(3))
    );
    assert_eq!(held["lacks"].as_array().unwrap().len(), 1, "{behind}");
    assert_ne!(held["digest"], behind["nodes"][0]["held"]["digest"]);
    assert_eq!(behind["nodes"][0]["held"]["lacks"], serde_json::json!([]));
}

#[test]
fn top_says_what_to_use_where_there_is_no_terminal() {
    let cluster = TestCluster::configured(3, |text| text);
    let refused = cluster.run(&["top"]);
    assert!(refused.code == 2 && refused.err.contains("quorate status"), "{refused:?}");
}
