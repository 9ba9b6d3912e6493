//! `wattle meter profiles`: the devices that are known.

use serde::Serialize;

use super::known::ProfilesOptions;
use crate::Verdict;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Serialize)]
struct Answer<'a> {
    profiles: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    maker: &'a str,
    model: &'a str,
    kind: &'a str,
    protocol: &'a str,
    source: &'a str,
}

pub fn list(options: &ProfilesOptions, output: Output) -> Result<Verdict, Failure> {
    let known = options.load()?;
    let profiles = known.catalogue().iter().map(|profile| line(profile)).collect();
    output.say(&Answer { profiles }, text)?;
    Ok(Verdict::Yes)
}

fn line(profile: &metering::Profile) -> Line<'_> {
    Line {
        name: &profile.name,
        maker: &profile.maker,
        model: &profile.model,
        kind: profile.kind.word(),
        protocol: profile.protocol.word(),
        source: &profile.source,
    }
}

fn text(answer: &Answer<'_>) -> String {
    let widest = answer.profiles.iter().map(|profile| profile.name.len()).max().unwrap_or(0);
    let line = |profile: &Line<'_>| {
        let Line { name, maker, model, kind, protocol, .. } = profile;
        format!("{name:widest$}  {kind:<7}  {protocol:<7}  {maker} {model}")
    };
    answer.profiles.iter().map(line).collect::<Vec<_>>().join("\n")
}
