//! A node over HTTP, as curl and other tools use it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Stdio;

use crate::support::{DEADLINE, Ran, TestCluster, quorate, wait_for};
use serde_json::{Value, json};
use ureq::http::Response;
use ureq::{Agent, Body};

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(DEADLINE));
    config.build().into()
}

/// A cluster of this many nodes, all serving HTTP.
fn serving(count: usize) -> TestCluster {
    let mut cluster = TestCluster::serving_http(count, |text| text);
    cluster.start_all();
    cluster
}

struct Node {
    address: SocketAddr,
    agent: Agent,
}

impl Node {
    fn of(cluster: &TestCluster, name: &str) -> Self {
        let node = cluster.file.node_named(name).unwrap();
        Node { address: cluster.file.node(node).http.unwrap(), agent: agent() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> Response<Body> {
        self.agent.get(self.url(path)).call().unwrap()
    }

    fn get_json(&self, path: &str) -> (u16, Value) {
        let url = self.url(path);
        json_of(self.agent.get(url).header("Accept", "application/json").call().unwrap())
    }

    fn put(&self, path: &str, context: Option<&str>, value: &[u8]) -> (u16, Value) {
        let mut put = self.agent.put(self.url(path));
        if let Some(context) = context {
            put = put.header("X-Causal-Context", context);
        }
        json_of(put.send(value).unwrap())
    }

    fn delete(&self, path: &str) -> (u16, Value) {
        json_of(self.agent.delete(self.url(path)).call().unwrap())
    }
}

fn json_of(mut response: Response<Body>) -> (u16, Value) {
    let text = response.body_mut().read_to_string().unwrap();
    let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    (response.status().as_u16(), json)
}

fn context_of(response: &Response<Body>) -> String {
    response.headers()["x-causal-context"].to_str().unwrap().to_string()
}

fn bytes_of(mut response: Response<Body>) -> Vec<u8> {
    response.body_mut().read_to_vec().unwrap()
}

/// The values of a `multipart/mixed` body.
fn parts(response: Response<Body>) -> BTreeSet<Vec<u8>> {
    let kind = response.headers()["content-type"].to_str().unwrap().to_string();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap().to_string();
    let body = String::from_utf8(bytes_of(response)).unwrap();
    let (body, end) = body.split_once(&format!("--{boundary}--\r\n")).unwrap();
    assert_eq!(end, "");
    let delimiter = format!("--{boundary}\r\n");
    let parts = body.split(&delimiter).skip(1);
    let value = |part: &str| {
        let (_, value) = part.split_once("\r\n\r\n").unwrap();
        value.strip_suffix("\r\n").unwrap().as_bytes().to_vec()
    };
    parts.map(value).collect()
}

#[test]
fn concurrent_puts_are_siblings_until_a_put_with_their_context_replaces_both() {
    let cluster = serving(3);
    let [n1, n2] = ["n1", "n2"].map(|name| Node::of(&cluster, name));
    let (status, json) = n1.put("/keys/cart", None, b"milk");
    assert_eq!((status, json["acknowledged_by"].as_array().unwrap().len() >= 2), (200, true));
    let one = n2.get("/keys/cart");
    assert_eq!(one.status(), 200);
    let context = context_of(&one);
    assert_eq!(bytes_of(one), b"milk");

    // Both have seen the milk, and not each other.
    for (node, value) in [(&n1, b"eggs"), (&n2, b"ham!")] {
        assert_eq!(node.put("/keys/cart", Some(&context), value).0, 200);
    }
    let two = n1.get("/keys/cart");
    assert_eq!(two.status(), 300);
    let context = context_of(&two);
    assert_eq!(parts(two), BTreeSet::from([b"eggs".to_vec(), b"ham!".to_vec()]));
    let (status, json) = n1.get_json("/keys/cart");
    assert_eq!((status, json["values"].as_array().unwrap().len()), (300, 2), "{json}");
    assert_eq!(json["context"], context);

    assert_eq!(n2.put("/keys/cart", Some(&context), b"all").0, 200);
    let resolved = n1.get("/keys/cart");
    assert_eq!((resolved.status().as_u16(), bytes_of(resolved)), (200, b"all".to_vec()));
    // What HTTP writes is what everybody reads.
    assert_eq!(cluster.ok(&["get", "cart"]).out, "all\n");
}

#[test]
fn a_deleted_key_is_not_found_with_a_context_and_one_that_never_was_without() {
    let cluster = serving(3);
    let node = Node::of(&cluster, "n1");
    let absent = node.get("/keys/key");
    assert_eq!((absent.status().as_u16(), absent.headers().get("x-causal-context")), (404, None));
    assert_eq!(node.delete("/keys/key").0, 404);
    node.put("/keys/key", None, b"value");
    assert_eq!(node.delete("/keys/key").0, 200);
    let deleted = node.get("/keys/key");
    let context = context_of(&deleted);
    assert_eq!(json_of(deleted).0, 404);
    let (status, json) = node.get_json("/keys/key");
    assert_eq!((status, &json["found"], &json["context"]), (404, &json!(false), &json!(context)));
    assert_eq!(node.delete("/keys/key").0, 404);
    node.put("/keys/key", Some(&context), b"again");
    assert_eq!(bytes_of(node.get("/keys/key")), b"again");
}

#[test]
fn keys_and_values_are_any_bytes() {
    let cluster = serving(3);
    let node = Node::of(&cluster, "n2");
    let value: Vec<u8> = (0..=255).collect();
    for (path, key) in
        [("/keys/%FF%00%2F?w=3", json!({"base64": "/wAv"})), ("/keys/a/b", json!("a/b"))]
    {
        let (status, json) = node.put(path, None, &value);
        assert_eq!((status, &json["key"]), (200, &key));
        let path = path.split('?').next().unwrap();
        assert_eq!(bytes_of(node.get(path)), value);
        let (_, json) = node.get_json(path);
        assert_eq!(json["values"][0]["encoding"], "base64");
    }
    node.put("/keys/empty", None, b"");
    assert_eq!(bytes_of(node.get("/keys/empty")), b"");
    let (_, json) = node.get_json("/keys/empty");
    assert_eq!(json["values"], json!([{"encoding": "utf-8", "value": ""}]));
    let large = vec![7; 1 << 20];
    assert_eq!(node.put("/keys/large", None, &large).0, 200);
    assert_eq!(node.agent.get(node.url("/keys/large")).call().unwrap().status(), 200);
    assert_eq!(node.put("/keys/large", None, &vec![7; (1 << 20) + 1]).0, 413);
    assert_eq!(node.put(&format!("/keys/{}", "k".repeat(5_000)), None, b"").0, 413);
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    let cluster = serving(3);
    let node = Node::of(&cluster, "n1");
    node.put("/keys/other", None, b"value");
    let foreign = context_of(&node.get("/keys/other"));
    for (path, context, named) in [
        ("/keys/key?w=9", None, "asked for 9 acknowledgements of 3 homes"),
        ("/keys/key?w=x", None, "w: "),
        ("/keys/key?r=1", None, "r: not known here"),
        ("/keys/key?timeout=5", None, "timeout: "),
        (
            "/keys/key",
            Some(foreign.as_str()),
            "X-Causal-Context: the context token is of another key",
        ),
        ("/keys/key", Some("?"), "X-Causal-Context: the context token is damaged"),
    ] {
        let (status, json) = node.put(path, context, b"value");
        assert_eq!(status, 400, "{json}");
        assert!(json["message"].as_str().unwrap().contains(named), "{json}");
    }
    assert_eq!(
        node.get_json("/keys/key?r=9").1["message"],
        "refused: asked for 9 replies of 3 homes; ask for 1 to 3"
    );
    assert_eq!(node.get_json("/keys?limit=0").0, 400);
    assert_eq!(node.get_json("/elsewhere").0, 404);
    let (status, json) = json_of(node.agent.post(node.url("/keys/key")).send_empty().unwrap());
    assert_eq!((status, &json["error"]), (405, &json!("method-not-allowed")));
    let named = node.agent.get(node.url("/keys/key")).header("Host", "rebound.example.org").call();
    let (status, json) = json_of(named.unwrap());
    assert!(status == 400 && json["message"].as_str().unwrap().starts_with("Host: "), "{json}");
    assert_eq!(node.get_json("/keys/key").0, 404, "none of these wrote anything");
}

#[test]
fn too_few_homes_are_told_with_what_became_of_the_write() {
    let mut cluster =
        TestCluster::serving_http(3, |text| text.replace("request_ms = 10000", "request_ms = 200"));
    cluster.start_all();
    let node = Node::of(&cluster, "n1");
    node.put("/keys/key", None, b"value");
    cluster.kill("n2");
    cluster.kill("n3");
    let (status, json) = node.put("/keys/key", None, b"other");
    assert_eq!((status, &json["error"]), (503, &json!("unavailable")));
    assert_eq!((&json["indeterminate"], &json["answered"]), (&json!(true), &json!(["n1"])));
    let read = node.get("/keys/key");
    assert_eq!(read.headers()["retry-after"], "1");
    assert_eq!(json_of(read).0, 503);
    assert_eq!(node.get("/keys/key?r=1").status(), 300, "what n1 acknowledged is there");
    assert_eq!(node.get_json("/keys").0, 503);
    assert_eq!(node.get("/healthz").status(), 200);
    assert_eq!(node.get("/readyz").status(), 200);
    let (_, rows) = node.get_json("/status");
    let up: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["up"].clone()).collect();
    assert_eq!(up, [true, false, false]);
}

#[test]
fn a_refusal_says_whether_the_write_may_happen_all_the_same() {
    let cluster = serving(1);
    let node = Node::of(&cluster, "n1");
    let limit = cluster.file.cluster.limits().siblings_max;
    for number in 0..limit {
        assert_eq!(node.put("/keys/full", None, number.to_string().as_bytes()).0, 200);
    }
    // The only attempt was answered, and the guard takes no copy of it.
    let (status, json) = node.put("/keys/full", None, b"one more");
    assert_eq!(
        (status, &json["error"], &json["indeterminate"]),
        (409, &json!("refused"), &json!(false))
    );
    assert_eq!(node.get_json("/keys/full").1["values"].as_array().unwrap().len(), limit);
    // No node ever takes it.
    let (status, json) = node.put("/keys/full?w=9", None, b"another");
    assert_eq!((status, &json["indeterminate"]), (400, &json!(false)));
}

#[test]
fn a_listing_holds_every_key_with_the_prefix_once_and_no_deleted_one() {
    let cluster = serving(5);
    let node = Node::of(&cluster, "n3");
    let mut expected = BTreeSet::new();
    for number in 0..23 {
        let key = format!("list/{number}");
        node.put(&format!("/keys/{key}?w=3"), None, b"value");
        expected.insert(key);
    }
    node.put("/keys/elsewhere", None, b"value");
    assert_eq!(node.delete("/keys/list/7?w=3").0, 200);
    expected.remove("list/7");
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let (status, page) = node.get_json(&format!("/keys?prefix=list/&limit=5{after}"));
        assert_eq!(status, 200, "{page}");
        let keys = page["keys"].as_array().unwrap();
        assert!(keys.len() <= 5);
        for key in keys {
            let name = key["key"].as_str().unwrap().to_string();
            assert_eq!(key["path"], format!("/keys/{name}"));
            listed.push(name);
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(listed.len(), expected.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_node_that_others_may_reach_asks_for_its_token() {
    let mut cluster = serving(3);
    cluster.kill("n1");
    let mut node = cluster.node("n1");
    let refused: Ran = node.args(["--http", "0.0.0.0:0"]).output().unwrap().into();
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("--http-token-file"), "{refused:?}");

    let token = "correct-horse-battery-staple";
    std::fs::write(cluster.path("token"), format!("{token}\n")).unwrap();
    let port = crate::support::free_ports(1)[0];
    let mut node = cluster.node("n1");
    node.args(["--http", &format!("0.0.0.0:{port}"), "--http-token-file"]);
    let child = node.arg(cluster.path("token")).stderr(Stdio::null()).spawn().unwrap();
    cluster.processes.insert("n1".to_string(), child);
    let node = Node { address: ([127, 0, 0, 1], port).into(), agent: agent() };
    wait_for("the node to serve", || node.agent.get(node.url("/healthz")).call().is_ok());
    assert_eq!(node.get_json("/keys/key").0, 401);
    assert_eq!(node.get_json("/status").0, 401);
    let ask = |token: &str| {
        let get = node.agent.get(node.url("/keys/key")).header("Authorization", token);
        get.call().unwrap().status().as_u16()
    };
    assert_eq!(ask(&format!("Bearer {token}")), 404);
    assert_eq!(ask("Bearer correct-horse-battery-stapl3"), 401);
}

#[test]
fn an_address_that_is_taken_is_named_and_off_serves_nothing() {
    let mut cluster = serving(3);
    cluster.kill("n2");
    let n1 = Node::of(&cluster, "n1").address.to_string();
    let taken: Ran = cluster.node("n2").args(["--http", &n1]).output().unwrap().into();
    assert_eq!(taken.code, 2, "{taken:?}");
    assert!(taken.err.contains(&format!("cannot serve HTTP on {n1}")), "{taken:?}");
    cluster.start_with("n2", &["--http", "off"]);
    let n2 = Node::of(&cluster, "n2");
    assert!(n2.agent.get(n2.url("/healthz")).call().is_err());
}

/// What Prometheus' text format promises, of every line: `name{labels} value`, each family with a help and a type
/// before its samples, once. Gives the samples.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut families, mut family, mut kind) = (BTreeSet::new(), String::new(), String::new());
    let is_name = |name: &str| {
        name.starts_with("quorate_")
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(is_name(name) && help.len() > 10 && help.ends_with('.'), "{line}");
            assert!(families.insert(name.to_string()), "twice: {line}");
            (family, kind) = (name.to_string(), String::new());
        } else if let Some(of) = line.strip_prefix("# TYPE ") {
            let (name, of) = of.split_once(' ').unwrap();
            assert!(name == family && kind.is_empty(), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&of), "{line}");
            assert_eq!(of == "counter", name.ends_with("_total"), "{line}");
            kind = of.to_string();
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} in {family}"));
            let suffixes: &[&str] =
                if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.contains(&suffix), "{line}");
            if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                let labels = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}'));
                for label in labels.unwrap().split(',') {
                    let (_, value) = label.split_once('=').unwrap();
                    assert!(value.starts_with('"') && value.ends_with('"'), "{line}");
                }
            }
            let value: f64 = value.parse().unwrap();
            assert!(samples.insert(series.to_string(), value).is_none(), "twice: {line}");
        }
    }
    samples
}

