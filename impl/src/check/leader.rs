//! Scenarios of the leader-based protocol as they are checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_checker::ids::Enumerated;
use quorate_checker::world::{Expected, Kind, Property, Protocol, ScriptRun, ShownWith, World};
use quorate_leader_model::deviation::Deviation;
use quorate_leader_model::kinds::{Rule, applicable};
use quorate_leader_model::setting::LeaderFile;
use quorate_leader_model::wrong_rule::WrongRule;
use quorate_leader_model::{LeaderBased, describe, property, script};
use serde_json::{Map, Value, json};

use super::case::{Case, Mattering};
use super::describe::{budgets, reduced};

/// A scenario of the leader-based protocol, with the name that people know it by.
#[derive(Clone, Debug)]
pub struct LeaderScenario {
    /// Its name.
    pub name: String,
    /// Its file, read.
    pub file: Arc<LeaderFile>,
    /// Whether it is checked when no scenario is named.
    pub default: bool,
}

impl LeaderScenario {
    fn changed(&self, change: impl FnOnce(&mut LeaderFile)) -> Self {
        let mut file = (*self.file).clone();
        change(&mut file);
        LeaderScenario { file: Arc::new(file), ..self.clone() }
    }

    /// The same with a reduction that is wrong on purpose.
    #[must_use]
    pub fn with_wrong_rule(&self, rule: WrongRule) -> Self {
        self.changed(|file| file.protocol.wrong = Some(rule))
    }

    fn off(&self) -> Vec<&'static str> {
        let off = |rule: &&Rule| self.file.protocol.without.contains(rule);
        Rule::ALL.iter().filter(off).map(|rule| rule.name()).collect()
    }
}

impl Case for LeaderScenario {
    type Protocol = LeaderBased;
    type Words = LeaderBased;
    type Fault = Deviation;

    const PROTOCOL: &'static str = "leader";

    fn name(&self) -> &str {
        &self.name
    }

    fn title(&self) -> &str {
        &self.file.title
    }

    fn notes(&self) -> &str {
        &self.file.notes
    }

    fn is_default(&self) -> bool {
        self.default
    }

    fn nodes(&self) -> usize {
        self.file.nodes.len()
    }

    fn cluster(&self) -> String {
        describe::cluster(&self.file)
    }

    fn setting(&self) -> String {
        describe::setting(&self.file.protocol)
    }

    fn figures(&self, _: usize) -> Map<String, Value> {
        let setting = &self.file.protocol;
        let figures = [
            ("replication", json!(setting.replication)),
            ("election", json!(setting.election)),
            ("epochs", json!(setting.epochs)),
            ("log", json!(setting.log)),
            ("reads", json!(setting.reads)),
        ];
        figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect()
    }

    fn clients(&self) -> Vec<String> {
        describe::clients(&self.file.protocol)
    }

    fn bounds(&self) -> String {
        if self.is_script() {
            return "one run, as scripted".to_owned();
        }
        let off = self.off();
        let reduced = reduced(&off, off.len() == Rule::ALL.len());
        format!("every interleaving; faults at any moment: {}; {reduced}", self.faults())
    }

    fn faults(&self) -> String {
        if self.is_script() {
            return "as scripted".to_owned();
        }
        let environment = LeaderBased::new((*self.file).clone()).environment();
        let name = |node: quorate_checker::ids::NodeId| self.file.nodes[node.index()].as_str();
        let faulty: Vec<&str> = environment.faulty.iter().map(name).collect();
        let of_nodes = match faulty.len() == self.nodes() {
            true => String::new(),
            false => format!(" of {}", faulty.join(" or ")),
        };
        budgets(environment.faults, &of_nodes)
    }

    fn reductions(&self) -> String {
        let off = self.off();
        let on = Rule::ALL.iter().map(|rule| rule.name()).filter(|name| !off.contains(name));
        match (off.len(), on.collect::<Vec<_>>()) {
            (_, on) if on.is_empty() => "none".to_owned(),
            (0, on) => on.join(", "),
            (_, on) => format!("{}; off: {}", on.join(", "), off.join(", ")),
        }
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn problems(&self) -> Vec<String> {
        Vec::new()
    }

    fn world(&self) -> World<LeaderBased> {
        World::new(LeaderBased::new((*self.file).clone()))
    }

    fn words(&self) -> LeaderBased {
        LeaderBased::new((*self.file).clone())
    }

    fn properties(&self) -> Vec<Property<LeaderBased>> {
        property::all()
    }

    fn expectations(&self) -> &BTreeMap<String, Expected> {
        &self.file.expect
    }

    fn show(&self, property: &str) -> Option<ShownWith<LeaderBased>> {
        let mut shows = self.file.shows(&property::all()).expect("they were read with the file");
        shows.remove(property)
    }

    fn applicable(&self) -> Vec<Kind<LeaderBased>> {
        applicable(&self.file)
    }

    fn is_script(&self) -> bool {
        self.file.is_script()
    }

    fn played(&self) -> Option<ScriptRun<LeaderBased>> {
        self.is_script().then(|| script::play(&self.words()))
    }

    fn comparable(&self) -> Self {
        self.clone()
    }

    fn all_faults() -> &'static [Deviation] {
        Deviation::ALL
    }

    fn statement(fault: Deviation) -> &'static str {
        fault.statement()
    }

    fn is_right(&self) -> bool {
        self.file.protocol.deviations.is_empty()
    }

    /// What is left out of a search as dead is argued of the right protocol.
    fn with_fault(&self, fault: Deviation) -> Self {
        self.changed(|file| {
            file.show.clear();
            file.protocol.deviations.push(fault);
            if !file.protocol.without.contains(&Rule::DeadMessages) {
                file.protocol.without.push(Rule::DeadMessages);
            }
        })
    }

    /// Nobody notes what matters in this protocol.
    fn what_matters(&self, _: usize) -> Mattering<Deviation> {
        Mattering { faults: Deviation::ALL.to_vec(), is_cut: false }
    }
}
