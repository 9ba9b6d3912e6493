//! A search for meters: runs beside the house, tells its finds as they come, and can be cancelled.

use std::net::Ipv4Addr;
use std::sync::Arc;

use drivers::{Find, News, Place};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use units::Timestamp;

use super::wiring::Hold;
use super::{find_view, places, setup_view};
use crate::house::{Home, House, ViewName};
use crate::view::Whole;
use crate::view::frame::{Refusal, Trouble};
use crate::view::meters::setup::{PlaceFailure, SearchAsk, SearchState, SearchView, SetupView};

/// Places that are searched at once. A home's hosts are searched in turn, its serial ports besides.
const AT_ONCE: usize = 4;

/// How far a search has come.
#[derive(Debug)]
pub struct Search {
    /// Tells it from those before and after it.
    id: u64,
    state: SearchState,
    started_at: Timestamp,
    trying: Option<String>,
    /// Steps that are done, and all of them, by the place.
    progress: Vec<(usize, usize)>,
    finds: Vec<Find>,
    failures: Vec<PlaceFailure>,
    pub(super) cancel: CancellationToken,
}

impl Search {
    pub fn find(&self, number: u32) -> Option<&Find> {
        self.finds.get(usize::try_from(number).ok()?)
    }

    pub fn view(&self, house: &House) -> SearchView {
        let sum =
            |of: fn(&(usize, usize)) -> usize| Whole::new(self.progress.iter().map(of).sum::<usize>() as i64);
        let finds = (0..).zip(&self.finds).map(|(number, find)| find_view(house, number, find));
        SearchView {
            state: self.state,
            started_at: self.started_at.into(),
            trying: self.trying.clone(),
            done: sum(|(done, _)| *done),
            total: sum(|(_, total)| *total),
            finds: finds.collect(),
            failures: self.failures.clone(),
        }
    }

    fn note(&mut self, place: usize, news: News) {
        match news {
            News::Trying { endpoint, done, of } => {
                self.trying = Some(endpoint.to_string());
                self.progress[place] = (done, of);
            }
            News::Found(find) => self.finds.push(*find),
        }
    }

    fn end(&mut self, state: SearchState) {
        if self.state == SearchState::Running {
            (self.state, self.trying) = (state, None);
        }
    }
}

impl Home {
    /// Begins to look for meters, in place of a search that is under way.
    ///
    /// Meters that are read over a line that is searched are not read meanwhile.
    pub async fn start_search(&self, ask: &SearchAsk) -> Result<SetupView, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        let (places, addresses) = places::places(ask)?;
        self.cancel_search()?;
        let cancel = CancellationToken::new();
        let steps = places.len() + usize::from(!addresses.is_empty());
        let id = house.begin_search(steps, cancel.clone());
        let searched = house.clone();
        tokio::spawn(async move {
            let ended = tokio::select! {
                () = cancel.cancelled() => SearchState::Cancelled,
                () = search(&searched, id, places, addresses) => SearchState::Done,
            };
            searched.with_search(id, |search| search.end(ended));
        });
        self.setup_now(&house).await
    }

    /// Ends a search; what was found stays.
    pub fn cancel_search(&self) -> Result<(), Refusal> {
        let house = self.house()?;
        if let Some(search) = &mut house.setup.lock().search {
            search.end(SearchState::Cancelled);
            search.cancel.cancel();
        }
        house.changed(ViewName::Meters);
        Ok(())
    }

    pub(super) async fn setup_now(&self, house: &Arc<House>) -> Result<SetupView, Refusal> {
        Ok(house.blocking(setup_view).await)
    }
}

impl House {
    /// Notes that a search begins, and returns what tells it from others.
    fn begin_search(&self, steps: usize, cancel: CancellationToken) -> u64 {
        let mut under_way = self.setup.lock();
        let id = under_way.search.as_ref().map_or(0, |search| search.id) + 1;
        under_way.search = Some(Search {
            id,
            state: SearchState::Running,
            started_at: self.now(),
            trying: None,
            progress: vec![(0, 1); steps],
            finds: Vec::new(),
            failures: Vec::new(),
            cancel,
        });
        id
    }

    /// Changes a search, unless another one has taken its place.
    fn with_search(&self, id: u64, change: impl FnOnce(&mut Search)) {
        if let Some(search) = self.setup.lock().search.as_mut().filter(|search| search.id == id) {
            change(search);
        }
        self.changed(ViewName::Meters);
    }
}

async fn search(house: &Arc<House>, id: u64, places: Vec<Place>, addresses: Vec<Ipv4Addr>) {
    let mut all: Vec<(usize, Place)> = places.into_iter().enumerate().collect();
    let knocks = all.len();
    if !addresses.is_empty() {
        let of = addresses.len();
        let mut done = 0;
        let mut open = Vec::new();
        places::knock(addresses, |address, opened| {
            done += 1;
            if opened {
                open.push(address);
            }
            house.with_search(id, |search| {
                search.progress[knocks] = (done, of);
                search.trying = Some(address.to_string());
            });
        })
        .await;
        open.sort_unstable();
        house.with_search(id, |search| {
            for address in open {
                let place = Place::Host { host: address.to_string(), port: None };
                all.push((search.progress.len(), place));
                search.progress.push((0, 1));
            }
        });
    }
    let held = house.lines.hold(Hold::Places(all.iter().map(|(_, place)| name(place)).collect())).await;
    let mut waiting = all.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((number, place)) = waiting.next()
        {
            running.spawn(search_place(house.clone(), id, number, place));
        }
        if running.join_next().await.is_none() {
            break;
        }
    }
    drop(held);
}

async fn search_place(house: Arc<House>, id: u64, number: usize, place: Place) {
    let profiles = house.profiles();
    let told = |news| house.with_search(id, |search| search.note(number, news));
    let outcome = drivers::search(&place, profiles.catalogue(), told).await;
    house.with_search(id, |search| {
        let (_, of) = search.progress[number];
        search.progress[number] = (of, of);
        if let Err(error) = outcome {
            search.failures.push(PlaceFailure { place: name(&place), trouble: Trouble::from(&error) });
        }
    });
}

fn name(place: &Place) -> String {
    match place {
        Place::Serial(path) => path.display().to_string(),
        Place::Host { host, port: Some(port) } => format!("{host}:{port}"),
        Place::Host { host, port: None } => host.clone(),
    }
}
