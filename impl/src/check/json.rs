//! A report for programs.

use std::collections::BTreeMap;

use quorate_checker::world::Expected;
use quorate_checker::{Components, Size};
use quorate_model::check::convergence::FAIRNESS;
use serde::Serialize;
use serde_json::{Map, Value};

use super::case::Case;
use super::report::{Endings, Report, Summary, Verdict};
use super::script::{Happening, Played, PlayedStep};

/// What `quorate check --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Whether every run was exhausted and every verdict is as expected.
    pub as_expected: bool,
    /// How many scenarios were checked.
    pub scenarios_checked: usize,
    /// Verdicts that are not as expected.
    pub unexpected: usize,
    /// Runs that were cut.
    pub cut: usize,
    /// Scripts of which some step did not come out as it says.
    pub differing: usize,
    /// Each scenario.
    pub scenarios: Vec<Entry>,
}

/// One scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    name: String,
    protocol: &'static str,
    title: String,
    notes: String,
    cluster: String,
    clients: Vec<String>,
    bounds: String,
    /// What its file says to less effect than it seems, if anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// What the cluster promises: of the leaderless protocol `n`, `r` and `w`, and the most siblings that a node
    /// held; of the leader-based one `replication`, `election` and so on.
    #[serde(flatten)]
    figures: Map<String, Value>,
    states_generated: u64,
    states_distinct: usize,
    depth: usize,
    /// Whether it was searched depth first: then no run is a shortest one.
    #[serde(skip_serializing_if = "is_false")]
    depth_first: bool,
    seconds: f64,
    seconds_in_all: f64,
    process_peak_bytes: Option<u64>,
    distinct_per_second: f64,
    collision_probability: f64,
    cut: Option<String>,
    /// What happened, if the scenario is a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<JsonScript>,
    /// What is assumed of fair runs, if it was judged where they end.
    #[serde(skip_serializing_if = "Option::is_none")]
    fairness: Option<&'static str>,
    as_expected: bool,
    properties: Vec<Property>,
    fired: BTreeMap<String, u64>,
    never_fired: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Property {
    name: &'static str,
    statement: &'static str,
    expected: Expected,
    found: Option<Expected>,
    as_expected: bool,
    vacuous: bool,
    steps: Option<usize>,
    shortest: bool,
    /// What the scenario wants to happen in the run too.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown_with: Option<JsonShownWith>,
    witness_steps: Option<usize>,
    trace: Option<String>,
    /// Why the trace shows it, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endings: Option<JsonEndings>,
}

#[derive(Clone, Debug, Serialize)]
struct JsonShownWith {
    what: String,
    /// Whether it does.
    found: bool,
}

/// The run of a script.
#[derive(Clone, Debug, Serialize)]
struct JsonScript {
    file: String,
    steps_total: usize,
    transitions: usize,
    /// The steps that were carried out.
    steps: Vec<JsonStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<JsonDifference>,
}

#[derive(Clone, Debug, Serialize)]
struct JsonStep {
    line: usize,
    words: String,
    transitions: Vec<String>,
}

/// Where a run left its script.
#[derive(Clone, Debug, Serialize)]
struct JsonDifference {
    /// From one.
    step: usize,
    line: usize,
    words: String,
    problem: String,
}

