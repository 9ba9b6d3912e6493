//! Plays a tape again up to a cut, and makes what a disk may hold then.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::tape::{Deed, Step};

/// What a disk writes at once, or not.
const SECTOR: usize = 512;

/// What became of the writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// None of them reached the disk.
    Lost,
    /// All of them did, as after `kill -9`.
    Written,
    /// Some of them did, in part; the number decides which.
    Mixed(u64),
}

/// A recording, played up to some step.
#[derive(Debug)]
pub struct Replay {
    steps: Vec<Step>,
    at: usize,
    files: BTreeMap<Arc<str>, Shadow>,
}

/// A file: what is durable, and what was done since, with the number of its step.
#[derive(Debug, Default)]
struct Shadow {
    durable: Option<Vec<u8>>,
    since: Vec<(usize, Deed)>,
}

/// The files that a cut left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(BTreeMap<String, Vec<u8>>);

impl Replay {
    pub(crate) fn new(before: &BTreeMap<String, Vec<u8>>, steps: Vec<Step>) -> Self {
        let shadow = |bytes: &Vec<u8>| Shadow { durable: Some(bytes.clone()), since: Vec::new() };
        let files = before.iter().map(|(name, bytes)| (Arc::from(name.as_str()), shadow(bytes))).collect();
        Self { steps, at: 0, files }
    }

    /// Returns how many steps there are.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Plays on until so many steps are done. Panics when asked to go back.
    pub fn forward(&mut self, to: usize) {
        assert!(self.at <= to, "a replay goes forward, not from {} to {to}", self.at);
        while self.at < to.min(self.steps.len()) {
            let Step { file, deed } = self.steps[self.at].clone();
            match deed {
                Deed::Sync { began, folder: true } => {
                    self.files.values_mut().for_each(|shadow| shadow.sync_name(began));
                }
                Deed::Delete { synced: true } => {
                    self.files.values_mut().for_each(|shadow| shadow.sync_name(self.at));
                }
                _ => {}
            }
            self.files.entry(file).or_default().take(self.at, deed);
            self.at += 1;
        }
    }

    /// Returns what the disk may hold if the power goes now.
    pub fn image(&self, unsynced: Unsynced) -> Image {
        let mut chance = Chance(match unsynced {
            Unsynced::Mixed(seed) => seed,
            _ => 0,
        });
        let mut files = BTreeMap::new();
        for (name, shadow) in &self.files {
            let bytes = match unsynced {
                Unsynced::Lost => shadow.durable.clone(),
                Unsynced::Written => shadow.with_first(shadow.since.len()),
                Unsynced::Mixed(_) => shadow.mixed(&mut chance),
            };
            if let Some(bytes) = bytes {
                files.insert(name.to_string(), bytes);
            }
        }
        Image(files)
    }
}

impl Shadow {
    fn take(&mut self, number: usize, deed: Deed) {
        match deed {
            Deed::Sync { began, .. } => {
                let covered = self.since.partition_point(|(done, _)| *done < began);
                self.durable = self.with_first(covered);
                self.since.drain(..covered);
            }
            Deed::Delete { synced: true } => *self = Self::default(),
            deed => self.since.push((number, deed)),
        }
    }

    /// Makes it durable whether the file is there, not what is in it.
    fn sync_name(&mut self, began: usize) {
        let covered = self.since.partition_point(|(done, _)| *done < began);
        let is_deletion = |(_, deed): &(usize, Deed)| matches!(deed, Deed::Delete { .. });
        if let Some(last) = self.since[..covered].iter().rposition(is_deletion) {
            self.durable = None;
            self.since.drain(..=last);
        }
        let is_creation = |(done, deed): &(usize, Deed)| *done < began && matches!(deed, Deed::Create);
        if self.since.iter().any(is_creation) {
            self.durable.get_or_insert_default();
        }
    }

    /// Returns the file with the first so many deeds since the last sync.
    fn with_first(&self, count: usize) -> Option<Vec<u8>> {
        let mut file = self.durable.clone();
        self.since[..count].iter().for_each(|(_, deed)| apply(&mut file, deed));
        file
    }

    /// Returns the file after a disk wrote what was not synced in its own order, and not all of it.
    fn mixed(&self, chance: &mut Chance) -> Option<Vec<u8>> {
        match chance.below(4) {
            0 => self.durable.clone(),
            1 => self.with_first(chance.below(self.since.len() + 1)),
            _ => {
                let mut file = self.durable.clone();
                for (_, deed) in &self.since {
                    match (deed, chance.below(3)) {
                        (_, 0) => {}
                        (Deed::Write { offset, bytes }, 1) => tear(&mut file, *offset, bytes, chance),
                        _ => apply(&mut file, deed),
                    }
                }
                file
            }
        }
    }
}

