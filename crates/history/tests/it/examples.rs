//! One row of each table.

use history::{
    AreaPrice, CounterEvent, DealErrand, DealNews, DealState, DealTrade, Decision, Fill, ForecastOf, History,
    LogAlarmKind, LogPage, LogPromise, Membership, MeterEdit, OrderChange, OutgoingReading, Posting,
    PriceKind, ProblemNote, Register, Settlement, SlotForecast, SlotPrice, SlotWeather, Source, SpotPrice,
    Verdict, What,
};
use market::Side;
use metering::{Flag, Quality, Sample};
use units::{Energy, Money, Price, WattHours};

use crate::logs;
use crate::support::{grid, noon, noon_slot, order, sample_at, seconds, settlement, slot_energy};

pub fn one_row_of_each(history: &History) {
    measured(history);
    decided(history);
    traded(history);
    history.save_membership(&membership()).unwrap();
    history.set_setting("stopped", "no").unwrap();
    logged(history);
    foretold(history);
}

fn measured(history: &History) {
    let first = Sample {
        serial: Some("12345678".to_owned()),
        flags: vec![Flag::NotNetted],
        ..sample_at(noon(), -2400)
    };
    history.record_samples(&grid(), &[first, sample_at(noon() + seconds(10), -2410)], noon()).unwrap();
    let day = "2026-06-01".parse().unwrap();
    for quality in [Quality::Partial, Quality::Recovered] {
        history.record_slot(&grid(), day, &slot_energy(noon_slot(), 600, quality), noon()).unwrap();
    }
    let event = CounterEvent {
        at: noon(),
        register: Register::Export,
        kind: "reset".to_owned(),
        before: Some(Energy::from_watt_hours(5)),
        after: Some(Energy::ZERO),
    };
    history.record_counter_events(&grid(), &[event]).unwrap();
    let edit =
        MeterEdit { at: noon(), kind: "replaced".to_owned(), undoes: None, detail_json: "{}".to_owned() };
    history.edit_meter(&grid(), &edit, &[], noon()).unwrap();
}

fn foretold(history: &History) {
    let price = SpotPrice { slot: noon_slot(), price: Price::from_micros_per_kwh(-5_000) };
    history.record_spot_prices(&[price], "aWATTar (de)", noon()).unwrap();
    let weather = SlotWeather {
        slot: noon_slot(),
        global_w_m2: Some(812.5),
        diffuse_w_m2: None,
        temperature_c: Some(21.5),
    };
    history.record_weather(&[weather], noon()).unwrap();
    let quantiles = [100, 400, 700].map(Energy::from_watt_hours);
    let forecast = SlotForecast { slot: noon_slot(), of: ForecastOf::Roof, quantiles };
    history.record_forecasts(&[forecast], noon()).unwrap();
}

fn decided(history: &History) {
    let price = SlotPrice {
        slot: noon_slot(),
        kind: PriceKind::Contract,
        retail: Some(Price::from_micros_per_kwh(320_000)),
        feed_in: Some(Price::from_micros_per_kwh(80_000)),
    };
    history.record_prices(&[price], noon()).unwrap();
    let cleared = AreaPrice { slot: noon_slot(), area: "feeder-1".parse().unwrap(), price: price.retail };
    history.record_area_prices(&[cleared], noon()).unwrap();
    history.save_rules("# none\n", "owner", noon()).unwrap();
    let decision = Decision {
        slot: noon_slot(),
        side: Side::Sell,
        decided_at: noon(),
        verdict: Verdict::Offer,
        rule: Some("surplus".to_owned()),
        quantity: Some(WattHours::new(800)),
        limit: Some(Price::from_micros_per_kwh(120_000)),
        reasons_json: "[]".to_owned(),
    };
    history.record_decisions(&[decision]).unwrap();
}

fn traded(history: &History) {
    let (slot, order) = (noon_slot(), order("order", noon_slot()));
    history.queue_order(&order).unwrap();
    history.mark_order(&order.id, OrderChange::Accepted { accepted_at: noon() }, noon()).unwrap();
    let reading = OutgoingReading {
        market: "street".parse().unwrap(),
        slot,
        registers: None,
        signed_json: "{}".to_owned(),
        queued_at: noon(),
    };
    history.queue_reading(&reading).unwrap();
    let posting =
        |what, nanos| Posting { reference: "order".to_owned(), what, amount: Money::from_nanos(nanos) };
    let settled = Settlement {
        sold: WattHours::new(250),
        export: WattHours::new(250),
        fills: vec![Fill { order: order.id, side: Side::Sell, filled: WattHours::new(250) }],
        source: Some(Source::Member),
        deals: vec![DealTrade {
            deal: "deal".parse().unwrap(),
            side: Side::Sell,
            partner: "home-02".parse().unwrap(),
            filled: WattHours::new(50),
            price: Price::from_micros_per_kwh(140_000),
            grid_fee: Money::ZERO,
        }],
        postings: vec![posting(What::Energy, 37_500_000), posting(What::OperatorFee, -1_250_000)],
        ..settlement(1, slot, 1)
    };
    history.record_settlement(&settled, noon()).unwrap();
    history.record_deals(&settled.market, vec![deal_news("deal", DealState::Proposed)], noon()).unwrap();
    let note = ProblemNote { code: "busy".to_owned(), detail: "later".to_owned() };
    let id = "deal".parse().unwrap();
    history.set_deal_errand(&id, DealErrand::Accept, Some("{}".to_owned()), noon()).unwrap();
    history.refuse_deal(&id, note, noon()).unwrap();
}

pub fn deal_news(id: &str, state: DealState) -> DealNews {
    DealNews {
        id: id.parse().unwrap(),
        terms_json: "{\"a\":1}".to_owned(),
        state,
        proposed_by: "home-02".parse().unwrap(),
        proposed_at: noon(),
        agreed_at: (state == DealState::Agreed).then(noon),
        served_from: (state == DealState::Agreed).then(noon_slot),
        served_until: None,
        ended_by: (state == DealState::Ended).then(|| "home-02".parse().unwrap()),
    }
}

fn logged(history: &History) {
    let log = history.begin_log(&logs::market(), "street+00000000+key", noon()).unwrap();
    let page = LogPage {
        entries: vec![logs::entry(3, Some(noon_slot()))],
        next_index: 3,
        checkpoint: logs::seen(9),
        kept: Vec::new(),
    };
    history.record_log_page(log.id, page).unwrap();
    let promise = LogPromise {
        index: 10,
        commitment: "commitment".to_owned(),
        what: "order order".to_owned(),
        promised_at: noon(),
    };
    history.record_log_promises(log.id, vec![promise]).unwrap();
    history.raise_log_alarm(log.id, LogAlarmKind::Rollback, "smaller", "{}", noon()).unwrap();
    history.save_statement(&logs::statement(1), b"{}").unwrap();
}

pub fn membership() -> Membership {
    Membership {
        market: "street".parse().unwrap(),
        market_name: "Linden street".to_owned(),
        exchange_url: "http://127.0.0.1:1".to_owned(),
        exchange_key: "key".to_owned(),
        member: "home-01".parse().unwrap(),
        area: "feeder-1".parse().unwrap(),
        key: "thumbprint".parse().unwrap(),
        metering_point: "DE1".to_owned(),
        fuse_w: 24_000,
        exposure: Money::from_nanos(50_000_000_000),
        retail: Price::from_micros_per_kwh(320_000),
        feed_in: Price::from_micros_per_kwh(80_000),
        terms_version: "1".to_owned(),
        joined_at: noon(),
    }
}
