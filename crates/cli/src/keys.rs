//! `wattle keys`: the key by which the market knows this device, and where its secret lies.

use home::config::KEY_FILE;
use serde::Serialize;
use units::{KeyId, MarketId, MemberId};

use crate::Verdict;
use crate::failure::Failure;
use crate::household::Folder;
use crate::output::Output;

#[derive(clap::Args)]
pub struct KeysOptions {
    #[command(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
struct Answer {
    keys: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    /// The thumbprint of the public key, under which the exchange knows it.
    key: KeyId,
    market: MarketId,
    member: MemberId,
    place: Place,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    SealedFile,
    Keyring,
}

pub fn keys(options: &KeysOptions, output: Output) -> Result<Verdict, Failure> {
    let sealed = options.folder.path()?.join(KEY_FILE).exists();
    let place = if sealed { Place::SealedFile } else { Place::Keyring };
    let membership = options.folder.history()?.membership()?;
    let line = |membership: history::Membership| Line {
        key: membership.key,
        market: membership.market,
        member: membership.member,
        place,
    };
    output.say(&Answer { keys: membership.map(line).into_iter().collect() }, |answer| {
        match &answer.keys[..] {
            [] => "This home is in no market, so no key is known to one.".to_owned(),
            keys => keys.iter().map(Line::text).collect::<Vec<_>>().join("\n"),
        }
    })?;
    Ok(Verdict::Yes)
}

impl Line {
    fn text(&self) -> String {
        let place = match self.place {
            Place::SealedFile => "in key.sealed, which only the passphrase opens",
            Place::Keyring => "in the system keyring",
        };
        format!("{} signs for {} in {}; its secret lies {place}.", self.key, self.member, self.market)
    }
}
