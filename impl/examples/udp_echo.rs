//! What bare datagrams reach on this machine: as many, and as large, as quorate sends for a put or a get, by the same
//! system calls, between as many processes; without encoding, seals, a protocol or a disk.
//!
//! ```text
//! cargo run --release -p quorate --features measurements --example udp_echo -- [SECONDS [CLIENTS]]
//! ```
//!
//! A client sends a request to one of three nodes, which sends a question to both others, and an answer to the client once the
//! first of them has replied. That is what a put with W = 2 and a get with R = 2 send; `speculative` asks one other
//! node, as a get does with speculative retry; `echo` asks nobody. Each message is a datagram of its own, of
//! the size that quorate's has with a value of 128 bytes, a key of 16 and a client's grant.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quorate::bench::cpu_of;
use quorate::transport::{SocketTransport, StreamLimits, Transport};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const NODES: usize = 3;

/// After how long a client takes its request, or the answer, for lost.
const LOST: Duration = Duration::from_millis(200);

/// What one operation sends.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    name: &'static str,
    /// How many other nodes are asked.
    asks: usize,
    /// Sizes of request, question, reply and answer.
    bytes: [usize; 4],
}

const PATTERNS: [Pattern; 4] = [
    Pattern { name: "echo", asks: 0, bytes: [258, 0, 0, 258] },
    Pattern { name: "put", asks: 2, bytes: [258, 276, 105, 108] },
    Pattern { name: "get", asks: 2, bytes: [122, 113, 259, 310] },
    Pattern { name: "speculative", asks: 1, bytes: [122, 113, 259, 310] },
];

/// What a datagram starts with: which of the four it is, whose, and of which of its operations.
const HEADER_BYTES: usize = 14;

fn write(datagram: &mut Vec<u8>, kind: u8, pattern: u8, slot: u32, number: u64) {
    datagram.clear();
    datagram.extend([kind, pattern]);
    datagram.extend(slot.to_le_bytes());
    datagram.extend(number.to_le_bytes());
    datagram.resize(PATTERNS[pattern as usize].bytes[kind as usize].max(HEADER_BYTES), 7);
}

fn read(datagram: &[u8]) -> Option<(u8, u8, u32, u64)> {
    let [kind, pattern, rest @ ..] = datagram else { return None };
    let slot = u32::from_le_bytes(*rest.first_chunk()?);
    let number = u64::from_le_bytes(*rest.get(4..)?.first_chunk()?);
    (*kind < 4 && usize::from(*pattern) < PATTERNS.len()).then_some((*kind, *pattern, slot, number))
}

fn bound(address: SocketAddr) -> Result<SocketTransport> {
    Ok(SocketTransport::bind(address, StreamLimits::default())?)
}

/// One of the nodes, until its process is killed.
fn serve(own: usize, nodes: &[SocketAddr]) -> Result<()> {
    let mut transport = bound(nodes[own])?;
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    // By slot: whose request is not answered yet.
    let mut waiting: Vec<Option<(u64, SocketAddr)>> = Vec::new();
    loop {
        let Some(from) = transport.receive(&mut buffer, Duration::from_secs(1))? else { continue };
        let Some((kind, pattern, slot, number)) = read(&buffer) else { continue };
        let asks = PATTERNS[pattern as usize].asks;
        match kind {
            0 if asks == 0 => {
                write(&mut out, 3, pattern, slot, number);
                transport.send(from, &out)?;
            }
            0 => {
                let at = slot as usize;
                waiting.resize(waiting.len().max(at + 1), None);
                waiting[at] = Some((number, from));
                write(&mut out, 1, pattern, slot, number);
                for other in 1..=asks {
                    transport.send(nodes[(own + other) % NODES], &out)?;
                }
            }
            1 => {
                write(&mut out, 2, pattern, slot, number);
                transport.send(from, &out)?;
            }
            2 => {
                let waits = waiting.get_mut(slot as usize);
                let mine = |waits: &&mut Option<(u64, SocketAddr)>| {
                    waits.is_some_and(|(of, _)| of == number)
                };
                if let Some((_, client)) = waits.filter(mine).and_then(Option::take) {
                    write(&mut out, 3, pattern, slot, number);
                    transport.send(client, &out)?;
                }
            }
            _ => {}
        }
    }
}

