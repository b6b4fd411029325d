//! A protocol's scenario files from the command line: checked, replayed, browsed.

use std::env;
use std::error::Error;
use std::fs;

use ::stateright::Model;
use serde::de::DeserializeOwned;

use super::World;
use super::explorer::ExploredWorld;
use super::property::Property;
use super::protocol::Protocol;
use super::report::report;
use super::scenario_file::ScenarioFile;
use super::words::Words;

/// Where Stateright Explorer listens.
const EXPLORER: &str = "127.0.0.1:3000";

/// Does what the arguments of this process say: `[--explore] [FILE.toml]`. Checks the scenario and tells
/// what came out, with the steps of each run that it found, each replayed; with `--explore`, serves Stateright
/// Explorer instead. Without a file, `default` is read.
///
/// # Errors
/// When the file cannot be read or is no such scenario, a run cannot be replayed, or something came out that the
/// scenario does not expect.
pub fn command_line<
    T: DeserializeOwned + Clone,
    S: DeserializeOwned + Clone,
    P: Protocol + Words<P>,
>(
    default: &str,
    of: impl Fn(ScenarioFile<T, S>) -> P,
    properties: impl IntoIterator<Item = Property<P>>,
) -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let explores = arguments.iter().position(|argument| argument == "--explore");
    explores.map(|at| arguments.remove(at));
    let file = arguments.first().map_or(default, String::as_str);
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let scenario: ScenarioFile<T, S> = ScenarioFile::parse(file, &text)?;
    let (world, words) = (World::new(of(scenario.clone())), of(scenario.clone()));
    let properties = scenario.judged(properties)?;
    if explores.is_some() {
        println!("http://{EXPLORER}/");
        let explored = ExploredWorld::new(scenario.title, world, words, properties);
        explored.checker().serve(EXPLORER);
        return Ok(());
    }
    let checked = report(&scenario, &world, &words, properties.clone());
    println!("{}", checked.text);
    for run in checked.runs {
        let is_shown = |property: &&Property<P>| property.name == run.property;
        let property = properties.iter().find(is_shown).expect("a run is of a property");
        run.replay(&world, &words, property.clone()).1?;
    }
    if !checked.is_as_expected {
        return Err(format!("{file}: not all as it expects").into());
    }
    Ok(())
}
