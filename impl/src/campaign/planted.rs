//! Making reductions wrong on purpose, to see in which case a campaign notices.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use quorate_checker::ids::Enumerated;
use quorate_checker::world::campaign::{
    Case, Difference, Draft, Readied, Reference, Wrong, shrunk,
};

use super::run::{Plan, TRIES_MAX, cases};
use crate::check::text::grouped;

/// Where a wrong rule was noticed first.
#[derive(Clone, PartialEq, Debug)]
pub struct Noticed<D> {
    /// In which case, with the reductions by which it was noticed.
    pub case: Case<D>,
    /// By what.
    pub difference: Difference,
    /// The same as small as it got, once it was made small, and by what that notices it.
    pub small: Option<(D, Difference)>,
}

/// Each wrong rule, with where it was noticed first, if it was.
pub type Planted<D> = Vec<(<D as Draft>::Wrong, Option<Noticed<D>>)>;

/// Looks for the first case in which each wrong rule is noticed. The unreduced search of a case serves
/// all of them, and no rule is tried further once it was noticed earlier.
#[must_use]
pub fn plant<D: Draft>(plan: &Plan) -> Planted<D> {
    let left = Mutex::new(cases::<D>(plan));
    let noticed: Mutex<BTreeMap<D::Wrong, Noticed<D>>> = Mutex::default();
    let work = || {
        loop {
            let case = left.lock().expect("no thread panics with the lock").next();
            let Some(case) = case else { return };
            let open: Vec<D::Wrong> = {
                let noticed = noticed.lock().expect("no thread panics with the lock");
                let is_open = |rule: &D::Wrong| {
                    noticed.get(rule).is_none_or(|noticed| case.number < noticed.case.number)
                };
                D::Wrong::all().iter().copied().filter(is_open).collect()
            };
            if open.is_empty() {
                return;
            }
            let Some(Readied { world, properties, .. }) = case.draft.readied() else { continue };
            let reference = Reference::new(&world, properties, plan.states_max);
            let Some(reference) = reference else { continue };
            for rule in open {
                let wrong = D::made_wrong(world.protocol(), rule);
                let Err((difference, switched)) = reference.compared_thoroughly(&wrong) else {
                    continue;
                };
                let draft = case.draft.with_switched(switched.or(case.draft.switched()));
                let found =
                    Noticed { case: Case { draft, ..case.clone() }, difference, small: None };
                let mut noticed = noticed.lock().expect("no thread panics with the lock");
                let earlier = noticed.get(&rule).map(|noticed| noticed.case.number);
                if earlier.is_none_or(|earlier| case.number < earlier) {
                    noticed.insert(rule, found);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..plan.threads {
            scope.spawn(work);
        }
    });
    let mut noticed = noticed.into_inner().expect("no thread panics with the lock");
    for (rule, noticed) in &mut noticed {
        noticed.small = Some(made_small::<D>(*rule, noticed, plan.states_max));
    }
    D::Wrong::all().iter().map(|rule| (*rule, noticed.remove(rule))).collect()
}

/// The simplest scenario near one that notices a wrong rule, and by what it does.
fn made_small<D: Draft>(
    rule: D::Wrong,
    noticed: &Noticed<D>,
    states_max: usize,
) -> (D, Difference) {
    let difference = |draft: &D| {
        let Readied { world, properties, .. } = draft.readied()?;
        let wrong = D::made_wrong(world.protocol(), rule);
        Reference::new(&world, properties, states_max)?.compared_with(&wrong).err()
    };
    let small = shrunk(noticed.case.draft.clone(), TRIES_MAX, |draft| difference(draft).is_some());
    let how = difference(&small).unwrap_or_else(|| noticed.difference.clone());
    (small, how)
}

/// Wrong rule by where it is noticed.
#[must_use]
pub fn table<D: Draft>(noticed: &Planted<D>, as_markdown: bool) -> String {
    let mut table = Table::new();
    table.load_style(if as_markdown { ASCII_MARKDOWN } else { UTF8_FULL_CONDENSED });
    table.set_header(["wrong rule", "of", "what is done", "noticed in case", "by"]);
    for (rule, noticed) in noticed {
        let (case, by) = match noticed {
            Some(Noticed { case, difference, small }) => {
                let how = small.as_ref().map_or(difference, |(_, how)| how);
                (grouped(case.number), how.to_string())
            }
            None => ("none".to_owned(), String::new()),
        };
        let (name, of) = (rule.to_string(), rule.rule().name().to_owned());
        table.add_row([name, of, rule.statement().to_owned(), case, by]);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// The last line.
#[must_use]
pub fn summary<D: Draft>(noticed: &Planted<D>, plan: &Plan) -> String {
    let missed: Vec<String> = noticed
        .iter()
        .filter(|(_, noticed)| noticed.is_none())
        .map(|(rule, _)| rule.to_string())
        .collect();
    let (all, cases, seed) = (noticed.len(), grouped(plan.cases), plan.seed);
    let within = format!("within {cases} cases of seed {seed}");
    match &missed[..] {
        [] => format!("{all} wrong rules: every one is noticed {within}"),
        missed => format!("{all} wrong rules: {within} nothing notices {}", missed.join(", ")),
    }
}
