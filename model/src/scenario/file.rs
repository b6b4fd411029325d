//! Scenario files. The format is described in `docs/scenarios.md`.

mod effect;
mod reductions;
mod shapes;
mod steps;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use quorate_checker::world::{Unfit, malformed};
use serde::Deserialize;
use toml::Spanned;

use super::{
    ClientProgram, Faults, PlannedAction, PlannedOperation, PlannedWrite, Rounds, Scenario,
    ShownWith, WRITES_MAX,
};
use crate::check::property::{Expected, PropertyKind, PropertySpec};
use crate::cluster::{
    Background, BytesMax, ClusterError, ClusterSpec, Limits, PlacementSpec, Reaping,
};
use crate::deviation::Deviation;
use crate::hash_tree::TreeShape;
use crate::ids::{ClientId, Key, NodeId, NodeSet, Value};
use crate::protocol::{FanOut, ReadRepair};
use crate::quorum::QuorumError;
use crate::ring::TOKENS_PER_NODE_DEFAULT;
use crate::versions::Versioning;

/// The longest program a client may have, repetitions included.
const OPERATIONS_MAX: usize = 1_000;

/// The field that a client's operations stand in.
const PROGRAM: &str = "program";

/// The field that everything stands in that happens in a script.
const STEP: &str = "step";

