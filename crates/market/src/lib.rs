//! Orders, deals, areas, clearing, and its own verifier.