struct Nodes(Vec<Child>);

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in &mut self.0 {
            // One that has ended already needs no more.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

struct Measured {
    operations: u64,
    lost: u64,
    lasted: Duration,
    took: Vec<Duration>,
}

/// So many clients, each of which asks again once it has its answer.
fn ask(
    transport: &mut SocketTransport,
    nodes: &[SocketAddr],
    pattern: usize,
    clients: u32,
    lasts: Duration,
) -> Result<Measured> {
    let (mut buffer, mut out) = (Vec::new(), Vec::new());
    let start = Instant::now();
    // By client: the number of its request, and when it asked.
    let mut asked = vec![(0_u64, start); clients as usize];
    let (mut next, mut lost, mut took) = (0_u64, 0, Vec::new());
    let mut begin = |transport: &mut SocketTransport, slot: u32, asked: &mut (u64, Instant)| {
        next += 1;
        *asked = (next, Instant::now());
        write(&mut out, 0, pattern as u8, slot, next);
        transport.send(nodes[rand::random_range(0..NODES)], &out)
    };
    for (slot, asked) in (0..).zip(&mut asked) {
        begin(transport, slot, asked)?;
    }
    let mut looked = start;
    while start.elapsed() < lasts {
        if transport.receive(&mut buffer, Duration::from_millis(20))?.is_some()
            && let Some((3, _, slot, number)) = read(&buffer)
            && let Some(asked) = asked.get_mut(slot as usize).filter(|asked| asked.0 == number)
        {
            took.push(asked.1.elapsed());
            begin(transport, slot, asked)?;
        }
        if looked.elapsed() > LOST {
            looked = Instant::now();
            for (slot, asked) in (0..).zip(&mut asked) {
                if asked.1.elapsed() > LOST {
                    lost += 1;
                    begin(transport, slot, asked)?;
                }
            }
        }
    }
    took.sort_unstable();
    Ok(Measured { operations: took.len() as u64, lost, lasted: start.elapsed(), took })
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [word, own, nodes @ ..] = &arguments[..]
        && word == "node"
    {
        let nodes =
            nodes.iter().map(|node| node.parse()).collect::<std::result::Result<Vec<_>, _>>()?;
        return serve(own.parse()?, &nodes);
    }
    let seconds: f64 = arguments.first().map_or(Ok(5.0), |text| text.parse())?;
    let clients: u32 = arguments.get(1).map_or(Ok(32), |text| text.parse())?;
    // All bound at once, so that they differ.
    let free: Vec<_> =
        (0..NODES).map(|_| bound((Ipv4Addr::LOCALHOST, 0).into())).collect::<Result<_>>()?;
    let addresses: Vec<_> =
        free.iter().map(SocketTransport::address).collect::<std::io::Result<_>>()?;
    drop(free);
    let mut nodes = Nodes(Vec::new());
    for own in 0..NODES {
        let mut command = Command::new(env::current_exe()?);
        command.args(["node", &own.to_string()]).args(addresses.iter().map(ToString::to_string));
        nodes.0.push(command.stdin(Stdio::null()).spawn()?);
    }
    let mut transport = bound((Ipv4Addr::LOCALHOST, 0).into())?;
    let cpu = |nodes: &Nodes| -> Option<Duration> {
        let processes = nodes.0.iter().map(|node| cpu_of(node.id()));
        std::iter::once(cpu_of(std::process::id())).chain(processes).sum()
    };
    println!(
        "{:<12} {:>10} {:>12} {:>10} {:>10} {:>6}",
        "", "a second", "datagrams/s", "p50 us", "CPU us", "lost"
    );
    for (index, pattern) in PATTERNS.iter().enumerate() {
        // Until all are up, requests are lost.
        ask(&mut transport, &addresses, index, clients, Duration::from_millis(500))?;
        let before = cpu(&nodes);
        let measured =
            ask(&mut transport, &addresses, index, clients, Duration::from_secs_f64(seconds))?;
        let took = before.zip(cpu(&nodes)).map(|(before, after)| after.saturating_sub(before));
        let operations = measured.operations.max(1) as f64;
        let a_second = measured.operations as f64 / measured.lasted.as_secs_f64();
        let datagrams = a_second * (2 + 2 * pattern.asks) as f64;
        let p50 = measured.took.get(measured.took.len() / 2).map_or(0, Duration::as_micros);
        let each = took.map_or(0.0, |took| took.as_secs_f64() * 1_000_000.0 / operations);
        println!(
            "{:<12} {a_second:>10.0} {datagrams:>12.0} {p50:>10} {each:>10.1} {:>6}",
            pattern.name, measured.lost
        );
    }
    Ok(())
}
