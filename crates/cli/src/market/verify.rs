//! `wattle market verify`: whether a clearing is right, and if not, which rule it breaks where.

use std::path::Path;

use market::{Book, Clearing, Rule, Unverified, Violation};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::{Verdict, input};

#[derive(Serialize)]
struct Answer {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

pub fn verify(book: &Path, clearing: &Path, output: Output) -> Result<Verdict, Failure> {
    let book = input::json::<Book>(book)?;
    let clearing = input::json::<Clearing>(clearing)?;
    match market::verify(&book.content, &clearing.content) {
        Ok(()) => {
            let answer = Answer { ok: true, rule: None, place: None };
            output.say(&answer, |_| "The clearing is right.".to_owned())?;
            Ok(Verdict::Yes)
        }
        Err(Unverified::Violation(violation)) => {
            let text = format!("The clearing is wrong: {violation}.");
            let Violation { rule, place } = violation;
            output.say(&Answer { ok: false, rule: Some(rule), place: Some(place) }, |_| text)?;
            Ok(Verdict::No)
        }
        Err(Unverified::Book(fault)) => Err(book.refuse(fault)),
    }
}
