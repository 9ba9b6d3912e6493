//! The home's meters as an owner sets them up: found, checked, added, replaced, turned round, removed.

mod changes;
mod check;
pub mod diagnosis;
mod evidence;
mod journal;
mod places;
mod search;
mod wiring;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::history_refusal;
use crate::house::{Home, House, ViewName};
use crate::view::frame::Refusal;
use crate::view::meters::setup::{FindView, SetupView};

use check::Check;
pub use journal::replaced_edit;
use search::Search;
pub use wiring::{BookChange, Told as ToldToBooks, Wanted, Wiring};

/// What is under way behind "Add a meter": one search and one check at a time.
#[derive(Debug, Default)]
pub struct Setup(Mutex<UnderWay>);

#[derive(Debug, Default)]
struct UnderWay {
    search: Option<Search>,
    check: Option<Check>,
}

impl Setup {
    /// Ends what is under way, since the house closes.
    pub(crate) fn end(&self) {
        let mut under_way = self.lock();
        if let Some(search) = &under_way.search {
            search.cancel.cancel();
        }
        under_way.check = None;
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Home {
    /// Returns where a meter can be looked for, and how far search and check have come.
    pub fn meter_setup(&self) -> Result<SetupView, Refusal> {
        let house = self.house()?;
        Ok(setup_view(house))
    }
}

fn setup_view(house: &House) -> SetupView {
    // Looking at ports opens them for a moment, so no lock is held meanwhile.
    let (ports, networks) = (places::ports(house), places::networks());
    let under_way = house.setup.lock();
    SetupView {
        ports,
        networks,
        search: under_way.search.as_ref().map(|search| search.view(house)),
        check: under_way.check.as_ref().map(|check| check.view(house)),
    }
}

fn find_view(house: &House, number: u32, find: &drivers::Find) -> FindView {
    let at = house.time_of(find.observation.taken);
    FindView::new(number, find, at, places::known_as(house, find))
}

impl House {
    fn find(&self, number: u32) -> Result<drivers::Find, Refusal> {
        let under_way = self.setup.lock();
        let find = under_way.search.as_ref().and_then(|search| search.find(number));
        find.cloned().ok_or_else(|| Refusal {
            code: "unknown_find".to_owned(),
            message: "That find is of an earlier search.".to_owned(),
            hint: "Search again.".to_owned(),
        })
    }

    fn meters_changed(&self) {
        for view in [ViewName::Meters, ViewName::Frame, ViewName::Now, ViewName::Energy] {
            self.changed(view);
        }
    }
}

pub(crate) fn unknown_meter(id: &str) -> Refusal {
    Refusal {
        code: "unknown_meter".to_owned(),
        message: format!("This home has no meter \"{id}\" any more."),
        hint: "Open the page again.".to_owned(),
    }
}

fn refused(error: history::HistoryError) -> Refusal {
    history_refusal(&error)
}
