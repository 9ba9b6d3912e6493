//! Tells what happens in a running household: a sentence or a line of JSON an event.

use std::path::Path;
use std::time::{Duration, Instant};

use history::Settlement;
use home::view::frame::{FrameView, MeterStateView, NoticeCode, TradingStateView, Trouble};
use home::{Home, ViewName};
use serde::Serialize;
use units::{Slot, WattHours};

use crate::failure::Failure;
use crate::output::Output;

/// The frame is looked at this often at most, however often it changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A slot that is settled later than this after its end is not told as news.
const NEWS_SLOTS: i64 = 4 * 96;

pub struct Teller {
    home: Home,
    output: Output,
    began: Instant,
    looked: Option<Instant>,
    heard: bool,
    told: Option<Told>,
    notices: Vec<(NoticeCode, String)>,
    /// Up to where settled slots have been told.
    cursor: i64,
}

/// What has been said last, so that only changes are said.
#[derive(Clone, PartialEq)]
struct Told {
    trading: TradingStateView,
    held_by: Option<String>,
    meter: MeterStateView,
    exchange: home::view::frame::ExchangeStateView,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Started {
        home: &'a str,
        data: String,
        simulated: bool,
        trading: TradingStateView,
        held_by: Option<&'a str>,
        since_start_ms: u64,
    },
    FirstSample {
        at: String,
        since_start_ms: u64,
        power_w: Option<crate::meter::Thousandths>,
    },
    Trading {
        state: TradingStateView,
        held_by: Option<&'a str>,
    },
    Meter {
        state: MeterStateView,
        trouble: Option<&'a Trouble>,
    },
    Exchange {
        state: home::view::frame::ExchangeStateView,
        market: Option<&'a str>,
        trouble: Option<&'a Trouble>,
    },
    Notice {
        code: NoticeCode,
        message: &'a str,
    },
    Slot {
        slot: Slot,
        version: u32,
        price_micros_per_kwh: Option<units::Price>,
        import_wh: WattHours,
        export_wh: WattHours,
        sold_wh: WattHours,
        bought_wh: WattHours,
        net_nanos: units::Money,
    },
    Ended,
}

impl Teller {
    pub fn new(home: &Home, output: Output, began: Instant) -> Self {
        let last = home.history().and_then(|history| history.last_settlement().ok().flatten());
        Self {
            home: home.clone(),
            output,
            began,
            looked: None,
            heard: false,
            told: None,
            notices: Vec::new(),
            cursor: last.map_or(0, |settlement| settlement.cursor),
        }
    }

    /// Says where the household is and whether this process trades for it.
    pub fn started(&mut self, dir: &Path) -> Result<(), Failure> {
        let frame = self.home.frame()?;
        let (home, held_by) = (frame.home_name.clone(), frame.trading.held_by.clone());
        let event = Event::Started {
            home: &home,
            data: std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).display().to_string(),
            simulated: frame.simulated,
            trading: frame.trading.state,
            held_by: held_by.as_deref(),
            since_start_ms: self.since_start_ms(),
        };
        self.say(&event)?;
        self.told = Some(Told::of(&frame));
        self.notices(&frame)
    }

    pub fn ended(&self) -> Result<(), Failure> {
        self.say(&Event::Ended)
    }

    /// Tells what is new since the last look; `None` looks at everything.
    pub fn look(&mut self, view: Option<ViewName>) -> Result<(), Failure> {
        if !self.heard && matches!(view, Some(ViewName::Now) | None) {
            self.first_sample()?;
        }
        if matches!(view, Some(ViewName::Earnings) | None) {
            self.settled()?;
        }
        let due = self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        if due && matches!(view, Some(ViewName::Frame) | None) {
            self.looked = Some(Instant::now());
            self.frame()?;
        }
        Ok(())
    }

    fn first_sample(&mut self) -> Result<(), Failure> {
        let flows = self.home.now()?.flows;
        let Some(at) = flows.read_at.filter(|_| flows.grid_milliwatts.is_some()) else { return Ok(()) };
        self.heard = true;
        let power_w = flows.grid_milliwatts.map(|power| crate::meter::Thousandths(power.get()));
        let at =
            serde_json::to_value(at).ok().and_then(|at| at.as_str().map(str::to_owned)).unwrap_or_default();
        self.say(&Event::FirstSample { at, since_start_ms: self.since_start_ms(), power_w })
    }

    fn frame(&mut self) -> Result<(), Failure> {
        let frame = self.home.frame()?;
        let (now, before) = (Told::of(&frame), self.told.take());
        let changed =
            |same: fn(&Told, &Told) -> bool| before.as_ref().is_none_or(|before| !same(before, &now));
        if changed(|one, other| (one.trading, &one.held_by) == (other.trading, &other.held_by)) {
            let held_by = frame.trading.held_by.as_deref();
            self.say(&Event::Trading { state: frame.trading.state, held_by })?;
        }
        if changed(|one, other| one.meter == other.meter) {
            self.say(&Event::Meter { state: frame.meter.state, trouble: frame.meter.trouble.as_ref() })?;
        }
        if changed(|one, other| one.exchange == other.exchange) {
            let market = frame.exchange.market_name.as_deref();
            let trouble = frame.exchange.trouble.as_ref();
            self.say(&Event::Exchange { state: frame.exchange.state, market, trouble })?;
        }
        self.told = Some(now);
        self.notices(&frame)
    }

    /// Tells each notice once, and again only where it says something else.
    fn notices(&mut self, frame: &FrameView) -> Result<(), Failure> {
        let notices: Vec<_> =
            frame.notices.iter().map(|notice| (notice.code, notice.message.clone())).collect();
        for (code, message) in notices.iter().filter(|notice| !self.notices.contains(notice)) {
            self.say(&Event::Notice { code: *code, message })?;
        }
        self.notices = notices;
        Ok(())
    }

    fn settled(&mut self) -> Result<(), Failure> {
        let (Some(history), Some(now)) = (self.home.history(), self.home.now_in_market()) else {
            return Ok(());
        };
        let running = Slot::containing(now);
        let mut settled = history.settlements(running.offset(-NEWS_SLOTS)..running.next())?;
        settled.retain(|settlement| settlement.cursor > self.cursor);
        settled.sort_by_key(|settlement| settlement.cursor);
        for settlement in &settled {
            self.cursor = settlement.cursor;
            self.say(&Event::of(settlement))?;
        }
        Ok(())
    }

    fn since_start_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn say(&self, event: &Event) -> Result<(), Failure> {
        self.output.say(event, Event::text)
    }
}

