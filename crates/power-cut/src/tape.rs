//! What SQLite did to its files, in the order in which it did it.

use std::sync::Arc;

/// One thing done to one file.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub file: Arc<str>,
    pub deed: Deed,
}

#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Create,
    Write {
        offset: usize,
        bytes: Arc<[u8]>,
    },
    Truncate(usize),
    Delete {
        synced: bool,
    },
    /// Covers what was done to the file before the step of this number, when the sync began.
    Sync {
        began: usize,
        /// Also covers which files the folder holds.
        folder: bool,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Tape(Vec<Step>);

impl Tape {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, file: &Arc<str>, deed: Deed) {
        self.0.push(Step { file: Arc::clone(file), deed });
    }

    /// Returns a copy; the bytes are shared.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.0.clone()
    }
}
