//! Counts what two running nodes send each other until anti-entropy has made them equal.
//!
//! ```text
//! cargo run --release -p quorate --features measurements --example sync_traffic -- 1000 10000 100000 1000000
//! ```
//!
//! The arguments are numbers of keys. Both nodes hold the same `n` keys, but one of them missed the
//! last write of `d`. They talk UDP on loopback, through two sockets in between that count what
//! passes, by kind; nothing else does, since there are no clients and no hints. One node begins a
//! round every second, the other never, so what is counted is one round, unless a datagram was
//! lost. Bytes are of payloads, without the headers of IP and UDP. The time runs from the first
//! datagram to the last.
//!
//! The keys are written into the data directories before the nodes start. That nodes find and
//! exchange what differs is for them to do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quorate::check::text::grouped;
use quorate::client::{collect_status, obstacles, wait_until_up};
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::guard::peek;
use quorate::keys::make_key;
use quorate::leaderless::Leaderless;
use quorate::node::{Node, NodeHandle, NodeSettings};
use quorate::storage::{Owner, StagedChanges, Storage};
use quorate::transport::DATAGRAM_BYTES_MAX;
use quorate::wire::{Datagram, Wire};
use quorate_model::ids::{ClientId, Key, NodeId, Timestamp, Value};
use quorate_model::protocol::{Change, Entry, Message};
use quorate_model::versions::{
    ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
};

type Error = Box<dyn std::error::Error>;
type Result<T> = std::result::Result<T, Error>;

const DIFFERING: [u64; 3] = [1, 10, 100];
const RUNS: u64 = 3;
const NAMES: [&str; 2] = ["n1", "n2"];
const VALUE_BYTES: usize = 100;
/// Keys written in one transaction.
const BATCH: u64 = 20_000;
/// How long nodes may take to start and to become equal.
const DEADLINE: Duration = Duration::from_secs(300);

fn main() -> Result<()> {
    let keys: Vec<u64> =
        std::env::args().skip(1).map(|keys| Ok(keys.parse()?)).collect::<Result<_>>()?;
    if keys.is_empty() {
        return Err("how many keys? for example: 1000 10000".into());
    }
    println!(
        "| keys n | differing d | rounds | datagrams | bytes | of hashes | of keys listed | of states | \
         ms |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for keys in keys {
        let directory = tempfile::tempdir()?;
        for name in NAMES {
            let numbers: Vec<u64> = (0..keys).collect();
            write(&directory.path().join(name), name, &numbers, 1)?;
        }
        let mut writes = 1;
        for differing in DIFFERING {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                writes += 1;
                let numbers: Vec<u64> =
                    (0..differing).map(|index| index * (keys / differing)).collect();
                write(&directory.path().join(NAMES[0]), NAMES[0], &numbers, writes)?;
                runs.push(measure(directory.path())?);
            }
            runs.sort_by_key(|run| run.total().bytes);
            println!("{}", row(keys, differing, &runs));
        }
    }
    Ok(())
}

/// The table's row of the middle one of runs in the order of their bytes, with the least and the
/// most of all runs.
fn row(keys: u64, differing: u64, runs: &[Counted]) -> String {
    let run = &runs[runs.len() / 2];
    let Count { datagrams, bytes } = run.total();
    let of = |kind| run.kinds.get(kind).copied().unwrap_or_default().bytes;
    let mut times: Vec<_> = runs.iter().map(|run| run.duration().as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let least_and_most = |of: fn(&Counted) -> u64| {
        let all: BTreeSet<u64> = runs.iter().map(of).collect();
        match (all.first(), all.last()) {
            (Some(least), Some(most)) if least != most => {
                format!(" ({} to {})", grouped(*least), grouped(*most))
            }
            _ => String::new(),
        }
    };
    format!(
        "| {} | {} | {} | {}{} | {}{} | {} | {} | {} | {:.1} ({:.1} to {:.1}) |",
        grouped(keys),
        grouped(differing),
        run.rounds,
        grouped(datagrams),
        least_and_most(|run| run.total().datagrams),
        grouped(bytes),
        least_and_most(|run| run.total().bytes),
        grouped(of("SyncHashes")),
        grouped(of("SyncKeys")),
        grouped(of("SyncStates")),
        times[times.len() / 2],
        times[0],
        times[times.len() - 1],
    )
}

/// Writes keys into a node's directory as they are after so many writes.
fn write(directory: &Path, name: &str, numbers: &[u64], writes: u64) -> Result<()> {
    let owner = Owner { node: name.to_string(), versioning: Versioning::Dotted };
    let mut storage = Storage::open(directory, &owner, 256 << 20)?;
    for numbers in numbers.chunks(BATCH as usize) {
        let mut changes = StagedChanges::default();
        let entries = numbers.iter().map(|number| {
            let key = Key::from(format!("key-{number}").as_str());
            Change::Entry { key, entry: Entry::received(state(*number, writes)) }
        });
        changes.stage(&storage, entries)?;
        storage.commit(&changes, storage.durable_step() + 1)?;
    }
    Ok(())
}

/// A key's state after so many writes, each of which had seen the one before.
fn state(number: u64, writes: u64) -> Arc<Record> {
    let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(1), epoch: Epoch(0) };
    let mut record = Record::empty(Versioning::Dotted);
    for counter in 1..=writes {
        let text = format!("value {counter} of key {number} ");
        let value = text.bytes().cycle().take(VALUE_BYTES).collect::<Vec<_>>();
        let context = if counter == 1 { VersionVector::new() } else { record.context() };
        record.put(&Write {
            dot: Dot { actor, counter },
            client: ClientId(1),
            context,
            timestamp: Timestamp(0),
            value: Some(Value(value.into())),
        });
    }
    Arc::new(record)
}

