//! A campaign in words.

use std::fmt::Display;

use quorate_checker::world::campaign::{Draft, Origin, Tally};

use super::run::{Different, Outcome, Plan, Shard};
use crate::check::text::grouped;
use crate::styled::{ASIDE, GOOD, NAME, PLAIN, Styled, WRONG, wrapped};

/// What was looked at, what came out, and what took part in it.
#[must_use]
pub fn report<D: Draft>(outcome: &Outcome<D>) -> Styled {
    let Outcome { plan, tally, small_scope, .. } = outcome;
    let mut text = Styled::new();
    text.push(NAME, format!("{}\n", of(plan)));
    let random = grouped(tally.cases() - small_scope);
    let scope = match small_scope {
        0 => format!("{random} at random"),
        _ => format!(
            "{} of the small scope, which has every scenario up to size {}, and {random} at random",
            grouped(*small_scope),
            plan.size
        ),
    };
    line(&mut text, "scenarios", &scope);
    let compared = format!(
        "{}, over {} unreduced states and {} reduced ones",
        grouped(tally.same + tally.different),
        grouped(tally.states),
        grouped(tally.reduced_states)
    );
    line(&mut text, "compared", &compared);
    let too_large = format!(
        "{}, which have more than {} states unreduced each",
        grouped(tally.too_large),
        grouped(plan.states_max as u64)
    );
    line(&mut text, "too large", &too_large);
    line(&mut text, "refused", &format!("{}, by the format", grouped(tally.refused)));
    line(&mut text, "took", &format!("{:.0} s", outcome.took.as_secs_f64()));
    text.push(ASIDE, "  in so many of those that came out the same\n");
    line(&mut text, "steps", &listed(tally.kinds()));
    line(&mut text, "modes", &listed(tally.modes()));
    line(&mut text, "rules", &listed(tally.rules()));
    if tally.promises().next().is_some() {
        line(&mut text, "promises", &listed(tally.promises()));
    }
    text
}

/// `10,000 cases of seed 1`
fn of(plan: &Plan) -> String {
    let from = match plan.from {
        0 => String::new(),
        from => format!(" from case {} on", grouped(from)),
    };
    let shard = match plan.shard {
        Shard::WHOLE => String::new(),
        shard => format!(", shard {shard}"),
    };
    format!("{} cases of seed {}{from}{shard}", grouped(plan.cases), plan.seed)
}

fn line(text: &mut Styled, name: &str, told: &str) {
    text.push(PLAIN, wrapped(&format!("  {name:<10}  "), told));
    text.push(PLAIN, "\n");
}

fn listed(counts: impl Iterator<Item = (impl Display, u64)>) -> String {
    counts.map(|(name, count)| format!("{name} {}", grouped(count))).collect::<Vec<_>>().join(", ")
}

/// A difference: the case, how it differs, and the file that shows it.
#[must_use]
pub fn difference<D: Draft>(plan: &Plan, different: &Different<D>, saved: Option<&str>) -> Styled {
    let mut text = Styled::new();
    let number = different.case.number;
    let random = match different.case.origin {
        Origin::SmallScope => String::new(),
        Origin::Random(random) => format!(" (random {random} of seed {})", plan.seed),
    };
    text.push(WRONG, "DIFFERENT");
    text.push(PLAIN, format!("  case {number}{random}\n"));
    line(&mut text, "", &different.difference.to_string());
    if let Some((draft, how)) = &different.small {
        line(&mut text, "as small", &how.to_string());
        if let Some(saved) = saved {
            line(&mut text, "saved", saved);
        }
        for written in draft.toml().lines() {
            text.push(PLAIN, format!("    {written}\n"));
        }
    }
    text
}

/// What too few cases exercised, if anything.
#[must_use]
pub fn shortages<D: Draft>(outcome: &Outcome<D>) -> Styled {
    let mut text = Styled::new();
    for shortage in &outcome.shortages {
        text.push(WRONG, "TOO FEW");
        let (name, cases) = (&shortage.name, shortage.cases);
        let floor = outcome.floor;
        text.push(
            PLAIN,
            format!("    {name} took part in {cases} compared cases, not in {floor}\n"),
        );
    }
    text
}

/// The last line.
#[must_use]
pub fn summary<D: Draft>(outcome: &Outcome<D>) -> String {
    let Tally { same, too_large, refused, different, .. } = outcome.tally;
    let shortages = match outcome.shortages.len() {
        0 => String::new(),
        1 => ", 1 thing exercised too rarely".to_owned(),
        several => format!(", {several} things exercised too rarely"),
    };
    format!(
        "{} cases: {} the same reduced and unreduced, {} different, {} too large, {} refused{shortages}",
        grouped(outcome.tally.cases()),
        grouped(same),
        grouped(different),
        grouped(too_large),
        grouped(refused)
    )
}

/// The same as text in the colour that it deserves.
#[must_use]
pub fn summary_line<D: Draft>(outcome: &Outcome<D>) -> Styled {
    let mut text = Styled::new();
    text.push(if outcome.is_as_expected() { GOOD } else { WRONG }, summary(outcome));
    text.push(PLAIN, "\n");
    text
}
