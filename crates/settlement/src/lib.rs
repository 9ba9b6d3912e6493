//! Traded against metered: who owes what, in double entry.
