//! Adds, replaces, turns round and removes meters while the house runs; history stays one series.

use std::sync::Arc;

use drivers::{DataBits, Endpoint, Find};
use history::{MeterEdit, SlotRow};
use metering::{Borders, SlotEnergy};
use serde_json::json;
use tokio::sync::oneshot;
use units::{Energy, LocalDay, MeterId, Slot, Timestamp};

use super::wiring::{BookChange, Hold, Told};
use super::{refused, unknown_meter};
use crate::config::{MeterConfig, Netting, Role};
use crate::error::config_refusal;
use crate::house::{Home, House};
use crate::series::Series;
use crate::tasks::bookkeeper::Books;
use crate::view::Whole;
use crate::view::frame::Refusal;
use crate::view::meters::MetersView;
use crate::view::meters::setup::{AddMeterAsk, EnergyCheck, InvertMeterAsk, ReplaceMeterAsk, SignView};

/// How far back a meter can be turned round: what was reported of older slots is settled for good.
const TURNED_BACK_AT_MOST: i64 = 366 * 96;

impl Home {
    /// Makes a find one of the home's meters and begins to read it.
    ///
    /// What does not fit is refused, or asked about: a role that another meter has, a kind of device that
    /// stands elsewhere, registers that are no counters, a sign that the evidence contradicts.
    pub async fn add_meter(&self, ask: &AddMeterAsk) -> Result<MetersView, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        let find = house.find(ask.find)?;
        let role = Role::from(ask.role);
        if let Some(meter) = house.meter_id(role) {
            return Err(Refusal {
                code: "role_taken".to_owned(),
                message: format!("The meter \"{meter}\" stands there already."),
                hint: "Replace that meter by this one, or remove it first.".to_owned(),
            });
        }
        house.check_find(ask.find, &find, role, ask.inverted, ask.confirmed)?;
        let id: MeterId = role.word().parse().expect("a role's word is an id");
        let meter = meter_config(&find, id.clone(), role, ask.inverted, ask.netting.into());
        let edit = MeterEdit {
            at: house.now(),
            kind: "added".to_owned(),
            undoes: None,
            detail_json: json!({ "profile": meter.profile, "place": find.endpoint.name() }).to_string(),
        };
        house.rewire(None, vec![role], move |meters| meters.push(meter)).await?;
        house
            .blocking(move |house| house.history.edit_meter(&id, &edit, &[], house.now()))
            .await
            .map_err(refused)?;
        tracing::info!(role = role.word(), profile = find.profile.name, "a meter was added");
        self.meters_now(&house).await
    }

    /// Says that a meter was replaced by another one, of the same kind or not.
    pub async fn replace_meter(&self, ask: &ReplaceMeterAsk) -> Result<MetersView, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        let present = house.meter(&ask.meter)?;
        let now = house.now();
        let at = ask.at.as_deref().map(readable_time).transpose()?.unwrap_or(now).min(now);
        let (role, id) = (present.role, present.id.clone());
        let next = match ask.find {
            None => present.clone(),
            Some(number) => {
                let find = house.find(number)?;
                house.check_find(number, &find, role, ask.inverted, ask.confirmed)?;
                let netting = Netting::from(ask.netting);
                MeterConfig {
                    every_s: present.every_s,
                    ..meter_config(&find, id.clone(), role, ask.inverted, netting)
                }
            }
        };
        let energy = |wh: Option<Whole>| wh.map(|wh| Energy::from_watt_hours(wh.get()));
        let old = (energy(ask.old_import_wh), energy(ask.old_export_wh));
        let new = (energy(ask.new_import_wh), energy(ask.new_export_wh));
        let noticed = house.blocking({
            let id = id.clone();
            move |house| super::journal::noticed_replacement(house, &id, at)
        });
        let noticed = noticed.await.map_err(refused)?;
        let changed = next != present;
        let swap = move |meters: &mut Vec<MeterConfig>| {
            if let Some(meter) = meters.iter_mut().find(|meter| meter.id == next.id) {
                *meter = next;
            }
        };
        if let Some(noticed) = noticed {
            // The counters told it already: what is missing is what flowed around it.
            let (id, serial) = (id.clone(), ask.serial.clone());
            let booked = house
                .blocking(move |house| {
                    super::journal::complete_replacement(house, &id, &noticed, old, new, serial)
                })
                .await;
            booked?;
            if changed {
                house.rewire(None, Vec::new(), swap).await?;
            }
        } else {
            house.check_final(&id, at, old)?;
            let change = BookChange::Replaced { role, at, old, new, serial: ask.serial.clone() };
            // What the books are told of both meters needs no guess about the new registers.
            house.rewire(Some(change), Vec::new(), swap).await?;
        }
        tracing::info!(meter = %id, "a meter was replaced");
        self.meters_now(&house).await
    }

    /// Reads a meter the other way round from now on, or turns also what was booked since a time.
    pub async fn invert_meter(&self, ask: &InvertMeterAsk) -> Result<MetersView, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        let meter = house.meter(&ask.meter)?;
        let since = ask.since.as_deref().map(readable_time).transpose()?;
        house.turn(&meter, since, None).await?;
        tracing::info!(meter = %meter.id, ?since, "a meter was turned round");
        self.meters_now(&house).await
    }

    /// Stops reading a meter. What it counted stays in the history.
    pub async fn remove_meter(&self, id: &str) -> Result<MetersView, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        let meter = house.meter(id)?;
        let removed = meter.id.clone();
        house.rewire(None, Vec::new(), move |meters| meters.retain(|meter| meter.id != removed)).await?;
        let edit = MeterEdit {
            at: house.now(),
            kind: "removed".to_owned(),
            undoes: None,
            detail_json: serde_json::to_string(&meter).expect("a meter's configuration is plain data"),
        };
        let id = meter.id.clone();
        house
            .blocking(move |house| house.history.edit_meter(&id, &edit, &[], house.now()))
            .await
            .map_err(refused)?;
        tracing::info!(meter = %meter.id, "a meter was removed");
        self.meters_now(&house).await
    }

    async fn meters_now(&self, house: &Arc<House>) -> Result<MetersView, Refusal> {
        house.meters_changed();
        let home = self.clone();
        house.blocking(move |_| home.meters()).await
    }
}

