//! What counters did and what was made of it, and how an owner judges otherwise. Nothing is overwritten:
//! a correction changes slots, keeps what they said before, and can be undone by another one.

use std::time::Duration;

use history::{CounterEvent, HistoryError, MeterEdit, Register, SlotRow, StoredEdit};
use metering::{CounterEventKind, Quality};
use serde::{Deserialize, Serialize};
use units::{Energy, MeterId, Slot, Timestamp};

use super::changes::day_of;
use super::refused;
use crate::house::{Home, House};
use crate::view::frame::Refusal;
use crate::view::meters::journal::{JournalAsk, JournalEntry, JournalKind, JournalView, RegisterName};

/// Entries that are shown.
const SHOWN: usize = 200;

/// A replacement that a person enters is the one that the counters told around that time.
const AROUND: Duration = Duration::from_secs(24 * 3600);

/// What a correction added to the books, so that it can be taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Correction {
    /// The event that was judged otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    register: Option<String>,
    import_milliwatt_hours: i64,
    export_milliwatt_hours: i64,
    /// Over which time it was spread.
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
}

/// A replacement that the counters told by themselves.
#[derive(Clone, Debug)]
pub struct Noticed {
    events: Vec<CounterEvent>,
}

impl Home {
    /// Returns what a meter's counters did and what was made of it.
    pub fn meter_journal(&self, id: &str) -> Result<JournalView, Refusal> {
        let house = self.house()?;
        let meter = house.meter(id)?.id;
        let entries = entries(house, &meter).map_err(refused)?;
        Ok(JournalView { meter: id.to_owned(), entries })
    }

    /// Judges an event otherwise, or undoes what a person did before.
    pub async fn reverse_entry(&self, ask: &JournalAsk) -> Result<JournalView, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        let meter = house.meter(&ask.meter)?;
        let (id, entry) = (meter.id.clone(), ask.entry.clone());
        let turned = house.blocking(move |house| reverse(house, &id, &entry)).await?;
        if let Some((edit, since)) = turned {
            house.turn(&meter, since, Some(edit)).await?;
        }
        house.meters_changed();
        let (home, id) = (self.clone(), ask.meter.clone());
        house.blocking(move |_| home.meter_journal(&id)).await
    }
}

fn entries(house: &House, meter: &MeterId) -> Result<Vec<JournalEntry>, HistoryError> {
    let all = Timestamp::from_millis(0)..house.now() + Duration::from_secs(1);
    let events = house.history.counter_events(meter, all)?;
    let edits = house.history.meter_edits(meter)?;
    let undone = |id: i64| edits.iter().any(|edit| edit.edit.undoes == Some(id));
    let mut entries: Vec<(Timestamp, JournalEntry)> = Vec::new();
    for event in &events {
        let name = event_name(event);
        let reversed = edits.iter().any(|edit| {
            correction(edit).is_some_and(|made| made.event.as_ref() == Some(&name)) && !undone(edit.id)
        });
        let kind = CounterEventKind::from_word(&event.kind);
        let entry = JournalEntry {
            entry: name,
            kind: kind.map_or(JournalKind::Gap, JournalKind::from),
            register: Some(event.register.into()),
            at: event.at.into(),
            made_at: None,
            before_milliwatt_hours: event.before.map(Into::into),
            after_milliwatt_hours: event.after.map(Into::into),
            booked_milliwatt_hours: booked(event).map(Into::into),
            serial: None,
            reversible: house.trades() && !reversed && reversal(event).is_some(),
            reversed,
        };
        entries.push((event.at, entry));
    }
    for edit in &edits {
        let made = correction(edit);
        let register = made.as_ref().and_then(|made| made.register.as_deref()).and_then(Register::from_word);
        let added = made.as_ref().map(|made| made.import_milliwatt_hours + made.export_milliwatt_hours);
        let kind = kind_of(edit);
        let entry = JournalEntry {
            entry: format!("edit:{}", edit.id),
            kind,
            register: register.map(RegisterName::from),
            at: edit.edit.at.into(),
            made_at: Some(edit.made_at.into()),
            before_milliwatt_hours: None,
            after_milliwatt_hours: None,
            booked_milliwatt_hours: added.map(|added| Energy::from_milliwatt_hours(added).into()),
            serial: made.and_then(|made| made.serial),
            reversible: house.trades() && !undone(edit.id) && can_be_undone(edit),
            reversed: undone(edit.id),
        };
        entries.push((edit.made_at, entry));
    }
    entries.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(entries.into_iter().take(SHOWN).map(|(_, entry)| entry).collect())
}

