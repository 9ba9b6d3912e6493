//! Strangers' numbers and texts: nothing panics, hangs, or takes memory that was not sent.

use ledger::{
    ConsistencyProof, EMPTY_ROOT, Hash, InclusionProof, MAX_PROOF_HASHES, ManyProof, Node, Receipt,
    SignedCheckpoint, Tile, Unproved,
};
use proptest::prelude::*;

/// Sizes where arithmetic breaks first.
fn sizes() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0u32..64).prop_map(|by| 1 << by),
        (0u32..64).prop_map(|by| (1 << by) - 1),
        (0u32..64).prop_map(|by| (1u64 << by).saturating_add(1)),
        Just(u64::MAX),
        0u64..9,
    ]
}

fn hashes() -> impl Strategy<Value = Vec<Hash>> {
    (any::<[u8; 32]>(), 0usize..140).prop_map(|(hash, length)| vec![Hash(hash); length])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_sizes_and_hashes_are_answered_with_a_refusal(one in sizes(), other in sizes(), proof in hashes()) {
        let root = Hash([7; 32]);
        prop_assert!(InclusionProof(proof.clone()).verify(one, root, other, Hash([8; 32])).is_err());
        let grown = ConsistencyProof(proof.clone()).verify(one, root, other, Hash([8; 32]));
        prop_assert!(grown.is_err());
        let leaves = [(one.min(other), root), (one.max(other), root)];
        prop_assert!(ManyProof(proof).verify(&leaves, one, Hash([8; 32])).is_err());
    }

    #[test]
    fn any_node_and_tile_is_answered(level in any::<u8>(), number in sizes(), width in any::<u16>(), size in sizes()) {
        let node = Node::new(level, number);
        let _ = node.entries();
        let _ = Tile::covering(node, size);
        if let Ok(tile) = Tile::new(level, number, width) {
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
            let _ = tile.hash(&vec![0; usize::from(width) * 32], node);
            let _ = tile.hash(&[], node);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}", lines in "[a+ \n\u{2014}A=0-9/xp.]{0,120}") {
        let _ = text.parse::<SignedCheckpoint>();
        let _ = lines.parse::<SignedCheckpoint>();
        let _ = format!("tile/{lines}").parse::<Tile>();
        let _ = lines.parse::<ledger::LogKey>();
        let _ = serde_json::from_str::<Receipt>(&text);
    }
}

#[test]
fn the_largest_log_has_proofs_of_64_hashes() {
    let stored = |_: Node| Ok::<_, ()>(EMPTY_ROOT);
    let proof = ledger::inclusion_proof(u64::MAX - 1, u64::MAX, stored).unwrap();
    assert!(proof.0.len() <= 64);
    assert!(ledger::inclusion_proof(0, u64::MAX, stored).unwrap().0.len() <= 64);
    for old in [1, 1 << 63, (1 << 63) + 1, u64::MAX - 1] {
        assert!(ledger::consistency_proof(old, u64::MAX, stored).unwrap().0.len() <= MAX_PROOF_HASHES);
    }
    assert!(ledger::many_proof(&[0, 5, 1 << 40, u64::MAX - 1], u64::MAX, stored).unwrap().0.len() < 256);
    let root = ledger::root_of(u64::MAX, stored).unwrap();
    assert_eq!(proof.verify(u64::MAX - 1, EMPTY_ROOT, u64::MAX, root), Ok(()));
}

#[test]
fn a_proof_longer_than_any_tree_is_not_even_read() {
    let json = |hashes: usize| serde_json::to_string(&vec![EMPTY_ROOT; hashes]).unwrap();
    assert!(serde_json::from_str::<InclusionProof>(&json(MAX_PROOF_HASHES)).is_ok());
    assert!(serde_json::from_str::<InclusionProof>(&json(MAX_PROOF_HASHES + 1)).is_err());
    assert!(serde_json::from_str::<ConsistencyProof>(&json(MAX_PROOF_HASHES + 1)).is_err());
}

#[test]
fn an_endless_tree_with_few_hashes_ends_at_once() {
    let leaves: Vec<(u64, Hash)> = (0..1000).map(|place| (place << 54, EMPTY_ROOT)).collect();
    assert_eq!(ManyProof(Vec::new()).verify(&leaves, u64::MAX, EMPTY_ROOT), Err(Unproved::Length));
}
