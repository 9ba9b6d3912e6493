//! The contracts with the utility: which price holds when, how one changes, and what a day would have cost.

use history::{SlotRow, SpotPrice};
use home::view::contracts::{ContractForm, ContractStateView, PriceFormView, ZoneForm};
use home::{Home, HomeOptions, SecretSource};
use metering::{Borders, Method, Quality, SlotEnergy};
use tempfile::TempDir;
use units::{Energy, LocalDay, MeterId, Price, Slot, zone};

const HEAD: &str = "name = \"Home\"\nzone = \"Europe/Berlin\"\ncurrency = \"EUR\"\nfuse_w = 17000\n\n";
const METER: &str =
    "[[meter]]\nid = \"grid\"\nrole = \"grid\"\nprofile = \"eastron-sdm630\"\ntcp = \"127.0.0.1:1\"\n";

const BY_THE_CLOCK: &str = r#"
[[contract]]
valid_from = "2020-01-01"
retail = "0.340 EUR/kWh"
feed_in = "0.081 EUR/kWh"
standing = "0.40 EUR/day"

[[contract.zone]]
name = "Night"
hours = "22:00-06:00"
retail = "0.240 EUR/kWh"
"#;

const DYNAMIC: &str = r#"
[[contract]]
valid_from = "2020-01-01"
feed_in = { price = "0.080 EUR/kWh", zero_if_spot_negative = true }
retail = { spot = "100 %", price = "0.100 EUR/kWh", tax = "20 %" }
"#;

fn home(contracts: &str) -> (TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("home.toml"), format!("{HEAD}{contracts}\n{METER}")).unwrap();
    std::fs::write(folder.path().join("passphrase"), "correct horse battery staple").unwrap();
    let home = open(&folder);
    (folder, home)
}

fn open(folder: &TempDir) -> Home {
    Home::open(HomeOptions {
        dir: folder.path().to_owned(),
        secrets: SecretSource::PassphraseFile(folder.path().join("passphrase")),
        program: "test".to_owned(),
        create: false,
    })
    .unwrap()
}

fn fixed(valid_from: &str, retail: &str) -> ContractForm {
    let price = |text: &str| PriceFormView { price: Some(text.to_owned()), ..PriceFormView::default() };
    ContractForm {
        valid_from: valid_from.to_owned(),
        name: None,
        retail: price(retail),
        feed_in: price("0.081 EUR/kWh"),
        standing: Vec::new(),
        by_the_hour: false,
        holidays: Vec::new(),
        year_starts: None,
        tiers: Vec::new(),
        zones: Vec::new(),
        correction: None,
    }
}

/// Books a local day of 1000 Wh import and 500 Wh export each quarter hour.
fn book_day(home: &Home, day: &str) -> Vec<Slot> {
    let grid: MeterId = "grid".parse().unwrap();
    let day = LocalDay::new(day.parse().unwrap(), zone("Europe/Berlin").unwrap());
    let row = |slot: Slot| SlotRow {
        local_day: day.key(),
        energy: SlotEnergy {
            start: slot.start(),
            seconds: 900,
            import: Some(Energy::from_watt_hours(1000)),
            export: Some(Energy::from_watt_hours(500)),
            borders: Borders::default(),
            quality: Quality::Measured,
            method: Method::Counter,
        },
    };
    let slots: Vec<Slot> = Slot::range(day.slots()).collect();
    let rows: Vec<SlotRow> = slots.iter().map(|slot| row(*slot)).collect();
    home.history().unwrap().record_slots(&grid, &rows, day.start()).unwrap();
    slots
}

fn spot(home: &Home, slots: &[Slot], micros: impl Fn(usize) -> i64) {
    let price = |(index, slot): (usize, &Slot)| SpotPrice {
        slot: *slot,
        price: Price::from_micros_per_kwh(micros(index)),
    };
    let prices: Vec<SpotPrice> = slots.iter().enumerate().map(price).collect();
    home.history().unwrap().record_spot_prices(&prices, "file", slots[0].start()).unwrap();
}

fn retails(home: &Home, day: &str) -> Vec<Option<i64>> {
    let ask = home::view::energy::EnergyAsk {
        period: home::view::energy::PeriodView::Day,
        day: Some(day.to_owned()),
    };
    let bars = home.energy(&ask).unwrap().bars;
    bars.iter().map(|bar| bar.retail_micros_per_kwh.map(|price| price.get())).collect()
}

