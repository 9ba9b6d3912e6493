//! Meter profiles, decoding, plausibility, counters to energy per slot.
