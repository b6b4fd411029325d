//! Traces in memory, to be altered.

use std::path::PathBuf;

use quorate_model::refine::trace::{NodeStep, TraceLine};
use quorate_model::refine::{Refused, Report, parse, validate};

/// Traces by file, line by line.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Each file's name with its lines.
    pub files: Vec<(String, Vec<String>)>,
}

impl Recorded {
    /// Reads traces.
    ///
    /// # Panics
    /// When they cannot be read.
    #[must_use]
    pub fn read(paths: &[PathBuf]) -> Self {
        let file = |path: &PathBuf| {
            let name = path.file_name().expect("a file has a name").to_string_lossy();
            let text = std::fs::read_to_string(path).expect("a trace can be read");
            (name.into_owned(), text.lines().map(String::from).collect())
        };
        Recorded { files: paths.iter().map(file).collect() }
    }

    /// Validates them as they are now.
    ///
    /// # Errors
    /// When the model does not allow them.
    ///
    /// # Panics
    /// When they are no traces.
    pub fn validate(&self) -> Result<Report, Box<Refused>> {
        let parse = |(name, lines): &(String, Vec<String>)| {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            parse(name, &text).expect("it is a trace")
        };
        validate(self.files.iter().map(parse).collect())
    }

    /// The steps of all nodes, in the order of the files.
    ///
    /// # Panics
    /// When they are no traces.
    pub fn node_steps(&self) -> impl Iterator<Item = NodeStep> + '_ {
        let lines = self.files.iter().flat_map(|(_, lines)| lines);
        lines.filter_map(|text| {
            match serde_json::from_str(text).expect("it is a line of a trace") {
                TraceLine::Step(step) => Some(step),
                _ => None,
            }
        })
    }

    /// Alters the first line that `change` says it changed; gives its place.
    ///
    /// # Panics
    /// When no line is of the wanted kind.
    pub fn alter(&mut self, mut change: impl FnMut(&mut TraceLine) -> bool) -> String {
        for (name, lines) in &mut self.files {
            for (position, text) in lines.iter_mut().enumerate() {
                let mut line = serde_json::from_str(text).expect("it is a line of a trace");
                if change(&mut line) {
                    *text = serde_json::to_string(&line).expect("a line can be encoded");
                    return format!("{name}:{}", position + 1);
                }
            }
        }
        panic!("no line is of the wanted kind");
    }
}