/// Reverses an entry. Where that turns the meter round, returns the edit and since when; the caller does it,
/// since the readers must stand still for it.
fn reverse(house: &House, meter: &MeterId, entry: &str) -> Result<Option<(i64, Option<Timestamp>)>, Refusal> {
    let unknown = || Refusal {
        code: "unknown_entry".to_owned(),
        message: "That entry is not there any more, or has been reversed.".to_owned(),
        hint: "Open the page again.".to_owned(),
    };
    let all = entries(house, meter).map_err(refused)?;
    if !all.iter().any(|known| known.entry == entry && known.reversible) {
        return Err(unknown());
    }
    if let Some(id) = entry.strip_prefix("edit:") {
        let edits = house.history.meter_edits(meter).map_err(refused)?;
        let edit = edits.iter().find(|edit| edit.id.to_string() == id).ok_or_else(unknown)?;
        if edit.edit.kind == "inverted" {
            let detail: Inversion = serde_json::from_str(&edit.edit.detail_json).unwrap_or_default();
            // What was turned in the past is turned back; else the meter is turned from now on.
            return Ok(Some((edit.id, detail.past)));
        }
        let made = correction(edit).ok_or_else(unknown)?;
        undo(house, meter, edit, &made).map_err(refused)?;
        return Ok(None);
    }
    let events = house
        .history
        .counter_events(meter, Timestamp::from_millis(0)..house.now() + Duration::from_secs(1))
        .map_err(refused)?;
    let event = events.iter().find(|event| event_name(event) == entry).ok_or_else(unknown)?;
    let added = reversal(event).ok_or_else(unknown)?;
    let from = start_of(house, meter, event).map_err(refused)?;
    let mut made = Correction {
        event: Some(entry.to_owned()),
        register: Some(event.register.word().to_owned()),
        from: Some(from),
        to: Some(event.at),
        ..Correction::default()
    };
    match event.register {
        Register::Import => made.import_milliwatt_hours = added.milliwatt_hours(),
        Register::Export => made.export_milliwatt_hours = added.milliwatt_hours(),
    }
    correct(house, meter, "reversed", None, &made).map_err(refused)?;
    Ok(None)
}

#[derive(Debug, Default, Deserialize)]
struct Inversion {
    past: Option<Timestamp>,
}

fn undo(house: &House, meter: &MeterId, edit: &StoredEdit, made: &Correction) -> Result<(), HistoryError> {
    let back = Correction {
        event: None,
        import_milliwatt_hours: -made.import_milliwatt_hours,
        export_milliwatt_hours: -made.export_milliwatt_hours,
        ..made.clone()
    };
    correct(house, meter, "undone", Some(edit.id), &back)
}

