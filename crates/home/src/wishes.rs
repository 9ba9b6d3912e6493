//! What another process of the same computer wants of the market, left as files in the data folder.
//!
//! The history has one writer and the key one holder: the process that trades. A wish is a file of its own; that
//! process does it within a second and takes the file away, or puts beside it why not. A wish that nobody looked at
//! in time is taken back by whoever left it, so that nothing surprising happens hours later.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use history::HistoryError;
use units::OrderId;

use crate::by_hand::Wish;
use crate::config::write_in_place;
use crate::house::House;
use crate::view::frame::Refusal;

/// The folder in the data folder.
const FOLDER: &str = "wishes";
const WISH: &str = "json";
const REFUSED: &str = "refused";

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The most wishes that wait: more than any person leaves in a second.
const MOST: usize = 64;

impl House {
    /// Leaves a wish and waits until the process that trades has done it or refused it.
    pub async fn leave_wish(&self, wish: &Wish, other: &str, until: Instant) -> Result<(), Refusal> {
        let folder = self.dir.join(FOLDER);
        // Ids rise with time, so wishes are done in the order in which they were left.
        let path = folder.join(new_name()).with_extension(WISH);
        let text = serde_json::to_string(wish).expect("a wish is plain data");
        let left = std::fs::create_dir_all(&folder).and_then(|()| write_in_place(&path, &text));
        left.map_err(|cause| Refusal {
            code: "data_read_only".to_owned(),
            message: format!(
                "The wish could not be left in {}: {cause}. Nothing was done.",
                folder.display()
            ),
            hint: "Run this as the user that owns the data folder.".to_owned(),
        })?;
        loop {
            if !path.exists() {
                return answer(&path);
            }
            if Instant::now() >= until {
                return match std::fs::remove_file(&path) {
                    Err(cause) if cause.kind() == ErrorKind::NotFound => answer(&path),
                    _ => Err(not_looked_at(other)),
                };
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Does what other processes left as their wishes.
    pub fn obey_wishes(&self) -> Result<(), HistoryError> {
        let folder = self.dir.join(FOLDER);
        let failed =
            |attempt, path: &Path, cause| HistoryError::File { attempt, path: path.to_owned(), cause };
        let mut waiting: Vec<PathBuf> = match std::fs::read_dir(&folder) {
            Ok(entries) => entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == WISH))
                .collect(),
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(failed("reading", &folder, cause)),
        };
        waiting.sort();
        for path in waiting.into_iter().take(MOST) {
            if let Err(refusal) = self.obey_wish(&path) {
                let text = serde_json::to_string(&refusal).expect("a refusal is plain data");
                write_in_place(&path.with_extension(REFUSED), &text)
                    .map_err(|cause| failed("writing", &path, cause))?;
            }
            match std::fs::remove_file(&path) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => {
                    return Err(failed("removing", &path, cause));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn obey_wish(&self, path: &Path) -> Result<(), Refusal> {
        let unreadable = |why: String| Refusal {
            code: "bad_wish".to_owned(),
            message: format!("The process that trades does not understand the wish: {why}."),
            hint: "Both programs must be of the same version; restart the one that trades.".to_owned(),
        };
        let text = std::fs::read_to_string(path).map_err(|cause| unreadable(cause.to_string()))?;
        let wish: Wish = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        tracing::info!(?wish, "another process asked for this");
        self.grant(&wish)
    }
}

/// Reads why a wish was refused, if it was.
fn answer(path: &Path) -> Result<(), Refusal> {
    let path = path.with_extension(REFUSED);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    // Read once: nobody else waits for it.
    drop(std::fs::remove_file(&path));
    Err(serde_json::from_str(&text).unwrap_or_else(|_| Refusal {
        code: "refused".to_owned(),
        message: "The process that trades refused it.".to_owned(),
        hint: String::new(),
    }))
}

fn not_looked_at(other: &str) -> Refusal {
    Refusal {
        code: "not_obeyed".to_owned(),
        message: format!("{other} trades for this house and has not looked at the wish. Nothing was done."),
        hint: "Look whether that program still runs; end it to be sure, its lock ends with it.".to_owned(),
    }
}

fn new_name() -> String {
    let id: OrderId = exchange_api::new_order_id();
    id.to_string()
}
