//! Contracts with validity dates: retail and feed-in price of a slot.
