//! `wattle meter scan`: finds meters on a serial port or behind a host.

use std::path::PathBuf;

use drivers::{Find, News, Place};
use serde::Serialize;
use units::{Clock, SystemClock};

use super::known::ProfilesOptions;
use super::sample::SampleLine;
use crate::Verdict;
use crate::failure::Failure;
use crate::output::Output;

#[derive(clap::Args)]
pub struct ScanOptions {
    #[command(flatten)]
    place: PlaceOptions,
    #[command(flatten)]
    profiles: ProfilesOptions,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct PlaceOptions {
    /// A serial port, whose settings are tried
    #[arg(long, value_name = "PATH")]
    serial: Option<PathBuf>,
    /// A host; its usual ports are tried unless one is named
    #[arg(long, value_name = "HOST[:PORT]")]
    tcp: Option<String>,
}

/// A line a find.
#[derive(Serialize)]
struct Line<'a> {
    profile: &'a str,
    device: String,
    sample: SampleLine,
    confidence: f64,
}

pub async fn scan(options: ScanOptions, output: Output) -> Result<Verdict, Failure> {
    let place = match (options.place.serial, options.place.tcp) {
        (Some(path), _) => Place::Serial(path),
        (None, Some(host)) => Place::host(&host)?,
        (None, None) => return Err(drivers::InvalidEndpoint::Missing.into()),
    };
    let mut said = Ok(());
    let profiles = options.profiles.load()?;
    let count = drivers::search(&place, profiles.catalogue(), |news| {
        if let News::Found(find) = news
            && said.is_ok()
        {
            said = output.say(&Line::from(find.as_ref()), Line::text);
        }
    })
    .await?;
    said?;
    Ok(if count > 0 { Verdict::Yes } else { Verdict::No })
}

impl<'a> From<&'a Find> for Line<'a> {
    fn from(find: &'a Find) -> Self {
        let at = SystemClock.now() - find.observation.taken.elapsed();
        Self {
            profile: &find.profile.name,
            device: find.device(),
            sample: SampleLine::from(&find.observation.sample(at)),
            // Two decimals say all that there is to know.
            confidence: (find.confidence * 100.0).round() / 100.0,
        }
    }
}

impl Line<'_> {
    fn text(&self) -> String {
        let certainty = (self.confidence * 100.0).round();
        format!("{} ({certainty} % sure)\n  {}\n  {}", self.profile, self.device, self.sample.short_text())
    }
}
