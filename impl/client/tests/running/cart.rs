//! The shopping carts of the example.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use quorate_client::Client;

use crate::carts::{Cart, Carts};
use crate::nodes::{Nodes, wait_for};

/// Adds items under names of its own until it is told to stop. Gives what was acknowledged, and checks after each that all of it
/// is still there, and all that was ever seen.
async fn shop(
    service: usize,
    carts: &Carts,
    is_over: &AtomicBool,
    added: &AtomicUsize,
) -> Vec<(String, u32)> {
    let mut mine = Vec::new();
    let mut seen = Cart::default();
    while !is_over.load(Ordering::Relaxed) {
        let item = (format!("{service}-{}", mine.len()), mine.len() as u32 + 1);
        carts.add("ann", &item.0, item.1).await.expect("only one of five nodes is down at a time");
        mine.push(item);
        added.fetch_add(1, Ordering::Relaxed);
        match carts.show("ann").await {
            Ok(cart) => {
                let misses = |(item, quantity): &&(String, u32)| cart.0.get(item) != Some(quantity);
                assert_eq!(mine.iter().find(misses), None, "a session sees what it has written");
                let gone = seen.0.keys().find(|item| !cart.0.contains_key(*item));
                assert_eq!(gone, None, "a session sees what it has seen");
                seen = cart;
            }
            Err(error) => assert!(error.may_pass(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    mine
}

#[test]
fn no_item_that_was_added_is_lost_while_nodes_are_killed() {
    let mut nodes = Nodes::start(5, |text| text);
    let added = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let services: Vec<_> = (0..3)
        .map(|service| {
            let client = Client::open(nodes.config()).unwrap();
            let (added, is_over) = (Arc::clone(&added), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let carts = Carts::new(client);
                block_on(shop(service, &carts, &is_over, &added))
            })
        })
        .collect();
    // The homes of the cart among them.
    for name in ["n1", "n2", "n3", "n4", "n5"] {
        nodes.kill(name);
        let before = added.load(Ordering::Relaxed);
        wait_for("items that are added while a node is down", || {
            added.load(Ordering::Relaxed) >= before + 10
        });
        nodes.restart(name);
    }
    is_over.store(true, Ordering::Relaxed);
    let all: Vec<_> = services.into_iter().flat_map(|service| service.join().unwrap()).collect();
    assert!(all.len() >= 50);
    let cart = block_on(Carts::new(Client::open(nodes.config()).unwrap()).show("ann")).unwrap();
    for (item, quantity) in &all {
        assert_eq!(cart.0.get(item), Some(quantity), "{item} was acknowledged, and is gone");
    }
}

/// Asks the service; gives the status and the body.
fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let bytes = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_string(), body.to_string())
}

#[test]
fn the_service_takes_and_shows_carts_over_http() {
    let nodes = Nodes::start(3, |text| text);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let service = crate::service::router(Carts::new(Client::open(nodes.config()).unwrap()));
    // It ends with the test.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, service).await.unwrap();
        });
    });
    let ask = |method, path, body| ask(address, method, path, body);
    assert_eq!(ask("PUT", "/carts/ann/milk", "2").0, "204");
    assert_eq!(ask("PUT", "/carts/ann/eggs", " 6\n").0, "204");
    let (status, cart) = ask("GET", "/carts/ann", "");
    assert_eq!((&*status, &*cart), ("200", "{\"eggs\":6,\"milk\":2}"));
    assert_eq!(ask("DELETE", "/carts/ann/milk", "").0, "204");
    assert_eq!(ask("GET", "/carts/ann", "").1, "{\"eggs\":6}");
    assert_eq!(ask("PUT", "/carts/ann/milk", "much").0, "400");
}

#[test]
fn what_two_services_add_at_once_is_merged_and_removing_resolves() {
    let nodes = Nodes::start(3, |text| text);
    let open = || Carts::new(Client::open(nodes.config()).unwrap());
    let (one, other) = (open(), open());
    block_on(async {
        // Neither has seen what the other writes: two siblings.
        let mut blind = Client::open(nodes.config()).unwrap().session();
        for cart in [r#"{"milk":1,"bread":2}"#, r#"{"milk":3,"soap":1}"#] {
            blind.put("cart/bob", cart).await.unwrap();
        }
        assert!(blind.get("cart/bob").await.unwrap().has_siblings());
        let merged = one.show("bob").await.unwrap();
        let expected = [("milk", 3), ("bread", 2), ("soap", 1)];
        let expected = expected.map(|(item, quantity)| (item.to_string(), quantity));
        assert_eq!(merged, Cart(expected.into()));
        other.remove("bob", "milk").await.unwrap();
        assert!(!blind.get("cart/bob").await.unwrap().has_siblings());
        one.add("bob", "tea", 1).await.unwrap();
        let cart = other.show("bob").await.unwrap();
        assert_eq!(cart.0.keys().collect::<Vec<_>>(), ["bread", "soap", "tea"]);
    });
}

/// Runs something to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(work)
}
