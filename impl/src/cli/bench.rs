//! `quorate bench`.

use std::fmt;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::protocol::{ProtocolArgs, written};
use super::{Failure, output, with_leader};
use crate::bench::{
    BenchError, Driver, Load, Measured, Mix, Pace, Progress, Quorums, Workload, WorkloadError,
    cpu_of,
};
use crate::config::{ClusterFile, Template, TemplateNode};
use crate::leader_based::{AskOptions, LeaderClient, WithLeader, statuses};
use crate::leaderless::{Leaderless, LeaderlessClient, SessionOptions, collect_status};
use crate::local_cluster::{LocalCluster, prepare};
use crate::transport::{SocketTransport, StreamLimits};

const NODES_DEFAULT: usize = 3;

/// The steps of a progress bar.
const STEPS: u64 = 1_000;

/// How long nodes may take to say how many datagrams they sent.
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

/// Measure how many operations a cluster does, and how long they take.
///
/// Starts a cluster of its own in a temporary directory, unless --config names one that runs. Puts
/// write keys that nobody wrote; gets and updates choose among --keys that are written before anything
/// is measured; an update reads a key and writes it, with the context of that read where there is no
/// leader. What is written stays in a cluster that --config names.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Measure this running cluster, by its configuration
    #[arg(
        long = "config",
        visible_alias = "cluster",
        value_name = "FILE",
        conflicts_with_all =
            ["nodes", "n", "dir", "speculative_retry", "protocol", "replication", "election", "log"]
    )]
    cluster: Option<PathBuf>,
    /// How many nodes [default: 3]
    #[arg(long)]
    nodes: Option<usize>,
    #[command(flatten)]
    protocol: ProtocolArgs,
    /// Homes of each key [default: 3, or all nodes if there are fewer]
    #[arg(long)]
    n: Option<usize>,
    /// Replies a read gathers [default: 2, or as the running cluster says]
    #[arg(long)]
    r: Option<usize>,
    /// Acknowledgements a write gathers [default: 2, or as the running cluster says]
    #[arg(long)]
    w: Option<usize>,
    /// Have reads ask R homes first, and the others only when one is late
    #[arg(long)]
    speculative_retry: bool,
    /// Make the temporary directory here; which disk that is on matters
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How many clients ask at a time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    clients: u32,
    /// How long to measure
    #[arg(long, default_value_t = 20.0, value_parser = positive)]
    seconds: f64,
    /// How long to go on before that without measuring
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Puts to gets, and updates if there is a third number
    #[arg(long, value_name = "PUT:GET[:UPDATE]", default_value = "1:1")]
    mix: Mix,
    /// Operations that are due each second, whether or not the cluster keeps up; their times count
    /// from when they were due. Without it each client asks again once it has its answer
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    rate: Option<f64>,
    /// How many keys to choose from
    #[arg(long, default_value_t = 10_000)]
    keys: u64,
    /// Choose keys by Zipf's law with this exponent, such as 0.99, and not evenly
    #[arg(long, value_name = "EXPONENT")]
    zipf: Option<f64>,
    /// How large values are
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    value_bytes: usize,
    /// Choose the same operations as another run with this seed
    #[arg(long)]
    seed: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How the cluster that was measured works.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Setting {
    /// Without a leader.
    Quorums { n: usize, r: usize, w: usize },
    /// With one.
    Leader { replication: String, election: String, reads: String, log: String },
}

/// `N=3 R=2 W=2`, or `majority replication, raft election, confirmed reads, row log`
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Quorums { n, r, w } => write!(f, "N={n} R={r} W={w}"),
            Setting::Leader { replication, election, reads, log } => write!(
                f,
                "{replication} replication, {election} election, {reads} reads, {log} log"
            ),
        }
    }
}

