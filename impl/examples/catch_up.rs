//! How long it takes until a node that lost its disk has it back, and until hints have reached their home.
//!
//! ```text
//! cargo run --release -p quorate --features measurements --example catch_up -- disk KEYS
//! cargo run --release -p quorate --features measurements --example catch_up -- hints HINTS
//! ```
//!
//! The first starts two nodes that are the homes of all keys, one of which holds all of them and the other nothing. The
//! second starts two nodes of four: one that keeps hints for the other, which holds nothing of their keys. Values have
//! 128 bytes; all is written into the directories before the nodes start.

mod filled;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use quorate::client::{collect_status, wait_until_up};
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::keys::make_key;
use quorate::leaderless::NodeStatus;
use quorate::node::{Node, NodeHandle, NodeSettings};
use quorate_model::ids::NodeId;
use quorate_model::protocol::{Change, Entry, KeptHint};

use filled::{Result, fill, key, state};

const DEADLINE: Duration = Duration::from_secs(3_600);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let directory = tempfile::tempdir()?;
    match arguments[..] {
        ["disk", keys] => lost_disk(directory.path(), keys.parse()?),
        ["hints", hints] => kept_hints(directory.path(), hints.parse()?),
        _ => Err("catch_up disk KEYS, or catch_up hints HINTS".into()),
    }
}

fn lost_disk(directory: &Path, keys: usize) -> Result<()> {
    let file = configuration(directory, 2)?;
    let numbered = (0..keys)
        .map(|number| Change::Entry { key: key(number), entry: Entry::received(state(number)) });
    fill(&NodeSettings::new(file.clone(), "n1")?, numbered)?;
    let _full = start(&file, "n1", true)?;
    let start_of = Instant::now();
    let _empty = start(&file, "n2", false)?;
    wait(&file, |statuses| {
        let n2 = statuses.get(&NodeId(1));
        n2.is_some_and(|status| !status.is_catching_up && status.keys == keys as u64)
    })?;
    println!("{keys} keys after {:.2?}", start_of.elapsed());
    Ok(())
}

fn kept_hints(directory: &Path, hints: usize) -> Result<()> {
    let file = configuration(directory, 4)?;
    let (home, holder) = (NodeId(0), NodeId(3));
    let is_meant = |number: &usize| {
        let homes = file.cluster.homes(&key(*number));
        homes.contains(home) && !homes.contains(holder)
    };
    let numbered = (0..).filter(is_meant).take(hints).map(|number| Change::Hint {
        home,
        key: key(number),
        kept: KeptHint::received(state(number)),
    });
    fill(&NodeSettings::new(file.clone(), "n4")?, numbered)?;
    let _home = start(&file, "n1", true)?;
    let start_of = Instant::now();
    let _holder = start(&file, "n4", true)?;
    wait(&file, |statuses| {
        let n4 = statuses.get(&holder);
        n4.is_some_and(|status| status.hints.iter().all(|hints| hints.count == 0))
    })?;
    println!("{hints} hints after {:.2?}", start_of.elapsed());
    Ok(())
}

fn configuration(directory: &Path, nodes: usize) -> Result<ClusterFile> {
    let node = |number: usize| -> Result<TemplateNode> {
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        Ok(TemplateNode::new(format!("n{}", number + 1), address))
    };
    let nodes = (0..nodes).map(node).collect::<Result<Vec<_>>>()?;
    let template = Template { sloppy: nodes.len() > 3, ..Template::new(nodes) };
    let file = ClusterFile::parse(&directory.join("cluster.toml"), &template.render())?;
    make_key(&file.access)?;
    Ok(file)
}

fn start(file: &ClusterFile, name: &str, is_founding: bool) -> Result<NodeHandle> {
    let settings = NodeSettings { is_founding, ..NodeSettings::new(file.clone(), name)? };
    let running = Node::spawn(settings)?;
    let node = file.node_named(name)?;
    match wait_until_up(file, &[node], DEADLINE)?[..] {
        [] => Ok(running),
        _ => Err(format!("{name} does not start").into()),
    }
}

fn wait(file: &ClusterFile, is_done: impl Fn(&BTreeMap<NodeId, NodeStatus>) -> bool) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while !is_done(&collect_status(file, Duration::from_millis(200))?) {
        if Instant::now() > deadline {
            return Err("it takes too long".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
