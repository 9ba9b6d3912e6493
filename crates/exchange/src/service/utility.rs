//! The utility's readings: read from its file, judged row by row, put in place of the members' own.

use exchange_api::{DeviceKey, EntrySignature, Problem, ProblemCode, Registers, SlotState, sign_json};
use rusqlite::Connection;
use serde::Serialize;
use statement::{Domain as _, UtilityReadingBody};
use units::{MemberId, Slot, Timestamp, WattHours};

use super::readings::{judge_alone, judge_border};
use super::{Failure, logged, operator, settling};
use crate::config::MarketConfig;
use crate::store::rows::member::{self, MemberRow};
use crate::store::rows::slot;
use crate::store::rows::utility::{self, Origin};

/// The first line of the file.
pub const HEADER: &str = "metering_point,slot,import_start_wh,import_end_wh,export_start_wh,export_end_wh";

/// One row of the utility's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UtilityRow {
    /// As an editor counts, the header is 1.
    pub line: u32,
    pub metering_point: String,
    pub slot: Slot,
    pub registers: Registers,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct InvalidFile {
    pub line: u32,
    pub fault: String,
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UtilityImport {
    pub rows: u32,
    /// Rows that count in a slot which is not settled yet.
    pub accepted: u32,
    /// Rows that changed a settled slot.
    pub adjusted: u32,
    /// Rows that were told before with the same values.
    pub known: u32,
    /// Rows kept aside.
    pub held: Vec<HeldRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldRow {
    pub line: u32,
    pub metering_point: String,
    pub slot: Slot,
    pub reason: ProblemCode,
    pub detail: String,
}

impl UtilityImport {
    /// Adds what became of the following rows.
    pub(crate) fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.accepted += more.accepted;
        self.adjusted += more.adjusted;
        self.known += more.known;
        self.held.extend(more.held);
    }
}

/// Reads the file. Every row must be understood: half a file would settle half a month.
pub fn parse(text: &str) -> Result<Vec<UtilityRow>, InvalidFile> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().zip(1..);
    let invalid = |line, fault: String| InvalidFile { line, fault };
    match lines.next() {
        Some((HEADER, _)) => {}
        _ => return Err(invalid(1, format!("the first line must be {HEADER}"))),
    }
    let rows = lines.filter(|(text, _)| !text.is_empty());
    rows.map(|(text, line)| parse_row(text, line).map_err(|fault| invalid(line, fault))).collect()
}

fn parse_row(text: &str, line: u32) -> Result<UtilityRow, String> {
    let fields: Vec<&str> = text.split(',').collect();
    let [metering_point, slot, import_start, import_end, export_start, export_end] = fields[..] else {
        return Err(format!("it has {} fields instead of 6", fields.len()));
    };
    if !(1..=64).contains(&metering_point.len()) {
        return Err("a metering point has 1 to 64 bytes".to_owned());
    }
    let register = |name: &str, text: &str| match text.parse() {
        Ok(register @ 0..=market::MAX_SUM) => Ok(WattHours::new(register)),
        _ => Err(format!("{name}: \"{text}\" is not a register in whole Wh")),
    };
    Ok(UtilityRow {
        line,
        metering_point: metering_point.to_owned(),
        slot: slot.parse().map_err(|error| format!("slot: {error}"))?,
        registers: Registers {
            import_start_wh: register("import_start_wh", import_start)?,
            import_end_wh: register("import_end_wh", import_end)?,
            export_start_wh: register("export_start_wh", export_start)?,
            export_end_wh: register("export_end_wh", export_end)?,
        },
    })
}

/// Who vouches for what the utility told.
pub(crate) struct Voucher {
    pub config: MarketConfig,
    /// The operator's metering key, which the configuration names.
    pub key: DeviceKey,
}

impl Voucher {
    /// Stores a row and appends it, signed, to the log.
    fn put(
        &self,
        db: &Connection,
        member: &MemberId,
        row: &UtilityRow,
        origin: &Origin,
        late: bool,
    ) -> Result<(), Failure> {
        utility::put(db, member, row, origin, late)?;
        let body =
            logged::utility_reading_body(&self.config.market, &row.metering_point, row.slot, &row.registers);
        let signature = sign_json(UtilityReadingBody::DOMAIN, &body, &self.key)
            .map_err(|error| super::internal(&error.to_string()))?;
        logged::utility_reading(db, member, &body, EntrySignature { key: self.key.key_id(), signature })?;
        Ok(())
    }
}