/// What was asked for, and what was measured.
#[derive(Debug, Serialize)]
struct Report<R> {
    nodes: usize,
    #[serde(flatten)]
    setting: Setting,
    clients: u32,
    keys: u64,
    value_bytes: usize,
    zipf: Option<f64>,
    rate: Option<f64>,
    seconds: f64,
    operations: R,
    /// Answers that ended no operation, with a leader; absent without.
    #[serde(skip_serializing_if = "Option::is_none")]
    detours: Option<Detours>,
    /// Sent by all nodes; absent where a node did not say.
    datagrams: Option<u64>,
    /// What each operation took of the processors, of this process and all nodes together; absent where the nodes are
    /// not processes of this one.
    cpu_us_per_operation: Option<f64>,
}

/// Answers that ended no operation.
#[derive(Debug, Serialize)]
struct Detours {
    /// Those that sent a client on to another node.
    redirected: u64,
    /// Those that said that nobody leads.
    nobody_leads: u64,
}

/// Runs the command.
///
/// # Errors
/// When there is no cluster to measure, or nothing succeeded.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Failure::Unexpected(format!("cannot watch for signals: {error}")))?;
    }
    let Some(path) = &args.cluster else { return args.measure_own(&stop) };
    let cluster = ClusterFile::read(path)?;
    match cluster.leader {
        None => args.refuse_reads()?,
        Some(_) => with_leader::refuse(&[("--r", args.r.is_some()), ("--w", args.w.is_some())])?,
    }
    args.measure(&cluster, None, &stop)
}

