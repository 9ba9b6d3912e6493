//! From settled slots to the lines of the paper, and from nanos to cents.

use std::collections::{BTreeMap, HashSet};

use market::Side;
use units::{Money, Price, Slot, WattHours, div_half_even, largest_remainder};

use crate::book::Book;
use crate::entry::{Kind, Registers, SettlementBody};
use crate::fault::{Fault, Step, ensure};
use crate::paper::{
    Cents, Comparison, Header, Line, LineKind, MeterBorder, MeterReadings, Paper, Quality, SlotRow,
};
use crate::slot::{SettledSlot, Taxed, count_source, traded};

/// A cent in nanos.
pub const CENT_NANOS: i64 = 10_000_000;

/// All slots of a statement: those of its month and those of earlier months that it corrects.
pub(crate) struct Account<'a> {
    header: &'a Header,
    book: &'a Book,
    month: std::ops::Range<Slot>,
    pub settled: BTreeMap<Slot, SettledSlot<'a>>,
}

/// A line before rounding.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    energy: Option<i128>,
    net: i128,
    tax: i128,
}

impl<'a> Account<'a> {
    pub(crate) fn new(header: &'a Header, book: &'a Book) -> Result<Self, Fault> {
        let month = header.period.slots()?;
        let foreign = book.configs.values().any(|config| config.body.currency != header.currency);
        let detail = || "the statement is in another currency than its market".to_owned();
        ensure(!foreign, Step::Configuration, detail)?;
        let slots = book.settlements.iter();
        let settled = slots.map(|(slot, versions)| Ok((*slot, SettledSlot::new(book, *slot, versions)?)));
        Ok(Self { header, book, month, settled: settled.collect::<Result<_, Fault>>()? })
    }

    /// Computes the whole paper.
    pub(crate) fn paper(&self) -> Result<Paper, Fault> {
        let (lines, total) = self.lines()?;
        Ok(Paper {
            header: self.header.clone(),
            meter: self.meter()?,
            quality: self.quality(),
            comparison: self.comparison()?,
            slots: self.rows()?,
            lines,
            total,
        })
    }

    fn of_month(&self) -> impl Iterator<Item = (&Slot, &SettledSlot<'a>)> {
        self.settled.range(self.month.clone())
    }

    /// Checks that registers only rise, and agree where two slots share a border.
    pub(crate) fn check_registers(&self) -> Result<(), Fault> {
        let mut before: Option<(Slot, Registers)> = None;
        for (slot, registers) in self.registers() {
            if let Some((earlier, last)) = before {
                let starts = (registers.import_start_wh, registers.export_start_wh);
                let ends = (last.import_end_wh, last.export_end_wh);
                let rises = starts.0 >= ends.0 && starts.1 >= ends.1;
                let meets = earlier.next() != slot || starts == ends;
                if !(rises && meets) {
                    let detail = format!("{slot}: the registers do not go on from those of {earlier}");
                    return Err(Fault::new(Step::Readings, detail));
                }
            }
            before = Some((slot, registers));
        }
        Ok(())
    }

    /// Lists what the member's meter showed in the month.
    fn registers(&self) -> impl Iterator<Item = (Slot, Registers)> {
        let readings = self.book.readings.range(self.month.clone());
        readings.filter_map(|(slot, reading)| Some((*slot, reading.body.registers?)))
    }

    fn meter(&self) -> Result<MeterReadings, Fault> {
        let mut meter = MeterReadings {
            opening: None,
            closing: None,
            unread_import_wh: WattHours::ZERO,
            unread_export_wh: WattHours::ZERO,
        };
        let (mut import, mut export) = (0i128, 0i128);
        for (slot, registers) in self.registers() {
            let (import_start, export_start) = (registers.import_start_wh, registers.export_start_wh);
            meter.opening.get_or_insert(MeterBorder {
                at: slot.start(),
                import_wh: import_start,
                export_wh: export_start,
            });
            let (import_end, export_end) = (registers.import_end_wh, registers.export_end_wh);
            meter.closing =
                Some(MeterBorder { at: slot.end(), import_wh: import_end, export_wh: export_end });
            import += i128::from(import_end.get()) - i128::from(import_start.get());
            export += i128::from(export_end.get()) - i128::from(export_start.get());
        }
        if let (Some(opening), Some(closing)) = (meter.opening, meter.closing) {
            let unread = |opening: WattHours, closing: WattHours, read: i128| {
                watt_hours(i128::from(closing.get()) - i128::from(opening.get()) - read)
            };
            meter.unread_import_wh = unread(opening.import_wh, closing.import_wh, import)?;
            meter.unread_export_wh = unread(opening.export_wh, closing.export_wh, export)?;
        }
        Ok(meter)
    }

