//! Ids of orders that were never sent: UUIDs of version 7 that the same street always makes again.

use rules::Side;
use units::{OrderId, Slot};

use crate::world::Chance;

/// How long before its slot an order of the past was made: when the slot came within four slots' reach.
const MADE_BEFORE_MS: i64 = 4 * units::SLOT_SECONDS * 1000;

/// Returns the id of a house's order for a slot and side (RFC 9562, 5.7, with chance from the place).
pub(super) fn of(slot: Slot, side: Side, house: u32) -> OrderId {
    let made = (slot.start().millis() - MADE_BEFORE_MS) as u64 & 0xFFFF_FFFF_FFFF;
    let side = match side {
        Side::Sell => 0,
        Side::Buy => 1,
    };
    let mut chance = Chance::new(0, &[slot.index(), i64::from(house), side, 4]);
    let mut bits = |limit: i64| chance.whole(0, limit) as u64;
    let (a, b, c) = (bits(0xFFF), bits(0x3FFF), bits(0xFFFF_FFFF_FFFF));
    let text = format!("{:08x}-{:04x}-7{a:03x}-{:04x}-{c:012x}", made >> 16, made & 0xFFFF, b | 0x8000);
    OrderId::new(text).expect("36 letters are an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_each_is_another() {
        let slot: Slot = "2026-06-01T12:00:00Z".parse().unwrap();
        let id = of(slot, Side::Sell, 1).to_string();
        assert_eq!((id.len(), &id[14..15]), (36, "7"));
        assert!("89ab".contains(&id[19..20]));
        // 2026-06-01T11:00:00Z in milliseconds, as `date -d ... +%s%3N` and `printf %x` give it.
        assert_eq!(&id[..13], "019e82d7-2b80");
        let others = [of(slot, Side::Buy, 1), of(slot, Side::Sell, 2), of(slot.next(), Side::Sell, 1)];
        assert!(others.iter().all(|other| other.as_str() != id));
    }
}