impl BenchArgs {
    fn directory(&self) -> Result<tempfile::TempDir, Failure> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("quorate-bench-");
        let made = match &self.dir {
            Some(parent) => builder.tempdir_in(parent),
            None => builder.tempdir(),
        };
        made.map_err(|error| {
            let parent = self.dir.clone().unwrap_or_else(std::env::temp_dir);
            Failure::Usage(format!("--dir: cannot write to {}: {error}", parent.display()))
        })
    }

    /// Starts a cluster and measures that.
    fn measure_own(&self, stop: &AtomicBool) -> Result<(), Failure> {
        let template = self.template()?;
        let directory = self.directory()?;
        let (cluster, _) = prepare(directory.path(), &template)?;
        let program = std::env::current_exe()
            .map_err(|error| Failure::Unexpected(format!("cannot find this program: {error}")))?;
        let local = match cluster.leader {
            None => LocalCluster::start::<Leaderless>(&program, &cluster)?,
            Some(_) => LocalCluster::start::<WithLeader>(&program, &cluster)?,
        };
        let measured = self.measure(&cluster, Some(&local), stop);
        drop(local);
        measured
    }

    /// Where there is no leader, it is the homes of a key that are read.
    fn refuse_reads(&self) -> Result<(), Failure> {
        match self.protocol.reads() {
            None => Ok(()),
            Some(_) => Err(Failure::Usage("--reads: this cluster has no leader".to_string())),
        }
    }

    fn template(&self) -> Result<Template, Failure> {
        let has_leader = self.protocol.has_leader(&[
            ("n", self.n.is_some()),
            ("r", self.r.is_some()),
            ("w", self.w.is_some()),
            ("speculative-retry", self.speculative_retry),
        ])?;
        let count = self.nodes.unwrap_or(NODES_DEFAULT);
        let addresses = free_addresses(count)
            .map_err(|error| Failure::Unexpected(format!("no free ports: {error}")))?;
        let nodes = (1..)
            .zip(addresses)
            .map(|(number, address)| TemplateNode::new(format!("n{number}"), address));
        let usual = Template::new(nodes.collect());
        let n = self.n.unwrap_or(usual.n);
        let quorum = n.min(2);
        Ok(Template {
            n,
            r: self.r.unwrap_or(quorum),
            w: self.w.unwrap_or(quorum),
            speculative_retry: self.speculative_retry,
            leader: has_leader.then(|| self.protocol.template()),
            ..usual
        })
    }

    fn measure(
        &self,
        cluster: &ClusterFile,
        local: Option<&LocalCluster>,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        match &cluster.leader {
            None => {
                let spec = &cluster.spec;
                let quorums = self.quorums(spec.n)?;
                let (r, w) = (quorums.r.unwrap_or(spec.r), quorums.w.unwrap_or(spec.w));
                let (setting, options) =
                    (Setting::Quorums { n: spec.n, r, w }, SessionOptions::default());
                self.drive::<LeaderlessClient>(cluster, local, stop, setting, &options, quorums)
            }
            Some(leader) => {
                let reads = self.protocol.reads();
                let setting = Setting::Leader {
                    replication: written(&leader.cluster.replication),
                    election: written(&leader.cluster.election),
                    reads: written(&reads.unwrap_or(leader.reads)),
                    log: written(&leader.cluster.log),
                };
                let options = AskOptions { reads, ..AskOptions::default() };
                self.drive::<LeaderClient>(cluster, local, stop, setting, &options, ())
            }
        }
    }

    /// What is asked for of the homes of each key, of which there are so many.
    fn quorums(&self, n: usize) -> Result<Quorums, Failure> {
        let (r, w) = (self.r, self.w);
        for (flag, asked) in [("r", r), ("w", w)] {
            if let Some(asked) = asked.filter(|asked| *asked == 0 || *asked > n) {
                return Err(Failure::Usage(format!("--{flag} {asked}: ask for 1 to {n} homes")));
            }
        }
        Ok(Quorums { r, w })
    }

    fn drive<A: Load>(
        &self,
        cluster: &ClusterFile,
        local: Option<&LocalCluster>,
        stop: &AtomicBool,
        setting: Setting,
        options: &A::Options,
        asking: A::Asking,
    ) -> Result<(), Failure> {
        let seed = self.seed.unwrap_or_else(rand::random);
        let workload = Workload::new(self.mix, self.keys, self.zipf, self.value_bytes, seed)?;
        let (fills, clients) = (workload.keys(), self.clients as usize);
        let mut driver = Driver::<A>::new(cluster.clone(), workload, clients, options, asking)?;
        if fills > 0 {
            let bar = Bar::new("writing keys", stop);
            driver.fill(|progress| bar.show(progress))?;
        }
        let pace = self.rate.map_or(Pace::Closed, |per_second| Pace::Open { per_second });
        if self.warmup > 0.0 {
            let bar = Bar::new("warming up", stop);
            driver.measure(pace, seconds(self.warmup)?, |progress| bar.show(progress))?;
        }
        let before = sent(cluster)?;
        let had = local.and_then(cpu_of_all);
        let bar = Bar::new("measuring", stop);
        let measured =
            driver.measure(pace, seconds(self.seconds)?, |progress| bar.show(progress))?;
        drop(bar);
        let has = local.and_then(cpu_of_all);
        let after = sent(cluster)?;
        let datagrams = before.zip(after).and_then(|(before, after)| after.checked_sub(before));
        let report = Report {
            nodes: cluster.cluster.members().len(),
            setting,
            clients: self.clients,
            keys: fills,
            value_bytes: self.value_bytes,
            zipf: self.zipf,
            rate: self.rate,
            seconds: measured.lasted.as_secs_f64(),
            operations: measured.rows(),
            detours: cluster.leader.as_ref().map(|_| Detours {
                redirected: measured.redirected,
                nobody_leads: measured.nobody_leads,
            }),
            datagrams,
            cpu_us_per_operation: had.zip(has).map(|(had, has)| {
                let took = has.saturating_sub(had).as_secs_f64() * 1_000_000.0;
                took / measured.operations().max(1) as f64
            }),
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::print(told(&report, &measured))?;
        }
        if measured.kinds().all(|kind| measured.of(kind).succeeded() == 0) {
            let text = "no operation succeeded; see `quorate status` and the logs of the nodes";
            return Err(Failure::Unexpected(text.to_string()));
        }
        Ok(())
    }
}

