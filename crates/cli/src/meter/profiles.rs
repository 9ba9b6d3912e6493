//! `wattle meter profiles`: the devices that are known.

use serde::Serialize;

use crate::Verdict;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Serialize)]
struct Answer {
    profiles: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    maker: &'static str,
    model: &'static str,
    kind: &'static str,
    protocol: &'static str,
    source: &'static str,
}

pub fn list(output: Output) -> Result<Verdict, Failure> {
    let line = |profile: &'static metering::Profile| Line {
        name: &profile.name,
        maker: &profile.maker,
        model: &profile.model,
        kind: profile.kind.word(),
        protocol: profile.protocol.word(),
        source: &profile.source,
    };
    output.say(&Answer { profiles: metering::profiles().iter().map(line).collect() }, text)?;
    Ok(Verdict::Yes)
}

fn text(answer: &Answer) -> String {
    let widest = answer.profiles.iter().map(|profile| profile.name.len()).max().unwrap_or(0);
    let line = |profile: &Line| {
        let Line { name, maker, model, kind, protocol, .. } = profile;
        format!("{name:widest$}  {kind:<7}  {protocol:<7}  {maker} {model}")
    };
    answer.profiles.iter().map(line).collect::<Vec<_>>().join("\n")
}
