//! What a session adds to what quorums give.

use std::time::Duration;

use quorate::keys::{Grant, KeyFile, Right};
use quorate_client::{Change, Client, RequestError, Settings};

use crate::cart::block_on;
use crate::nodes::{DEADLINE, Nodes};

/// Nothing brings a home what it missed.
fn no_repair(text: String) -> String {
    let text = text.replace("anti_entropy = true", "anti_entropy = false");
    let text = text.replace("read_repair = \"async\"", "read_repair = \"off\"");
    text.replace("request_ms = 1000", "request_ms = 300")
}

fn settings(timeout: Duration) -> Settings {
    Settings { timeout: Some(timeout), ..Settings::default() }
}

#[test]
fn a_session_turns_away_what_lacks_its_own_write_and_sees_it_once_its_home_is_back() {
    let mut nodes = Nodes::start(3, no_repair);
    let client = Client::with_settings(nodes.config(), settings(Duration::from_secs(3))).unwrap();
    let mut session = client.session().reading(1).writing(1);
    block_on(async {
        nodes.kill("n2");
        nodes.kill("n3");
        let written = session.put("key", "value").await.unwrap();
        assert_eq!(written.acknowledged_by(), ["n1"]);
        assert!(written.is_followed());
        nodes.kill("n1");
        nodes.restart("n2");
        nodes.restart("n3");
        // Quorums that do not meet promise nobody anything.
        let mut stranger = client.session().reading(1);
        assert!(stranger.get("key").await.unwrap().is_empty());
        match session.get("key").await {
            Err(RequestError::Behind(read)) => assert!(read.is_empty() && !read.is_deleted()),
            other => panic!("{other:?}"),
        }
        nodes.restart("n1");
        let read = session.get("key").await.unwrap();
        assert_eq!(read.values(), [b"value"[..].into()]);
        // From now on it is a read that it must not fall behind: no context of the other two covers it.
        nodes.kill("n1");
        assert!(matches!(session.get("key").await, Err(RequestError::Behind(_))));
        session.forget("key");
        assert!(session.get("key").await.unwrap().is_empty());
    });
}

#[test]
fn a_client_does_what_its_key_allows_and_is_told_which_right_it_lacks() {
    let nodes = Nodes::start(3, |text| text);
    let KeyFile::Cluster(ring) = KeyFile::read(&nodes.path("cluster.key")).unwrap() else {
        panic!("the key of the cluster is there")
    };
    let grant =
        Grant { name: "reader".into(), rights: [Right::Read].into_iter().collect(), expires: None };
    let key_file = Some(nodes.path("reader.key"));
    let key = KeyFile::Client(ring.keys()[0].client_key(grant));
    key.create(key_file.as_deref().unwrap()).unwrap();
    let may_all = Client::open(nodes.config()).unwrap();
    let settings = Settings { key_file, ..Settings::default() };
    let reader = Client::with_settings(nodes.config(), settings).unwrap();
    block_on(async {
        may_all.session().put("key", "value").await.unwrap();
        let mut session = reader.session();
        assert_eq!(session.get("key").await.unwrap().values().len(), 1);
        let denied = session.put("key", "another").await;
        assert!(matches!(denied, Err(RequestError::Denied { lacks: Right::Write })), "{denied:?}");
        assert_eq!(session.get("key").await.unwrap().values().len(), 1);
    });
}

#[test]
fn where_no_node_answers_nothing_was_asked() {
    let mut nodes = Nodes::start(3, |text| text);
    for name in ["n1", "n2", "n3"] {
        nodes.kill(name);
    }
    let client = Client::with_settings(nodes.config(), settings(Duration::from_secs(2))).unwrap();
    let error = block_on(client.session().put("key", "value")).unwrap_err();
    assert!(matches!(&error, RequestError::NobodyAnswers { asked } if asked.len() == 3), "{error}");
    assert!(error.may_pass() && !error.is_indeterminate());
}

#[test]
fn a_client_that_is_configured_otherwise_is_told_how() {
    let nodes = Nodes::start(3, |text| text);
    let text = std::fs::read_to_string(nodes.config()).unwrap();
    let other = nodes.path("other.toml");
    let text = text.replace("w = 2 ", "w = 3 ").replace("handoff = true ", "handoff = false ");
    std::fs::write(&other, text).unwrap();
    let error = block_on(Client::open(&other).unwrap().session().get("key")).unwrap_err();
    assert!(matches!(error, RequestError::ConfiguredOtherwise(_)), "{error}");
    let told = error.to_string();
    for expected in [
        "other.toml is not the configuration of n",
        "w is 3 here and 2 there",
        "background.handoff is false here and true there",
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn requests_that_are_dropped_or_crowded_leave_a_session_as_it_was() {
    let nodes = Nodes::start(3, |text| text);
    let settings = Settings { requests_max: 2, ..settings(DEADLINE / 2) };
    let client = Client::with_settings(nodes.config(), settings).unwrap();
    block_on(async {
        let mut session = client.session();
        // It is dropped before the node can have answered, or afterwards: either is the same to the session.
        let put = session.put("dropped", "value");
        let _ = tokio::time::timeout(Duration::from_micros(50), put).await;
        session.put("key", "one").await.unwrap();
        let update = |suffix: &'static str| {
            move |read: &quorate_client::Read| {
                let value = read.resolved(|siblings| siblings.concat()).unwrap_or_default();
                Change::Write([value, suffix.into()].concat())
            }
        };
        session.update("key", update(" two")).await.unwrap();
        let value = session.resolve("key", |siblings| siblings.concat()).await.unwrap();
        assert_eq!(value.as_deref(), Some(&b"one two"[..]));
        assert!(session.delete("key").await.unwrap().is_some());
        assert!(session.get("key").await.unwrap().is_deleted());
        assert_eq!(session.delete("key").await.unwrap(), None);
        // More at once than may be under way at a time.
        let mut tasks = tokio::task::JoinSet::new();
        for count in 0..20 {
            let mut session = client.session();
            tasks.spawn(async move {
                let key = format!("crowded-{count}");
                session.put(&key, key.clone()).await.unwrap();
                session.get(&key).await.unwrap().values() == [key.as_bytes().into()]
            });
        }
        assert!(tasks.join_all().await.into_iter().all(|sees| sees));
    });
}
