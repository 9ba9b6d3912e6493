//! What a device answered: words by function and address.

use std::collections::BTreeMap;

/// A sparse image of a device's registers, filled from its replies.
///
/// It is kept in blocks of consecutive registers, since a reading is one to a few replies and each of its
/// values is looked up: a tree of single registers takes four times as long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers(Vec<Block>);

/// Consecutive registers. Blocks are in order and do not touch each other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    function: u8,
    address: u16,
    words: Vec<u16>,
}

impl Registers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the words of one reply. Words beyond the last address are left out.
    pub fn insert(&mut self, function: u8, address: u16, words: &[u16]) {
        let fits = words.len().min(usize::from(u16::MAX - address) + 1);
        let block = Block { function, address, words: words[..fits].to_vec() };
        if block.words.is_empty() {
            return;
        }
        // Replies come in the order of their addresses.
        if self.0.last().is_none_or(|last| last.is_before(&block)) {
            self.0.push(block);
        } else {
            self.merge(block);
        }
    }

    pub fn get(&self, function: u8, address: u16) -> Option<u16> {
        self.words(function, address, 1).map(|words| words[0])
    }

    /// Returns consecutive words, if all of them are there.
    pub fn words(&self, function: u8, address: u16, count: u16) -> Option<&[u16]> {
        let after = self.0.partition_point(|block| (block.function, block.address) <= (function, address));
        let block = self.0[..after].last().filter(|block| block.function == function)?;
        let from = usize::from(address - block.address);
        block.words.get(from..from + usize::from(count))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|block| block.words.len()).sum()
    }

    /// Takes in a block that touches others, or lies before them.
    fn merge(&mut self, new: Block) {
        let mut all: BTreeMap<(u8, u16), u16> = BTreeMap::new();
        for block in self.0.drain(..).chain([new]) {
            all.extend(
                (block.address..=u16::MAX)
                    .zip(block.words)
                    .map(|(address, word)| ((block.function, address), word)),
            );
        }
        for ((function, address), word) in all {
            match self
                .0
                .last_mut()
                .filter(|last| last.function == function && last.end() == u32::from(address))
            {
                Some(last) => last.words.push(word),
                None => self.0.push(Block { function, address, words: vec![word] }),
            }
        }
    }
}

impl Block {
    /// Returns the address after its last.
    fn end(&self) -> u32 {
        u32::from(self.address) + self.words.len() as u32
    }

    fn is_before(&self, other: &Self) -> bool {
        self.function < other.function
            || self.function == other.function && self.end() < u32::from(other.address)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_reply_about_a_register_counts() {
        let mut registers = Registers::new();
        registers.insert(3, 10, &[1, 2, 3]);
        registers.insert(3, 11, &[7]);
        registers.insert(3, 65_535, &[4, 5]);
        assert_eq!(registers.words(3, 10, 3), Some(&[1, 7, 3][..]));
        assert_eq!((registers.get(3, 65_535), registers.get(3, 0), registers.len()), (Some(4), None, 4));
        assert_eq!((registers.words(3, 12, 2), registers.words(4, 10, 1)), (None, None));
    }

    proptest! {
        #[test]
        fn blocks_are_what_single_registers_are(
            replies in prop::collection::vec((3u8..=4, 0u16..40, prop::collection::vec(any::<u16>(), 0..12)), 0..12),
        ) {
            let mut registers = Registers::new();
            let mut single = BTreeMap::new();
            for (function, address, words) in &replies {
                registers.insert(*function, *address, words);
                single.extend((*address..).zip(words).map(|(address, word)| ((*function, address), *word)));
            }
            prop_assert_eq!(registers.len(), single.len());
            for function in 3..=4 {
                for address in 0..60 {
                    let (got, expected) = (registers.get(function, address), single.get(&(function, address)));
                    prop_assert_eq!(got, expected.copied());
                }
            }
            // The same registers are equal, in whichever order they came.
            let mut again = Registers::new();
            for ((function, address), word) in single.iter().rev() {
                again.insert(*function, *address, &[*word]);
            }
            prop_assert_eq!(again, registers);
        }
    }
}