/// Books a correction over its time, as a gap is booked: each slot by its share of the time.
fn correct(
    house: &House,
    meter: &MeterId,
    kind: &str,
    undoes: Option<i64>,
    made: &Correction,
) -> Result<(), HistoryError> {
    let to = made.to.unwrap_or_else(|| house.now());
    let from = made.from.unwrap_or(to);
    let last = Slot::containing(if to > from { to - Duration::from_millis(1) } else { to });
    let range = Slot::containing(from)..last.next();
    let known = house.history.slots(meter, range.clone())?;
    let mut rows = Vec::new();
    let whole = i128::from(to.millis() - from.millis()).max(1);
    let mut given = (0_i64, 0_i64);
    for slot in Slot::range(range) {
        // What is given up to a border is rounded once, so that the shares add up to the whole.
        let passed = i128::from(slot.end().min(to).millis() - from.millis()).clamp(0, whole);
        let passed = if slot == last { whole } else { passed };
        let until = |all: i64| (i128::from(all) * passed / whole) as i64;
        let (import, export) = (until(made.import_milliwatt_hours), until(made.export_milliwatt_hours));
        let share = (import - given.0, export - given.1);
        given = (import, export);
        let Some(row) = known.iter().find(|row| row.slot == slot) else { continue };
        let mut energy = row.energy.clone();
        let add = |energy: Option<Energy>, added: i64| match (energy, added) {
            (None, 0) => None,
            (energy, added) => Some(energy.unwrap_or(Energy::ZERO) + Energy::from_milliwatt_hours(added)),
        };
        (energy.import, energy.export) = (add(energy.import, share.0), add(energy.export, share.1));
        if energy.quality == Quality::Measured {
            energy.quality = Quality::Recovered;
        }
        rows.push(SlotRow { local_day: day_of(house, slot), energy });
    }
    house.history.edit_meter(meter, &edit_of(made, to, kind, undoes), &rows, house.now()).map(drop)
}

/// Makes the entry of a meter that was replaced where the books themselves say what was counted.
pub fn replaced_edit(at: Timestamp, serial: Option<String>) -> MeterEdit {
    edit_of(&Correction { serial, ..Correction::default() }, at, "replaced", None)
}

fn edit_of(made: &Correction, at: Timestamp, kind: &str, undoes: Option<i64>) -> MeterEdit {
    MeterEdit {
        at,
        kind: kind.to_owned(),
        undoes,
        detail_json: serde_json::to_string(made).expect("a correction is plain data"),
    }
}

/// Returns the reading before an event: the energy that the event booked lies between the two.
fn start_of(house: &House, meter: &MeterId, event: &CounterEvent) -> Result<Timestamp, HistoryError> {
    let around = event.at - AROUND..event.at;
    let samples = house.history.samples(meter, around)?;
    let told = |sample: &&metering::Sample| match event.register {
        Register::Import => sample.import.is_some(),
        Register::Export => sample.export.is_some(),
    };
    let before = samples.iter().rev().find(told).map(|sample| sample.at);
    Ok(before.unwrap_or_else(|| Slot::containing(event.at).start()))
}

/// Returns the replacement that the counters told around a time, unless it was completed already.
pub fn noticed_replacement(
    house: &House,
    meter: &MeterId,
    at: Timestamp,
) -> Result<Option<Noticed>, HistoryError> {
    let events = house.history.counter_events(meter, at - AROUND..at + AROUND)?;
    let edits = house.history.meter_edits(meter)?;
    let told = |event: &&CounterEvent| {
        matches!(
            CounterEventKind::from_word(&event.kind),
            Some(CounterEventKind::Replaced | CounterEventKind::Reset)
        )
    };
    let known = |event: &&CounterEvent| {
        let name = event_name(event);
        edits.iter().any(|edit| {
            edit.edit.at == event.at
                || correction(edit).is_some_and(|made| made.event.as_ref() == Some(&name))
        })
    };
    let events: Vec<CounterEvent> =
        events.iter().filter(told).filter(|event| !known(event)).cloned().collect();
    Ok((!events.is_empty()).then_some(Noticed { events }))
}