fn apply(file: &mut Option<Vec<u8>>, deed: &Deed) {
    match deed {
        Deed::Create => drop(file.get_or_insert_default()),
        Deed::Write { offset, bytes } => write(file.get_or_insert_default(), *offset, bytes),
        Deed::Truncate(size) => file.get_or_insert_default().resize(*size, 0),
        Deed::Delete { .. } => *file = None,
        Deed::Sync { .. } => {}
    }
}

fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

/// Writes some sectors of a write; a file that grew by it has its new size either way.
fn tear(file: &mut Option<Vec<u8>>, offset: usize, bytes: &[u8], chance: &mut Chance) {
    let file = file.get_or_insert_default();
    file.resize(file.len().max(offset + bytes.len()), 0);
    let mut from = 0;
    while from < bytes.len() {
        // Sectors lie where the disk has them, not where the write begins.
        let to = bytes.len().min(from + SECTOR - (offset + from) % SECTOR);
        match chance.below(8) {
            0..4 => write(file, offset + from, &bytes[from..to]),
            4 => file[offset + from..offset + to].iter_mut().for_each(|byte| *byte = chance.byte()),
            _ => {}
        }
        from = to;
    }
}

impl Image {
    /// Writes the files into a folder, which is made where it is missing.
    pub fn write_to(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        self.0.iter().try_for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes))
    }

    /// Returns a file's bytes.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

/// Chance that can be repeated: the generator SplitMix64.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "f";

    fn replay(deeds: Vec<Deed>) -> Replay {
        let steps = deeds.into_iter().map(|deed| Step { file: Arc::from(FILE), deed }).collect();
        let mut replay = Replay::new(&BTreeMap::from([(FILE.to_owned(), vec![1; 1024])]), steps);
        replay.forward(usize::MAX);
        replay
    }

    fn write(offset: usize, byte: u8, length: usize) -> Deed {
        Deed::Write { offset, bytes: vec![byte; length].into() }
    }

    #[test]
    fn what_was_synced_stays_whatever_happens_to_the_rest() {
        let replay =
            replay(vec![write(0, 2, 512), Deed::Sync { began: 1, folder: false }, write(512, 3, 512)]);
        for seed in 0..200 {
            let image = replay.image(Unsynced::Mixed(seed));
            assert_eq!(image.file(FILE).unwrap()[..512], [2; 512]);
        }
        assert_eq!(replay.image(Unsynced::Lost).file(FILE).unwrap()[512..], [1; 512]);
        assert_eq!(replay.image(Unsynced::Written).file(FILE).unwrap()[512..], [3; 512]);
    }

    #[test]
    fn a_sync_does_not_cover_what_was_written_while_it_ran() {
        let replay =
            replay(vec![write(0, 2, 512), write(512, 3, 512), Deed::Sync { began: 1, folder: false }]);
        let lost = replay.image(Unsynced::Lost);
        assert_eq!((lost.file(FILE).unwrap()[0], lost.file(FILE).unwrap()[512]), (2, 1));
    }

    #[test]
    fn what_was_not_synced_may_be_there_be_missing_or_be_torn() {
        let replay = replay(vec![write(0, 2, 1024)]);
        let images: Vec<_> = (0..200).map(|seed| replay.image(Unsynced::Mixed(seed))).collect();
        let sectors = |image: &Image| {
            let bytes = image.file(FILE).unwrap();
            [&bytes[..512], &bytes[512..]].map(|sector| match sector {
                sector if *sector == [1; 512] => 'o',
                sector if *sector == [2; 512] => 'n',
                _ => '?',
            })
        };
        for wanted in [['o', 'o'], ['n', 'n'], ['n', 'o'], ['o', 'n'], ['o', '?']] {
            assert!(images.iter().any(|image| sectors(image) == wanted), "{wanted:?}");
        }
        assert_eq!(images[7], replay.image(Unsynced::Mixed(7)));
    }

    #[test]
    fn a_sync_of_the_folder_ends_files_that_were_deleted_before() {
        let step = |file: &str, deed| Step { file: Arc::from(file), deed };
        let steps = vec![
            step(FILE, Deed::Delete { synced: false }),
            step("w", Deed::Create),
            step("w", Deed::Sync { began: 2, folder: true }),
        ];
        let mut replay = Replay::new(&BTreeMap::from([(FILE.to_owned(), vec![1; 1024])]), steps);
        replay.forward(2);
        let image = replay.image(Unsynced::Lost);
        assert!(image.file(FILE).is_some() && image.file("w").is_none());
        replay.forward(3);
        let image = replay.image(Unsynced::Lost);
        assert!(image.file(FILE).is_none() && image.file("w").is_some());
    }

    #[test]
    fn a_deletion_that_was_synced_is_one_and_another_may_not_be() {
        let there = |deed| {
            let replay = replay(vec![deed]);
            (0..50).filter(|seed| replay.image(Unsynced::Mixed(*seed)).file(FILE).is_some()).count()
        };
        assert_eq!(there(Deed::Delete { synced: true }), 0);
        assert!((1..50).contains(&there(Deed::Delete { synced: false })));
    }
}
