//! Ports for the nodes of tests: of this package, of the client library and of `refinement-tests`.
#![allow(dead_code, unreachable_pub)] // every program of tests uses a part of it

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the ports of nodes lie: below those that a system gives to whoever asks for any, so that no client is given the
/// port of a node that is down for a moment.
const PORTS: std::ops::Range<u32> = 10_000..31_000;

/// The first of as many ports in a row that no other test of this process is given.
fn next_ports(count: u32) -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let given = GIVEN.fetch_add(count, Ordering::Relaxed);
    // Processes that run side by side begin at different ones.
    let begin = std::process::id().wrapping_mul(7_919);
    let port = PORTS.start + begin.wrapping_add(given) % (PORTS.end - PORTS.start);
    u16::try_from(port).unwrap()
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// `count` ports that nobody uses.
pub fn free_ports(count: usize) -> Vec<u16> {
    std::iter::repeat_with(|| next_ports(1)).filter(|port| is_free(*port)).take(count).collect()
}

/// A port after which `count` ports follow that nobody uses, and as many 1,000 above, for HTTP.
pub fn free_base_port(count: u16) -> u16 {
    let follows = |base: &u16| {
        let mut offsets = (1..=count).flat_map(|offset| [offset, offset + 1_000]);
        offsets.all(|offset| is_free(base + offset))
    };
    std::iter::repeat_with(|| next_ports(u32::from(count) + 1)).find(follows).unwrap()
}