impl House {
    pub(super) fn meter(&self, id: &str) -> Result<MeterConfig, Refusal> {
        let config = self.config();
        config.meters.iter().find(|meter| meter.id.as_str() == id).cloned().ok_or_else(|| unknown_meter(id))
    }

    /// Lets the readers let go of their lines, changes books and configuration, and lets them go on.
    async fn rewire(
        self: &Arc<Self>,
        change: Option<BookChange>,
        fresh: Vec<Role>,
        edit: impl FnOnce(&mut Vec<MeterConfig>) + Send + 'static,
    ) -> Result<(), Refusal> {
        let _alone = self.lines.changing.lock().await;
        // The check has done its part, and holds a line.
        self.setup.lock().check = None;
        let held = self.lines.hold(Hold::All).await;
        if let Some(change) = change {
            self.tell_books(change).await.map_err(refused)?;
        }
        self.blocking(move |house| house.change_config(|config| edit(&mut config.meters)))
            .await
            .map_err(|error| config_refusal(&error))?;
        self.tell_books(BookChange::Reopen { fresh }).await.map_err(refused)?;
        drop(held);
        self.lines.settled().await;
        self.wake.trader.notify_one();
        Ok(())
    }

    /// Tells the bookkeeper of a change, or keeps the books alone where none runs.
    async fn tell_books(self: &Arc<Self>, change: BookChange) -> Result<(), history::HistoryError> {
        if let Some(books) = self.lines.books() {
            let (answer, answered) = oneshot::channel();
            if books.send(Told::Change(change.clone(), answer)).await.is_ok()
                && let Ok(outcome) = answered.await
            {
                return outcome;
            }
        }
        self.blocking(move |house| Books::open(house)?.apply(house, change)).await
    }