    fn quality(&self) -> Quality {
        let slots = u32::try_from(Slot::range(self.month.clone()).len()).unwrap_or(u32::MAX);
        let mut quality = Quality { slots, ..Quality::default() };
        for (_, slot) in self.of_month() {
            quality.settled += 1;
            count_source(slot.newest().source, &mut quality);
        }
        quality
    }

    /// Checks that slots of other months are there as corrections only, and all corrections are there.
    pub(crate) fn check_corrections(&self) -> Result<(), Fault> {
        let fault =
            |slot: Slot, detail: &str| Err(Fault::new(Step::Corrections, format!("{slot}: {detail}")));
        let mut cited = HashSet::new();
        for citation in &self.header.corrections {
            let slot = citation.slot;
            if slot >= self.month.start || !cited.insert(slot) {
                return fault(slot, "a correction is of an earlier month and made once");
            }
            let Some(settled) = self.settled.get(&slot) else {
                return fault(slot, "what is corrected is not opened");
            };
            let opened = settled.version(citation.original_version).is_some();
            let newest =
                settled.newest().version == citation.version && citation.version > citation.original_version;
            if !(opened && newest) {
                return fault(slot, "the versions cited are not those opened");
            }
            if !earlier_number(&citation.original, self.header) {
                return fault(slot, "the statement cited is not an earlier one of this member");
            }
        }
        match self.settled.keys().find(|slot| !self.month.contains(slot) && !cited.contains(slot)) {
            None => Ok(()),
            Some(slot) => fault(*slot, "it is of another month and not cited as a correction"),
        }
    }

    fn lines(&self) -> Result<(Vec<Line>, Line), Fault> {
        let mut sums: BTreeMap<(LineKind, Option<String>), Sum> = BTreeMap::new();
        for (_, slot) in self.of_month() {
            let body = slot.newest();
            for taxed in slot.taxed(body) {
                let sum = sums.entry(line_of(&taxed)).or_default();
                sum.net += taxed.net;
                sum.tax += taxed.tax;
            }
            for (key, energy) in energies(body) {
                *sums.entry(key).or_default().energy.get_or_insert(0) += energy;
            }
        }
        for (reference, delta) in self.deltas()? {
            let kind = if delta < 0 { LineKind::DebitNote } else { LineKind::CreditNote };
            sums.insert((kind, Some(reference)), Sum { energy: None, net: delta, tax: 0 });
        }
        round(sums)
    }

    /// Returns what each earlier statement is corrected by.
    fn deltas(&self) -> Result<BTreeMap<String, i128>, Fault> {
        let mut deltas = BTreeMap::new();
        for citation in &self.header.corrections {
            let missing =
                || Fault::new(Step::Corrections, format!("{}: a version is not opened", citation.slot));
            let slot = self.settled.get(&citation.slot).ok_or_else(missing)?;
            let old = slot.version(citation.original_version).ok_or_else(missing)?;
            let new = slot.version(citation.version).ok_or_else(missing)?;
            *deltas.entry(citation.original.clone()).or_insert(0) += gross(new) - gross(old);
        }
        Ok(deltas)
    }

    fn comparison(&self) -> Result<Comparison, Fault> {
        let (mut alone, mut month) = (0, 0);
        for (_, slot) in self.of_month() {
            alone += slot.utility_only(slot.newest());
            month += gross(slot.newest());
        }
        let gain = money(month - alone)?;
        Ok(Comparison {
            utility_only_nanos: money(alone)?,
            month_nanos: money(month)?,
            gain_nanos: gain,
            gain_cents: gain.round_to_cents(),
        })
    }

    fn rows(&self) -> Result<Vec<SlotRow>, Fault> {
        let row = |(slot, settled): (&Slot, &SettledSlot<'a>)| {
            let body = settled.newest();
            let (sold, bought) = traded(body);
            Ok(SlotRow {
                slot: *slot,
                version: body.version,
                source: body.source,
                area: body.area.clone(),
                price_micros_per_kwh: settled.price()?,
                import_wh: body.import,
                export_wh: body.export,
                sold_wh: watt_hours(sold)?,
                bought_wh: watt_hours(bought)?,
                gross_nanos: money(gross(body))?,
            })
        };
        self.of_month().map(row).collect()
    }
}

/// Returns the sum of a version's postings, tax included.
fn gross(body: &SettlementBody) -> i128 {
    body.postings.iter().map(|posting| i128::from(posting.amount.nanos())).sum()
}

/// Tells whether a number is that of an earlier statement of the same member.
fn earlier_number(number: &str, header: &Header) -> bool {
    let sequence = number.strip_prefix(header.member.as_str()).and_then(|rest| rest.strip_prefix('-'));
    let sequence: Option<u32> = sequence.and_then(|digits| digits.parse().ok());
    sequence.is_some_and(|sequence| {
        (1..header.sequence).contains(&sequence) && Header { sequence, ..header.clone() }.number() == number
    })
}

