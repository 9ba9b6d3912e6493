//! The statement as a tagged PDF: bytes in, bytes out, equal bytes for equal statements.
//!
//! krilla validates one standard at a time, so the same pages are written twice: under PDF/UA-1, to prove
//! that everyone can read them, and under PDF/A-2a, which is what is handed out, since it is kept for years.

mod content;
mod layout;

use krilla::configure::{Configuration, Validator};
use krilla::destination::XyzDestination;
use krilla::geom::Point;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::{Document, SerializeSettings};

use crate::csv::Dialect;
use crate::fault::Fault;
use crate::paper::Statement;

/// Why a statement is not printed.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("the statement")]
    Statement(#[from] Fault),
    #[error("the page does not pass {standard}: {detail}")]
    Standard { standard: &'static str, detail: String },
}

/// Prints a statement in a language, as PDF/A-2a that also passes PDF/UA-1.
pub fn pdf(statement: &Statement, dialect: Dialect) -> Result<Vec<u8>, PdfError> {
    write(statement, dialect, Validator::UA1, "PDF/UA-1")?;
    write(statement, dialect, Validator::A2_A, "PDF/A-2a")
}

fn write(
    statement: &Statement,
    dialect: Dialect,
    validator: Validator,
    standard: &'static str,
) -> Result<Vec<u8>, PdfError> {
    let layout = content::lay_out(statement, dialect)?;
    let mut document = Document::new_with(SerializeSettings {
        configuration: Configuration::new_with_validator(validator),
        enable_tagging: true,
        ..SerializeSettings::default()
    });
    document.set_metadata(metadata(statement, dialect));
    document.set_outline(outline(&content::title(statement, dialect)));
    layout.draw(&mut document);
    document.finish().map_err(|cause| PdfError::Standard { standard, detail: format!("{cause:?}") })
}

fn outline(title: &str) -> Outline {
    let mut outline = Outline::new();
    outline.push_child(OutlineNode::new(title.to_owned(), XyzDestination::new(0, Point::from_xy(0.0, 0.0))));
    outline
}

/// Dates and ids come from the statement alone.
fn metadata(statement: &Statement, dialect: Dialect) -> Metadata {
    use chrono::{Datelike as _, Timelike as _};
    let header = &statement.paper.header;
    let issued = header.issued_at.to_chrono();
    let part = |value: u32| u8::try_from(value).unwrap_or_default();
    let date = DateTime::new(u16::try_from(issued.year()).unwrap_or_default())
        .month(part(issued.month()))
        .day(part(issued.day()))
        .hour(part(issued.hour()))
        .minute(part(issued.minute()))
        .second(part(issued.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let language = match dialect {
        Dialect::En => "en",
        Dialect::De => "de",
    };
    Metadata::new()
        .title(content::title(statement, dialect))
        .authors(vec![layout::printable(&header.operator.name)])
        .language(language.to_owned())
        .creator("Wattle".to_owned())
        .creation_date(date)
        .document_id(format!("{}/{}", header.market, header.number()))
}
