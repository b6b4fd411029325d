//! What it costs to seal and open messages, and to hear of a million clients: the figures of `docs/performance.md`.
//!
//! `cargo run --release --features measurements --example guard_cost`. Times are of this process's CPU, so a busy machine does not matter much.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::guard::{Guard, Party};
use quorate::keys::make_key;
use quorate::leaderless::Leaderless;
use quorate::wire::wall_clock_ms;
use quorate_model::ids::NodeId;

const MESSAGES: u32 = 200_000;
const CLIENTS: u64 = 1_000_000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let node =
        |number: u16| TemplateNode::new(format!("n{number}"), ([127, 0, 0, 1], 7400 + number));
    let template = Template::new((1..=3).map(node).collect());
    let file = ClusterFile::parse(&directory.path().join("cluster.toml"), &template.render())?;
    make_key(&file.access)?;
    let settings = file.guard::<Leaderless>();
    let receiver = file.party(NodeId(1));
    for bytes in [64, 200, 1_000, 10_000, 1 << 20] {
        let messages = if bytes > 10_000 { MESSAGES / 1_000 } else { MESSAGES };
        let node = Guard::of_node(&settings, NodeId(0), 0)?;
        let client = Guard::of_client(&settings)?;
        for (sender, mut guard) in [("node", node), ("client", client)] {
            let mut to = Guard::of_node(&settings, NodeId(1), 0)?;
            let (seal, open) = cost(&mut guard, &mut to, receiver, bytes, messages)?;
            println!("{bytes:>8} bytes of a {sender:<6}: seal {seal:>8.0?}, open {open:>8.0?}");
        }
    }
    let mut node = Guard::of_node(&settings, NodeId(1), 0)?;
    let before = resident_kib()?;
    let mut sealed = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Guard::of_client(&settings)?;
        let now_ms = wall_clock_ms();
        client.seal(&receiver, b"hello", now_ms, &mut sealed);
        node.open(&sealed, receiver.address, now_ms)?;
    }
    let after = resident_kib()?;
    println!("{CLIENTS} clients: {before} KiB resident before, {after} KiB after");
    Ok(())
}

/// The mean times to seal and to open a message.
fn cost(
    from: &mut Guard,
    to: &mut Guard,
    party: Party,
    bytes: usize,
    messages: u32,
) -> Result<(Duration, Duration)> {
    let body = vec![7; bytes];
    let (mut sealed, now_ms) = (vec![Vec::new(); messages as usize], wall_clock_ms());
    let start = cpu()?;
    for sealed in &mut sealed {
        from.seal(&party, black_box(&body), now_ms, sealed);
    }
    let between = cpu()?;
    for sealed in &sealed {
        black_box(to.open(sealed, party.address, now_ms)?);
    }
    Ok(((between - start) / messages, (cpu()? - between) / messages))
}

fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

fn resident_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(number.parse()?)
}
