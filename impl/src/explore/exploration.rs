//! What is explored: every run of a scenario, the one run of a script, or the runs of a scenario
//! beginning with one that was saved.

use std::fmt;
use std::net::SocketAddr;

use quorate_checker::world::{
    CYCLE_STARTS, Expected, ExploredWorld, FixedRun, FixedStep, PropertyKind, ReplayError, STUCK,
    SavedPath, Transition,
};
use stateright::Model;

use super::page;
use crate::check::Case;

/// A scenario's model as Explorer shows it.
pub type ExploredCase<C> = ExploredWorld<<C as Case>::Protocol, <C as Case>::Words>;

/// The model to explore all runs of a cluster by, or to walk along one run. Its states remember what reads
/// returned: people ask why.
fn explored<C: Case>(case: &C, run: Option<FixedRun<C::Protocol>>) -> ExploredCase<C> {
    let (world, words) = (case.explaining(), case.words());
    let name = case.name().to_owned();
    match run {
        None => ExploredWorld::new(name, world, words, case.judged()),
        Some(run) => ExploredWorld::along(name, world, words, case.judged(), run),
    }
}

/// Serves on an address until it panics.
type Serve = Box<dyn FnOnce(SocketAddr) + Send>;

/// What Explorer is to show, of whatever protocol, and what its page says about it.
pub struct Exploration {
    serve: Serve,
    page: String,
    /// The scenario in a few lines.
    intro: String,
    /// The run that is walked or begun with, in a line.
    about: Option<String>,
    /// What the page shows first; its beginning if `None`.
    opens_at: Option<String>,
}

impl fmt::Debug for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exploration").field("intro", &self.intro).finish_non_exhaustive()
    }
}

impl Exploration {
    /// Every run of a scenario; or, if it is a script, its one run.
    #[must_use]
    pub fn new<C: Case>(case: &C) -> Self {
        if case.is_script() {
            return Self::of_script(case);
        }
        Self::of(case, explored(case, None), None, None)
    }

    fn of<C: Case>(
        case: &C,
        explored: ExploredCase<C>,
        about: Option<String>,
        opens_at: Option<String>,
    ) -> Self {
        let (name, title, cluster) = (case.name(), case.title(), case.cluster());
        let serve = move |address| {
            let _ = explored.checker().serve(address);
        };
        Exploration {
            page: page::of(case, about.as_deref(), opens_at.as_deref()),
            serve: Box::new(serve),
            intro: format!("{name}: {title}\n  cluster     {cluster}\n"),
            about,
            opens_at,
        }
    }

    /// A run that was saved. Where it is a run of many, the others can be walked too, from every
    /// state that it passes.
    ///
    /// # Errors
    /// When a step is not possible any more.
    pub fn of_saved<C: Case>(
        case: &C,
        saved: &SavedPath<C::Protocol>,
    ) -> Result<Self, ReplayError> {
        let world = case.world();
        let is_judged = |name: &str| case.is_judged(name);
        let allows = |state: &_, action: &_| case.allows(&world, state, action);
        let (_, result) =
            saved.replay_among(&world, &case.words(), case.properties(), is_judged, allows);
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
        let ending = ending(case, saved);
        let about = format!("{property} {shows}, in {length}{ending}{shown}");
        let run = case.is_script().then(|| {
            let step = |action| FixedStep { action, part_of: None };
            let steps = actions.iter().cloned().map(step).collect();
            let ending = format!("the saved run ends here: {property} {shows}{shown}");
            FixedRun { steps, ending }
        });
        let explored = explored(case, run);
        let opens_at = explored.address(&actions);
        Ok(Self::of(case, explored, Some(about), Some(opens_at)))
    }

    fn of_script<C: Case>(case: &C) -> Self {
        let run = case.played().expect("it is a script");
        let step = |transition: &Transition<C::Protocol>| FixedStep {
            action: transition.action.clone(),
            part_of: Some(run.step_in_words(transition.step)),
        };
        let steps: Vec<_> = run.transitions.iter().map(step).collect();
        let (about, ending) = match run.difference_in_words() {
            Some(difference) => (
                format!("as scripted until it differs: {difference}"),
                format!("the script differs from here: {difference}"),
            ),
            None => ("as scripted".to_owned(), "the script ends here".to_owned()),
        };
        let explored = explored(case, Some(FixedRun { steps, ending }));
        let opens_at = explored.address(&run.actions());
        Self::of(case, explored, Some(about), Some(opens_at))
    }

    /// The scenario in a few lines.
    #[must_use]
    pub fn intro(&self) -> &str {
        &self.intro
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

    pub(super) fn page(&self) -> &str {
        &self.page
    }

    /// Serves until it panics.
    pub(super) fn serve(self, address: SocketAddr) {
        (self.serve)(address);
    }
}

/// How a run goes on that does not converge.
fn ending<C: Case>(case: &C, saved: &SavedPath<C::Protocol>) -> String {
    let mut properties = case.properties().into_iter();
    let named = properties.find(|property| property.name == saved.property);
    let kind = named.map(|property| property.kind);
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
