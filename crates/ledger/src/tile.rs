//! C2SP tiles: the log's hashes and entries in files of 256, by path.

use std::fmt;
use std::str::FromStr;

use crate::commitment::Commitment;
use crate::hash::{HASH_BYTES, Hash, node_hash};
use crate::node::Node;

/// How many hashes a full tile holds; a tile is eight levels of the tree.
pub const HASHES_PER_TILE: u64 = 256;
const LEVELS_PER_TILE: u8 = 8;
/// Levels above have no tile in a log of less than 2^64 entries.
const MAX_LEVEL: u8 = 7;

/// A run of up to 256 neighbouring hashes, or of the entries under those of level 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    number: u64,
    width: u16,
    entries: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTile {
    #[error("\"{0}\" is not the path of a tile")]
    Path(String),
    #[error("no tile of a log has level {level}, number {number} and width {width}")]
    Coordinates { level: u8, number: u64, width: u16 },
    #[error("a tile of {expected} bytes has {found}")]
    Length { expected: usize, found: usize },
    #[error("the tile does not cover that subtree")]
    NotCovered,
    #[error("the bundle of entries is cut short or has more than its tile")]
    Bundle,
}

impl Tile {
    /// Names a tile of hashes; a width of 256 is a full one.
    pub fn new(level: u8, number: u64, width: u16) -> Result<Self, InvalidTile> {
        let last = |width: u16| number.checked_mul(HASHES_PER_TILE)?.checked_add(u64::from(width) - 1);
        let in_range = level <= MAX_LEVEL && (1..=HASHES_PER_TILE).contains(&u64::from(width));
        // The last hash must cover entries of a log.
        let exists = in_range
            && last(width).is_some_and(|last| Node::new(level * LEVELS_PER_TILE, last).entries().is_some());
        match exists {
            true => Ok(Self { level, number, width, entries: false }),
            false => Err(InvalidTile::Coordinates { level, number, width }),
        }
    }

    /// Returns the bundle of entries under a tile of level 0; `None` for a higher one.
    pub fn of_entries(self) -> Option<Self> {
        (self.level == 0).then_some(Self { entries: true, ..self })
    }

    pub fn level(self) -> u8 {
        self.level
    }

    pub fn number(self) -> u64 {
        self.number
    }

    pub fn width(self) -> u16 {
        self.width
    }

    pub fn is_full(self) -> bool {
        u64::from(self.width) == HASHES_PER_TILE
    }

    pub fn is_entries(self) -> bool {
        self.entries
    }

    /// Lists the tiles of hashes that a log published when it grew from one size to another.
    pub fn grown(old: u64, new: u64) -> impl Iterator<Item = Self> {
        (0..=MAX_LEVEL).flat_map(move |level| {
            let hashes = |size: u64| size >> (level * LEVELS_PER_TILE);
            let (before, after) = (hashes(old), hashes(new));
            let tiles = if after > before { before / 256..after.div_ceil(256) } else { 0..0 };
            tiles.map(move |number| {
                let width = (after - number * HASHES_PER_TILE).min(HASHES_PER_TILE) as u16;
                Self { level, number, width, entries: false }
            })
        })
    }

    /// Returns the tile, of a log of a size, from which a subtree's hash can be computed.
    pub fn covering(node: Node, size: u64) -> Option<Self> {
        node.entries().filter(|entries| entries.end <= size)?;
        let (level, within) = (node.level / LEVELS_PER_TILE, node.level % LEVELS_PER_TILE);
        let number = (node.number << within) / HASHES_PER_TILE;
        let hashes = size >> (level * LEVELS_PER_TILE);
        let width = (hashes - number * HASHES_PER_TILE).min(HASHES_PER_TILE) as u16;
        Some(Self { level, number, width, entries: false })
    }

    /// Lists the nodes whose hashes the tile holds.
    pub fn nodes(self) -> impl Iterator<Item = Node> {
        let first = self.number * HASHES_PER_TILE;
        (first..first + u64::from(self.width))
            .map(move |number| Node::new(self.level * LEVELS_PER_TILE, number))
    }

