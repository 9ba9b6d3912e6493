//! What a run saw, and whether it is what was promised.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::run::Combination;

/// How values came back after one kind of fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Back {
    pub times: u64,
    /// Polls until one was good, at most.
    pub polls: u32,
    /// Time from the end of the fault until one was good, at most.
    pub took: Duration,
}

#[derive(Clone, Debug)]
pub struct Figures {
    pub combination: Combination,
    pub seed: u64,
    pub polls: u64,
    pub good: u64,
    /// Values that were checked one by one.
    pub values: u64,
    /// Values that were not the truth: each is a failure.
    pub wrong: Vec<String>,
    pub faults: BTreeMap<&'static str, u64>,
    pub back: BTreeMap<&'static str, Back>,
    /// How often each function code went over the wire, and how often the server's own log has it.
    pub functions: BTreeMap<u8, u64>,
    pub logged: BTreeMap<u8, u64>,
    /// What was asked for in frames of another kind than the line's.
    pub strays: BTreeMap<u8, u64>,
    /// Whether the line did something to the requests, so that the two may differ.
    pub lossy: bool,
}

/// What is promised after a fault: at most so many polls, or so much time.
enum Promise {
    Polls(u32),
    Time(Duration),
}

/// Returns what the fault's end is followed by.
fn promise(fault: &str) -> Promise {
    match fault {
        // A late answer, or one that never comes, is not mistaken for the next one's.
        "late" | "700 ms late" | "lost" => Promise::Time(Duration::from_secs(3)),
        // A server or gateway that restarted.
        "restart" | "restart of a gateway" | "power cut of a gateway" => {
            Promise::Time(Duration::from_secs(10))
        }
        // The adapter is missed, and found under its new name.
        "missed" => Promise::Time(Duration::from_secs(2)),
        "replugged" => Promise::Time(Duration::from_secs(5)),
        // A device that serves another program is asked again after 5 s, and less often later.
        "occupied" => Promise::Time(Duration::from_secs(7)),
        // Reads are cut in halves until the device takes them; on a slow line that outlasts one poll.
        "short reads" => Promise::Polls(2),
        // A busy device is left alone for up to 2 s and asked again.
        "exception 5" | "exception 6" => Promise::Time(Duration::from_secs(3)),
        _ => Promise::Polls(2),
    }
}

impl Figures {
    pub fn new(combination: Combination, seed: u64) -> Self {
        Self {
            combination,
            seed,
            polls: 0,
            good: 0,
            values: 0,
            wrong: Vec::new(),
            faults: BTreeMap::new(),
            back: BTreeMap::new(),
            functions: BTreeMap::new(),
            logged: BTreeMap::new(),
            strays: BTreeMap::new(),
            lossy: false,
        }
    }

    pub fn came_back(&mut self, after: &'static str, polls: u32, took: Duration) {
        let back = self.back.entry(after).or_default();
        *back = Back { times: back.times + 1, polls: back.polls.max(polls), took: back.took.max(took) };
    }

    /// Returns what is not as promised, one sentence each.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints: Vec<String> = self.wrong.iter().take(20).cloned().collect();
        for (after, back) in &self.back {
            match promise(after) {
                Promise::Polls(most) if back.polls > most => {
                    complaints.push(format!("after {after} it took {} polls, at most {most}", back.polls));
                }
                Promise::Time(most) if back.took > most => {
                    complaints.push(format!("after {after} it took {:?}, at most {most:?}", back.took));
                }
                Promise::Polls(_) | Promise::Time(_) => {}
            }
        }
        for code in self.functions.keys().chain(self.logged.keys()).chain(self.strays.keys()) {
            if !matches!(code, 3 | 4) {
                complaints.push(format!("function code {code} was sent"));
            }
        }
        if !self.lossy && self.functions != self.logged {
            complaints.push(format!("the wire saw {:?}, the server {:?}", self.functions, self.logged));
        }
        complaints
    }

    /// Returns everything as one line of JSON.
    pub fn line(&self) -> String {
        let back = self.back.iter().map(|(after, back)| {
            let figures =
                json!({ "times": back.times, "polls": back.polls, "ms": back.took.as_millis() as u64 });
            ((*after).to_owned(), figures)
        });
        json!({
            "server": self.combination.stack.to_string(),
            "line": self.combination.line(),
            "seed": self.seed,
            "polls": self.polls,
            "good": self.good,
            "values": self.values,
            "wrong": self.wrong.len(),
            "faults": self.faults,
            "back": serde_json::Map::from_iter(back),
            "functions": self.functions,
            "logged": self.logged,
            "strays": self.strays,
        })
        .to_string()
    }
}
