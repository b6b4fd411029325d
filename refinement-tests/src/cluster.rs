//! A cluster whose nodes are processes that trace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use quorate::client::{collect_status, obstacles, wait_until_up};
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::keys::make_key;
use quorate::refine::{ValidateError, validate_files};
use quorate_model::protocol::ReadRepair;
use quorate_model::refine::Report;
use tempfile::TempDir;

#[path = "../../impl/tests/support/ports.rs"]
mod ports;

use ports::free_ports;

/// How long anything may take before a test gives up on it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until a condition holds.
///
/// # Panics
/// When it does not in time.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What a cluster is like.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many nodes; three of them are homes of each key, two a quorum.
    pub nodes: usize,
    /// What reads do about replicas that are behind.
    pub read_repair: ReadRepair,
    /// Whether reads ask R homes first, and the others only when one is late.
    pub speculative_retry: bool,
    /// Whether fallbacks stand in for homes that do not answer a put.
    pub is_sloppy: bool,
    /// How often homes compare what they hold.
    pub sync_ms: u64,
    /// Whether nodes lose, duplicate and delay what they send.
    pub is_lossy: bool,
}

/// Five nodes on a network that works, with everything as it is by default.
impl Default for Setting {
    fn default() -> Self {
        Setting {
            nodes: 5,
            read_repair: ReadRepair::Async,
            speculative_retry: false,
            is_sloppy: false,
            sync_ms: 2_000,
            is_lossy: false,
        }
    }
}

/// Nodes that run as processes and trace, in a directory of their own. Dropping it ends them.
#[derive(Debug)]
pub struct TracedCluster {
    directory: TempDir,
    /// Their configuration.
    pub file: ClusterFile,
    program: PathBuf,
    processes: BTreeMap<String, Child>,
}

impl TracedCluster {
    /// Starts a cluster. `program` is where cargo built `traced-node`.
    ///
    /// # Panics
    /// When it does not come up in time.
    #[must_use]
    pub fn start(program: &str, setting: Setting) -> Self {
        let directory = tempfile::tempdir().expect("there is a directory for temporary files");
        let nodes = free_ports(setting.nodes).into_iter().enumerate();
        let nodes = nodes.map(|(index, port)| TemplateNode {
            is_traced: true,
            ..TemplateNode::new(format!("n{}", index + 1), ([127, 0, 0, 1], port))
        });
        let template = Template {
            read_repair: setting.read_repair,
            speculative_retry: setting.speculative_retry,
            sloppy: setting.is_sloppy,
            // Half of the clients do.
            client_fan_out: true,
            ..Template::new(nodes.collect())
        };
        let mut text = template
            .render()
            .replace("request_ms = 1000", "request_ms = 150")
            .replace("client_attempt_ms = 400", "client_attempt_ms = 60")
            .replace("handoff_ms = 500", "handoff_ms = 40")
            .replace("sync_ms = 2000", &format!("sync_ms = {}", setting.sync_ms));
        if setting.is_lossy {
            let faults = "[faults]\ndrop = 0.1\nduplicate = 0.15\ndelay = 0.3\ndelay_ms_max = 20\n";
            text = text.replace("[timeouts]", &format!("{faults}\n[timeouts]"));
        }
        let path = directory.path().join("cluster.toml");
        std::fs::write(&path, text).expect("the configuration can be written");
        let file = ClusterFile::read(&path).expect("the configuration is valid");
        make_key(&file.access).expect("the key can be written");
        let (program, processes) = (program.into(), BTreeMap::new());
        let mut cluster = TracedCluster { directory, file, program, processes };
        let names = cluster.file.spec.nodes.clone();
        names.iter().for_each(|name| cluster.spawn(name, true));
        names.iter().for_each(|name| cluster.wait_until_up(name));
        cluster
    }

    /// The directory of everything.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn spawn(&mut self, name: &str, is_founding: bool) {
        let mut command = Command::new(&self.program);
        let flag = is_founding.then_some("--found");
        command.arg(&self.file.path).arg(name).args(flag).stdin(Stdio::null());
        self.processes.insert(name.into(), command.spawn().expect("the node can be started"));
    }

    fn wait_until_up(&self, name: &str) {
        let node = self.file.node_named(name).expect("it is one of the nodes");
        let absent = wait_until_up(&self.file, &[node], DEADLINE).expect("there is a socket");
        assert!(absent.is_empty(), "{name} did not start");
    }

    /// Waits until nobody that runs holds a hint.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_until_handed_over(&self) {
        wait_for("hints to be handed over", || {
            let statuses = collect_status(&self.file, DEADLINE).expect("there is a socket");
            statuses.values().all(|status| status.hints.is_empty())
        });
    }

    /// Waits until all homes of every key hold the same and nobody holds a hint.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_until_converged(&self) {
        wait_for("convergence", || {
            let statuses = collect_status(&self.file, DEADLINE).expect("there is a socket");
            obstacles(&self.file, &statuses).is_empty()
        });
    }

    /// Starts a node again.
    ///
    /// # Panics
    /// When it does not come up in time.
    pub fn restart(&mut self, name: &str) {
        self.spawn(name, false);
        self.wait_until_up(name);
    }

    /// Takes the disk of a node that was killed, and starts it again.
    ///
    /// # Panics
    /// When it runs, has no disk, or does not come up in time.
    pub fn restart_without_disk(&mut self, name: &str) {
        assert!(!self.processes.contains_key(name), "{name} runs");
        let node = self.file.node_named(name).expect("it is one of the nodes");
        std::fs::remove_dir_all(&self.file.node(node).data).expect("it has a disk");
        self.restart(name);
    }

    /// Ends a node as `kill -9` does.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self, name: &str) {
        let mut child = self.processes.remove(name).expect("the node runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it has ended");
    }

    /// Ends all nodes and gives the traces: of the nodes, and of clients that traced to
    /// [`TracedCluster::client_trace`].
    ///
    /// # Panics
    /// When a node has ended by itself.
    #[must_use]
    pub fn finish(&mut self) -> Vec<PathBuf> {
        for (name, child) in &mut self.processes {
            assert!(child.try_wait().expect("it can be asked").is_none(), "{name} has ended");
        }
        let names: Vec<_> = self.processes.keys().cloned().collect();
        names.iter().for_each(|name| self.kill(name));
        let files = std::fs::read_dir(self.directory.path()).expect("the directory is there");
        let files = files.map(|entry| entry.expect("it can be read").path());
        let mut traces: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
            .collect();
        traces.sort();
        traces
    }

    /// Where a client traces to.
    #[must_use]
    pub fn client_trace(&self, client: usize) -> PathBuf {
        self.directory.path().join(format!("client{client}.jsonl"))
    }

    /// Ends all nodes and validates all traces.
    ///
    /// # Errors
    /// When they are not accepted.
    pub fn validate(&mut self) -> Result<Report, ValidateError> {
        validate_files(&self.finish())
    }
}

impl Drop for TracedCluster {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