/// Takes rows, each judged alone, in their order.
pub(crate) fn take(
    db: &Connection,
    voucher: &Voucher,
    rows: &[UtilityRow],
    file_sha256: &str,
    now: Timestamp,
) -> Result<UtilityImport, Failure> {
    let origin = Origin { file_sha256, received_at: now };
    let mut import = UtilityImport { rows: rows.len() as u32, ..UtilityImport::default() };
    for row in rows {
        match take_row(db, voucher, row, &origin) {
            Ok(Taken::Accepted) => import.accepted += 1,
            Ok(Taken::Adjusted) => import.adjusted += 1,
            Ok(Taken::Known) => import.known += 1,
            Err(Failure::Refused(problem)) => {
                utility::hold(db, row, &origin, problem.code.word(), &problem.detail)?;
                import.held.push(HeldRow {
                    line: row.line,
                    metering_point: row.metering_point.clone(),
                    slot: row.slot,
                    reason: problem.code,
                    detail: problem.detail,
                });
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(import)
}

enum Taken {
    Accepted,
    Adjusted,
    Known,
}

fn take_row(db: &Connection, voucher: &Voucher, row: &UtilityRow, origin: &Origin) -> Result<Taken, Failure> {
    match operator::take_area_reading(db, &voucher.config, row, origin)? {
        Some(operator::AreaReading::New) => return Ok(Taken::Accepted),
        Some(operator::AreaReading::Known) => return Ok(Taken::Known),
        None => {}
    }
    let member = judge_place(db, row, origin.received_at)?;
    if let Some(known) = utility::find(db, &member.id, row.slot)? {
        if known.registers == Some(row.registers) {
            return Ok(Taken::Known);
        }
        let detail = format!("The utility told other values for slot {} before; they stay.", row.slot);
        return Err(Problem::new(ProblemCode::ReadingContradicts, detail).into());
    }
    judge_registers(db, &member, row)?;
    match slot::find(db, row.slot)?.map(|found| found.state) {
        Some(SlotState::Final) => {
            let detail = format!("Slot {} is final; correct it by a credit note.", row.slot);
            Err(Problem::new(ProblemCode::SlotFinal, detail).into())
        }
        None | Some(SlotState::Open | SlotState::GateClosed | SlotState::Delivered) => {
            voucher.put(db, &member.id, row, origin, false)?;
            Ok(Taken::Accepted)
        }
        Some(SlotState::ReadingsClosed | SlotState::Cleared) => {
            // Settling the slot applies it.
            voucher.put(db, &member.id, row, origin, true)?;
            Ok(Taken::Accepted)
        }
        Some(SlotState::Settled | SlotState::Adjusted) => {
            voucher.put(db, &member.id, row, origin, true)?;
            settling::adjust(db, &member.id, row.slot, origin.received_at)?;
            Ok(Taken::Adjusted)
        }
    }
}

/// Finds the member whose meter it is, in a slot that is over and in which it took part.
fn judge_place(db: &Connection, row: &UtilityRow, now: Timestamp) -> Result<MemberRow, Failure> {
    let Some(member) = member::at_metering_point(db, &row.metering_point)? else {
        let detail = format!("No member and no area has the metering point \"{}\".", row.metering_point);
        return Err(Problem::new(ProblemCode::NotFound, detail).into());
    };
    if row.slot.end() > now {
        let detail = format!("Slot {} ends at {}; market time is {now}.", row.slot, row.slot.end());
        return Err(Problem::new(ProblemCode::ReadingTooEarly, detail).into());
    }
    match &member.joined {
        Some(joined) if joined.first_slot <= row.slot => Ok(member),
        _ => {
            let detail = format!("Slot {} was before member \"{}\" joined.", row.slot, member.id);
            Err(Problem::new(ProblemCode::PastSlot, detail).into())
        }
    }
}

/// Judges against the fuse and the utility's own readings; the member's word does not count here.
fn judge_registers(db: &Connection, member: &MemberRow, row: &UtilityRow) -> Result<(), Failure> {
    judge_alone(member, &row.registers)?;
    let neighbour = |found: Option<crate::store::rows::reading::ReadingRow>| {
        found.and_then(|found| found.registers.map(|registers| (found.slot, registers)))
    };
    if let Some((slot, earlier)) = neighbour(utility::before(db, &member.id, row.slot)?) {
        judge_border(&earlier, &row.registers, slot.next() == row.slot)?;
    }
    if let Some((slot, later)) = neighbour(utility::after(db, &member.id, row.slot)?) {
        judge_border(&row.registers, &later, row.slot.next() == slot)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_understood_wholly_or_refused_with_its_line() {
        let good = format!("\u{feff}{HEADER}\nDE1,2026-06-01T12:00:00Z,0,100,5,7\r\n\n");
        let rows = parse(&good).unwrap();
        assert_eq!((rows.len(), rows[0].line, rows[0].metering_point.as_str()), (1, 2, "DE1"));
        assert_eq!(rows[0].registers.export_end_wh, WattHours::new(7));
        for (bad, line) in [
            (String::new(), 1),
            ("a,b\n".to_owned(), 1),
            (format!("{HEADER}\nDE1,2026-06-01T12:00:00Z,0,100,5,7\nDE1,2026-06-01T12:07:00Z,0,1,0,0"), 3),
            (format!("{HEADER}\nDE1,2026-06-01T12:00:00Z,0,100,5"), 2),
            (format!("{HEADER}\nDE1,2026-06-01T12:00:00Z,0,100.5,5,7"), 2),
            (format!("{HEADER}\nDE1,2026-06-01T12:00:00Z,-1,100,5,7"), 2),
            (format!("{HEADER}\n,2026-06-01T12:00:00Z,0,100,5,7"), 2),
        ] {
            assert_eq!(parse(&bad).unwrap_err().line, line, "{bad}");
        }
    }
}
