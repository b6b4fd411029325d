//! `quorate cluster`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::Args;
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use quorate_model::protocol::ReadRepair;
use quorate_model::versions::Versioning;

use super::protocol::{ProtocolArgs, word, written};
use super::request::config_flag;
use super::{Failure, output};
use crate::config::{ClusterFile, Template, TemplateNode};
use crate::keys::Access;
use crate::leader_based::WithLeader;
use crate::leaderless::Leaderless;
use crate::local_cluster::{LocalCluster, LocalClusterError, prepare};

const NODES_DEFAULT: usize = 5;
const NODES_WITH_LEADER_DEFAULT: usize = 3;
const N_DEFAULT: usize = 3;
const R_DEFAULT: usize = 2;
const W_DEFAULT: usize = 2;
const BASE_PORT_DEFAULT: u16 = 7400;

/// How far above --base-port the ports for HTTP begin, unless told otherwise.
const HTTP_PORT_OFFSET: u16 = 1_000;

/// Run a cluster of local processes until stopped (Ctrl-C or SIGTERM).
///
/// Writes DIR/cluster.toml if there is none; a cluster that exists keeps its configuration and its
/// data. A node that dies stays down until `quorate node` starts it again.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// How many nodes [default: 5, with a leader 3]
    #[arg(long)]
    nodes: Option<usize>,
    #[command(flatten)]
    protocol: ProtocolArgs,
    /// Homes of each key [default: 3]
    #[arg(long)]
    n: Option<usize>,
    /// Replies a read gathers [default: 2]
    #[arg(long)]
    r: Option<usize>,
    /// Acknowledgements a write gathers [default: 2]
    #[arg(long)]
    w: Option<usize>,
    /// Where configuration, data and logs live
    #[arg(long, default_value = "quorate-data")]
    dir: PathBuf,
    /// n1 listens on the next port, n2 on the one after it [default: 7400]
    #[arg(long)]
    base_port: Option<u16>,
    /// n1 serves HTTP on the next port, n2 on the one after it [default: 1000 above --base-port]
    #[arg(long)]
    http_base_port: Option<u16>,
    /// Serve no HTTP
    #[arg(long, conflicts_with = "http_base_port")]
    no_http: bool,
    /// dotted, server-clock, client-clock, scalar or last-write-wins [default: dotted]
    #[arg(long, value_parser = word::<Versioning>)]
    versioning: Option<Versioning>,
    /// off, async or blocking [default: async]
    #[arg(long, value_parser = word::<ReadRepair>)]
    read_repair: Option<ReadRepair>,
    /// Have a read ask R homes first, and the others only when one is late
    #[arg(long)]
    speculative_retry: bool,
    /// Let fallbacks stand in for homes that do not answer a put
    #[arg(long)]
    sloppy: bool,
    /// Let clients ask the homes of a key themselves: put, get and delete with --client-driven
    #[arg(long)]
    client_fan_out: bool,
    /// Do without a key: whoever can send to a node is believed. Only on this machine
    #[arg(long)]
    unauthenticated: bool,
    /// Have every node trace its steps to DIR/NAME.trace.jsonl, for `quorate validate`. Costs a
    /// commit for reads too, and a line per step
    #[arg(long)]
    trace: bool,
}

/// Runs the command.
///
/// # Errors
/// When the cluster cannot be started.
pub fn run(args: &ClusterArgs) -> Result<(), Failure> {
    let before = Before::of(&args.dir);
    let (cluster, is_new) = prepare(&args.dir, &args.template()?)?;
    if !is_new {
        args.refuse_conflicts(&cluster)?;
        output::print(format!("using {} as it is\n", cluster.path.display()))?;
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::Unexpected(format!("cannot find this program: {error}")))?;
    // Watched before the first process starts, so that no end of one is missed.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGCHLD])
        .map_err(|error| Failure::Unexpected(format!("cannot watch for signals: {error}")))?;
    let started = match cluster.leader {
        None => LocalCluster::start::<Leaderless>(&program, &cluster),
        Some(_) => LocalCluster::start::<WithLeader>(&program, &cluster),
    };
    let mut local = started.map_err(|error| {
        let told = match &error {
            // The log goes with everything else.
            LocalClusterError::DidNotStart { name, reason, .. } if is_new => {
                Some(format!("{name} did not start: {reason}"))
            }
            _ => None,
        };
        let mut failure = told.map_or_else(|| Failure::from(error), Failure::Unexpected);
        if is_new {
            // All its nodes are stopped, and nobody was told that they were up.
            let left = before.restore(&args.dir);
            let dir = args.dir.display();
            let what = match left {
                Ok(()) => format!("; nothing is left of it in {dir}"),
                Err(error) => format!("; {dir} cannot be cleared: {error}"),
            };
            failure.add(&what);
        }
        failure
    })?;
    output::print(introduction(&cluster, &local))?;
    for signal in signals.forever() {
        if signal != SIGCHLD {
            break;
        }
        for (name, status) in local.reap() {
            output::print(format!("{name} ended ({status}); the others go on\n"))?;
        }
    }
    output::print("stopping\n")?;
    drop(local);
    Ok(())
}

