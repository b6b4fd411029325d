//! What may stand together in a step, and in the steps of one script.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use toml::Spanned;

use super::quoted;
use super::raw::RawStep;
use crate::scenario::file::{RawScenario, Reader, ScenarioError};

/// What may stand beside a verb.
fn companions_of(verb: &str) -> &'static [&'static str] {
    match verb {
        "put" => &["value", "client", "via", "context", "w", "sloppy", "only", "deliver", "expect"],
        "delete" => &["client", "via", "context", "w", "sloppy", "only", "deliver", "expect"],
        "get" => &["client", "via", "r", "only", "deliver", "expect"],
        "timeout" => &["only", "deliver", "expect"],
        _ => &[],
    }
}

impl Reader<'_> {
    /// Refuses what says the same as a script would, or takes its place.
    pub(in crate::scenario::file) fn refuse_beside_steps(
        &self,
        raw: &RawScenario,
    ) -> Result<(), ScenarioError> {
        let client = raw.clients.first().map(Spanned::span);
        let present = [
            ("client", client, "each step says whose request it is"),
            (
                "turn-length",
                raw.turn_length.as_ref().map(Spanned::span),
                "steps happen in their order",
            ),
            ("faults", raw.faults.as_ref().map(Spanned::span), "a script says what goes wrong"),
            ("faulty", raw.faulty.as_ref().map(Spanned::span), "a script says what goes wrong"),
            (
                "partition",
                raw.partition.as_ref().map(Spanned::span),
                "say it in a step: partition = [...]",
            ),
            (
                "show",
                raw.show.keys().next().map(Spanned::span),
                "a script says itself what happens in its run",
            ),
            ("heals", raw.heals.as_ref().map(Spanned::span), "say it in a step: heal = true"),
            (
                "down-returns",
                raw.down_returns.as_ref().map(Spanned::span),
                "say it in a step: recover = \"...\"",
            ),
        ];
        for (field, at, instead) in present {
            if let Some(at) = at {
                let problem = format!("{field}: cannot stand in a file with steps; {instead}");
                return Err(self.error(at, problem));
            }
        }
        Ok(())
    }

    /// Exactly one verb, and beside it only what belongs to it.
    pub(super) fn check_shape(&self, step: &Spanned<RawStep>) -> Result<(), ScenarioError> {
        let (at, step) = (step.span(), step.get_ref());
        let verbs = step.verbs();
        let is_answer = step.expect_answer.is_some();
        let present = verbs.iter().filter(|(_, is_present)| *is_present).map(|(name, _)| *name);
        let present: Vec<&str> = present.chain(is_answer.then_some("expect-answer")).collect();
        let [verb] = present[..] else {
            let known = verbs.iter().map(|(name, _)| *name).chain(["expect-answer"]);
            let found = if present.is_empty() { "none".to_owned() } else { quoted(present.iter()) };
            let problem =
                format!("step: a step is exactly one of {}; found {found}", quoted(known));
            return Err(self.error(at, problem));
        };
        let finds = ("finds", step.finds.as_ref().map(Spanned::span));
        for (name, span) in step.companions().into_iter().chain([finds]) {
            let belongs = companions_of(verb).contains(&name) || (verb, name) == ("get", "finds");
            if let Some(span) = span.filter(|_| !belongs) {
                let may = companions_of(verb);
                let may = match (verb, may.is_empty()) {
                    (_, true) => "nothing beside it".to_owned(),
                    ("get", _) => format!("{}, `finds`", quoted(may.iter())),
                    _ => quoted(may.iter()),
                };
                let problem =
                    format!("step.{name}: does not belong to `{verb}`, which takes {may}");
                return Err(self.error(span, problem));
            }
        }
        for (name, flag) in [("heal", &step.heal), ("settle", &step.settle)] {
            if let Some(flag) = flag.as_ref().filter(|flag| !*flag.get_ref()) {
                let problem = format!("step.{name}: write `{name} = true`, or leave the step out");
                return Err(self.error(flag.span(), problem));
            }
        }
        Ok(())
    }

    /// Every value names one write: refused at the step that writes it again.
    pub(super) fn check_values(&self, raw: &[Spanned<RawStep>]) -> Result<(), ScenarioError> {
        let mut written = BTreeSet::new();
        for value in raw.iter().filter_map(|step| step.get_ref().value.as_ref()) {
            if !value.get_ref().is_empty() && !written.insert(value.get_ref()) {
                let problem = format!(
                    "step.value: `{}` is written twice; every value must name one write (leave \
                     `value` out to have it named)",
                    value.get_ref()
                );
                return Err(self.error(value.span(), problem));
            }
        }
        Ok(())
    }
}