/// Books what flowed around a replacement that the counters told: up to the old meter's final reading, and
/// from the new one's start.
pub fn complete_replacement(
    house: &House,
    meter: &MeterId,
    noticed: &Noticed,
    old: (Option<Energy>, Option<Energy>),
    new: (Option<Energy>, Option<Energy>),
    serial: Option<String>,
) -> Result<(), Refusal> {
    let Some(first) = noticed.events.first() else { return Ok(()) };
    let mut made = Correction {
        from: Some(start_of(house, meter, first).map_err(refused)?),
        to: Some(first.at),
        serial,
        ..Correction::default()
    };
    for event in &noticed.events {
        let (told_old, told_new) = match event.register {
            Register::Import => (old.0, new.0),
            Register::Export => (old.1, new.1),
        };
        let was_booked = booked(event).unwrap_or(Energy::ZERO);
        let end = told_old.zip(event.before).map_or(Energy::ZERO, |(end, before)| end - before);
        let start = match (event.after, told_new) {
            (Some(after), Some(start)) => after - start,
            _ => was_booked,
        };
        let added = (end + start - was_booked).milliwatt_hours();
        if end.is_negative() || start.is_negative() {
            return Err(Refusal {
                code: "final_reading".to_owned(),
                message:
                    "These readings do not fit what the meters told when they were changed: energy would run \
                          backwards."
                        .to_owned(),
                hint: "Read the numbers once more, in kWh with their decimals.".to_owned(),
            });
        }
        match event.register {
            Register::Import => made.import_milliwatt_hours = added,
            Register::Export => made.export_milliwatt_hours = added,
        }
    }
    correct(house, meter, "replaced", None, &made).map_err(refused)
}

/// Returns what an event booked, where that can be told from it.
fn booked(event: &CounterEvent) -> Option<Energy> {
    let (before, after) = event.before.zip(event.after)?;
    match CounterEventKind::from_word(&event.kind)? {
        CounterEventKind::Reset => Some(after),
        CounterEventKind::JumpReleased => Some(after - before),
        CounterEventKind::Replaced => Some(Energy::ZERO),
        _ => None,
    }
}

/// Returns what judging an event otherwise adds to the books; `None` where there is nothing to judge.
///
/// Another meter turns into the same one, whose counter really moved; a reset and a released jump turn
/// into a reading that counts nothing.
fn reversal(event: &CounterEvent) -> Option<Energy> {
    let (before, after) = event.before.zip(event.after)?;
    let added = match CounterEventKind::from_word(&event.kind)? {
        CounterEventKind::Replaced => after - before,
        CounterEventKind::Reset => Energy::ZERO - after,
        CounterEventKind::JumpReleased => before - after,
        _ => return None,
    };
    // A counter that fell was no energy.
    let backwards = event.kind == CounterEventKind::Replaced.word() && added.is_negative();
    (!backwards && added != Energy::ZERO).then_some(added)
}

fn event_name(event: &CounterEvent) -> String {
    format!("event:{}:{}:{}", event.at.millis(), event.register.word(), event.kind)
}

fn correction(edit: &StoredEdit) -> Option<Correction> {
    matches!(edit.edit.kind.as_str(), "reversed" | "replaced" | "undone")
        .then(|| serde_json::from_str(&edit.edit.detail_json).ok())
        .flatten()
}

fn kind_of(edit: &StoredEdit) -> JournalKind {
    match edit.edit.kind.as_str() {
        "added" => JournalKind::Added,
        "removed" => JournalKind::Removed,
        "replaced" => JournalKind::Replaced,
        "inverted" => JournalKind::Inverted,
        "reversed" => JournalKind::Reversed,
        _ => JournalKind::Undone,
    }
}

/// What a person added to the books can be taken back; a meter that was replaced stays replaced.
fn can_be_undone(edit: &StoredEdit) -> bool {
    match edit.edit.kind.as_str() {
        "inverted" | "reversed" => true,
        "replaced" => correction(edit)
            .is_some_and(|made| made.import_milliwatt_hours != 0 || made.export_milliwatt_hours != 0),
        _ => false,
    }
}

impl From<Register> for RegisterName {
    fn from(register: Register) -> Self {
        match register {
            Register::Import => Self::Import,
            Register::Export => Self::Export,
        }
    }
}

impl From<CounterEventKind> for JournalKind {
    fn from(kind: CounterEventKind) -> Self {
        match kind {
            CounterEventKind::Glitch => Self::Glitch,
            CounterEventKind::Dip => Self::Dip,
            CounterEventKind::Reset => Self::Reset,
            CounterEventKind::Wrap => Self::Wrap,
            CounterEventKind::Replaced => Self::OtherMeter,
            CounterEventKind::Gap => Self::Gap,
            CounterEventKind::JumpHeld => Self::JumpHeld,
            CounterEventKind::JumpReleased => Self::JumpReleased,
        }
    }
}