    /// Writes the tile from stored hashes.
    pub fn encode<E>(self, mut hashes: impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<u8>, E> {
        let mut bytes = Vec::with_capacity(usize::from(self.width) * HASH_BYTES);
        for node in self.nodes() {
            bytes.extend_from_slice(&hashes(node)?.0);
        }
        Ok(bytes)
    }

    /// Computes a subtree's hash from the bytes of the tile that covers it.
    pub fn hash(self, bytes: &[u8], node: Node) -> Result<Hash, InvalidTile> {
        let expected = usize::from(self.width) * HASH_BYTES;
        if bytes.len() != expected {
            return Err(InvalidTile::Length { expected, found: bytes.len() });
        }
        let within = node.level.checked_sub(self.level * LEVELS_PER_TILE).filter(|by| *by < LEVELS_PER_TILE);
        let within = within.ok_or(InvalidTile::NotCovered)?;
        let start = node.number.checked_mul(1 << within).ok_or(InvalidTile::NotCovered)?;
        let start = start.checked_sub(self.number * HASHES_PER_TILE).ok_or(InvalidTile::NotCovered)?;
        if start.checked_add(1 << within).is_none_or(|end| end > u64::from(self.width)) {
            return Err(InvalidTile::NotCovered);
        }
        let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
        let mut row: Vec<Hash> =
            hashes[start as usize..(start + (1 << within)) as usize].iter().copied().map(Hash).collect();
        while row.len() > 1 {
            row = row.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect();
        }
        Ok(row[0])
    }
}

/// The path below the log's address: `tile/0/x001/x234/067`, `tile/entries/000.p/8`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entries {
            true => f.write_str("tile/entries/")?,
            false => write!(f, "tile/{}/", self.level)?,
        }
        let mut groups = vec![self.number % 1000];
        let mut rest = self.number / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups[1..].iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = InvalidTile;

    /// Reads a path. Only the one spelling of each tile is taken, so that caches and files agree.
    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidTile::Path(path.chars().take(100).collect());
        let tile = read_path(path).ok_or_else(invalid)?;
        if tile.to_string() == path { Ok(tile) } else { Err(invalid()) }
    }
}

fn read_path(path: &str) -> Option<Tile> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok().filter(|width| *width < 256)?),
        None => (rest, 256),
    };
    let mut value = 0u64;
    for group in number.split('/') {
        let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        value = value.checked_mul(1000)?.checked_add(digits)?;
    }
    match level {
        "entries" => Tile::new(0, value, width).ok()?.of_entries(),
        level => Tile::new(level.parse().ok()?, value, width).ok(),
    }
}

/// Writes a bundle of entries: each with its length before it, in two bytes.
pub fn encode_bundle(entries: &[Commitment]) -> Vec<u8> {
    entries.iter().flat_map(|entry| [&[0, HASH_BYTES as u8], entry.0.as_slice()].concat()).collect()
}

/// Reads a bundle of entries; every entry of this log is 32 bytes.
pub fn decode_bundle(tile: Tile, bytes: &[u8]) -> Result<Vec<Commitment>, InvalidTile> {
    const ENTRY_BYTES: usize = 2 + HASH_BYTES;
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() || entries.len() != usize::from(tile.width) {
        return Err(InvalidTile::Bundle);
    }
    let read = |entry: &[u8; ENTRY_BYTES]| match entry.split_first_chunk::<2>() {
        Some((&[0, 32], entry)) => entry.try_into().ok().map(Commitment),
        _ => None,
    };
    entries.iter().map(|entry| read(entry).ok_or(InvalidTile::Bundle)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        let cases = [
            ("tile/0/x001/x234/067", Tile::new(0, 1_234_067, 256)),
            ("tile/0/000", Tile::new(0, 0, 256)),
            ("tile/2/000.p/1", Tile::new(2, 0, 1)),
            ("tile/1/x001/000.p/255", Tile::new(1, 1000, 255)),
        ];
        for (path, tile) in cases {
            assert_eq!(path.parse(), tile);
            assert_eq!(tile.unwrap().to_string(), path);
        }
        let entries: Tile = "tile/entries/x001/x234/067.p/8".parse().unwrap();
        assert!(entries.is_entries() && entries.number() == 1_234_067 && entries.width() == 8);
    }

    #[test]
    fn another_spelling_is_no_path() {
        let wrong = [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/x000/000",
            "tile/00/000",
            "tile/8/000",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/08",
            "tile/0/1000",
            "tile/0/x001",
            "tile/0/+01",
            "tile/-1/000",
            "tile/entries/000/",
            "/tile/0/000",
            "tile/data/000",
            "tile/0/000.p/1/000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/7/x001/000",
        ];
        for path in wrong {
            assert!(path.parse::<Tile>().is_err(), "{path}");
        }
    }

    #[test]
    fn a_log_of_70_000_has_the_tiles_that_the_standard_counts() {
        let tiles: Vec<Tile> = Tile::grown(0, 70_000).collect();
        let full = tiles.iter().filter(|tile| tile.level() == 0 && tile.is_full()).count();
        let partial: Vec<String> = tiles.iter().filter(|tile| !tile.is_full()).map(Tile::to_string).collect();
        assert_eq!(full, 273);
        assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        let grown: Vec<String> = Tile::grown(255, 257).map(|tile| tile.to_string()).collect();
        assert_eq!(grown, ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
        assert_eq!(Tile::grown(300, 300).count() + Tile::grown(300, 2).count(), 0);
        assert_eq!(Tile::grown(u64::MAX - 1, u64::MAX).count(), 1);
    }

    #[test]
    fn bundles_hold_what_was_put_in_and_nothing_else() {
        let entries = [Commitment([1; 32]), Commitment([2; 32])];
        let tile = Tile::new(0, 0, 2).unwrap().of_entries().unwrap();
        let bytes = encode_bundle(&entries);
        assert_eq!(decode_bundle(tile, &bytes).unwrap(), entries);
        assert_eq!(decode_bundle(tile, &bytes[..67]), Err(InvalidTile::Bundle));
        assert_eq!(decode_bundle(tile, &[bytes.clone(), bytes].concat()), Err(InvalidTile::Bundle));
    }
}
