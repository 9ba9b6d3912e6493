//! Where a stored hash lies: complete subtrees by level and number.

use std::ops::Range;

/// A complete subtree of `2^level` entries, the `number`-th of its level, whose hash never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    pub level: u8,
    pub number: u64,
}

impl Node {
    pub const fn new(level: u8, number: u64) -> Self {
        Self { level, number }
    }

    /// Returns the entries that it covers, or `None` where they lie beyond any tree.
    pub fn entries(self) -> Option<Range<u64>> {
        let width = 1u64.checked_shl(self.level.into())?;
        let start = self.number.checked_mul(width)?;
        Some(start..start.checked_add(width)?)
    }

    /// Returns the node that covers this one and its neighbour.
    pub fn parent(self) -> Self {
        Self { level: self.level + 1, number: self.number / 2 }
    }
}

/// Splits entries, as RFC 6962 splits a tree, into complete subtrees, the largest first.
///
/// The range must start where a subtree of a tree does: at a multiple of the power of two at or above its
/// length, as every right part of a tree does.
pub(crate) fn complete_subtrees(entries: Range<u64>) -> impl DoubleEndedIterator<Item = Node> {
    let length = entries.end.saturating_sub(entries.start);
    (0..64u8).rev().filter(move |level| length >> level & 1 == 1).map(move |level| {
        // Above this level lies what larger subtrees have covered.
        let covered = if level == 63 { 0 } else { length >> (level + 1) << (level + 1) };
        Node { level, number: (entries.start + covered) >> level }
    })
}

/// Returns the size of the left part of a tree: the largest power of two below its size, which is 2 or more.
pub(crate) fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_eleven_is_eight_two_and_one() {
        let nodes: Vec<Node> = complete_subtrees(0..11).collect();
        assert_eq!(nodes, [Node::new(3, 0), Node::new(1, 4), Node::new(0, 10)]);
        assert_eq!(complete_subtrees(8..11).collect::<Vec<_>>(), [Node::new(1, 4), Node::new(0, 10)]);
        assert_eq!(complete_subtrees(5..5).count(), 0);
    }

    #[test]
    fn the_largest_tree_splits_too() {
        assert_eq!(complete_subtrees(0..u64::MAX).count(), 64);
        assert_eq!([2, 3, 4, 5, u64::MAX].map(split), [1, 2, 2, 4, 1 << 63]);
    }

    #[test]
    fn a_node_beyond_any_tree_covers_nothing() {
        assert_eq!(Node::new(3, 1).entries(), Some(8..16));
        assert_eq!(Node::new(64, 0).entries(), None);
        assert_eq!(Node::new(63, 2).entries(), None);
    }
}