fn told<R>(report: &Report<R>, measured: &Measured) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "operation",
        "succeeded",
        "per second",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "longest",
        "failed",
    ]);
    for kind in measured.kinds() {
        let timings = measured.of(kind);
        let times = timings.percentiles().map_or_else(
            || vec![String::from("-"); 5],
            |at| [at.p50, at.p90, at.p99, at.p999, at.longest].map(milliseconds).to_vec(),
        );
        let counts = [timings.succeeded().to_string(), format!("{:.0}", measured.rate(kind))];
        let mut row = vec![kind.name().to_string()];
        row.extend(counts.into_iter().chain(times));
        row.push(timings.failed().to_string());
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let Report { nodes, setting, clients, value_bytes, .. } = report;
    let pace = match report.rate {
        Some(rate) => format!("{rate} operations due each second"),
        None => "each asks again once it has its answer".to_string(),
    };
    let mut text = format!(
        "{nodes} nodes, {setting}; {clients} clients, {pace}; values of {value_bytes} \
         bytes; {:.1} s\n{}\n",
        report.seconds,
        table.trim_fmt()
    );
    if let Some(Detours { redirected, nobody_leads }) = report.detours
        && redirected + nobody_leads > 0
    {
        text += &format!(
            "{redirected} answers sent a client on to another node, {nobody_leads} said that nobody leads.\n"
        );
    }
    if let Some(datagrams) = report.datagrams {
        let per = datagrams as f64 / measured.operations().max(1) as f64;
        let rate = datagrams as f64 / report.seconds;
        text += &format!("The nodes sent {per:.1} datagrams per operation, {rate:.0} a second.\n");
    }
    if let Some(cpu) = report.cpu_us_per_operation {
        text +=
            &format!("Each operation took {cpu:.0} us of CPU, of the nodes and of this process.\n");
    }
    text
}

fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1_000.0;
    let digits = if ms < 10.0 { 2 } else { 1 };
    format!("{ms:.digits$} ms")
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    let is_positive = number.is_finite() && number > 0.0;
    is_positive.then_some(number).ok_or_else(|| "it must be more than zero".to_string())
}

fn seconds(seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| Failure::Usage(format!("{seconds} seconds: {error}")))
}

/// How many datagrams all nodes have sent; `None` if any does not say.
fn sent(cluster: &ClusterFile) -> Result<Option<u64>, Failure> {
    let sent: Vec<u64> = match cluster.leader {
        None => {
            let all = collect_status(cluster, STATUS_TIMEOUT)?;
            all.values().map(|status| status.traffic.sent).collect()
        }
        Some(_) => {
            let all = statuses(cluster, STATUS_TIMEOUT)?;
            all.values().map(|status| status.traffic.sent).collect()
        }
    };
    let all = sent.len() == cluster.cluster.members().len();
    Ok(all.then(|| sent.iter().sum()))
}

/// What this process and those of a cluster have had of the processors; `None` where that is not known of all.
fn cpu_of_all(local: &LocalCluster) -> Option<Duration> {
    let nodes = local.processes().map(|(_, _, process)| cpu_of(process));
    std::iter::once(cpu_of(std::process::id())).chain(nodes).sum()
}

/// Addresses of this machine on which nobody listens.
fn free_addresses(count: usize) -> std::io::Result<Vec<SocketAddr>> {
    let local = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    let bind = || SocketTransport::bind(local, StreamLimits::default());
    // All bound at once, so that they differ.
    let bound: Vec<_> = (0..count).map(|_| bind()).collect::<Result<_, _>>()?;
    bound.iter().map(SocketTransport::address).collect()
}

/// How far it is, for whoever sits at a terminal.
struct Bar<'a> {
    bar: Option<ProgressBar>,
    stop: &'a AtomicBool,
}

impl<'a> Bar<'a> {
    fn new(what: &'static str, stop: &'a AtomicBool) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{prefix:>13} {bar:40} {elapsed} {msg}";
            let style = ProgressStyle::with_template(style).expect("the template is one");
            ProgressBar::new(STEPS).with_style(style).with_prefix(what)
        });
        Bar { bar, stop }
    }

    /// Shows it, and says whether to go on.
    fn show(&self, Progress { part, operations }: Progress) -> bool {
        if let Some(bar) = &self.bar {
            bar.set_position((part * STEPS as f64) as u64);
            let seconds = bar.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
            bar.set_message(format!("{:.0} operations/s", operations as f64 / seconds));
        }
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Client(error) => error.into(),
            error @ BenchError::NotFilled { .. } => Failure::Unexpected(error.to_string()),
        }
    }
}

impl From<WorkloadError> for Failure {
    fn from(error: WorkloadError) -> Self {
        Failure::Usage(error.to_string())
    }
}