impl Told {
    fn of(frame: &FrameView) -> Self {
        Self {
            trading: frame.trading.state,
            held_by: frame.trading.held_by.clone(),
            meter: frame.meter.state,
            exchange: frame.exchange.state,
        }
    }
}

impl Event<'_> {
    fn of(settlement: &Settlement) -> Self {
        Self::Slot {
            slot: settlement.slot,
            version: settlement.version,
            price_micros_per_kwh: settlement.price,
            import_wh: settlement.import,
            export_wh: settlement.export,
            sold_wh: settlement.sold,
            bought_wh: settlement.bought,
            net_nanos: settlement.postings.iter().map(|posting| posting.amount).sum(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Started { home, data, trading, held_by, .. } => {
                format!("{home} in {data}: {}", trading_text(*trading, *held_by))
            }
            Self::FirstSample { power_w, since_start_ms, .. } => {
                let power = power_w.map_or("no power".to_owned(), |power| format!("{power} W"));
                format!("The meter answers: {power}, {since_start_ms} ms after the start.")
            }
            Self::Trading { state, held_by } => sentence_of(&trading_text(*state, *held_by)),
            Self::Meter { state, trouble } => with_trouble(
                match state {
                    MeterStateView::None => "No meter is set up. Add a [[meter]] to home.toml.",
                    MeterStateView::Starting => "The meter is asked.",
                    MeterStateView::Fresh => "The meter is read.",
                    MeterStateView::Stale => "The meter is late.",
                    MeterStateView::Silent => "The meter is silent, so nothing new is offered.",
                },
                *trouble,
            ),
            Self::Exchange { state, market, trouble } => {
                use home::view::frame::ExchangeStateView as State;
                let market = market.unwrap_or("The market");
                let text = match state {
                    State::NotAMember => {
                        "This home is in no market yet; `wattle join` changes that.".to_owned()
                    }
                    State::Connecting => format!("{market} is asked."),
                    State::Connected => format!("{market} answers."),
                    State::Unreachable => format!("{market} does not answer."),
                    State::ClockOff => format!("{market} refuses us, since this computer's clock is off."),
                    State::Refused => format!("{market} refuses us."),
                };
                with_trouble(&text, *trouble)
            }
            Self::Notice { message, .. } => (*message).to_owned(),
            Self::Slot { slot, price_micros_per_kwh, sold_wh, bought_wh, .. } => {
                let price =
                    price_micros_per_kwh.map_or("no price".to_owned(), |price| format!("{price} a kWh"));
                format!("{slot}  sold {sold_wh}, bought {bought_wh}, {price}")
            }
            Self::Ended => "Everything is written.".to_owned(),
        }
    }
}

fn trading_text(state: TradingStateView, held_by: Option<&str>) -> String {
    match (state, held_by) {
        (TradingStateView::Running, _) => "the rules trade.".to_owned(),
        (TradingStateView::Stopped, _) => "trading is stopped; `wattle resume` starts it again.".to_owned(),
        (TradingStateView::ReadOnly, Some(other)) => {
            format!("{other} trades for this house; this one looks on.")
        }
        (TradingStateView::ReadOnly, None) => {
            "the folder cannot be written, so nothing is traded.".to_owned()
        }
    }
}

fn sentence_of(text: &str) -> String {
    crate::household::sentence(text)
}

fn with_trouble(text: &str, trouble: Option<&Trouble>) -> String {
    trouble.map_or_else(|| text.to_owned(), |trouble| format!("{text} {}", trouble.message))
}
