//! A cluster of real processes in a directory of its own.
#![allow(dead_code, unreachable_pub, unused_imports)] // every test file uses a part of it

mod ports;
mod small_disk;

pub use ports::{free_base_port, free_ports};
pub use small_disk::SmallDisk;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use quorate::client::{wait_until_up, wait_until_up_of};
use quorate::config::{ClusterFile, Template, TemplateLeader, TemplateNode};
use quorate::keys::make_key;
use quorate::leader_based::WithLeader;
use quorate::node::NodeError;
use quorate_model::ids::{Key, NodeId};
use tempfile::TempDir;

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
        thread::sleep(Duration::from_millis(5));
    }
}

/// Starts what binds an address that was given back just now. A process that another test is about to start has every
/// socket of this one until it executes its own program, and keeps its address in use until then.
///
/// # Panics
/// When it cannot be started for another reason, or not in time.
pub fn once_free<T>(mut start: impl FnMut() -> Result<T, NodeError>) -> T {
    let mut started = None;
    wait_for("an address to be free", || {
        match start() {
            Err(NodeError::Bind { source, .. }) if source.kind() == ErrorKind::AddrInUse => {}
            other => started = Some(other.unwrap_or_else(|error| panic!("{error}"))),
        }
        started.is_some()
    });
    started.expect("that was waited for")
}

