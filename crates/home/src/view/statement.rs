//! The statement of a month as the window shows it, and its verification step by step.

use ::statement::{Dialect, Line, LineKind, MeterBorder, Report};
use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Instant, Whole};
use crate::house::Home;
use crate::statement::{self, summary};
use crate::view::frame::Refusal;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct StatementView {
    /// `2026-06`.
    pub month: String,
    /// Missing until one was made.
    pub issued: Option<IssuedView>,
}

/// A statement that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct IssuedView {
    pub number: String,
    pub made_at: Instant,
    /// The month was over when it was made; before, it holds what was settled until then.
    pub whole_month: bool,
    /// Quarter hours of the month, those settled, and on whose readings.
    pub slots: Whole,
    pub settled: Whole,
    pub measured_by_member: Whole,
    pub measured_by_utility: Whole,
    pub unmeasured: Whole,
    pub opening: Option<BorderView>,
    pub closing: Option<BorderView>,
    pub lines: Vec<LineView>,
    pub total: LineView,
    /// Against the utility alone; positive is better.
    pub gain_cents: Whole,
    /// The number of the statement before.
    pub previous: Option<String>,
    /// Quarter hours of earlier statements that this one corrects.
    pub corrections: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct BorderView {
    pub at: Instant,
    pub import_wh: Whole,
    pub export_wh: Whole,
}

/// A line, in cents that add up. Positive means that the owner receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LineView {
    pub kind: LineKindView,
    /// The deal, or the number of the statement that is corrected.
    pub reference: Option<String>,
    pub energy_wh: Option<Whole>,
    pub average_micros_per_kwh: Option<Whole>,
    pub net_cents: Whole,
    pub tax_cents: Whole,
    pub gross_cents: Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum LineKindView {
    Sold,
    SoldByDeal,
    Bought,
    BoughtByDeal,
    OperatorFee,
    GridFee,
    FromUtility,
    ToUtility,
    CreditNote,
    DebitNote,
    Total,
}

/// What verification found, in the order of its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct VerificationView {
    pub ok: bool,
    pub steps: Vec<VerificationStep>,
    pub first_failure: Option<String>,
    /// Shares of the measured quarter hours, 0 to 1: on whose word the readings rest.
    pub member_share: f64,
    pub utility_share: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct VerificationStep {
    /// `file`, `anchor`, `checkpoint` and so on; the UI has a sentence for each.
    pub name: String,
    pub ok: bool,
    /// What was found, as the verifier says it.
    pub detail: String,
}

/// In which language a statement is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum LanguageView {
    En,
    De,
}

impl Home {
    /// Returns the newest statement of a month, `2026-06`, if one was made.
    pub fn statement(&self, month: &str) -> Result<StatementView, Refusal> {
        let house = self.house()?;
        let issued = statement::issued(house, month)?.map(|row| issued(&row)).transpose()?;
        Ok(StatementView { month: month.to_owned(), issued })
    }

    /// Verifies the newest statement of a month and says what each step found.
    pub fn verification(&self, month: &str) -> Result<VerificationView, Refusal> {
        self.verify_statement(month).map(VerificationView::from)
    }
}

fn issued(row: &history::StatementRow) -> Result<IssuedView, Refusal> {
    let paper = summary(row)?;
    let (header, quality) = (&paper.header, &paper.quality);
    let month_end = header.period.slots().ok().map(|slots| slots.end.start());
    Ok(IssuedView {
        number: row.number.clone(),
        made_at: row.made_at.into(),
        whole_month: month_end.is_some_and(|end| row.made_at >= end),
        slots: count(quality.slots),
        settled: count(quality.settled),
        measured_by_member: count(quality.measured_by_member),
        measured_by_utility: count(quality.measured_by_utility),
        unmeasured: count(quality.unmeasured),
        opening: paper.meter.opening.map(BorderView::from),
        closing: paper.meter.closing.map(BorderView::from),
        lines: paper.lines.iter().map(LineView::from).collect(),
        total: LineView::from(&paper.total),
        gain_cents: Whole::new(paper.comparison.gain_cents),
        previous: header.previous.as_ref().map(|previous| previous.number.clone()),
        corrections: Whole::new(header.corrections.len() as i64),
    })
}

fn count(count: u32) -> Whole {
    Whole::new(count.into())
}

impl From<MeterBorder> for BorderView {
    fn from(border: MeterBorder) -> Self {
        Self {
            at: border.at.into(),
            import_wh: Whole::new(border.import_wh.get()),
            export_wh: Whole::new(border.export_wh.get()),
        }
    }
}

impl From<&Line> for LineView {
    fn from(line: &Line) -> Self {
        Self {
            kind: line.kind.into(),
            reference: line.reference.clone(),
            energy_wh: line.energy_wh.map(|energy| Whole::new(energy.get())),
            average_micros_per_kwh: line
                .average_micros_per_kwh
                .map(|price| Whole::new(price.micros_per_kwh())),
            net_cents: Whole::new(line.cents.net),
            tax_cents: Whole::new(line.cents.tax),
            gross_cents: Whole::new(line.cents.gross),
        }
    }
}

impl From<LineKind> for LineKindView {
    fn from(kind: LineKind) -> Self {
        match kind {
            LineKind::Sold => Self::Sold,
            LineKind::SoldByDeal => Self::SoldByDeal,
            LineKind::Bought => Self::Bought,
            LineKind::BoughtByDeal => Self::BoughtByDeal,
            LineKind::OperatorFee => Self::OperatorFee,
            LineKind::GridFee => Self::GridFee,
            LineKind::FromUtility => Self::FromUtility,
            LineKind::ToUtility => Self::ToUtility,
            LineKind::CreditNote => Self::CreditNote,
            LineKind::DebitNote => Self::DebitNote,
            LineKind::Total => Self::Total,
        }
    }
}

impl From<Report> for VerificationView {
    fn from(report: Report) -> Self {
        let step = |step: ::statement::StepReport| VerificationStep {
            name: step.name.to_owned(),
            ok: step.ok,
            detail: step.detail,
        };
        Self {
            ok: report.ok,
            first_failure: report.first_failure,
            member_share: report.share_by_source.member,
            utility_share: report.share_by_source.utility,
            steps: report.steps.into_iter().map(step).collect(),
        }
    }
}

impl From<LanguageView> for Dialect {
    fn from(language: LanguageView) -> Self {
        match language {
            LanguageView::En => Self::En,
            LanguageView::De => Self::De,
        }
    }
}
