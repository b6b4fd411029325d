//! Scenarios of the leaderless protocol as they are checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_checker::world::{Expected, Property, ScriptRun, ShownWith, World};
use quorate_model::check::ClusterModel;
use quorate_model::check::kinds::{Kind, applicable};
use quorate_model::check::leaderless::Leaderless;
use quorate_model::check::property::ALL;
use quorate_model::check::script;
use quorate_model::check::words::Names;
use quorate_model::deviation::Deviation;
use quorate_model::scenario::{Reductions, Rule, Scenario};
use serde_json::{Map, Value, json};

use super::case::{Case, Mattering};
use super::describe;

impl Case for Arc<Scenario> {
    type Protocol = Leaderless;
    type Words = Names;
    type Fault = Deviation;

    const PROTOCOL: &'static str = "leaderless";

    fn name(&self) -> &str {
        &self.name
    }

    fn title(&self) -> &str {
        &self.title
    }

    fn notes(&self) -> &str {
        &self.notes
    }

    fn is_default(&self) -> bool {
        self.default
    }

    fn nodes(&self) -> usize {
        self.cluster.nodes().len()
    }

    fn cluster(&self) -> String {
        describe::cluster(self)
    }

    fn setting(&self) -> String {
        let quorum = self.cluster.quorum();
        format!("{} {} {}", quorum.n(), quorum.r(), quorum.w())
    }

    fn figures(&self, largest: usize) -> Map<String, Value> {
        let quorum = self.cluster.quorum();
        let figures =
            [("n", quorum.n()), ("r", quorum.r()), ("w", quorum.w()), ("siblings_max", largest)];
        figures.into_iter().map(|(name, figure)| (name.to_owned(), json!(figure))).collect()
    }

    fn clients(&self) -> Vec<String> {
        describe::clients(self)
    }

    fn bounds(&self) -> String {
        describe::bounds(self)
    }

    fn faults(&self) -> String {
        describe::faults(self)
    }

    fn reductions(&self) -> String {
        let applied = self.reductions_that_apply();
        let named = |wanted: bool| {
            let told = |rule: &Rule| {
                // Of those that are off, the ones that are off everywhere are not worth a word.
                applied.has(*rule) == wanted && (wanted || rule.is_usual())
            };
            let names = Rule::ALL.into_iter().filter(told).map(Rule::name);
            names.collect::<Vec<_>>().join(", ")
        };
        match applied {
            Reductions::NONE => "none".to_owned(),
            Reductions::ALL => named(true),
            // A script has one run, which no other reduction could change.
            _ if self.is_script() => named(true),
            _ => format!("{}; off: {}", named(true), named(false)),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.iter().map(ToString::to_string).collect()
    }

    fn problems(&self) -> Vec<String> {
        self.warnings.iter().map(|warning| warning.kind.to_string()).collect()
    }

    fn world(&self) -> World<Leaderless> {
        (*ClusterModel::new(Arc::clone(self))).clone()
    }

    fn explaining(&self) -> World<Leaderless> {
        (*ClusterModel::new(Arc::clone(self)).explaining()).clone()
    }

    fn words(&self) -> Names {
        Names::of(self)
    }

    fn properties(&self) -> Vec<Property<Leaderless>> {
        ALL.iter().map(|property| property.of_world(self)).collect()
    }

    fn expectations(&self) -> &BTreeMap<String, Expected> {
        &self.expect
    }

    fn show(&self, property: &str) -> Option<ShownWith<Leaderless>> {
        self.show.get(property).cloned()
    }

    fn applicable(&self) -> Vec<Kind> {
        applicable(self)
    }

    fn is_script(&self) -> bool {
        self.script.is_some()
    }

    fn played(&self) -> Option<ScriptRun<Leaderless>> {
        let model = ClusterModel::new(Arc::clone(self));
        self.is_script().then(|| script::run(&model).in_words(&model))
    }

    /// Stateright tells states apart that differ by an exchange of names, so those rules are off.
    fn comparable(&self) -> Self {
        let reductions = self.reductions.without_symmetry();
        Arc::new(Scenario { reductions, ..(**self).clone() })
    }

    fn all_faults() -> &'static [Deviation] {
        Deviation::ALL
    }

    fn statement(fault: Deviation) -> &'static str {
        fault.statement()
    }

    fn is_right(&self) -> bool {
        self.spec.deviations.is_empty()
    }

    fn with_fault(&self, fault: Deviation) -> Self {
        let mut scenario = self.with_deviation(fault);
        scenario.show.clear();
        Arc::new(scenario)
    }

    #[cfg(feature = "planted-faults")]
    fn what_matters(&self, states_max: usize) -> Mattering<Deviation> {
        if self.is_script() {
            // Carrying it out takes no longer than finding out.
            return Mattering { faults: Deviation::ALL.to_vec(), is_cut: false };
        }
        let scenario = Arc::new(self.noting_what_matters());
        let model = ClusterModel::new(Arc::clone(&scenario));
        let is_cut = quorate_model::check::search::shortest(&model, &[&|_| false], states_max).cut;
        let mattered = scenario.cluster.what_mattered();
        let faults = Deviation::ALL.iter().copied().filter(|fault| mattered.contains(*fault));
        Mattering { faults: faults.collect(), is_cut }
    }

    /// Nobody notes what matters where no faults are compiled in.
    #[cfg(not(feature = "planted-faults"))]
    fn what_matters(&self, _: usize) -> Mattering<Deviation> {
        Mattering { faults: Deviation::ALL.to_vec(), is_cut: false }
    }
}
