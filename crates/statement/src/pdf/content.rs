//! What stands on the paper, in two languages.

use chrono::Datelike as _;
use units::{Currency, WattHours};

use super::layout::{CELL_SIZE, Column, Layout, broken, printable};
use crate::csv::{Dialect, decimal, local};
use crate::fault::Fault;
use crate::paper::{Line, MeterBorder, Party, Statement};

const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_DE: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

pub(super) fn title(statement: &Statement, dialect: Dialect) -> String {
    let header = &statement.paper.header;
    let date = header.period.from.date();
    let month = date.month0() as usize;
    let number = header.number();
    let text = match dialect {
        Dialect::En => format!("Statement {number}, {} {}", MONTHS_EN[month], date.year()),
        Dialect::De => format!("Abrechnung {number}, {} {}", MONTHS_DE[month], date.year()),
    };
    printable(&text)
}

pub(super) fn lay_out(statement: &Statement, dialect: Dialect) -> Result<Layout, Fault> {
    let page = Page { statement, dialect };
    let header = &statement.paper.header;
    let mut layout = Layout::new(&format!("{}   {}", header.market, header.number()));
    layout.title(&title(statement, dialect));
    page.parties(&mut layout)?;
    page.lines(&mut layout);
    page.meter(&mut layout)?;
    page.quality(&mut layout);
    page.comparison(&mut layout);
    page.proof(&mut layout);
    Ok(layout)
}

struct Page<'a> {
    statement: &'a Statement,
    dialect: Dialect,
}

