//! What a device answered: words by function and address.

use std::collections::BTreeMap;

/// A sparse image of a device's registers, filled from its replies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers(BTreeMap<(u8, u16), u16>);

impl Registers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the words of one reply. Words beyond the last address are left out.
    pub fn insert(&mut self, function: u8, address: u16, words: &[u16]) {
        self.0.extend((address..=u16::MAX).zip(words).map(|(address, word)| ((function, address), *word)));
    }

    pub fn get(&self, function: u8, address: u16) -> Option<u16> {
        self.0.get(&(function, address)).copied()
    }

    /// Returns consecutive words, if all of them are there.
    pub fn words(&self, function: u8, address: u16, count: u16) -> Option<Vec<u16>> {
        (0..count).map(|offset| self.get(function, address.checked_add(offset)?)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
