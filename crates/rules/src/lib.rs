//! Price rules an owner can read aloud, and why they decided.
