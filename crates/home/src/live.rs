//! What the house knows right now and no database needs to keep: freshness, contact, trouble.

use std::collections::HashMap;

use drivers::{Observation, Tally};
use exchange_api::wire::{MarketInfo, SlotSummary};
use history::LogPromise;
use metering::Sample;
use units::{Energy, Slot, Timestamp};

use crate::config::Role;
use crate::server::TrustedServer;
use crate::view::frame::{ExchangeStateView, Notice, NoticeCode, Trouble};

/// The present state, behind one short lock.
#[derive(Debug, Default)]
pub struct Live {
    pub meters: HashMap<Role, MeterLive>,
    pub exchange: ExchangeLive,
    pub log: LogLive,
    pub feeds: FeedsLive,
    pub notices: Vec<Notice>,
}

/// How the sources of prices and weather do.
#[derive(Debug, Default)]
pub struct FeedsLive {
    pub prices: FeedLive,
    pub weather: FeedLive,
}

#[derive(Clone, Debug, Default)]
pub struct FeedLive {
    /// When it answered last.
    pub fetched_at: Option<Timestamp>,
    /// What went wrong since.
    pub trouble: Option<String>,
}

#[derive(Debug, Default)]
pub struct MeterLive {
    pub last: Option<Sample>,
    /// The registers when the running slot was first seen, for "so far".
    pub quarter: Option<QuarterStart>,
    /// What it sent last, as it sent it, and when.
    pub seen: Option<(Timestamp, Observation)>,
    /// The step of its counters where they stand.
    pub resolution: Option<Energy>,
    pub tally: Tally,
    /// What the driver said last, until the meter answers again.
    pub trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
pub struct QuarterStart {
    pub slot: Slot,
    pub import: Option<Energy>,
    pub export: Option<Energy>,
}

#[derive(Debug)]
pub struct ExchangeLive {
    pub state: ExchangeStateView,
    pub market: Option<MarketInfo>,
    /// Which server is believed to be the exchange.
    pub server: Option<TrustedServer>,
    pub trouble: Option<Trouble>,
    pub last_contact: Option<Timestamp>,
    /// The life of the slots around now, as it was told last.
    pub slots: Vec<SlotSummary>,
}

/// What is known of the exchange's log since the start.
#[derive(Debug, Default)]
pub struct LogLive {
    /// When all of it was found in order, and how many entries it had.
    pub verified_at: Option<Timestamp>,
    pub size: Option<u64>,
    /// What the exchange acknowledged and was not found in the log yet.
    pub promises: Vec<LogPromise>,
}

impl Default for ExchangeLive {
    fn default() -> Self {
        Self {
            state: ExchangeStateView::NotAMember,
            market: None,
            server: None,
            trouble: None,
            last_contact: None,
            slots: Vec::new(),
        }
    }
}

impl Live {
    /// Takes in a sample: the meter is well.
    pub fn heard(&mut self, role: Role, sample: &Sample) {
        let meter = self.meters.entry(role).or_default();
        let slot = Slot::containing(sample.at);
        if meter.quarter.is_none_or(|quarter| quarter.slot != slot) {
            // The last sample before the border is the better start, if the border lies between the two.
            let before = meter.last.as_ref().filter(|last| Slot::containing(last.at).next() == slot);
            let start = before.unwrap_or(sample);
            meter.quarter = Some(QuarterStart { slot, import: start.import, export: start.export });
        }
        meter.last = Some(sample.clone());
        meter.trouble = None;
    }

    /// Takes in that a meter did not answer; returns whether that is news.
    pub fn silent(&mut self, role: Role, trouble: Trouble) -> bool {
        let meter = self.meters.entry(role).or_default();
        let news = meter.trouble.as_ref() != Some(&trouble);
        meter.trouble = Some(trouble);
        news
    }

    /// Adds a notice once; a later one of the same kind replaces the earlier.
    pub fn notice(&mut self, code: NoticeCode, message: impl Into<String>) {
        self.notices.retain(|notice| notice.code != code);
        self.notices.push(Notice { code, message: message.into() });
    }

    /// Takes in what a meter sent, before it is judged.
    pub fn observed(&mut self, role: Role, at: Timestamp, observation: Observation, tally: Tally) {
        let meter = self.meters.entry(role).or_default();
        let counter = observation.sample(at).import.unwrap_or(Energy::ZERO);
        meter.resolution = Some(observation.resolution(counter));
        meter.seen = Some((at, observation));
        meter.tally = tally;
    }

    /// Takes in what became of the requests to a meter.
    pub fn counted(&mut self, role: Role, tally: Tally) {
        self.meters.entry(role).or_default().tally = tally;
    }

    pub fn last(&self, role: Role) -> Option<&Sample> {
        self.meters.get(&role)?.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: i64, import_wh: i64) -> Sample {
        Sample {
            at: Timestamp::from_seconds(seconds),
            import: Some(Energy::from_watt_hours(import_wh)),
            ..Sample::default()
        }
    }

    #[test]
    fn a_quarter_begins_with_the_last_sample_before_it() {
        let mut live = Live::default();
        live.heard(Role::Grid, &sample(890, 100));
        live.heard(Role::Grid, &sample(902, 103));
        live.heard(Role::Grid, &sample(950, 110));
        let quarter = live.meters[&Role::Grid].quarter.unwrap();
        assert_eq!((quarter.slot.index(), quarter.import), (1, Some(Energy::from_watt_hours(100))));
    }

    #[test]
    fn after_a_long_silence_a_quarter_begins_with_what_was_seen_of_it() {
        let mut live = Live::default();
        live.heard(Role::Grid, &sample(890, 100));
        live.heard(Role::Grid, &sample(1850, 140));
        let quarter = live.meters[&Role::Grid].quarter.unwrap();
        assert_eq!(quarter.import, Some(Energy::from_watt_hours(140)));
    }

    #[test]
    fn the_same_trouble_twice_is_no_news() {
        let mut live = Live::default();
        let trouble = Trouble { code: "timeout".to_owned(), message: "No answer.".to_owned() };
        assert!(live.silent(Role::Grid, trouble.clone()));
        assert!(!live.silent(Role::Grid, trouble.clone()));
        live.heard(Role::Grid, &sample(1, 1));
        assert!(live.silent(Role::Grid, trouble));
    }
}