#[test]
fn each_slot_of_a_day_has_the_price_of_the_clock_on_the_wall() {
    let (_folder, home) = home(BY_THE_CLOCK);
    // Clocks are set back on this day: the night from midnight to six has seven hours.
    book_day(&home, "2025-10-26");
    let retails = retails(&home, "2025-10-26");
    assert_eq!(retails.len(), 100);
    let night = retails.iter().filter(|retail| **retail == Some(240_000)).count();
    assert_eq!((retails[27], retails[28], night), (Some(240_000), Some(340_000), 28 + 8));
}

#[test]
fn a_dynamic_price_is_known_where_the_market_published_one_and_never_guessed() {
    let (_folder, home) = home(DYNAMIC);
    let slots = book_day(&home, "2025-07-01");
    spot(&home, &slots[..48], |index| if index == 3 { -200_000 } else { 50_000 });
    let retails = retails(&home, "2025-07-01");
    assert_eq!(retails[0], Some(180_000));
    assert_eq!(retails[3], Some(-120_000), "below zero is not cut off");
    assert_eq!((retails[47], retails[48]), (Some(180_000), None));
}

#[test]
fn a_guess_at_a_price_is_of_its_own_kind_and_takes_no_place_of_a_published_one() {
    use home::view::outlook::PriceKindView;
    let (_folder, home) = home(DYNAMIC);
    let running = Slot::containing(units::Clock::now(&units::SystemClock));
    let slots: Vec<Slot> = Slot::range(running.offset(-8 * 96)..running.offset(10)).collect();
    spot(&home, &slots, |_| 50_000);
    drop(home);
    // What is known is read when the home opens, and whenever a source brings news.
    let home = open(&_folder);
    let view = home.outlook().unwrap();
    let kinds: Vec<_> = view.slots.iter().map(|slot| slot.price_kind).collect();
    assert_eq!((kinds[0], kinds[9]), (PriceKindView::Published, PriceKindView::Published));
    assert_eq!((kinds[10], kinds[191]), (PriceKindView::Forecast, PriceKindView::Forecast));
    assert_eq!(view.slots[100].retail_micros_per_kwh.map(|price| price.get()), Some(180_000));
    // The day that is shown as it was has no guess in it.
    assert_eq!(retails(&home, "2020-02-01").iter().flatten().count(), 0);
}

#[test]
fn a_contract_changes_from_tomorrow_on_and_the_past_stays() {
    let (folder, home) = home(BY_THE_CLOCK);
    book_day(&home, "2025-07-01");
    let before = retails(&home, "2025-07-01");
    let view = home.contracts().unwrap();
    let refused = home.save_contract(&fixed(&view.today, "0.300 EUR/kWh")).unwrap_err();
    assert_eq!(refused.code, "alters_the_past");
    let view = home.save_contract(&fixed(&view.earliest, "0.300 EUR/kWh")).unwrap();
    let states: Vec<_> = view.versions.iter().map(|version| version.state).collect();
    assert_eq!(states, [ContractStateView::Ahead, ContractStateView::InForce]);
    assert_eq!(view.versions[1].until.as_ref(), Some(&view.earliest));
    assert_eq!(retails(&home, "2025-07-01"), before);
    // What was changed is in the file, in the words of the file.
    let text = std::fs::read_to_string(folder.path().join("home.toml")).unwrap();
    assert!(text.contains("0.300 EUR/kWh") && text.contains("Night"), "{text}");
    let refused = home.drop_contract("2020-01-01").unwrap_err();
    assert_eq!(refused.code, "alters_the_past");
    assert_eq!(home.drop_contract(&view.earliest).unwrap().versions.len(), 1);
}

#[test]
fn a_bill_of_the_past_that_was_changed_is_a_dated_correction() {
    let (_folder, home) = home(BY_THE_CLOCK);
    book_day(&home, "2025-07-01");
    let before = retails(&home, "2025-07-01");
    let mut form = fixed("2025-06-01", "0.300 EUR/kWh");
    form.correction = Some(home::view::contracts::CorrectionForm {
        until: "2025-08-01".to_owned(),
        dated: "2025-09-01".to_owned(),
        reason: "Network fees".to_owned(),
    });
    let view = home.save_contract(&form).unwrap();
    assert_eq!((view.versions.len(), view.corrections.len()), (1, 1));
    assert_eq!(view.corrections[0], form);
    assert_eq!(retails(&home, "2025-07-01"), before, "what was agreed stays");
}