impl ClusterArgs {
    /// Whether the cluster is to have a leader; flags of the other protocol are refused.
    fn has_leader(&self) -> Result<bool, Failure> {
        self.protocol.has_leader(&[
            ("n", self.n.is_some()),
            ("r", self.r.is_some()),
            ("w", self.w.is_some()),
            ("versioning", self.versioning.is_some()),
            ("read-repair", self.read_repair.is_some()),
            ("speculative-retry", self.speculative_retry),
            ("sloppy", self.sloppy),
            ("client-fan-out", self.client_fan_out),
        ])
    }

    fn template(&self) -> Result<Template, Failure> {
        let has_leader = self.has_leader()?;
        let base_port = self.base_port.unwrap_or(BASE_PORT_DEFAULT);
        let http_base = self.http_base_port;
        let usual = if has_leader { NODES_WITH_LEADER_DEFAULT } else { NODES_DEFAULT };
        let nodes = 1..=self.nodes.unwrap_or(usual);
        let nodes = nodes.map(|number| {
            let after = |base: u16, flag: &str| {
                let port = u16::try_from(number).ok().and_then(|number| base.checked_add(number));
                let too_high = || Failure::Usage(format!("{flag}: too high for so many nodes"));
                let address = port.map(|port| (Ipv4Addr::LOCALHOST, port).into());
                address.ok_or_else(too_high)
            };
            let name = format!("n{number}");
            let address = after(base_port, "--base-port")?;
            let http = match (self.no_http, http_base) {
                (true, _) => None,
                (false, Some(base)) => Some(after(base, "--http-base-port")?),
                (false, None) => {
                    let base = base_port.saturating_add(HTTP_PORT_OFFSET);
                    Some(after(base, "--base-port, or --http-base-port 1000 above it")?)
                }
            };
            Ok(TemplateNode { name, address, is_traced: self.trace, http })
        });
        Ok(Template {
            n: self.n.unwrap_or(N_DEFAULT),
            r: self.r.unwrap_or(R_DEFAULT),
            w: self.w.unwrap_or(W_DEFAULT),
            versioning: self.versioning.unwrap_or_default(),
            read_repair: self.read_repair.unwrap_or_default(),
            speculative_retry: self.speculative_retry,
            sloppy: self.sloppy,
            client_fan_out: self.client_fan_out,
            leader: has_leader.then(|| self.protocol.template()),
            unauthenticated: self.unauthenticated,
            nodes: nodes.collect::<Result<_, Failure>>()?,
        })
    }

    /// A flag that is given must say what the existing file says.
    fn refuse_conflicts(&self, cluster: &ClusterFile) -> Result<(), Failure> {
        let spec = &cluster.spec;
        let text = |value: Option<usize>| value.map(|value| value.to_string());
        let first_port = cluster.nodes[0].address.port();
        let http_ports: Vec<_> =
            cluster.nodes.iter().filter_map(|node| Some(node.http?.port())).collect();
        let is_traced = cluster.nodes.iter().all(|node| node.trace.is_some());
        let flags = [
            ("nodes", text(self.nodes), spec.nodes.len().to_string()),
            ("n", text(self.n), spec.n.to_string()),
            ("r", text(self.r), spec.r.to_string()),
            ("w", text(self.w), spec.w.to_string()),
            (
                "base-port",
                self.base_port.map(|port| port.to_string()),
                first_port.saturating_sub(1).to_string(),
            ),
            (
                "http-base-port",
                self.http_base_port.map(|port| port.to_string()),
                http_ports
                    .first()
                    .map_or("no HTTP".to_string(), |port| port.saturating_sub(1).to_string()),
            ),
            (
                "no-http",
                self.no_http.then(|| "true".to_string()),
                http_ports.is_empty().to_string(),
            ),
            (
                "versioning",
                self.versioning.map(|versioning| versioning.to_string()),
                spec.versioning.to_string(),
            ),
            (
                "read-repair",
                self.read_repair.map(|repair| repair.to_string()),
                spec.read_repair.to_string(),
            ),
            (
                "speculative-retry",
                self.speculative_retry.then(|| "true".to_string()),
                spec.speculative_retry.to_string(),
            ),
            ("sloppy", self.sloppy.then(|| "true".to_string()), spec.sloppy.to_string()),
            (
                "client-fan-out",
                self.client_fan_out.then(|| "true".to_string()),
                spec.client_fan_out.to_string(),
            ),
            (
                "unauthenticated",
                self.unauthenticated.then(|| "true".to_string()),
                (cluster.access == Access::Unauthenticated).to_string(),
            ),
            ("trace", self.trace.then(|| "true".to_string()), is_traced.to_string()),
        ];
        let of_protocol = self.protocol.given(cluster.leader.as_ref());
        for (flag, asked, has) in of_protocol.into_iter().chain(flags) {
            if let Some(asked) = asked.filter(|asked| *asked != has) {
                return Err(Failure::Usage(format!(
                    "--{flag} is {asked}, but {} has {has}: leave the flag out, edit the file, or \
                     choose another --dir",
                    cluster.path.display()
                )));
            }
        }
        Ok(())
    }
}