/// Why a scenario file was refused. Nothing was run.
pub type ScenarioError = quorate_checker::world::ScenarioFileError;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawScenario {
    title: String,
    #[serde(default)]
    notes: String,
    #[serde(default = "yes")]
    default: bool,
    cluster: RawCluster,
    #[serde(rename = "client", default)]
    clients: Vec<Spanned<RawClient>>,
    #[serde(rename = "step", default)]
    steps: Vec<Spanned<steps::RawStep>>,
    turn_length: Option<Spanned<usize>>,
    faults: Option<Spanned<Faults>>,
    #[serde(default)]
    down: Vec<Spanned<String>>,
    down_returns: Option<Spanned<bool>>,
    partition: Option<Spanned<Vec<Vec<Spanned<String>>>>>,
    heals: Option<Spanned<bool>>,
    rounds: Option<Spanned<Rounds>>,
    faulty: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    clocks_ahead: BTreeMap<Spanned<String>, u64>,
    #[serde(default)]
    shared_identity: Vec<Vec<Spanned<String>>>,
    #[serde(default)]
    reductions: reductions::RawReductions,
    expect: Spanned<BTreeMap<Spanned<String>, Spanned<Expected>>>,
    #[serde(default)]
    show: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawCluster {
    nodes: Spanned<Vec<Spanned<String>>>,
    n: Spanned<usize>,
    r: Spanned<usize>,
    w: Spanned<usize>,
    #[serde(default)]
    versioning: Versioning,
    #[serde(default = "repair_off")]
    read_repair: ReadRepair,
    speculative_retry: Option<Spanned<bool>>,
    fan_out: Option<Spanned<FanOut>>,
    siblings_max: Option<Spanned<usize>>,
    #[serde(default = "in_order")]
    placement: PlacementSpec,
    tokens_per_node: Option<Spanned<usize>>,
    context_entries_max: Option<usize>,
    sloppy: Option<Spanned<bool>>,
    handoff: Option<Spanned<bool>>,
    #[serde(default)]
    anti_entropy: bool,
    #[serde(default)]
    reaping: Reaping,
    #[serde(default)]
    left: Vec<Spanned<String>>,
    #[serde(default)]
    deviations: Vec<Spanned<Deviation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawClient {
    name: String,
    via: Option<Vec<Spanned<String>>>,
    attempts: Option<Spanned<u32>>,
    repeat: Option<Spanned<usize>>,
    program: Spanned<Vec<Spanned<RawOperation>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawOperation {
    get: Option<String>,
    put: Option<String>,
    delete: Option<String>,
    value: Option<Spanned<String>>,
    context: Option<Spanned<RawContext>>,
    r: Option<Spanned<usize>>,
    w: Option<Spanned<usize>>,
    sloppy: Option<Spanned<bool>>,
    via: Option<Vec<Spanned<String>>>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawContext {
    Read,
    Blind,
}

fn yes() -> bool {
    true
}

fn repair_off() -> ReadRepair {
    ReadRepair::Off
}

fn in_order() -> PlacementSpec {
    PlacementSpec::InOrder
}

/// Who asks the homes.
fn fan_out(raw: &RawCluster) -> FanOut {
    raw.fan_out.as_ref().map_or_else(FanOut::default, |fan_out| *fan_out.get_ref())
}

fn is_set(flag: &Option<Spanned<bool>>) -> bool {
    flag.as_ref().is_some_and(|on| *on.get_ref())
}

/// What integer a field may be, where that is more than none below zero.
fn integer(field: &str) -> Option<&'static str> {
    Some(match field {
        _ if Faults::has_budget(field) => "an integer from 0 to 255",
        "n" => "an integer from 1 to the number of nodes",
        "r" | "w" => "an integer from 1 to n",
        "tokens-per-node" => "an integer from 1 to 4096",
        "attempts" | "repeat" | "turn-length" | "which" => "an integer, at least 1",
        _ => return None,
    })
}

/// Reads a scenario. `file` is how errors name it, `name` how the scenario is called.
///
/// # Errors
/// When the text is not TOML, has a key or value that the format does not know, or asks for what
/// cannot be; the error names file, line and field.
pub fn parse(file: &str, name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let raw: RawScenario = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let problem = malformed(text, &error, integer);
        Reader { file, text, nodes: &[], n: 0, program: PROGRAM }.error(at..at, problem)
    })?;
    let nodes: Vec<String> =
        raw.cluster.nodes.get_ref().iter().map(|node| node.get_ref().clone()).collect();
    let n = *raw.cluster.n.get_ref();
    let program = if raw.steps.is_empty() { PROGRAM } else { STEP };
    Reader { file, text, nodes: &nodes, n, program }.scenario(name, &raw)
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    nodes: &'a [String],
    /// The cluster's N.
    n: usize,
    /// The field that operations stand in: [`PROGRAM`], or [`STEP`] in a script.
    program: &'static str,
}

impl Reader<'_> {
    fn error(&self, at: Range<usize>, problem: impl Into<String>) -> ScenarioError {
        ScenarioError {
            file: self.file.to_owned(),
            line: self.line(at.start),
            problem: problem.into(),
        }
    }

    /// The line, from one, on which this byte of the text stands.
    fn line(&self, start: usize) -> usize {
        let before = self.text.get(..start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn node(&self, name: &Spanned<String>, field: &str) -> Result<NodeId, ScenarioError> {
        let position = self.nodes.iter().position(|node| node == name.get_ref());
        position.map(|index| NodeId(index as u16)).ok_or_else(|| {
            let problem = format!(
                "{field}: unknown node `{}`; the cluster's nodes are {}",
                name.get_ref(),
                self.nodes.join(", ")
            );
            self.error(name.span(), problem)
        })
    }

    fn node_list(
        &self,
        names: &[Spanned<String>],
        field: &str,
    ) -> Result<Vec<NodeId>, ScenarioError> {
        names.iter().map(|name| self.node(name, field)).collect()
    }

    fn scenario(&self, name: &str, raw: &RawScenario) -> Result<Scenario, ScenarioError> {
        let spec = self.cluster_spec(&raw.cluster);
        let cluster = spec.build().map_err(|error| self.cluster_error(&raw.cluster, error))?;
        let cluster = cluster.with_limits(self.limits(&raw.cluster)?);
        let down: NodeSet = self.node_list(&raw.down, "down")?.into_iter().collect();
        let groups = raw.partition.as_ref().map_or(&[][..], |groups| groups.get_ref());
        let partition = self.groups(groups, "partition")?;
        let faulty = match &raw.faulty {
            Some(names) => self.node_list(names.get_ref(), "faulty")?.into_iter().collect(),
            None => cluster.nodes().iter().copied().collect(),
        };
        let mut clocks_ahead = alloc::vec![0; self.nodes.len()];
        for (node, ahead) in &raw.clocks_ahead {
            clocks_ahead[self.node(node, "clocks-ahead")?.index()] = *ahead;
        }
        let mut mints_as: Vec<NodeId> = cluster.nodes().to_vec();
        for group in &raw.shared_identity {
            let group = self.node_list(group, "shared-identity")?;
            for node in &group {
                mints_as[node.index()] = group[0];
            }
        }
        let turn_length = match &raw.turn_length {
            Some(length) if *length.get_ref() == 0 => {
                return Err(self.error(length.span(), "turn-length: must be at least 1"));
            }
            length => length.as_ref().map(|length| *length.get_ref()),
        };
        let is_script = !raw.steps.is_empty();
        let (clients, writes, script) = if is_script {
            self.refuse_beside_steps(raw)?;
            let (clients, writes, script) = self.script(&raw.steps, down)?;
            (clients, writes, Some(script))
        } else {
            let (clients, writes) = self.clients(&raw.clients, down)?;
            (clients, writes, None)
        };
        let expect = self.expectations(&raw.expect, is_script)?;
        let show = self.shown_with(&raw.show, &expect)?;
        let rounds = self.rounds(raw.rounds.as_ref(), spec.background)?;
        let faults = raw.faults.as_ref().map_or_else(Faults::default, |faults| *faults.get_ref());
        let mut scenario = Scenario {
            name: name.to_owned(),
            title: raw.title.clone(),
            notes: raw.notes.trim().to_owned(),
            cluster: Arc::new(cluster),
            spec,
            fan_out: fan_out(&raw.cluster),
            clients,
            script,
            writes,
            turn_length,
            down,
            down_returns: is_set(&raw.down_returns),
            partition,
            heals: is_set(&raw.heals),
            faulty,
            faults: if is_script { Faults::MANY } else { faults },
            rounds,
            mints_as,
            clocks_ahead,
            reductions: self.reductions(&raw.reductions, is_script)?,
            expect,
            show,
            default: raw.default,
            warnings: Vec::new(),
        };
        scenario.warnings = self.effects(raw, &scenario)?;
        Ok(scenario)
    }

    /// What runs must contain that are shown.
    fn shown_with(
        &self,
        raw: &BTreeMap<Spanned<String>, Spanned<String>>,
        expect: &BTreeMap<String, Expected>,
    ) -> Result<BTreeMap<String, ShownWith>, ScenarioError> {
        let kind = |name: &str| PropertySpec::named(name).map(|spec| spec.kind);
        let is_endless =
            |name: &str| matches!(kind(name), Some(PropertyKind::EventuallyAlways { .. }));
        let is_of_reaching =
            |name: &str| matches!(kind(name), Some(PropertyKind::Reachability { .. }));
        let mut shown = BTreeMap::new();
        for (property, with) in raw {
            let (name, with_name) = (property.get_ref(), with.get_ref());
            let wanted = ShownWith::wanted(expect, name, with_name, is_endless, is_of_reaching);
            let wanted = wanted.map_err(|unfit| match unfit {
                Unfit::Property(problem) => self.error(property.span(), problem),
                Unfit::With(problem) => self.error(with.span(), problem),
            })?;
            shown.insert(name.clone(), wanted);
        }
        Ok(shown)
    }

    fn rounds(
        &self,
        raw: Option<&Spanned<Rounds>>,
        background: Background,
    ) -> Result<Rounds, ScenarioError> {
        let Some(raw) = raw else { return Ok(Rounds::FEWEST) };
        let rounds = *raw.get_ref();
        let is_reaping = background.reaping == Reaping::Agreed;
        let anti_entropy = (background.anti_entropy, "anti-entropy = true");
        let rests_on = |name| match name {
            "exchanges" | "overtaken" => anti_entropy,
            "handoffs" => (background.handoff, "handoff = true"),
            "reaps" => (is_reaping, "reaping = \"agreed\""),
            _ => (true, ""),
        };
        for ((name, count), (_, fewest)) in
            rounds.by_name().into_iter().zip(Rounds::FEWEST.by_name())
        {
            let (is_on, setting) = rests_on(name);
            let problem = if count < fewest {
                format!(
                    "rounds.{name}: must be at least {fewest}; to have none, leave the cluster's setting out"
                )
            } else if count > fewest && !is_on {
                format!("rounds.{name}: has no effect without {setting} of the cluster")
            } else {
                continue;
            };
            return Err(self.error(raw.span(), problem));
        }
        Ok(rounds)
    }

    /// Who fans requests out. Clients must not where tombstones are reaped by agreement.
    fn limits(&self, raw: &RawCluster) -> Result<Limits, ScenarioError> {
        let mut limits = Limits {
            // The smallest tree that is one: more levels would tell more states apart and show
            // nothing.
            tree_shape: TreeShape::SMALLEST,
            context_entries_max: raw.context_entries_max,
            ..Limits::default()
        };
        if let Some(siblings_max) = &raw.siblings_max {
            limits.siblings_max = *siblings_max.get_ref();
            if limits.siblings_max == 0 {
                let problem = "cluster.siblings-max: must be at least 1";
                return Err(self.error(siblings_max.span(), problem));
            }
        }
        Ok(limits)
    }

    fn groups(
        &self,
        groups: &[Vec<Spanned<String>>],
        field: &str,
    ) -> Result<Vec<NodeSet>, ScenarioError> {
        let group = |names: &Vec<_>| Ok(self.node_list(names, field)?.into_iter().collect());
        groups.iter().map(group).collect()
    }

    fn cluster_spec(&self, raw: &RawCluster) -> ClusterSpec {
        ClusterSpec {
            nodes: self.nodes.to_vec(),
            n: *raw.n.get_ref(),
            r: *raw.r.get_ref(),
            w: *raw.w.get_ref(),
            versioning: raw.versioning,
            read_repair: raw.read_repair,
            speculative_retry: is_set(&raw.speculative_retry),
            placement: raw.placement,
            tokens_per_node: raw
                .tokens_per_node
                .as_ref()
                .map_or(TOKENS_PER_NODE_DEFAULT, |tokens| *tokens.get_ref()),
            sloppy: is_set(&raw.sloppy),
            client_fan_out: fan_out(raw) == FanOut::ClientDriven,
            background: Background {
                handoff: is_set(&raw.handoff),
                anti_entropy: raw.anti_entropy,
                reaping: raw.reaping,
            },
            limits: BytesMax::default(),
            left: raw.left.iter().map(|name| name.get_ref().clone()).collect(),
            deviations: raw.deviations.iter().map(|deviation| *deviation.get_ref()).collect(),
        }
    }

    fn cluster_error(&self, raw: &RawCluster, error: ClusterError) -> ScenarioError {
        let (field, at) = match &error {
            ClusterError::Quorum(QuorumError::ROutOfRange { .. }) => ("r", raw.r.span()),
            ClusterError::Quorum(QuorumError::WOutOfRange { .. }) => ("w", raw.w.span()),
            ClusterError::Quorum(_) | ClusterError::TooFewNodes { .. } => ("n", raw.n.span()),
            ClusterError::TokensOutOfRange { .. } => (
                "tokens-per-node",
                raw.tokens_per_node.as_ref().map_or_else(|| raw.nodes.span(), Spanned::span),
            ),
            ClusterError::ClientFanOutReaped => {
                ("fan-out", raw.fan_out.as_ref().map_or_else(|| raw.nodes.span(), Spanned::span))
            }
            ClusterError::UnknownNodeLeft { .. } => {
                ("left", raw.left.first().map_or_else(|| raw.nodes.span(), Spanned::span))
            }
            ClusterError::Ring(_)
            | ClusterError::PendingBytesTooFew { .. }
            | ClusterError::TooManyNodes { .. }
            | ClusterError::DuplicateName { .. } => ("nodes", raw.nodes.span()),
        };
        self.error(at, format!("cluster.{field}: {error}"))
    }

    fn clients(
        &self,
        raw: &[Spanned<RawClient>],
        down: NodeSet,
    ) -> Result<(Vec<ClientProgram>, Vec<PlannedWrite>), ScenarioError> {
        let (mut clients, mut writes): (Vec<ClientProgram>, Vec<PlannedWrite>) = Default::default();
        for (position, client) in raw.iter().enumerate() {
            let id = ClientId(position as u64);
            let (at, client) = (client.span(), client.get_ref());
            if clients.iter().any(|known| known.name == client.name)
                || self.nodes.contains(&client.name)
            {
                let problem = format!("client.name: `{}` is taken already", client.name);
                return Err(self.error(at, problem));
            }
            let repeat = client.repeat.as_ref().map_or(1, |repeat| *repeat.get_ref());
            if let Some(repeat) = client.repeat.as_ref().filter(|repeat| *repeat.get_ref() == 0) {
                return Err(self.error(repeat.span(), "client.repeat: must be at least 1"));
            }
            let program = client.program.get_ref();
            if repeat.saturating_mul(program.len()) > OPERATIONS_MAX {
                let problem = format!("client.program: more than {OPERATIONS_MAX} operations");
                return Err(self.error(client.program.span(), problem));
            }
            let mut operations = Vec::new();
            for round in 0..repeat {
                for raw in program {
                    let planned = self.operation(client, raw, (round, repeat), down, |write| {
                        let operation = operations.len();
                        let earlier = writes.iter().filter(|write| write.client == id).count();
                        // A value that the file leaves out is named by who writes it.
                        let unnamed = write.value.as_ref().is_some_and(|value| value.0.is_empty());
                        let value = if unnamed {
                            Some(Value::from(&*format!("{}{}", client.name, earlier + 1)))
                        } else {
                            write.value
                        };
                        writes.push(PlannedWrite { client: id, operation, value, key: write.key });
                        writes.len() - 1
                    })?;
                    operations.push(planned);
                }
            }
            let attempts = client.attempts.as_ref().map_or(1, |attempts| *attempts.get_ref());
            if attempts == 0 {
                let at = client.attempts.as_ref().map_or(at, Spanned::span);
                return Err(self.error(at, "client.attempts: must be at least 1"));
            }
            clients.push(ClientProgram { name: client.name.clone(), id, operations, attempts });
        }
        for (position, write) in writes.iter().enumerate() {
            if write.value.is_some()
                && writes[..position].iter().any(|earlier| earlier.value == write.value)
            {
                let value = write.value.as_ref().map(Value::to_string).unwrap_or_default();
                let client = &raw[write.client.0 as usize];
                let problem = format!(
                    "client.program: value `{value}` is written twice; every value must name one \
                     write (leave `value` out to have it named)"
                );
                return Err(self.error(client.get_ref().program.span(), problem));
            }
        }
        if let Some(beyond) = writes.get(WRITES_MAX) {
            let client = &raw[beyond.client.0 as usize];
            let problem = format!(
                "client.program: {} writes in all, but a scenario has at most {WRITES_MAX}",
                writes.len()
            );
            return Err(self.error(client.get_ref().program.span(), problem));
        }
        Ok((clients, writes))
    }

    fn operation(
        &self,
        client: &RawClient,
        raw: &Spanned<RawOperation>,
        (round, repeat): (usize, usize),
        down: NodeSet,
        mut plan_write: impl FnMut(PlannedWrite) -> usize,
    ) -> Result<PlannedOperation, ScenarioError> {
        let (at, raw) = (raw.span(), raw.get_ref());
        let via = match raw.via.as_ref().or(client.via.as_ref()) {
            Some(names) => self.node_list(names, "via")?,
            None => (0..self.nodes.len() as u16)
                .map(NodeId)
                .filter(|node| !down.contains(*node))
                .collect(),
        };
        let wrong =
            |problem: &str| Err(self.error(at.clone(), format!("{}: {problem}", self.program)));
        if via.is_empty() {
            return wrong("no coordinator is left to choose; name one in `via`");
        }
        let with_context =
            raw.context.as_ref().is_none_or(|context| *context.get_ref() == RawContext::Read);
        let mut write = |key: &str, value: Option<Value>| {
            let key = Key::from(key);
            let write = PlannedWrite { client: ClientId(0), operation: 0, key, value };
            PlannedAction::Put { write: plan_write(write), with_context }
        };
        let (key, action, quorum) = match (&raw.get, &raw.put, &raw.delete) {
            (Some(key), None, None) => {
                let is_put = raw.value.is_some() || raw.context.is_some() || raw.w.is_some();
                if is_put || raw.sloppy.is_some() {
                    return wrong("a get takes `r` and `via` only");
                }
                (key, PlannedAction::Get, &raw.r)
            }
            (None, Some(key), None) => {
                if raw.r.is_some() {
                    return wrong("a put takes `w`, not `r`");
                }
                let value = match &raw.value {
                    Some(value) if repeat > 1 => format!("{}{}", value.get_ref(), round + 1),
                    Some(value) => value.get_ref().clone(),
                    None => String::new(),
                };
                (key, write(key, Some(Value::from(&*value))), &raw.w)
            }
            (None, None, Some(key)) => {
                if raw.r.is_some() || raw.value.is_some() {
                    return wrong("a delete takes `w`, `sloppy`, `context` and `via` only");
                }
                (key, write(key, None), &raw.w)
            }
            _ => return wrong("an operation is exactly one of `get`, `put` and `delete`"),
        };
        if let Some(asked) = quorum.as_ref().filter(|asked| !(1..=self.n).contains(asked.get_ref()))
        {
            let field = if raw.r.is_some() { "r" } else { "w" };
            let problem = format!(
                "{}.{field}: {} is out of range; a request may ask for 1 to n = {}",
                self.program,
                asked.get_ref(),
                self.n
            );
            return Err(self.error(asked.span(), problem));
        }
        Ok(PlannedOperation {
            key: Key::from(&**key),
            action,
            quorum: quorum.as_ref().map(|quorum| *quorum.get_ref()),
            sloppy: raw.sloppy.as_ref().map(|sloppy| *sloppy.get_ref()),
            via,
        })
    }

    fn expectations(
        &self,
        raw: &Spanned<BTreeMap<Spanned<String>, Spanned<Expected>>>,
        is_script: bool,
    ) -> Result<BTreeMap<String, Expected>, ScenarioError> {
        if raw.get_ref().is_empty() {
            return Err(self.error(raw.span(), "expect: state at least one verdict"));
        }
        let mut expect = BTreeMap::new();
        for (name, expected) in raw.get_ref() {
            let (at, name) = (name.span(), name.get_ref());
            let Some(property) = PropertySpec::named(name) else {
                let known = PropertySpec::names();
                let problem = format!("expect: unknown property `{name}`; known are {known}");
                return Err(self.error(at, problem));
            };
            if is_script && matches!(property.kind, PropertyKind::EventuallyAlways { .. }) {
                let problem = format!(
                    "expect.{name}: is about all runs, and a script is one; say `settle = true` \
                     and `expect-agree` in steps"
                );
                return Err(self.error(at, problem));
            }
            let (at, expected) = (expected.span(), *expected.get_ref());
            if !property.admits(expected) {
                let [one, other] = match property.kind {
                    PropertyKind::Safety { .. } | PropertyKind::EventuallyAlways { .. } => {
                        [Expected::Holds, Expected::Violated]
                    }
                    PropertyKind::Reachability { .. } => [Expected::Reached, Expected::NotReached],
                };
                let problem = format!(
                    "expect.{name}: cannot be expected to be \"{expected}\"; expect \"{one}\" or \
                     \"{other}\""
                );
                return Err(self.error(at, problem));
            }
            expect.insert(name.clone(), expected);
        }
        Ok(expect)
    }
}
