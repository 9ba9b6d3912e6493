//! Why a command failed: a code for programs, a sentence and advice for people, an exit status.

use std::process::ExitCode;

use serde::Serialize;

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    /// What happened and what it means.
    pub message: String,
    /// What to do.
    pub hint: String,
    pub status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// What was asked is not so: a meter is silent, a proof fails.
    No = 1,
    /// Wrong usage, or an input file that cannot be used.
    Unusable = 2,
}

impl Failure {
    /// Makes one for a command line that cannot be followed.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: "usage".into(), message: message.into(), hint: hint.into(), status: Status::Unusable }
    }

    /// Makes one for what this machine refused, such as writing to standard output.
    pub fn system(message: impl Into<String>) -> Self {
        Self { code: "system".into(), message: message.into(), hint: String::new(), status: Status::No }
    }

    /// Makes one for what the exchange refused.
    pub fn refused(code: &str, detail: &str) -> Self {
        Self {
            code: code.into(),
            message: format!("The exchange refused it: {detail}"),
            hint: String::new(),
            status: Status::No,
        }
    }

    /// Prints it to standard error, as the last line of it, and returns the exit status.
    pub fn report(&self, json: bool) -> ExitCode {
        if json {
            #[derive(Serialize)]
            struct Line<'a> {
                error: Told<'a>,
            }
            #[derive(Serialize)]
            struct Told<'a> {
                code: &'a str,
                message: &'a str,
                hint: &'a str,
            }
            let error = Told { code: &self.code, message: &self.message, hint: &self.hint };
            eprintln!("{}", serde_json::to_string(&Line { error }).expect("three strings are JSON"));
        } else {
            eprintln!("{}", format!("{} {}", self.message, self.hint).trim_end());
        }
        ExitCode::from(self.status as u8)
    }
}

impl From<drivers::ReadError> for Failure {
    fn from(error: drivers::ReadError) -> Self {
        let (message, hint) = (error.message(), error.hint());
        Self { code: error.code().word().into(), message, hint, status: Status::No }
    }
}

impl From<drivers::InvalidEndpoint> for Failure {
    fn from(error: drivers::InvalidEndpoint) -> Self {
        Self::usage(format!("{error}."), "See `wattle meter read --help`.")
    }
}