fn line_of(taxed: &Taxed) -> (LineKind, Option<String>) {
    let deal = || Some(taxed.reference.clone());
    match (taxed.kind, taxed.trade) {
        (Kind::Energy, Some((Side::Sell, true))) => (LineKind::SoldByDeal, deal()),
        (Kind::Energy, Some((Side::Buy, true))) => (LineKind::BoughtByDeal, deal()),
        (Kind::Energy, Some((Side::Buy, false))) => (LineKind::Bought, None),
        (Kind::Energy, _) => (LineKind::Sold, None),
        (Kind::OperatorFee | Kind::Tax, _) => (LineKind::OperatorFee, None),
        (Kind::GridFee, _) => (LineKind::GridFee, None),
        (Kind::Retail, _) => (LineKind::FromUtility, None),
        (Kind::FeedIn, _) => (LineKind::ToUtility, None),
    }
}

/// Lists the energy of a version by line; lines of energy are there even where their price is zero.
fn energies(body: &SettlementBody) -> Vec<((LineKind, Option<String>), i128)> {
    let kind = |side, sold, bought| match side {
        Side::Sell => sold,
        Side::Buy => bought,
    };
    let fills = body.fills.iter().map(|fill| {
        ((kind(fill.side, LineKind::Sold, LineKind::Bought), None), i128::from(fill.filled.get()))
    });
    let deals = body.deals.iter().map(|line| {
        let kind = kind(line.side, LineKind::SoldByDeal, LineKind::BoughtByDeal);
        ((kind, Some(line.deal.to_string())), i128::from(line.settled.get()))
    });
    let utility = [(LineKind::FromUtility, body.from_utility), (LineKind::ToUtility, body.to_utility)];
    let utility = utility.into_iter().map(|(kind, energy)| ((kind, None), i128::from(energy.get())));
    fills.chain(deals).chain(utility).filter(|(_, energy)| *energy != 0).collect()
}

/// Rounds all amounts together: net and tax of every line add up to the month's total, rounded half to even.
fn round(sums: BTreeMap<(LineKind, Option<String>), Sum>) -> Result<(Vec<Line>, Line), Fault> {
    let mut exact = Vec::with_capacity(2 * sums.len());
    for sum in sums.values() {
        exact.extend([money(sum.net)?, money(sum.tax)?]);
    }
    let total: Sum = sums.values().fold(Sum::default(), |total, sum| Sum {
        energy: None,
        net: total.net + sum.net,
        tax: total.tax + sum.tax,
    });
    money(total.net + total.tax)?;
    let cells = largest_remainder(&exact, CENT_NANOS);
    let mut total_cents = Cents::default();
    let mut lines = Vec::with_capacity(sums.len());
    for (((kind, reference), sum), cells) in sums.into_iter().zip(cells.chunks_exact(2)) {
        let cents = Cents { net: cells[0], tax: cells[1], gross: cells[0] + cells[1] };
        total_cents.net += cents.net;
        total_cents.tax += cents.tax;
        total_cents.gross += cents.gross;
        lines.push(line(kind, reference, sum, cents)?);
    }
    Ok((lines, line(LineKind::Total, None, total, total_cents)?))
}

fn line(kind: LineKind, reference: Option<String>, sum: Sum, cents: Cents) -> Result<Line, Fault> {
    let average = sum.energy.filter(|energy| *energy > 0).map(|energy| {
        let paid = match kind {
            LineKind::Bought | LineKind::BoughtByDeal | LineKind::FromUtility => -sum.net,
            _ => sum.net,
        };
        // Within what prices are, since it is an average of prices.
        Price::from_micros_per_kwh(div_half_even(paid, energy) as i64)
    });
    Ok(Line {
        kind,
        reference,
        energy_wh: sum.energy.map(watt_hours).transpose()?,
        average_micros_per_kwh: average,
        net_nanos: money(sum.net)?,
        tax_nanos: money(sum.tax)?,
        gross_nanos: money(sum.net + sum.tax)?,
        cents,
    })
}

fn money(nanos: i128) -> Result<Money, Fault> {
    let wide = || Fault::new(Step::Lines, "an amount is too large to account for");
    i64::try_from(nanos).map(Money::from_nanos).map_err(|_| wide())
}

/// JSON holds whole numbers up to 2^53 - 1 exactly.
fn watt_hours(energy: i128) -> Result<WattHours, Fault> {
    let exact = i64::try_from(energy).ok().filter(|energy| energy.unsigned_abs() < 1 << 53);
    exact.map(WattHours::new).ok_or_else(|| Fault::new(Step::Lines, "an energy is too large to account for"))
}