/// Starts both nodes, lets them become equal and stops them; what went over the wire.
fn measure(directory: &Path) -> Result<Counted> {
    let relay = [UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?];
    let nodes = [free_address()?, free_address()?];
    // Each node finds the other at the socket that stands for it.
    let stands_for = [relay[0].local_addr()?, relay[1].local_addr()?];
    let own = configuration(directory, nodes, 1_000)?;
    let views = [
        configuration(directory, [nodes[0], stands_for[1]], 1_000)?,
        configuration(directory, [stands_for[0], nodes[1]], 3_600_000)?,
    ];
    let counted = Arc::new(Mutex::new(Counted::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let relays = relay.into_iter().zip(nodes).map(|(socket, node)| {
        let (wire, counted, stop) = (Wire::new(&own.spec), Arc::clone(&counted), Arc::clone(&stop));
        thread::spawn(move || forward(&socket, node, wire, &counted, &stop))
    });
    let relays: Vec<_> = relays.collect();
    // The node that begins the round comes last.
    let mut running: Vec<NodeHandle> = Vec::new();
    for (name, view) in NAMES.iter().zip(views).rev() {
        let settings = NodeSettings { is_founding: true, ..NodeSettings::new(view, name)? };
        let node = own.node_named(name)?;
        running.push(Node::spawn(settings)?);
        if !wait_until_up(&own, &[node], DEADLINE)?.is_empty() {
            return Err(format!("{name} does not start").into());
        }
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let missing = obstacles(&own, &collect_status(&own, DEADLINE)?);
        if missing.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            return Err(missing.join("; ").into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    // Equal before anything was asked would mean that there was nothing to measure.
    let result = counted.lock().map_err(|_| "a relay panicked")?.clone();
    if result.rounds == 0 {
        return Err("nothing differed".into());
    }
    for node in running {
        node.stop()?;
    }
    stop.store(true, Ordering::Relaxed);
    for relay in relays {
        relay.join().map_err(|_| "a relay panicked")??;
    }
    Ok(result)
}

/// A cluster of two nodes at these addresses, one of which compares this often.
fn configuration(
    directory: &Path,
    addresses: [SocketAddr; 2],
    sync_ms: u64,
) -> Result<ClusterFile> {
    let nodes = NAMES.iter().zip(addresses);
    let nodes = nodes.map(|(name, address)| TemplateNode::new(*name, address)).collect();
    let template = Template { r: 1, w: 1, versioning: Versioning::Dotted, ..Template::new(nodes) };
    let text = template.render().replace("sync_ms = 2000", &format!("sync_ms = {sync_ms}"));
    let file = ClusterFile::parse(&directory.join("cluster.toml"), &text)?;
    make_key(&file.access)?;
    Ok(file)
}

fn free_address() -> Result<SocketAddr> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?)
}

/// Passes on what arrives to the node that the socket stands for, and counts it.
fn forward(
    socket: &UdpSocket,
    node: SocketAddr,
    wire: Wire<Leaderless>,
    counted: &Mutex<Counted>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
    while !stop.load(Ordering::Relaxed) {
        // A timeout, or a report on a datagram that was sent to a node that is gone.
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        if let Ok(mut counted) = counted.lock() {
            counted.count(&wire, &buffer[..length]);
        }
        // One that cannot be passed on is lost, which datagrams may be.
        let _ = socket.send_to(&buffer[..length], node);
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Count {
    datagrams: u64,
    bytes: u64,
}

/// What passed, by kind of message.
#[derive(Clone, Default)]
struct Counted {
    kinds: BTreeMap<&'static str, Count>,
    /// How many messages began a round.
    rounds: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Counted {
    fn count(&mut self, wire: &Wire<Leaderless>, bytes: &[u8]) {
        match wire.decode(peek(bytes).unwrap_or_default()) {
            Ok(Datagram::Protocol { message, .. }) => self.add(&message, 1, bytes.len()),
            // What surrounds them counts for the first.
            Ok(Datagram::Several { messages }) => {
                let of = |message: &Message| postcard::to_allocvec(message).map_or(0, |b| b.len());
                let later: usize = messages.iter().skip(1).map(|(_, message)| of(message)).sum();
                for (index, (_, message)) in messages.iter().enumerate() {
                    match index {
                        0 => self.add(message, 1, bytes.len() - later),
                        _ => self.add(message, 0, of(message)),
                    }
                }
            }
            _ => self.add_kind("other", 1, bytes.len()),
        }
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    fn add(&mut self, message: &Message, datagrams: u64, bytes: usize) {
        self.rounds += u64::from(matches!(message, Message::SyncHashes { level: 0, .. }));
        self.add_kind(message.kind(), datagrams, bytes);
    }

    fn add_kind(&mut self, kind: &'static str, datagrams: u64, bytes: usize) {
        let count = self.kinds.entry(kind).or_default();
        count.datagrams += datagrams;
        count.bytes += bytes as u64;
    }

    fn total(&self) -> Count {
        self.kinds.values().fold(Count::default(), |total, count| Count {
            datagrams: total.datagrams + count.datagrams,
            bytes: total.bytes + count.bytes,
        })
    }

    fn duration(&self) -> Duration {
        self.last.zip(self.first).map_or(Duration::ZERO, |(last, first)| last - first)
    }
}
