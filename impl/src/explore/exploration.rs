//! What is explored: every run of a scenario, the one run of a script, or the runs of a scenario
//! beginning with one that was saved.

use std::sync::Arc;

use quorate_checker::world::{self, ExploredWorld};
use quorate_model::check::ClusterModel;
use quorate_model::check::leaderless::Leaderless;
use quorate_model::check::script;
use quorate_model::check::trace::{CYCLE_STARTS, ReplayError, STUCK, SavedPath, replay};
use quorate_model::check::words::Names;
use quorate_model::check::{Expected, PropertyKind, PropertySpec};
use quorate_model::scenario::Scenario;

use super::page;

/// A scenario's model as Explorer shows it.
pub type ExploredCluster = ExploredWorld<Leaderless, Names>;

type FixedRun = world::FixedRun<Leaderless>;
type FixedStep = world::FixedStep<Leaderless>;

/// The model to explore all runs of a cluster by, or to walk along one run. Its states remember what reads
/// returned: people ask why.
fn explored(model: &ClusterModel, run: Option<FixedRun>) -> ExploredCluster {
    let model = model.explaining();
    let (name, names) = (model.scenario().name.clone(), model.names().clone());
    let properties: Vec<_> =
        model.judged().iter().map(|property| property.of_world(model.scenario())).collect();
    match run {
        None => ExploredWorld::new(name, (*model).clone(), names, properties),
        Some(run) => ExploredWorld::along(name, (*model).clone(), names, properties, run),
    }
}

/// What Explorer is to show, and what its page says about it.
#[derive(Clone, Debug)]
pub struct Exploration {
    pub(super) explored: ExploredCluster,
    scenario: Arc<Scenario>,
    /// The run that is walked or begun with, in a line.
    about: Option<String>,
    /// What the page shows first; its beginning if `None`.
    opens_at: Option<String>,
}

impl Exploration {
    /// Every run of a scenario; or, if it is a script, its one run.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        if scenario.script.is_some() {
            return Self::of_script(scenario);
        }
        let explored = explored(&ClusterModel::new(Arc::clone(&scenario)), None);
        Exploration { explored, scenario, about: None, opens_at: None }
    }

    /// A run that was saved. Where it is a run of many, the others can be walked too, from every
    /// state that it passes.
    ///
    /// # Errors
    /// When a step is not possible any more.
    pub fn of_saved(scenario: Arc<Scenario>, saved: &SavedPath) -> Result<Self, ReplayError> {
        let model = ClusterModel::new(Arc::clone(&scenario));
        let (_, result) = replay(&model, saved);
        let shown = match result {
            Ok(()) => String::new(),
            Err(error @ ReplayError::NotPossible { .. }) => return Err(error),
            Err(error) => format!("; {error}"),
        };
        let (property, shows, actions) = (&saved.property, saved.shows, saved.actions());
        let length = match actions.len() {
            1 => "1 step".to_owned(),
            count => format!("{count} steps"),
        };
        let ending = ending(saved);
        let about = format!("{property} {shows}, in {length}{ending}{shown}");
        let run = scenario.script.is_some().then(|| {
            let step = |action| FixedStep { action, part_of: None };
            let steps = actions.iter().cloned().map(step).collect();
            let ending = format!("the saved run ends here: {property} {shows}{shown}");
            FixedRun { steps, ending }
        });
        let explored = explored(&model, run);
        let opens_at = Some(explored.address(&actions));
        Ok(Exploration { explored, scenario, about: Some(about), opens_at })
    }

    fn of_script(scenario: Arc<Scenario>) -> Self {
        let model = ClusterModel::new(Arc::clone(&scenario));
        let run = script::run(&model);
        let script = model.scenario().script.clone().unwrap_or_default();
        let step = |transition: script::Transition| {
            let step = &script.steps[transition.step];
            let (number, words) = (transition.step + 1, script::step(&model, &step.verb));
            let part_of = format!("step {number} (line {}): {words}", step.line);
            FixedStep { action: transition.action, part_of: Some(part_of) }
        };
        let steps: Vec<FixedStep> = run.transitions.into_iter().map(step).collect();
        let (about, ending) = match &run.difference {
            Some(difference) => (
                format!("as scripted until it differs: {difference}"),
                format!("the script differs from here: {difference}"),
            ),
            None => ("as scripted".to_owned(), "the script ends here".to_owned()),
        };
        let actions: Vec<_> = steps.iter().map(|step| step.action.clone()).collect();
        let explored = explored(&model, Some(FixedRun { steps, ending }));
        let opens_at = Some(explored.address(&actions));
        Exploration { explored, scenario, about: Some(about), opens_at }
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The run that is walked or begun with, in a line, if it is one.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// The part of the page's address that shows what is to be shown first.
    #[must_use]
    pub fn opens_at(&self) -> Option<&str> {
        self.opens_at.as_deref()
    }

    pub(super) fn page(&self) -> String {
        page::of(self)
    }
}

/// How a run goes on that does not converge.
fn ending(saved: &SavedPath) -> String {
    let kind = PropertySpec::named(&saved.property).map(|property| property.kind);
    if !matches!(kind, Some(PropertyKind::EventuallyAlways { .. }))
        || saved.shows != Expected::Violated
    {
        return String::new();
    }
    match saved.cycle {
        0 => format!(", {STUCK}"),
        1 => format!("; {CYCLE_STARTS} the last step"),
        count => format!("; {CYCLE_STARTS} the last {count} steps"),
    }
}