/// What was there before a cluster was written.
struct Before {
    /// The uppermost directory that has to be made; `None` if the directory was there.
    missing: Option<PathBuf>,
    entries: BTreeSet<PathBuf>,
}

impl Before {
    fn of(dir: &Path) -> Self {
        let missing =
            dir.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.exists());
        Before { missing: missing.last().map(Path::to_path_buf), entries: entries(dir) }
    }

    /// Removes what is there now and was not.
    fn restore(&self, dir: &Path) -> io::Result<()> {
        if let Some(missing) = &self.missing {
            return fs::remove_dir_all(missing);
        }
        for path in entries(dir).difference(&self.entries) {
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(())
    }
}

fn entries(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// What runs, and what to type next.
fn introduction(cluster: &ClusterFile, local: &LocalCluster) -> String {
    let spec = &cluster.spec;
    let kind = match &cluster.leader {
        None => format!(
            "N={} R={} W={}{}{}",
            spec.n,
            spec.r,
            spec.w,
            if spec.speculative_retry { ", speculative retry" } else { "" },
            if spec.sloppy { ", sloppy" } else { "" }
        ),
        Some(leader) => format!(
            "with a leader, replication {}, election {}, reads {}, log {}",
            written(&leader.cluster.replication),
            written(&leader.cluster.election),
            written(&leader.reads),
            written(&leader.cluster.log)
        ),
    };
    let (count, path) = (cluster.cluster.members().len(), cluster.path.display());
    let mut text = format!("{count} nodes of {path} are up: {kind}\n");
    // The first leads a cluster that has a leader.
    let first = if cluster.leader.is_some() { "n1" } else { "n2" };
    let mut victim = ("", 0);
    for (node, name, pid) in local.processes() {
        let entry = cluster.node(node);
        let http = entry.http.map_or(String::new(), |http| format!("  http://{http}"));
        text += &format!("  {name}  {}{http}  pid {pid}\n", entry.address);
        victim = if victim.1 == 0 || name == first { (name, pid) } else { victim };
    }
    let flag = config_flag(&cluster.path);
    let (name, pid) = victim;
    // Who is told to trace nothing has nothing judged.
    let (trace, validate) = if cluster.nodes.iter().all(|node| node.trace.is_some()) {
        let directory = cluster.path.parent().unwrap_or_else(|| Path::new("."));
        let directory = output::quoted(&directory.display().to_string());
        (
            format!(" --trace {directory}/me.trace.jsonl"),
            format!("  quorate validate {directory}/*.trace.jsonl    # judges what happened\n"),
        )
    } else {
        (String::new(), String::new())
    };
    let mut addresses = local.processes().filter_map(|(node, _, _)| cluster.node(node).http);
    let http = match addresses.next() {
        Some(http) => format!("  curl -i http://{http}/keys/greeting    # the same over HTTP\n"),
        None => String::new(),
    };
    text += &format!(
        "In another terminal:\n\
         \x20 quorate put{flag} greeting hello{trace} && quorate get{flag} greeting{trace}\n\
         \x20 kill -9 {pid} && quorate get{flag} greeting{trace} && quorate status{flag}\n\
         \x20 quorate node{flag} --name {name}    # starts {name} again\n\
         {validate}{http}Ctrl-C stops them all.\n"
    );
    text
}

impl From<LocalClusterError> for Failure {
    fn from(error: LocalClusterError) -> Self {
        match error {
            LocalClusterError::Client(error) => error.into(),
            LocalClusterError::CannotStart { .. } | LocalClusterError::DidNotStart { .. } => {
                Failure::Unexpected(error.to_string())
            }
            error => Failure::Usage(error.to_string()),
        }
    }
}
