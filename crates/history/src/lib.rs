//! SQLite: samples, slots, prices, rules, decisions, orders, trades.
