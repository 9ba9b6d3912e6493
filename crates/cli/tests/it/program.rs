//! Runs the program and reads what it says.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run of the program said.
pub struct Said {
    pub status: i32,
    pub lines: Vec<Value>,
    pub error: String,
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattle"));
    command.args(arguments).stdin(Stdio::null());
    // No test may find, or leave, a key in the keyring of whoever runs it.
    for bus in ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "CREDENTIALS_DIRECTORY"] {
        command.env_remove(bus);
    }
    command
}

/// Runs it to its end; its output must be JSON lines.
pub fn run(arguments: &[&str]) -> Said {
    said(&command(arguments).output().unwrap())
}

pub fn said(output: &Output) -> Said {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")));
    Said {
        status: output.status.code().expect("the program ended by itself"),
        lines: lines.collect(),
        error: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

impl Said {
    /// Returns the error of the last line of standard error.
    pub fn told_error(&self) -> Value {
        let line = self.error.lines().last().unwrap_or_default();
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"))["error"].clone()
    }

    pub fn events(&self, name: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["event"] == name).collect()
    }
}