    /// Refuses a find that cannot do what is asked of it, and one that probably does not unless confirmed.
    fn check_find(
        &self,
        number: u32,
        find: &Find,
        role: Role,
        inverted: bool,
        confirmed: bool,
    ) -> Result<(), Refusal> {
        let kind = Role::from(find.profile.kind);
        let read =
            self.profiles().find(&find.profile.name).map(|profile| profile.standing_at(role.into()).kind);
        let elsewhere = read.is_some_and(|kind| kind != find.profile.kind);
        let under_way = self.setup.lock();
        let check = under_way.check.as_ref().filter(|check| check.number == number);
        let (energy, sign) =
            check.map_or((EnergyCheck::TooEarly, SignView::Unproven), |check| check.verdict());
        drop(under_way);
        let refusal = |code: &str, message: String, hint: &str| {
            Err(Refusal { code: code.to_owned(), message, hint: hint.to_owned() })
        };
        if elsewhere {
            // Of a device that measures several places, each has its own registers.
            return refusal(
                "other_part",
                format!(
                    "{} {} measures {} with other registers than these.",
                    find.profile.maker,
                    find.profile.model,
                    place_of(role)
                ),
                "Choose the find of the same device that stands there.",
            );
        }
        if energy == EnergyCheck::NotACounter {
            return refusal(
                "not_a_counter",
                "What this device gives as counted energy goes up and down: it is power. Energy would be booked that \
                 never flowed, so it cannot be used."
                    .to_owned(),
                "Choose another find of the same device, or a meter that counts.",
            );
        }
        if energy == EnergyCheck::WrongUnit {
            return refusal(
                "wrong_unit",
                "The counter moves a thousand times too much or too little for the power that flows: watt-hours where \
                 kilowatt-hours belong, or another unit."
                    .to_owned(),
                "Choose another find of the same device; its registers are those of another model.",
            );
        }
        if confirmed {
            return Ok(());
        }
        if kind != role {
            return refusal(
                "wrong_kind",
                format!(
                    "{} {} usually measures {}, not {}. In the wrong place every figure of the house is wrong.",
                    find.profile.maker,
                    find.profile.model,
                    place_of(kind),
                    place_of(role)
                ),
                "Choose the other role, or confirm that it stands there.",
            );
        }
        let looks_reversed =
            matches!((sign, inverted), (SignView::Reversed, false) | (SignView::Right, true));
        if looks_reversed {
            return refusal(
                "sign_reversed",
                "By what was just seen the meter would be read the wrong way round: import would be taken for export."
                    .to_owned(),
                "Turn it round with \"inverted\", or confirm that it is right.",
            );
        }
        if energy == EnergyCheck::Swapped {
            return refusal(
                "counters_swapped",
                "The export counter rises while power flows in: import and export of this device are probably swapped."
                    .to_owned(),
                "Look at the device's display; confirm only if it shows the same.",
            );
        }
        Ok(())
    }

    /// Refuses a final reading that the old meter cannot have shown.
    fn check_final(
        &self,
        id: &MeterId,
        at: Timestamp,
        old: (Option<Energy>, Option<Energy>),
    ) -> Result<(), Refusal> {
        let Some(last) = self.history.latest_sample(id).map_err(refused)? else { return Ok(()) };
        let hours_ms = i64::try_from(at.since(last.at).as_millis()).unwrap_or(i64::MAX / 1_000_000);
        let most = Energy::from_milliwatt_hours(
            self.config().fuse().milliwatts().saturating_mul(hours_ms / 1000 + 60) / 3600 * 12 / 10 + 2000,
        );
        let fits = |known: Option<Energy>, told: Option<Energy>| match (known, told) {
            // Displays show whole kilowatt-hours.
            (Some(known), Some(told)) => {
                (-Energy::from_watt_hours(1000) <= told - known) && told - known <= most
            }
            _ => true,
        };
        if fits(last.import, old.0) && fits(last.export, old.1) {
            return Ok(());
        }
        let shown = |energy: Option<Energy>| {
            energy.map_or("nothing".to_owned(), |energy| format!("{} kWh", energy.as_f64() / 1000.0))
        };
        Err(Refusal {
            code: "final_reading".to_owned(),
            message: format!(
                "The old meter cannot have shown that at the end: when it was last read it showed {} import and {} \
                 export.",
                shown(last.import),
                shown(last.export)
            ),
            hint: "Read the numbers once more, in kWh with their decimals.".to_owned(),
        })
    }

    /// Turns a meter round. With a time in the past, what was booked since that slot is turned, too.
    pub(super) async fn turn(
        self: &Arc<Self>,
        meter: &MeterConfig,
        since: Option<Timestamp>,
        undoes: Option<i64>,
    ) -> Result<(), Refusal> {
        let (id, role) = (meter.id.clone(), meter.role);
        let now = self.now();
        let inverted = id.clone();
        let edit = move |meters: &mut Vec<MeterConfig>| {
            if let Some(meter) = meters.iter_mut().find(|meter| meter.id == inverted) {
                meter.inverted = !meter.inverted;
            }
        };
        let since = since.map(Slot::containing).filter(|since| *since < Slot::containing(now));
        let Some(since) = since else {
            self.rewire(Some(BookChange::Turned { role }), Vec::new(), edit).await?;
            let edit = turned(now, undoes, None);
            self.blocking(move |house| house.history.edit_meter(&id, &edit, &[], now))
                .await
                .map_err(refused)?;
            return Ok(());
        };
        if since < Slot::containing(now).offset(-TURNED_BACK_AT_MOST) {
            return Err(Refusal {
                code: "too_far_back".to_owned(),
                message: "The past can be turned round for a year at most.".to_owned(),
                hint: "Choose a later day.".to_owned(),
            });
        }
        // First the past, while the readers stand still, so that no sample is turned twice; they go on once the
        // meter is turned, so that none is missed.
        let held = self.lines.hold(Hold::All).await;
        self.tell_books(BookChange::Reopen { fresh: Vec::new() }).await.map_err(refused)?;
        let past = id.clone();
        self.blocking(move |house| turn_past(house, &past, since, undoes)).await.map_err(refused)?;
        self.rewire(None, Vec::new(), edit).await?;
        drop(held);
        self.lines.settled().await;
        Ok(())
    }
}

