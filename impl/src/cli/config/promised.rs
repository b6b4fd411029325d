//! What the model promises of a cluster that is set like this, and which scenario shows what it does not.

use std::fmt::{self, Display};

use quorate_leader::config::Reads;
use quorate_leader_model::counterexample as counterexample_with_leader;
use quorate_leader_model::promises::{Judged, Promiser};
use quorate_leader_model::property;
use quorate_model::check::PropertySpec;
use quorate_model::check::property::{ALL, Circumstances, Promise};
use quorate_model::cluster::ClusterConfig;
use quorate_model::scenario::counterexample;
use serde::Serialize;

/// A property that can be promised, and how far a cluster does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Promised {
    property: &'static str,
    statement: &'static str,
    promised: bool,
    /// How many of the nodes that may hold a key, or all nodes where there is a leader, may lose their disks; absent where any
    /// may, or it is not promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_disks: Option<usize>,
    /// Whether it is promised only of keys of which no retry was taken for another write.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unless_minted_twice: bool,
    /// A built-in scenario in which a cluster that is set alike violates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    counterexample: Option<&'static str>,
}

/// What is promised by a cluster, and what is not, of all that is judged on traces.
pub(super) fn promises(cluster: &ClusterConfig) -> Vec<Promised> {
    ALL.iter().filter_map(|property| of(property, cluster)).collect()
}

fn of(property: &PropertySpec, cluster: &ClusterConfig) -> Option<Promised> {
    let promise = property.promise(cluster)?;
    let is_promised = promise != Promise::Not;
    let twice = Circumstances { is_minted_twice: true, ..Circumstances::of(cluster) };
    let shown = || counterexample(property, cluster).map(|builtin| builtin.name);
    Some(Promised {
        property: property.name,
        statement: property.statement,
        promised: is_promised,
        lost_disks: lost_disks(promise),
        unless_minted_twice: is_promised && property.is_promised(cluster, &twice) == Some(false),
        counterexample: if is_promised { None } else { shown() },
    })
}

fn lost_disks(promise: Promise) -> Option<usize> {
    match promise {
        Promise::UpTo(lost) => Some(lost),
        Promise::Not | Promise::Always => None,
    }
}

/// What is promised by a cluster with a leader, and what is not, to clients that read like this.
pub(super) fn promises_with_leader(promiser: &Promiser, reads: Reads) -> Vec<Promised> {
    let known = property::all();
    let of = |judged: Judged| {
        let property = known.iter().find(|property| property.name == judged.name());
        let property = property.expect("scenarios know what traces are judged by");
        let promise = promiser.promise(judged, reads);
        let is_promised = promise != Promise::Not;
        let shown =
            || counterexample_with_leader(judged, promiser, reads).map(|builtin| builtin.name);
        Promised {
            property: property.name,
            statement: property.statement,
            promised: is_promised,
            lost_disks: lost_disks(promise),
            unless_minted_twice: false,
            counterexample: if is_promised { None } else { shown() },
        }
    };
    Judged::ALL.map(of).into()
}

/// A heading and a line for each, those that are promised first.
pub(super) struct Listed<'a> {
    /// To whom it is promised.
    pub(super) to: &'static str,
    /// Whose disks count.
    pub(super) nodes: &'static str,
    pub(super) promises: &'a [Promised],
}

impl Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listed { to, nodes, promises } = self;
        let (promised, not): (Vec<_>, Vec<_>) = promises.iter().partition(|of| of.promised);
        let width = promises.iter().map(|of| of.property.len()).max().unwrap_or_default();
        if !promised.is_empty() {
            writeln!(f, "  promised {to}:")?;
        }
        for Promised { property, lost_disks, unless_minted_twice, .. } in promised {
            let lost = match lost_disks {
                None => "whatever disks are lost".to_string(),
                Some(0) => "while no disk is lost".to_string(),
                Some(1) => format!("even if one of {nodes} loses its disk"),
                Some(lost) => format!("even if {lost} of {nodes} lose their disks"),
            };
            let twice = match unless_minted_twice {
                true => ", and no retry is taken for another write",
                false => "",
            };
            writeln!(f, "    {property:width$}  {lost}{twice}")?;
        }
        if !not.is_empty() {
            writeln!(f, "  not promised:")?;
        }
        for Promised { property, counterexample, .. } in not {
            match counterexample {
                Some(name) => writeln!(f, "    {property:width$}  quorate check {name}")?,
                None => writeln!(f, "    {property}")?,
            }
        }
        Ok(())
    }
}
