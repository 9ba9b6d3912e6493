//! Taking readings: what telescopes counts, what contradicts is held, what is late changes only its member.

use exchange_api::{
    Problem, ProblemCode, Reading, ReadingOutcome, Registers, Signable as _, SignedReading, SlotState,
};
use rusqlite::Connection;
use units::{MemberId, Slot, Timestamp, WattHours};

use super::orders::most_in_slot;
use super::{Failure, logged, settling};
use crate::config::MarketConfig;
use crate::store::rows::member::MemberRow;
use crate::store::rows::reading::{self, ReadingRow, exported, imported};
use crate::store::rows::{key, log, member, slot};

/// Readings with the outcome of checking their signatures.
pub(crate) type Checked = Vec<(SignedReading, Result<(), Problem>)>;

/// Takes readings, each judged alone, in their order.
pub(crate) fn report(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    readings: &Checked,
    now: Timestamp,
) -> Result<Vec<ReadingOutcome>, Failure> {
    let member = member::find(db, caller)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let mut outcomes = Vec::with_capacity(readings.len());
    for (signed, signature) in readings {
        let slot = signed.body.slot;
        let outcome = match signature {
            Err(problem) => Err(Failure::Refused(problem.clone())),
            Ok(()) => report_one(db, config, &member, signed, now),
        };
        outcomes.push(match outcome {
            Ok(outcome) => outcome,
            Err(Failure::Refused(problem)) => ReadingOutcome::Refused { slot, problem },
            Err(fault) => return Err(fault),
        });
    }
    Ok(outcomes)
}

fn report_one(
    db: &Connection,
    config: &MarketConfig,
    member: &MemberRow,
    signed: &SignedReading,
    now: Timestamp,
) -> Result<ReadingOutcome, Failure> {
    let new = &signed.body;
    judge_owner(config, member, new)?;
    let signer = key::find(db, &signed.key)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    if signer.revoked_at.is_some() {
        return Err(
            Problem::new(ProblemCode::RevokedKey, "The key that signed the reading was revoked.").into()
        );
    }
    judge_time(config, member, new.slot, now)?;
    let known = reading::find(db, &member.id, new.slot)?;
    if let Some(known) = known
        && known.registers == new.registers
    {
        let index = log::place_of(db, Reading::DOMAIN, &logged::of_slot(&member.id, new.slot))?;
        return Ok(counted(new.slot, known.late, index));
    }
    if let Err(problem) = judge_registers(db, member, new, known) {
        let Failure::Refused(problem) = problem else { return Err(problem) };
        reading::hold(db, signed, now, problem.code.word(), &problem.detail)?;
        tracing::warn!(member = %member.id, slot = %new.slot, reason = problem.code.word(), "reading held");
        return Ok(ReadingOutcome::Held { slot: new.slot, problem });
    }
    let state = slot::find(db, new.slot)?.map(|row| row.state);
    match state {
        Some(SlotState::Final) => {
            let detail =
                format!("Slot {} can change no more. Tell the operator, who can credit it.", new.slot);
            Err(Problem::new(ProblemCode::SlotFinal, detail).into())
        }
        None | Some(SlotState::Open | SlotState::GateClosed | SlotState::Delivered) => {
            reading::put(db, signed, now, false)?;
            Ok(counted(new.slot, false, Some(logged::reading(db, new, &signed.into())?)))
        }
        Some(SlotState::ReadingsClosed | SlotState::Cleared) => {
            // Settling the slot applies it.
            reading::put(db, signed, now, true)?;
            Ok(counted(new.slot, true, Some(logged::reading(db, new, &signed.into())?)))
        }
        Some(SlotState::Settled | SlotState::Adjusted) => {
            reading::put(db, signed, now, true)?;
            // In the log before the settlement that rests on it.
            let index = logged::reading(db, new, &signed.into())?;
            settling::adjust(db, &member.id, new.slot, now)?;
            Ok(counted(new.slot, true, Some(index)))
        }
    }
}

fn counted(slot: Slot, late: bool, index: Option<u64>) -> ReadingOutcome {
    if late { ReadingOutcome::Late { slot, index } } else { ReadingOutcome::Accepted { slot, index } }
}

