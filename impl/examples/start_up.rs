//! How long a node takes from its start to its first answer, by how many keys it holds.
//!
//! ```text
//! cargo run --release -p quorate --features measurements --example start_up -- fill DIRECTORY KEYS
//! cargo run --release -p quorate --features measurements --example start_up -- serve DIRECTORY
//! ```
//!
//! The first writes keys with values of 128 bytes into the directory of the only node of a cluster. The second
//! starts that node as a process would, as often as one likes, and says how long it took until the node had read a key
//! for a client, and how much memory it had taken by then. Two processes, so that the memory of the one does not
//! count for the other.

mod filled;

use std::path::Path;
use std::time::{Duration, Instant};

use quorate::client::wait_until_up;
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::keys::make_key;
use quorate::node::{Node, NodeSettings};
use quorate_model::protocol::{Change, Entry};

use filled::{Result, fill, key, state};

const NODE: &str = "n1";
const DEADLINE: Duration = Duration::from_secs(300);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fill", directory, keys] => fill_with(directory.as_ref(), keys.parse()?),
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

fn fill_with(directory: &Path, keys: usize) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    let file = configuration(directory)?;
    make_key(&file.access)?;
    let entry = |number| Change::Entry { key: key(number), entry: Entry::received(state(number)) };
    fill(&NodeSettings::new(file, NODE)?, (0..keys).map(entry))
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