impl Page<'_> {
    fn say(&self, english: &'static str, german: &'static str) -> &'static str {
        match self.dialect {
            Dialect::En => english,
            Dialect::De => german,
        }
    }

    fn currency(&self) -> Currency {
        self.statement.paper.header.currency
    }

    fn number(&self, value: i64, decimals: u32) -> String {
        let number = decimal(value, decimals);
        match self.dialect {
            Dialect::En => number,
            Dialect::De => number.replace('.', ","),
        }
    }

    fn money(&self, cents: i64) -> String {
        format!("{} {}", self.number(cents, 2), self.currency())
    }

    fn energy(&self, energy: WattHours) -> String {
        format!("{} kWh", self.number(energy.get(), 3))
    }

    fn parties(&self, layout: &mut Layout) -> Result<(), Fault> {
        let header = &self.statement.paper.header;
        let zone = header.period.zone()?;
        let month = header.period.slots()?;
        let party = |role: &str, party: &Party| {
            let mut words = vec![party.name.clone()];
            words.extend(party.address.iter().cloned());
            if let Some(number) = &party.tax_number {
                words.push(format!("{} {number}", self.say("tax number", "Steuernummer")));
            }
            [role.to_owned(), words.join(", ")]
        };
        let mut facts = vec![
            party(self.say("Household", "Haushalt"), &header.owner),
            party(self.say("Operator", "Betreiber"), &header.operator),
            party(self.say("Utility", "Versorger"), &header.utility),
        ];
        let from_until = format!("{} – {}", local(month.start.start(), zone), local(month.end.start(), zone));
        facts.push([self.say("Period", "Zeitraum").to_owned(), from_until]);
        facts.push([self.say("Issued", "Ausgestellt").to_owned(), local(header.issued_at, zone)]);
        if let Some(previous) = &header.previous {
            facts.push([
                self.say("Previous statement", "Vorige Abrechnung").to_owned(),
                previous.number.clone(),
            ]);
        }
        let head = [self.say("Item", "Angabe"), self.say("Content", "Inhalt")].map(str::to_owned);
        let mut rows = Vec::new();
        for [mut name, content] in facts {
            for line in broken(&printable(&content), CELL_SIZE, 373.0) {
                rows.push(vec![std::mem::take(&mut name), line]);
            }
        }
        layout.table(&[Column::Left(0.0), Column::Left(110.0)], &head, &rows, 0);
        Ok(())
    }

    fn lines(&self, layout: &mut Layout) {
        layout.section(self.say("Lines", "Posten"));
        let columns = [
            Column::Left(0.0),
            Column::Right(226.0),
            Column::Right(304.0),
            Column::Right(362.0),
            Column::Right(422.0),
            Column::Right(483.0),
        ];
        let currency = self.currency();
        let head = [
            self.say("Item", "Posten").to_owned(),
            self.say("Energy (kWh)", "Energie (kWh)").to_owned(),
            format!("{} ({currency}/kWh)", self.say("Price", "Preis")),
            format!("{} ({currency})", self.say("Net", "Netto")),
            format!("{} ({currency})", self.say("Tax", "Steuer")),
            format!("{} ({currency})", self.say("Gross", "Brutto")),
        ];
        let paper = &self.statement.paper;
        let rows: Vec<_> = paper.lines.iter().chain([&paper.total]).map(|line| self.line(line)).collect();
        layout.table(&columns, &head, &rows, 1);
        layout.paragraph(self.say(
            "Positive amounts are in the household's favour. Average prices are rounded; amounts are exact sums of \
             quarter hours, rounded to cents so that they add up to the total. Prices of the utility are those of the \
             household's contract, with the tax that it holds.",
            "Positive Beträge stehen dem Haushalt zu. Durchschnittspreise sind gerundet; Beträge sind genaue Summen von \
             Viertelstunden, so auf Cent gerundet, dass sie die Summe ergeben. Preise des Versorgers sind die des \
             Vertrags, mit der Steuer, die darin steckt.",
        ));
    }

    fn line(&self, line: &Line) -> Vec<String> {
        let label = line.kind.label(self.dialect);
        // A longer reference would run into the next column; the JSON file has it whole.
        let reference =
            line.reference.as_ref().map(|reference| reference.chars().take(13).collect::<String>());
        vec![
            reference.map_or(label.to_owned(), |reference| format!("{label} {reference}")),
            line.energy_wh.map(|energy| self.number(energy.get(), 3)).unwrap_or_default(),
            line.average_micros_per_kwh
                .map(|price| self.number(price.micros_per_kwh(), 6))
                .unwrap_or_default(),
            self.number(line.cents.net, 2),
            self.number(line.cents.tax, 2),
            self.number(line.cents.gross, 2),
        ]
    }

    fn meter(&self, layout: &mut Layout) -> Result<(), Fault> {
        let paper = &self.statement.paper;
        let zone = paper.header.period.zone()?;
        let (Some(opening), Some(closing)) = (paper.meter.opening, paper.meter.closing) else {
            return Ok(());
        };
        layout.section(self.say("Meter", "Zähler"));
        let columns = [Column::Left(0.0), Column::Left(110.0), Column::Right(370.0), Column::Right(483.0)];
        let head = [
            self.say("Reading", "Stand"),
            self.say("Time", "Zeit"),
            self.say("Import (kWh)", "Bezug (kWh)"),
            self.say("Export (kWh)", "Einspeisung (kWh)"),
        ];
        let row = |name: &str, border: &MeterBorder| {
            let registers = [border.import_wh, border.export_wh].map(|energy| self.number(energy.get(), 3));
            [vec![name.to_owned(), local(border.at, zone)], registers.to_vec()].concat()
        };
        let (import, export) = (paper.meter.unread_import_wh, paper.meter.unread_export_wh);
        let unread = [import, export].map(|energy| self.number(energy.get(), 3));
        let rows = [
            row(self.say("Opening", "Anfang"), &opening),
            row(self.say("Closing", "Ende"), &closing),
            [
                vec![self.say("Not read in time", "Nicht abgelesen").to_owned(), String::new()],
                unread.to_vec(),
            ]
            .concat(),
        ];
        layout.table(&columns, &head.map(str::to_owned), &rows, 0);
        Ok(())
    }

    fn quality(&self, layout: &mut Layout) {
        let quality = self.statement.paper.quality;
        layout.section(self.say("Readings", "Ablesung"));
        let counts = match self.dialect {
            Dialect::En => format!(
                "Of the month's {} quarter hours {} are settled: {} on the household's own readings, {} on the \
                 utility's, {} without a reading, so their energy was not traded. A proof shows that a reading was not \
                 altered, not that it is true.",
                quality.slots,
                quality.settled,
                quality.measured_by_member,
                quality.measured_by_utility,
                quality.unmeasured
            ),
            Dialect::De => format!(
                "Von den {} Viertelstunden des Monats sind {} abgerechnet: {} nach eigener Ablesung, {} nach Ablesung \
                 des Versorgers, {} ohne Ablesung, deren Energie nicht gehandelt wurde. Ein Beweis zeigt, dass eine \
                 Ablesung nicht verändert wurde, nicht dass sie stimmt.",
                quality.slots,
                quality.settled,
                quality.measured_by_member,
                quality.measured_by_utility,
                quality.unmeasured
            ),
        };
        layout.paragraph(&counts);
    }

    fn comparison(&self, layout: &mut Layout) {
        let comparison = self.statement.paper.comparison;
        layout.section(self.say("Against the utility alone", "Gegenüber dem Versorger allein"));
        let alone = self.money(comparison.utility_only_nanos.round_to_cents());
        let month = self.money(comparison.month_nanos.round_to_cents());
        let gain = self.money(comparison.gain_cents);
        let sold: i64 = self.statement.paper.slots.iter().map(|slot| slot.sold_wh.get()).sum();
        let sold = self.energy(WattHours::new(sold));
        layout.paragraph(&match self.dialect {
            Dialect::En => format!(
                "Without neighbours the same energy would have come to {alone}; it came to {month}. The market was \
                 worth {gain}; {sold} went to neighbours."
            ),
            Dialect::De => format!(
                "Ohne Nachbarn hätte dieselbe Energie {alone} ergeben; sie ergab {month}. Der Markt war {gain} wert; \
                 {sold} gingen an Nachbarn."
            ),
        });
    }

    fn proof(&self, layout: &mut Layout) {
        layout.section(self.say("Proof", "Beweis"));
        let evidence = &self.statement.evidence;
        let head = evidence.checkpoint.claimed();
        let (entries, size, root) = (evidence.entries.len(), head.size, head.root);
        layout.paragraph(&match self.dialect {
            Dialect::En => format!(
                "Every figure follows from {entries} entries of the log {} at {size} entries, root {root}. The JSON file \
                 of the same number holds them; \"wattle verify FILE\" computes this paper anew without a server.",
                head.origin
            ),
            Dialect::De => format!(
                "Jede Zahl folgt aus {entries} Einträgen des Protokolls {} bei {size} Einträgen, Wurzel {root}. Die \
                 JSON-Datei derselben Nummer enthält sie; \"wattle verify DATEI\" rechnet dieses Blatt ohne Server nach.",
                head.origin
            ),
        });
    }
}
