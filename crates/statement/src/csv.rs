//! The statement as a table that opens right in a spreadsheet.
//!
//! One table: the lines, their total, then the quarter hours, told apart by the first column. Times are
//! local with their offset, units stand in the head.

use chrono::SecondsFormat;
use units::{Money, Timestamp, Zone};

use crate::entry::Source;
use crate::fault::Fault;
use crate::paper::{Line, LineKind, SlotRow, Statement};

/// What a spreadsheet of a language expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Commas between, a point in decimals.
    En,
    /// Semicolons between, a comma in decimals, and a byte order mark, without which umlauts break.
    De,
}

const COLUMNS: usize = 14;

/// Writes the table in UTF-8.
///
/// # Errors
/// Fails where the statement's zone or month is none, so never on one that verifies.
pub fn csv(statement: &Statement, dialect: Dialect) -> Result<Vec<u8>, Fault> {
    let paper = &statement.paper;
    let header = &paper.header;
    let zone = header.period.zone()?;
    let month = header.period.slots()?;
    let (from, until) = (local(month.start.start(), zone), local(month.end.start(), zone));
    let mut table = Table { dialect, text: String::new() };
    if dialect == Dialect::De {
        table.text.push('\u{feff}');
    }
    table.row(&heads(dialect, header.currency.as_str()));
    let number = header.number();
    for line in paper.lines.iter().chain([&paper.total]) {
        table.row(&table.line(&number, line, &from, &until));
    }
    for row in &paper.slots {
        table.row(&table.slot(&number, row, zone));
    }
    Ok(table.text.into_bytes())
}

fn heads(dialect: Dialect, currency: &str) -> [String; COLUMNS] {
    let words = match dialect {
        Dialect::En => [
            "record",
            "statement",
            "item",
            "reference",
            "from",
            "until",
            "energy (kWh)",
            "price (#/kWh)",
            "net (#)",
            "tax (#)",
            "gross (#)",
            "import (kWh)",
            "export (kWh)",
            "reading by",
        ],
        Dialect::De => [
            "Satz",
            "Abrechnung",
            "Posten",
            "Bezug auf",
            "von",
            "bis",
            "Energie (kWh)",
            "Preis (#/kWh)",
            "netto (#)",
            "Steuer (#)",
            "brutto (#)",
            "Bezug (kWh)",
            "Einspeisung (kWh)",
            "abgelesen von",
        ],
    };
    words.map(|word| word.replace('#', currency))
}

impl LineKind {
    /// Returns the name of a line in a language.
    pub fn label(self, dialect: Dialect) -> &'static str {
        let (english, german) = match self {
            Self::Sold => ("Sold to neighbours", "An Nachbarn verkauft"),
            Self::SoldByDeal => ("Sold by direct deal", "Per Direktvertrag verkauft"),
            Self::Bought => ("Bought from neighbours", "Von Nachbarn gekauft"),
            Self::BoughtByDeal => ("Bought by direct deal", "Per Direktvertrag gekauft"),
            Self::OperatorFee => ("Operator's fee", "Betreibergebühr"),
            Self::GridFee => ("Grid fee", "Netzentgelt"),
            Self::FromUtility => ("From the utility", "Vom Versorger"),
            Self::ToUtility => ("To the utility", "An den Versorger"),
            Self::CreditNote => ("Credit note", "Gutschrift"),
            Self::DebitNote => ("Debit note", "Nachbelastung"),
            Self::Total => ("Total", "Summe"),
        };
        match dialect {
            Dialect::En => english,
            Dialect::De => german,
        }
    }
}