/// The program under test.
pub fn quorate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Sends a signal to a process.
pub fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().expect("it was killed"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub struct TestCluster {
    pub directory: TempDir,
    pub file: ClusterFile,
    pub processes: BTreeMap<String, Child>,
    /// The nodes that were started once: an empty directory of theirs has lost something.
    founded: BTreeSet<String>,
}

impl TestCluster {
    /// A configuration of `count` nodes with N = 3 and R = W = 2, none of them running. `edit` may
    /// change its text.
    pub fn configured(count: usize, edit: impl FnOnce(String) -> String) -> Self {
        Self::configured_with(count, false, edit)
    }

    /// The same, with nodes that serve HTTP.
    pub fn serving_http(count: usize, edit: impl FnOnce(String) -> String) -> Self {
        Self::configured_with(count, true, edit)
    }

    fn configured_with(
        count: usize,
        serves_http: bool,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = free_ports(2 * count);
        let (ports, http_ports) = ports.split_at(count);
        let nodes =
            ports.iter().zip(http_ports).enumerate().map(|(index, (port, http))| TemplateNode {
                http: serves_http.then(|| ([127, 0, 0, 1], *http).into()),
                ..TemplateNode::new(format!("n{}", index + 1), ([127, 0, 0, 1], *port))
            });
        Self::written(directory, &Template::new(nodes.collect()), edit)
    }

    /// A configuration of `count` nodes with a leader, which trace, none of them running. Elections are quick.
    pub fn with_leader(count: usize, leader: TemplateLeader) -> Self {
        Self::with_leader_edited(count, leader, |text| {
            text.replace("heartbeat_ms = 100 ", "heartbeat_ms = 50 ")
                .replace("election_ms = 1000 ", "election_ms = 400 ")
        })
    }

    /// The same with a text that `edit` may change.
    pub fn with_leader_edited(
        count: usize,
        leader: TemplateLeader,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let ports = free_ports(2 * count);
        let (ports, http_ports) = ports.split_at(count);
        let node = |(index, port): (usize, &u16)| TemplateNode {
            is_traced: true,
            http: Some(([127, 0, 0, 1], http_ports[index]).into()),
            ..TemplateNode::new(format!("n{}", index + 1), ([127, 0, 0, 1], *port))
        };
        let nodes = ports.iter().enumerate().map(node).collect();
        let template = Template { leader: Some(leader), ..Template::new(nodes) };
        Self::written(tempfile::tempdir().unwrap(), &template, edit)
    }

    fn written(
        directory: TempDir,
        template: &Template,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let path = directory.path().join("cluster.toml");
        // Slow machines must not turn into unavailable clusters.
        let text = template
            .render()
            .replace("ping_ms = 500", "ping_ms = 10000")
            .replace("request_ms = 1000", "request_ms = 10000")
            .replace("client_attempts = 10 ", "client_attempts = 40 ");
        std::fs::write(&path, edit(text)).unwrap();
        let file = ClusterFile::read(&path).unwrap();
        make_key(&file.access).unwrap();
        TestCluster { directory, file, processes: BTreeMap::new(), founded: BTreeSet::new() }
    }

    /// The same, all running.
    pub fn running(count: usize) -> Self {
        let mut cluster = Self::configured(count, |text| text);
        cluster.start_all();
        cluster
    }

    pub fn names(&self) -> Vec<String> {
        self.file.spec.nodes.clone()
    }

    pub fn start_all(&mut self) {
        let names = self.names();
        for name in &names {
            self.spawn(name, |_| {});
        }
        for name in &names {
            self.wait_until_up(name);
        }
    }

    pub fn start(&mut self, name: &str) {
        self.start_altered(name, |_| {});
    }

    /// Starts a node with more arguments.
    pub fn start_with(&mut self, name: &str, arguments: &[&str]) {
        self.start_altered(name, |command| {
            command.args(arguments);
        });
    }

    /// Starts a node by a command that was altered.
    pub fn start_altered(&mut self, name: &str, alter: impl FnOnce(&mut Command)) {
        self.spawn(name, alter);
        self.wait_until_up(name);
    }

    fn spawn(&mut self, name: &str, alter: impl FnOnce(&mut Command)) {
        let log = self.directory.path().join(format!("{name}.log"));
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let found = self.founded.insert(name.to_string()).then_some("--found");
        let mut command = self.node(name);
        alter(command.args(found).stderr(log));
        self.processes.insert(name.to_string(), command.spawn().unwrap());
    }

    fn wait_until_up(&self, name: &str) {
        let node = self.file.node_named(name).unwrap();
        let absent = match self.file.leader {
            None => wait_until_up(&self.file, &[node], DEADLINE).unwrap(),
            Some(_) => wait_until_up_of::<WithLeader>(&self.file, &[node], DEADLINE).unwrap(),
        };
        let log = std::fs::read_to_string(self.directory.path().join(format!("{name}.log")));
        assert!(absent.is_empty(), "{name} did not start: {}", log.unwrap());
    }

    /// `quorate node` for this node.
    pub fn node(&self, name: &str) -> Command {
        let mut command = quorate();
        command.args(["node", "--name", name, "--config"]).arg(&self.file.path);
        command
    }

    /// `kill -9`.
    pub fn kill(&mut self, name: &str) {
        let mut child = self.processes.remove(name).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Runs a command of the program against this cluster.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let (command, rest) = arguments.split_first().unwrap();
        let mut quorate = quorate();
        quorate.arg(command).arg("--config").arg(&self.file.path).args(rest);
        quorate.output().unwrap().into()
    }

    /// The same; it must succeed.
    pub fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran
    }

    /// The token that a read of the key prints.
    pub fn token(&self, key: &str) -> String {
        let read = self.ok(&["get", key]).err;
        read.rsplit("--context ").next().unwrap().trim().to_string()
    }

    /// The name of a node that is a home of the key, or of one that is not.
    pub fn some_node(&self, key: &str, is_home: bool) -> String {
        let homes = self.file.cluster.homes(&Key::from(key));
        let fits = |node: &&NodeId| homes.contains(**node) == is_home;
        let node = self.file.cluster.nodes().iter().find(fits).unwrap();
        self.file.cluster.name(*node).to_string()
    }

    /// What the program says about the nodes, by name.
    pub fn status(&self) -> BTreeMap<String, serde_json::Value> {
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(&self.run(&["status", "--json", "--timeout", "2s"]).out).unwrap();
        rows.into_iter().map(|row| (row["node"].as_str().unwrap().to_string(), row)).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