fn turned(at: Timestamp, undoes: Option<i64>, since: Option<Slot>) -> MeterEdit {
    MeterEdit {
        at: since.map_or(at, Slot::start),
        kind: if undoes.is_some() { "undone" } else { "inverted" }.to_owned(),
        undoes,
        detail_json: json!({ "past": since.map(|slot| slot.start()) }).to_string(),
    }
}

/// Turns samples, slots and events of a meter since a slot, and lets the exchange's registers go on.
fn turn_past(
    house: &House,
    id: &MeterId,
    since: Slot,
    undoes: Option<i64>,
) -> Result<(), history::HistoryError> {
    let now = house.now();
    let last = house.history.latest_sample(id)?;
    let slots = house.history.slots(id, since..Slot::containing(now).next())?;
    let rows: Vec<SlotRow> = slots
        .iter()
        .map(|row| SlotRow { local_day: row.local_day, energy: turned_slot(&row.energy) })
        .collect();
    if let Some((import, export)) = last.and_then(|last| last.import.zip(last.export)) {
        let mut series = Series::load(&house.history, id)?;
        series.go_on(Slot::containing(now).start(), (import, export), (export, import));
        series.save(&house.history, id)?;
    }
    let edit = turned(now, undoes, Some(since));
    house.history.turn_meter(id, since.start()..now.max(since.end()), &edit, &rows, now)?;
    Ok(())
}

fn turned_slot(energy: &SlotEnergy) -> SlotEnergy {
    let borders = energy.borders;
    SlotEnergy {
        import: energy.export,
        export: energy.import,
        borders: Borders {
            import_start: borders.export_start,
            import_end: borders.export_end,
            export_start: borders.import_start,
            export_end: borders.import_end,
        },
        ..energy.clone()
    }
}

/// Returns a find as `home.toml` writes it.
fn meter_config(find: &Find, id: MeterId, role: Role, inverted: bool, netting: Netting) -> MeterConfig {
    let mut meter = MeterConfig {
        id,
        role,
        profile: find.profile.name.clone(),
        tcp: None,
        rtu_over_tcp: None,
        serial: None,
        baud: None,
        data_bits: None,
        parity: None,
        stop_bits: None,
        unit: find.settings.unit,
        instance: find.settings.instance,
        inverted,
        netting,
        every_s: 10,
        gap_ms: None,
    };
    match &find.endpoint {
        Endpoint::Tcp { address } => meter.tcp = Some(address.clone()),
        Endpoint::RtuOverTcp { address } => meter.rtu_over_tcp = Some(address.clone()),
        Endpoint::Serial { path, line } => {
            meter.serial = Some(path.clone());
            meter.baud = Some(line.baud);
            meter.parity = Some(line.parity.word().to_owned());
            meter.data_bits = (line.data_bits == DataBits::Seven).then_some(7);
            meter.stop_bits = (line.stop_bits == drivers::StopBits::Two).then_some(2);
        }
    }
    meter
}

fn place_of(role: Role) -> &'static str {
    match role {
        Role::Grid => "the connection to the grid",
        Role::Solar => "what the roof makes",
        Role::Battery => "a battery",
    }
}

pub(super) fn readable_time(text: &str) -> Result<Timestamp, Refusal> {
    text.parse().map_err(|_| Refusal {
        code: "bad_date".to_owned(),
        message: format!("\"{text}\" is not a time."),
        hint: "Write it as 2026-06-01T12:15:00Z.".to_owned(),
    })
}

/// Returns the local day that a slot is booked under.
pub(super) fn day_of(house: &House, slot: Slot) -> units::DayKey {
    LocalDay::containing(slot.start(), house.zone()).key()
}