/// Writes a time of a zone with its offset.
pub(crate) fn local(time: Timestamp, zone: Zone) -> String {
    time.to_chrono().with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// Writes a number of so many decimals, with a point.
pub(crate) fn decimal(value: i64, decimals: u32) -> String {
    let unit = 10u64.pow(decimals);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    format!("{sign}{whole}.{part:0width$}", width = decimals as usize)
}

struct Table {
    dialect: Dialect,
    text: String,
}

impl Table {
    fn line(&self, number: &str, line: &Line, from: &str, until: &str) -> [String; COLUMNS] {
        let record = match (self.dialect, line.kind) {
            (Dialect::En, LineKind::Total) => "total",
            (Dialect::En, _) => "line",
            (Dialect::De, LineKind::Total) => "Summe",
            (Dialect::De, _) => "Zeile",
        };
        let cents = line.cents;
        [
            record.to_owned(),
            text(number),
            line.kind.label(self.dialect).to_owned(),
            text(line.reference.as_deref().unwrap_or_default()),
            from.to_owned(),
            until.to_owned(),
            line.energy_wh.map(|energy| self.number(energy.get(), 3)).unwrap_or_default(),
            line.average_micros_per_kwh
                .map(|price| self.number(price.micros_per_kwh(), 6))
                .unwrap_or_default(),
            self.number(cents.net, 2),
            self.number(cents.tax, 2),
            self.number(cents.gross, 2),
            String::new(),
            String::new(),
            String::new(),
        ]
    }

    /// A quarter hour's money is exact, since cents of so small amounts would not add up to the lines.
    fn slot(&self, number: &str, row: &SlotRow, zone: Zone) -> [String; COLUMNS] {
        let (record, sold, bought) = match self.dialect {
            Dialect::En => ("quarter hour", "sold", "bought"),
            Dialect::De => ("Viertelstunde", "verkauft", "gekauft"),
        };
        let (item, energy) = match (row.sold_wh.is_zero(), row.bought_wh.is_zero()) {
            (false, _) => (sold, Some(row.sold_wh)),
            (true, false) => (bought, Some(row.bought_wh)),
            (true, true) => ("", None),
        };
        let price = energy.and(row.price_micros_per_kwh);
        [
            record.to_owned(),
            text(number),
            item.to_owned(),
            text(row.area.as_str()),
            local(row.slot.start(), zone),
            local(row.slot.end(), zone),
            energy.map(|energy| self.number(energy.get(), 3)).unwrap_or_default(),
            price.map(|price| self.number(price.micros_per_kwh(), 6)).unwrap_or_default(),
            String::new(),
            String::new(),
            self.money(row.gross_nanos),
            self.number(row.import_wh.get(), 3),
            self.number(row.export_wh.get(), 3),
            self.source(row.source).to_owned(),
        ]
    }

    fn source(&self, source: Option<Source>) -> &'static str {
        match (self.dialect, source) {
            (Dialect::En, Some(Source::Member)) => "member",
            (Dialect::En, Some(Source::Utility)) => "utility",
            (Dialect::En, None) => "not measured",
            (Dialect::De, Some(Source::Member)) => "Mitglied",
            (Dialect::De, Some(Source::Utility)) => "Versorger",
            (Dialect::De, None) => "nicht gemessen",
        }
    }

    fn money(&self, amount: Money) -> String {
        self.number(amount.nanos(), 9)
    }

    fn number(&self, value: i64, decimals: u32) -> String {
        let number = decimal(value, decimals);
        match self.dialect {
            Dialect::En => number,
            Dialect::De => number.replace('.', ","),
        }
    }

    fn row(&mut self, cells: &[String; COLUMNS]) {
        let separator = match self.dialect {
            Dialect::En => ',',
            Dialect::De => ';',
        };
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                self.text.push(separator);
            }
            let special = |letter: char| letter == separator || letter == '"' || letter.is_control();
            if cell.contains(special) {
                self.text.push('"');
                self.text.push_str(&cell.replace('"', "\"\""));
                self.text.push('"');
            } else {
                self.text.push_str(cell);
            }
        }
        self.text.push_str("\r\n");
    }
}

/// Keeps a text that others chose from being taken for a formula.
fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_decimals_and_sign() {
        assert_eq!(decimal(-5, 2), "-0.05");
        assert_eq!(decimal(1_250, 3), "1.250");
        assert_eq!(decimal(i64::MIN, 9), "-9223372036.854775808");
    }

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(text("=1+1"), "'=1+1");
        assert_eq!(text("home-01"), "home-01");
    }
}