fn judge_owner(config: &MarketConfig, member: &MemberRow, reading: &Reading) -> Result<(), Problem> {
    if reading.market != config.market {
        let detail =
            format!("This is the market \"{}\", the reading is for \"{}\".", config.market, reading.market);
        return Err(Problem::new(ProblemCode::WrongMarket, detail));
    }
    if reading.member != member.id || reading.metering_point != member.metering_point {
        let detail =
            format!("Member \"{}\" reports metering point \"{}\" only.", member.id, member.metering_point);
        return Err(Problem::new(ProblemCode::NotYours, detail));
    }
    Ok(())
}

/// Refuses a reading of a slot that is not over, or of one before its member joined.
fn judge_time(config: &MarketConfig, member: &MemberRow, slot: Slot, now: Timestamp) -> Result<(), Problem> {
    // A reading needs a sample after the border, so one that comes early shows clocks that differ a
    // little, and the tolerance of a border covers that.
    let soon = now + std::time::Duration::from_secs(config.border_gap_s.into());
    if slot.end() > soon {
        let detail = format!("Slot {slot} ends at {}; market time is {now}.", slot.end());
        return Err(Problem::new(ProblemCode::ReadingTooEarly, detail));
    }
    match &member.joined {
        Some(joined) if joined.first_slot <= slot => Ok(()),
        _ => {
            let detail = format!("Slot {slot} was before member \"{}\" joined.", member.id);
            Err(Problem::new(ProblemCode::PastSlot, detail))
        }
    }
}

/// Judges the registers against the fuse, the slot's earlier reading and the neighbouring borders.
fn judge_registers(
    db: &Connection,
    member: &MemberRow,
    new: &Reading,
    known: Option<ReadingRow>,
) -> Result<(), Failure> {
    if known.is_some_and(|known| known.registers.is_some()) {
        let detail = format!("Another value was reported for slot {}; the first one stays.", new.slot);
        return Err(Problem::new(ProblemCode::ReadingContradicts, detail).into());
    }
    let Some(registers) = &new.registers else { return Ok(()) };
    judge_alone(member, registers)?;
    if let Some(before) = reading::measured_before(db, &member.id, new.slot)?
        && let Some(earlier) = &before.registers
    {
        judge_border(earlier, registers, before.slot.next() == new.slot)?;
    }
    if let Some(after) = reading::measured_after(db, &member.id, new.slot)?
        && let Some(later) = &after.registers
    {
        judge_border(registers, later, new.slot.next() == after.slot)?;
    }
    Ok(())
}

pub(crate) fn judge_alone(member: &MemberRow, registers: &Registers) -> Result<(), Problem> {
    let start = [registers.import_start_wh, registers.export_start_wh];
    let end = [registers.import_end_wh, registers.export_end_wh];
    if start.iter().any(|register| register.is_negative()) {
        return Err(Problem::new(ProblemCode::ReadingBackwards, "A register is below zero."));
    }
    if start.iter().zip(&end).any(|(start, end)| end < start) {
        let detail = "A register is lower at the end of the slot than at its start.";
        return Err(Problem::new(ProblemCode::ReadingBackwards, detail));
    }
    // Registers are rounded down, so their difference may be a watt-hour above the energy.
    let most = most_in_slot(member.limits.fuse_w) + WattHours::new(1);
    let energy = imported(registers).max(exported(registers));
    if energy > most {
        let detail =
            format!("The slot shows {energy}; a fuse of {} W lets {most} through.", member.limits.fuse_w);
        return Err(Problem::new(ProblemCode::BeyondFuse, detail));
    }
    Ok(())
}

/// Judges two readings that follow each other. Neighbours share a border, so they must agree on it.
pub(crate) fn judge_border(earlier: &Registers, later: &Registers, neighbours: bool) -> Result<(), Problem> {
    let end = [earlier.import_end_wh, earlier.export_end_wh];
    let start = [later.import_start_wh, later.export_start_wh];
    if end.iter().zip(&start).any(|(end, start)| start < end) {
        let detail = "A register is lower than at the end of an earlier slot.";
        return Err(Problem::new(ProblemCode::ReadingBackwards, detail));
    }
    if neighbours && end != start {
        let detail = "The register at the border with the neighbouring slot was reported with another value.";
        return Err(Problem::new(ProblemCode::ReadingContradicts, detail));
    }
    Ok(())
}
