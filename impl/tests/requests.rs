//! Puts, gets and deletes as a user types them.

mod support;

use std::net::UdpSocket;

use support::{TestCluster, quorate, wait_for};

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
    assert_eq!(json["values"], serde_json::json!(["0x41"]));
    assert_eq!(cluster.ok(&["get", "hex", "--raw"]).out, "0x41");

    let bytes = b"a\nb\xff\x00\x1b[2J";
    let file = cluster.path("value");
    std::fs::write(&file, bytes).unwrap();
    cluster.ok(&["put", "bytes", "--value-file", file.to_str().unwrap()]);
    assert_eq!(cluster.ok(&["get", "bytes"]).out, "\"a\\nb\\xff\\x00\\x1b[2J\"\n");
    let json: serde_json::Value =
        serde_json::from_str(&cluster.ok(&["get", "bytes", "--json"]).out).unwrap();
    assert_eq!(json["values"], serde_json::json!([{ "base64": "YQpi/wAbWzJK" }]));
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
