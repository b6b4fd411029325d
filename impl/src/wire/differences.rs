//! In what two configurations differ that should be the same.

use std::fmt;

use quorate_model::cluster::ClusterSpec;
use serde_json::Value;

/// A field that two configurations have different values of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Its name, with that of its section.
    pub field: String,
    /// What ours says, as JSON.
    pub ours: String,
    /// What theirs says, as JSON.
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { field, ours, theirs } = self;
        write!(f, "{field} is {ours} here and {theirs} there")
    }
}

/// In what two configurations differ, field by field. What each process may say for itself is in neither.
///
/// # Panics
/// Never: every specification can be encoded.
#[must_use]
pub fn differences(ours: &ClusterSpec, theirs: &ClusterSpec) -> Vec<Difference> {
    let json = |spec| serde_json::to_value(spec).expect("a cluster can always be encoded");
    let mut found = Vec::new();
    compare("", &json(ours), &json(theirs), &mut found);
    found
}

fn compare(field: &str, ours: &Value, theirs: &Value, found: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Value::Object(mine), Value::Object(other)) => {
            for (name, ours) in mine {
                let name = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                let last = name.rsplit('.').next().unwrap_or(&name);
                compare(&name, ours, other.get(last).unwrap_or(&Value::Null), found);
            }
        }
        (ours, theirs) if ours != theirs => found.push(Difference {
            field: field.to_string(),
            ours: ours.to_string(),
            theirs: theirs.to_string(),
        }),
        _ => {}
    }
}
