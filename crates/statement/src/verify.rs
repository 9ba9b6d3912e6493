//! Recomputes a statement with no server, from its own entries and a key from outside.

use serde::Serialize;

use crate::account::Account;
use crate::anchor::{Anchor, log_origin};
use crate::book::Book;
use crate::fault::{Fault, Step, ensure};
use crate::paper::{Cents, Line, Paper, Quality, Statement};

/// What verification found, in the shape that `wattle verify --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Whether every step holds, the anchor among them.
    pub ok: bool,
    /// The log's key that was given; missing where none was.
    pub anchor: Option<String>,
    pub steps: Vec<StepReport>,
    /// The first step that failed; `unanchored` where the only fault is that no key was given.
    pub first_failure: Option<String>,
    pub share_by_source: ShareBySource,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

/// Which part of the measured quarter hours rests on whose readings. A proof shows that what was declared
/// was not altered, not that it is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ShareBySource {
    pub member: f64,
    pub utility: f64,
}

/// Verifies a file. Without an anchor the answer is no, however well the rest holds.
pub fn verify(file: &[u8], anchor: Option<&Anchor>) -> Report {
    let statement = match Statement::from_bytes(file) {
        Ok(statement) => statement,
        Err(unreadable) => {
            let detail = with_causes(&unreadable);
            return Findings::stopped(Fault::new(Step::File, detail), anchor.is_some())
                .report(None, Quality::default());
        }
    };
    let mut findings = Findings { anchor_given: anchor.is_some(), ..Findings::default() };
    findings.take(Step::File, statement.paper.header.check().map(|()| "one canonical statement".to_owned()));
    let named = findings.check_anchor(&statement, anchor);
    findings.check_evidence(&statement);
    let quality = statement.paper.quality;
    findings.report(named, quality)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The outcome of each step so far.
#[derive(Debug, Default)]
struct Findings {
    steps: Vec<(Step, Result<String, String>)>,
    anchor_given: bool,
}

impl Findings {
    fn stopped(fault: Fault, anchor_given: bool) -> Self {
        Self { steps: vec![(fault.step, Err(fault.detail))], anchor_given }
    }

    /// Notes a step's outcome; a fault that belongs to another step is noted there.
    fn take(&mut self, step: Step, outcome: Result<String, Fault>) {
        match outcome {
            Ok(detail) => {
                if !self.steps.iter().any(|(known, _)| *known == step) {
                    self.steps.push((step, Ok(detail)));
                }
            }
            Err(fault) => {
                self.steps.retain(|(known, outcome)| *known != fault.step || outcome.is_err());
                self.steps.push((fault.step, Err(fault.detail)));
            }
        }
    }

    /// Checks the head with the key from outside, or, to say what else holds, with the one that the file names.
    fn check_anchor(&mut self, statement: &Statement, anchor: Option<&Anchor>) -> Option<String> {
        let market = &statement.paper.header.market;
        let evidence = &statement.evidence;
        let Some(anchor) = anchor else {
            let detail = "no key of the log was given; take it from the invitation: --log-key KEY";
            self.take(Step::Anchor, Err(Fault::new(Step::Anchor, detail)));
            match evidence.log_key.parse::<ledger::LogKey>() {
                Ok(claimed) if claimed.origin() == log_origin(market) => {
                    let outcome = evidence.check_checkpoint(claimed);
                    self.take(
                        Step::Checkpoint,
                        outcome.map(|()| "signed by the key that the file itself names".to_owned()),
                    )
                }
                Ok(_) | Err(_) => {
                    let detail = "the file names no key of its market's log";
                    self.take(Step::Checkpoint, Err(Fault::new(Step::Checkpoint, detail)))
                }
            };
            return None;
        };
        let Some(log) = anchor.log_key(market) else {
            let detail = format!("the key given is of another log than that of market {market}");
            self.take(Step::Anchor, Err(Fault::new(Step::Anchor, detail)));
            return None;
        };
        let named = log.to_string();
        self.take(Step::Anchor, Ok(format!("the key of {}", log.origin())));
        let head = evidence.checkpoint.claimed();
        let signed = format!("signed at {} entries", head.size);
        self.take(Step::Checkpoint, evidence.check_checkpoint(log).map(|()| signed));
        Some(named)
    }

    fn check_evidence(&mut self, statement: &Statement) {
        let (header, evidence) = (&statement.paper.header, &statement.evidence);
        let opened = format!("{} opened entries are in the log", evidence.entries.len());
        self.take(Step::Entries, evidence.check_entries().map(|()| opened));
        let book = match Book::of(header, &evidence.entries) {
            Ok(book) => book,
            Err(fault) => return self.take(fault.step, Err(fault)),
        };
        let signed = "orders, deals, readings and contracts are signed".to_owned();
        self.take(Step::Signatures, evidence.check_signatures(&book).map(|()| signed));
        let account = match Account::new(header, &book) {
            Ok(account) => account,
            Err(fault) => return self.take(fault.step, Err(fault)),
        };
        self.check_slots(&account);
        self.check_paper(&account, &statement.paper);
    }

    fn check_slots(&mut self, account: &Account<'_>) {
        let each = |check: fn(&crate::slot::SettledSlot<'_>) -> Result<(), Fault>, said: &str| {
            account
                .settled
                .values()
                .try_for_each(check)
                .map(|()| format!("{} slots: {said}", account.settled.len()))
        };
        self.take(
            Step::Configuration,
            each(|slot| slot.check_configuration(), "configuration, area and contract"),
        );
        let readings = each(|slot| slot.check_readings(), "settled as read");
        self.take(Step::Readings, readings.and_then(|said| account.check_registers().map(|()| said)));
        self.take(Step::Trades, each(|slot| slot.check_trades(), "fills follow from orders and price"));
        self.take(Step::Postings, each(|slot| slot.check_postings(), "amounts follow"));
        let corrections = account.check_corrections();
        self.take(Step::Corrections, corrections.map(|()| "every correction cites its original".to_owned()));
    }

    fn check_paper(&mut self, account: &Account<'_>, paper: &Paper) {
        let computed = match account.paper() {
            Ok(computed) => computed,
            Err(fault) => return self.take(fault.step, Err(fault)),
        };
        self.take(
            Step::Lines,
            check_lines(&computed, paper).map(|()| format!("{} lines follow", paper.lines.len())),
        );
        self.take(
            Step::Rounding,
            check_rounding(&computed, paper).map(|()| "cents add up to the total".to_owned()),
        );
        let same = ensure(computed.comparison == paper.comparison, Step::Comparison, || {
            "the comparison with the utility alone does not follow".to_owned()
        });
        self.take(Step::Comparison, same.map(|()| "it follows".to_owned()));
    }

    /// Lists all steps in their order; what could not be checked any more counts as failed.
    fn report(self, anchor: Option<String>, quality: Quality) -> Report {
        let outcome = |step: Step| {
            let known =
                self.steps.iter().find(|(known, _)| *known == step).map(|(_, outcome)| outcome.clone());
            known.unwrap_or_else(|| Err("not reached".to_owned()))
        };
        let steps: Vec<StepReport> = Step::ALL
            .into_iter()
            .map(|step| match outcome(step) {
                Ok(detail) => StepReport { name: step.as_str(), ok: true, detail },
                Err(detail) => StepReport { name: step.as_str(), ok: false, detail },
            })
            .collect();
        let failed: Vec<&str> = steps.iter().filter(|step| !step.ok).map(|step| step.name).collect();
        let first_failure = match failed.as_slice() {
            [] => None,
            ["anchor"] if !self.anchor_given => Some("unanchored".to_owned()),
            // A fault is worth more than a missing anchor.
            ["anchor", second, ..] if !self.anchor_given => Some((*second).to_owned()),
            [first, ..] => Some((*first).to_owned()),
        };
        let measured = f64::from(quality.measured_by_member) + f64::from(quality.measured_by_utility);
        let share = |slots: u32| if measured > 0.0 { f64::from(slots) / measured } else { 0.0 };
        Report {
            ok: failed.is_empty(),
            anchor,
            first_failure,
            share_by_source: ShareBySource {
                member: share(quality.measured_by_member),
                utility: share(quality.measured_by_utility),
            },
            steps,
        }
    }
}

fn check_lines(computed: &Paper, paper: &Paper) -> Result<(), Fault> {
    let line = |holds, detail: &str| ensure(holds, Step::Lines, || detail.to_owned());
    line(computed.meter == paper.meter, "the meter readings do not follow from the entries")?;
    line(computed.quality == paper.quality, "the counts of quality do not follow from the entries")?;
    line(computed.slots == paper.slots, "the rows of quarter hours do not follow from the entries")?;
    line(computed.lines.len() == paper.lines.len(), "there are other lines than follow from the entries")?;
    let exact = |line: &Line| Line { cents: Cents::default(), ..line.clone() };
    let all = computed.lines.iter().zip(&paper.lines).chain([(&computed.total, &paper.total)]);
    for (computed, stated) in all {
        ensure(exact(computed) == exact(stated), Step::Lines, || {
            format!(
                "{:?} is {} nanos and follows as {}",
                stated.kind,
                stated.gross_nanos.nanos(),
                computed.gross_nanos.nanos()
            )
        })?;
    }
    Ok(())
}

fn check_rounding(computed: &Paper, paper: &Paper) -> Result<(), Fault> {
    let cents = |paper: &Paper| -> Vec<Cents> { paper.lines.iter().map(|line| line.cents).collect() };
    let same = cents(computed) == cents(paper) && computed.total.cents == paper.total.cents;
    ensure(same, Step::Rounding, || "cents are not the exact amounts rounded by largest remainder".to_owned())
}