#[test]
fn what_cannot_be_read_is_refused_by_its_place_and_changes_nothing() {
    let (_folder, home) = home(BY_THE_CLOCK);
    let earliest = home.contracts().unwrap().earliest;
    let mut form = fixed(&earliest, "0.300 EUR/kWh");
    form.zones = vec![ZoneForm {
        name: "Night".to_owned(),
        hours: vec!["22-6".to_owned()],
        days: Vec::new(),
        months: Vec::new(),
        retail: Some(form.retail.clone()),
        feed_in: None,
    }];
    let refused = home.save_contract(&form).unwrap_err();
    assert_eq!(refused.code, "bad_contract");
    assert!(refused.message.contains("zone 1 \"Night\", hours"), "{}", refused.message);
    let refused = home.save_contract(&fixed(&earliest, "30 ct")).unwrap_err();
    assert!(refused.message.contains("retail"), "{}", refused.message);
    assert_eq!(home.contracts().unwrap().versions.len(), 1);
}

#[test]
fn the_first_contract_may_have_begun_long_ago() {
    let (_folder, home) = home("");
    assert_eq!(home.contracts().unwrap().versions, []);
    book_day(&home, "2025-07-01");
    assert_eq!(retails(&home, "2025-07-01")[0], None);
    home.save_contract(&fixed("2024-01-01", "0.300 EUR/kWh")).unwrap();
    assert_eq!(retails(&home, "2025-07-01")[0], Some(300_000));
}

#[test]
fn a_preview_says_what_a_day_would_have_cost_beside_what_it_did() {
    let (_folder, home) = home(BY_THE_CLOCK);
    book_day(&home, "2025-07-01");
    let preview = home.preview_contract(&fixed("2030-01-01", "0.300 EUR/kWh"), "2025-07-01").unwrap();
    assert_eq!((preview.imported_wh.get(), preview.exported_wh.get()), (96_000, 48_000));
    let nanos =
        |amount: &home::view::Amount| serde_json::to_value(amount).unwrap().as_str().unwrap().to_owned();
    // 96 kWh at 30 ct, 48 kWh at 8.1 ct.
    assert_eq!(nanos(&preview.with_it.import), "28800000000");
    assert_eq!(nanos(&preview.with_it.total), (28_800_000_000i64 - 3_888_000_000).to_string());
    // 32 quarter hours of night and 64 of day, and the standing charge.
    let was = preview.as_it_was.unwrap();
    assert_eq!(nanos(&was.import), (32 * 240_000_000i64 + 64 * 340_000_000).to_string());
    assert_eq!(nanos(&was.standing), "400000000");
    let refused = home.preview_contract(&fixed("2030-01-01", "0.300 EUR/kWh"), "2025-07-02").unwrap_err();
    assert_eq!(refused.code, "no_past");
}

#[test]
fn a_preview_of_a_dynamic_contract_counts_what_it_cannot_price() {
    let (_folder, home) = home(BY_THE_CLOCK);
    let slots = book_day(&home, "2025-07-01");
    spot(&home, &slots[..90], |_| 50_000);
    let mut form = fixed("2030-01-01", "0.100 EUR/kWh");
    form.retail.spot = Some("100 %".to_owned());
    let preview = home.preview_contract(&form, "2025-07-01").unwrap();
    assert_eq!(preview.with_it.unpriced_slots.get(), 6);
    assert_eq!(preview.as_it_was.unwrap().unpriced_slots.get(), 0);
}

#[test]
fn tiers_go_by_what_was_imported_since_the_year_began() {
    let tiers = r#"
[[contract]]
valid_from = "2020-01-01"
retail = "0.400 EUR/kWh"
feed_in = "0.081 EUR/kWh"

[[contract.tier]]
up_to = "150 kWh/month"
retail = "0.300 EUR/kWh"
"#;
    let (_folder, home) = home(tiers);
    for day in ["2025-07-01", "2025-07-02", "2025-08-01"] {
        book_day(&home, day);
    }
    // 96 kWh a day: the border lies within the second day, and a new month begins anew.
    assert_eq!(retails(&home, "2025-07-01")[95], Some(300_000));
    let second = retails(&home, "2025-07-02");
    assert_eq!((second[53], second[54]), (Some(300_000), Some(400_000)));
    assert_eq!(retails(&home, "2025-08-01")[0], Some(300_000));
}

#[test]
fn contracts_are_there_after_a_restart() {
    let (folder, home) = home("");
    home.save_contract(&fixed("2024-01-01", "0.300 EUR/kWh")).unwrap();
    let before = home.contracts().unwrap();
    drop(home);
    assert_eq!(open(&folder).contracts().unwrap(), before);
}
