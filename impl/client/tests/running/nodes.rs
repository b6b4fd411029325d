//! A cluster of processes, each of which is this very program: cargo builds the `quorate` program for the tests of its own
//! package only.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quorate::client::wait_until_up;
use quorate::config::{ClusterFile, Template, TemplateNode};
use quorate::keys::make_key;
use quorate::node::{Node, NodeSettings, Signals};
use tempfile::TempDir;

use crate::ports::free_ports;

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

const NAME: &str = "QUORATE_NODE";
const CONFIG: &str = "QUORATE_CONFIG";
const FOUNDING: &str = "QUORATE_FOUNDING";

/// Not a test: what the nodes of the others run. Without what tells it which node it is, it has nothing to do.
#[test]
#[ignore = "a node of the other tests"]
fn a_node() {
    let Ok(name) = std::env::var(NAME) else { return };
    let config = PathBuf::from(std::env::var_os(CONFIG).unwrap());
    let settings = NodeSettings::new(ClusterFile::read(&config).unwrap(), &name).unwrap();
    let is_founding = std::env::var_os(FOUNDING).is_some();
    let node = Node::open(NodeSettings { is_founding, ..settings }).unwrap();
    node.run(&Signals::default()).unwrap();
}

/// Its nodes are n1, n2, …; dropping it kills them.
pub(crate) struct Nodes {
    directory: TempDir,
    pub(crate) cluster: ClusterFile,
    processes: BTreeMap<String, Child>,
}

impl Nodes {
    /// So many nodes, all running. `edit` may change their configuration.
    pub(crate) fn start(count: usize, edit: impl FnOnce(String) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let nodes = free_ports(count).into_iter().enumerate();
        let nodes = nodes.map(|(index, port)| {
            TemplateNode::new(format!("n{}", index + 1), ([127, 0, 0, 1], port))
        });
        let text = edit(Template::new(nodes.collect()).render());
        let path = directory.path().join("cluster.toml");
        std::fs::write(&path, text).unwrap();
        let cluster = ClusterFile::read(&path).unwrap();
        make_key(&cluster.access).unwrap();
        let mut nodes = Nodes { directory, cluster, processes: BTreeMap::new() };
        let names = nodes.cluster.spec.nodes.clone();
        for name in &names {
            nodes.spawn(name, true);
        }
        for name in &names {
            nodes.wait_until_up(name);
        }
        nodes
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.cluster.path.clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn spawn(&mut self, name: &str, is_founding: bool) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "nodes::a_node", "--ignored", "--nocapture"]);
        command.env(NAME, name).env(CONFIG, self.config());
        command.envs(is_founding.then_some((FOUNDING, "yes")));
        let log = self.path(&format!("{name}.log"));
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.processes.insert(name.to_string(), child.unwrap());
    }

    fn wait_until_up(&self, name: &str) {
        let node = self.cluster.node_named(name).unwrap();
        let absent = wait_until_up(&self.cluster, &[node], DEADLINE).unwrap();
        let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap();
        assert!(absent.is_empty(), "{name} did not start: {log}");
    }

    /// Starts a node on what it has on its disk.
    pub(crate) fn restart(&mut self, name: &str) {
        self.spawn(name, false);
        self.wait_until_up(name);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, name: &str) {
        let mut child = self.processes.remove(name).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until a condition holds.
pub(crate) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
