//! Standard output: text for people, or a JSON object a line.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints an answer: the object as a line of JSON, or its text.
    pub fn say<T: Serialize>(self, object: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let line = if self.json {
            serde_json::to_string(object).map_err(|error| Failure::system(error.to_string()))?
        } else {
            text(object)
        };
        print(&line)
    }

    /// Prints an answer that is JSON for people too.
    pub fn json<T: Serialize>(self, object: &T) -> Result<(), Failure> {
        Self { json: true }.say(object, |_| String::new())
    }
}

/// Prints a line at once, since others read along.
fn print(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        // Whoever read has read enough, as in `wattle ... | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::system(format!("Standard output cannot be written: {error}."))),
        Ok(()) => Ok(()),
    }
}