fn metrics(node: &Node) -> BTreeMap<String, f64> {
    let mut response = node.get("/metrics");
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
    samples(&response.body_mut().read_to_string().unwrap())
}

#[test]
fn metrics_count_requests_by_kind_and_outcome_and_how_stale_replies_were() {
    let mut cluster = TestCluster::serving_http(3, |text| {
        text.replace("request_ms = 10000", "request_ms = 300")
            .replace("read_repair = \"async\"", "read_repair = \"off\"")
            .replace("anti_entropy = true", "anti_entropy = false")
            .replace("sync_ms = 2000", "sync_ms = 100")
    });
    cluster.start_all();
    let n1 = Node::of(&cluster, "n1");
    n1.put("/keys/key?w=3", None, b"one");
    cluster.kill("n3");
    let context = context_of(&n1.get("/keys/key"));
    for value in [b"two", b"six"] {
        n1.put("/keys/key?w=2", Some(&context), value);
    }
    assert_eq!(n1.put("/keys/key?w=3", None, b"in vain").0, 503);
    assert_eq!(n1.get("/keys/key?r=9").status(), 400);
    cluster.start("n3");
    let read = n1.get("/keys/key?r=3");
    assert_eq!(read.status(), 300);
    n1.delete("/keys/key?w=3");

    let told = metrics(&n1);
    let requests = |kind: &str, outcome: &str| {
        told[&format!("quorate_requests_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}")]
    };
    assert_eq!(requests("put", "ok"), 3.0);
    assert_eq!(requests("put", "unavailable"), 1.0);
    assert_eq!(requests("delete", "ok"), 1.0);
    assert_eq!(requests("get", "ok"), 3.0, "one of them of the delete");
    assert_eq!(told["quorate_quorum_shortfalls_total{kind=\"put\"}"], 1.0);
    assert_eq!(told["quorate_request_duration_seconds_count{kind=\"get\"}"], 3.0);
    // n3 lacked the three writes of while it was down.
    assert!(told["quorate_read_staleness_versions_sum"] >= 3.0, "{told:?}");
    assert!(told["quorate_read_staleness_seconds_sum"] > 0.0);
    assert!(told["quorate_stale_replies_total"] >= 1.0);
    assert_eq!(told["quorate_read_siblings_count"], 3.0);
    assert_eq!(told["quorate_keys"], 1.0);
    assert!(told["quorate_log_sync_duration_seconds_count"] >= 4.0);
    assert!(told["quorate_log_sync_steps_sum"] >= told["quorate_log_sync_steps_count"]);
    assert!(told["quorate_messages_dropped_total{reason=\"malformed\"}"] == 0.0);
    assert_eq!(told["quorate_http_responses_total{method=\"PUT\",status=\"503\"}"], 1.0);
    assert_eq!(told["quorate_node_up"], 1.0);
}