impl From<&Played> for JsonScript {
    fn from(played: &Played) -> Self {
        let transition = |happening: &Happening| happening.words.clone();
        let step = |step: &PlayedStep| JsonStep {
            line: step.line,
            words: step.words.clone(),
            transitions: step.transitions.iter().map(transition).collect(),
        };
        let difference = played.difference.as_ref().map(|difference| JsonDifference {
            step: difference.step + 1,
            line: played.steps[difference.step].line,
            words: played.steps[difference.step].words.clone(),
            problem: difference.problem.clone(),
        });
        JsonScript {
            file: played.file.clone(),
            steps_total: played.steps_total,
            transitions: played.transitions,
            steps: played.steps.iter().map(step).collect(),
            difference,
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a verdict on where runs end rests on.
#[derive(Clone, Debug, Serialize)]
struct JsonEndings {
    /// Of `steps`, the last ones, which happen again and again; 0 if the run ends stuck.
    cycle_steps: usize,
    states: usize,
    states_at_goal: usize,
    settling_edges: usize,
    #[serde(flatten)]
    components: Option<JsonComponents>,
}

/// The strongly connected components of what it was decided on.
#[derive(Clone, Debug, Serialize)]
struct JsonComponents {
    components: usize,
    bottom_components: usize,
    bottom_components_of_several_states: usize,
}

impl From<Endings> for JsonEndings {
    fn from(Endings { size, cycle }: Endings) -> Self {
        let Size { states, met, settling_edges, components } = size;
        let components =
            components.map(|Components { all, bottom, bottom_of_several }| JsonComponents {
                components: all,
                bottom_components: bottom,
                bottom_components_of_several_states: bottom_of_several,
            });
        JsonEndings { cycle_steps: cycle, states, states_at_goal: met, settling_edges, components }
    }
}

impl Document {
    /// The document of these checks.
    #[must_use]
    pub fn new(summary: &Summary, scenarios: Vec<Entry>) -> Self {
        Document {
            as_expected: summary.is_as_expected(),
            scenarios_checked: summary.scenarios,
            unexpected: summary.unexpected,
            cut: summary.cut,
            differing: summary.differing,
            scenarios,
        }
    }
}

impl Entry {
    /// The entry of one check. `saved` gives the file that holds the run of a verdict.
    #[must_use]
    pub fn new<C: Case>(
        case: &C,
        report: &Report<C::Protocol>,
        saved: impl Fn(&Verdict<C::Protocol>) -> Option<String>,
    ) -> Self {
        let applicable = case.applicable();
        let fired = report.fired.iter().filter(|(kind, count)| match report.script {
            // A script does what no budget tells, and leaves out the rest on purpose.
            Some(_) => *count > 0,
            None => applicable.contains(kind),
        });
        Entry {
            name: case.name().to_owned(),
            protocol: C::PROTOCOL,
            title: case.title().to_owned(),
            notes: case.notes().to_owned(),
            cluster: case.cluster(),
            clients: case.clients(),
            bounds: case.bounds(),
            warnings: case.warnings(),
            figures: case.figures(report.largest),
            states_generated: report.generated,
            states_distinct: report.distinct,
            depth: report.depth,
            depth_first: report.is_survey,
            seconds: report.elapsed.as_secs_f64(),
            seconds_in_all: report.took.as_secs_f64(),
            process_peak_bytes: report.process_peak_memory,
            distinct_per_second: report.rate(),
            collision_probability: report.collision_probability(),
            cut: report.cut.map(|cut| cut.to_string()),
            script: report.script.as_ref().map(JsonScript::from),
            fairness: report.assumes_fairness().then_some(FAIRNESS),
            as_expected: report.is_as_expected(),
            properties: report
                .verdicts
                .iter()
                .map(|verdict| Property {
                    name: verdict.property.name,
                    statement: verdict.property.statement,
                    expected: verdict.expected,
                    found: verdict.found,
                    as_expected: verdict.is_as_expected(),
                    vacuous: verdict.is_vacuous(),
                    steps: verdict.path.as_ref().map(Vec::len),
                    shortest: true,
                    shown_with: verdict.shown_with.as_ref().map(|(with, is_found)| JsonShownWith {
                        what: with.to_string(),
                        found: *is_found,
                    }),
                    witness_steps: verdict.witness.as_ref().map(Vec::len),
                    trace: saved(verdict),
                    reason: verdict.reason.clone(),
                    endings: verdict.endings.map(JsonEndings::from),
                })
                .collect(),
            fired: fired.clone().map(|(kind, count)| (kind.to_string(), *count)).collect(),
            never_fired: fired
                .filter(|(_, count)| *count == 0)
                .map(|(kind, _)| kind.to_string())
                .collect(),
        }
    }
}
