//! How long a node takes from its start to its first answer, by how many keys it holds.
//!
//! ```text
//! cargo run --release -p quorate --example start_up -- fill DIRECTORY KEYS
//! cargo run --release -p quorate --example start_up -- serve DIRECTORY
//! ```
//!
//! The first writes keys with values of 128 bytes into the directory of the only node of a cluster. The second
//! starts that node as a process would, as often as one likes, and says how long it took until the node had read a key
//! for a client, and how much memory it had taken by then. Two processes, so that the memory of the one does not
//! count for the other.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate::client::wait_until_up;
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::keys::make_key;
use quorate::node::{Node, NodeSettings};
use quorate::storage::{Owner, StagedChanges, Storage};
use quorate_model::ids::{ClientId, Key, NodeId, Timestamp, Value};
use quorate_model::protocol::{Change, Entry};
use quorate_model::versions::{
    ActorId, Dot, Epoch, Incarnation, Record, VersionVector, Versioning, Write,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const NODE: &str = "n1";
const VALUE_BYTES: usize = 128;
/// Keys written in one group.
const BATCH: usize = 1_000;
const DEADLINE: Duration = Duration::from_secs(300);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fill", directory, keys] => fill(directory.as_ref(), keys.parse()?),
        ["serve", directory] => serve(directory.as_ref()),
        _ => Err("start_up fill DIRECTORY KEYS, or start_up serve DIRECTORY".into()),
    }
}

fn configuration(directory: &Path) -> Result<ClusterFile> {
    let node = TemplateNode::new(NODE, ([127, 0, 0, 1], 7_999));
    let template = Template { n: 1, r: 1, w: 1, ..Template::new(vec![node]) };
    let text = template.render();
    Ok(ClusterFile::parse(&directory.join("cluster.toml"), &text)?)
}

fn fill(directory: &Path, keys: usize) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    let file = configuration(directory)?;
    make_key(&file.access)?;
    let settings = NodeSettings::new(file, NODE)?;
    let owner = Owner { node: NODE.to_string(), versioning: Versioning::Dotted };
    let mut storage = Storage::open(&settings.data, &owner, settings.cluster.cache_bytes)?;
    let numbers: Vec<usize> = (0..keys).collect();
    for numbers in numbers.chunks(BATCH) {
        let mut changes = StagedChanges::default();
        let change = |number: &usize| Change::Entry { key: key(*number), entry: entry(*number) };
        changes.stage(&storage, numbers.iter().map(change))?;
        let step = storage.step() + 1;
        storage.begin(&changes, step, |_, _, _| {})?;
        storage.progress()?;
    }
    storage.settle()?;
    Ok(())
}

fn key(number: usize) -> Key {
    Key::from(format!("key-{number:012}").as_str())
}

fn entry(number: usize) -> Entry {
    let actor = ActorId::Node { node: NodeId(0), incarnation: Incarnation(1), epoch: Epoch(0) };
    let mut state = Record::empty(Versioning::Dotted);
    let value: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(VALUE_BYTES).collect();
    state.put(&Write {
        dot: Dot { actor, counter: number as u64 + 1 },
        client: ClientId(1),
        context: VersionVector::new(),
        timestamp: Timestamp(0),
        value: Some(Value(value.into())),
    });
    Entry::received(Arc::new(state))
}

fn serve(directory: &Path) -> Result<()> {
    let file = configuration(directory)?;
    let node = file.node_named(NODE)?;
    let settings = NodeSettings { is_founding: true, ..NodeSettings::new(file.clone(), NODE)? };
    let start = Instant::now();
    let running = Node::spawn(settings)?;
    let opened = start.elapsed();
    if !wait_until_up(&file, &[node], DEADLINE)?.is_empty() {
        return Err("it does not start".into());
    }
    let answered = start.elapsed();
    println!("opened after {opened:.2?}, answered after {answered:.2?}, {}", memory()?);
    running.stop()?;
    Ok(())
}

/// What the operating system says of this process.
fn memory() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    Ok(format!("{}, {}", of("VmRSS"), of("VmHWM")).replace(['\t'], " "))
}