#[test]
fn metrics_tell_of_hints_over_a_restart_until_they_are_delivered() {
    let mut cluster = TestCluster::serving_http(4, |text| {
        text.replace("request_ms = 10000", "request_ms = 200")
            .replace("handoff_ms = 500", "handoff_ms = 50")
    });
    cluster.start_all();
    let names = cluster.names();
    let victim = cluster.some_node("key", true);
    cluster.kill(&victim);
    let asked = names.iter().find(|name| **name != victim).unwrap();
    let (status, json) = Node::of(&cluster, asked).put("/keys/key?sloppy=true&w=3", None, b"value");
    assert_eq!(status, 200, "{json}");
    let pending = format!("quorate_hints_pending{{home=\"{victim}\"}}");
    let oldest = format!("quorate_hints_oldest_seconds{{home=\"{victim}\"}}");
    let holder = names
        .iter()
        .find(|name| **name != victim && metrics(&Node::of(&cluster, name)).contains_key(&pending));
    let holder = holder.expect("somebody keeps a hint").clone();
    let before = metrics(&Node::of(&cluster, &holder))[&oldest];
    cluster.kill(&holder);
    cluster.start(&holder);
    wait_for("the restarted node to tell", || {
        Node::of(&cluster, &holder)
            .agent
            .get(Node::of(&cluster, &holder).url("/healthz"))
            .call()
            .is_ok()
    });
    let node = Node::of(&cluster, &holder);
    let up = metrics(&node)["quorate_uptime_seconds"];
    let after = metrics(&node)[&oldest];
    assert!(after >= before && after > up, "{before} {up} {after}");
    cluster.start(&victim);
    wait_for("the hint to be delivered", || {
        let told = metrics(&node);
        !told.contains_key(&pending) && told["quorate_hints_delivered_total"] >= 1.0
    });
}

#[test]
fn the_description_names_every_path_and_is_served() {
    let cluster = serving(3);
    let node = Node::of(&cluster, "n1");
    let (status, described) = node.get_json("/openapi.json");
    assert_eq!(status, 200);
    for path in described["paths"].as_object().unwrap().keys() {
        let path = path.replace("{key}", "key");
        assert!(node.get(&path).status() != 405, "{path}");
        let mut response = node.get(&path);
        let text = response.body_mut().read_to_string().unwrap();
        assert!(!text.contains("nothing is here"), "{path}");
    }
    let help = quorate().args(["node", "--help"]).output().unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("--http"));
}
