//! Settles a slot: deals first, then the auction on what is left, then the utility.

use market::{AreaOutcome, Book, Clearing, EdgeCapacity, Side};
use units::{Money, Price, WattHours};

use crate::auction;
use crate::checked::Checked;
use crate::invalid::{Fault, InvalidInput};
use crate::journal::{AccountRef, Journal};
use crate::slot::{Deal, MeteredMember, Residual, SettledDeal, Settlement, SlotInput, What};

/// What a member's meter has left to sell and to buy. A member trades net: one of the two is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub sell: i64,
    pub buy: i64,
}

/// Settles one slot: who traded what at which price, and every account's postings, which sum to zero.
///
/// The outcome depends on the content of the input alone, not on the order of its lists, except that
/// the clearing lists its areas in the input's order. Deals and residuals come out by id.
///
/// # Errors
/// Fails where the input is not a slot, naming the place, or where an amount outgrows 64-bit nanos.
pub fn settle(input: &SlotInput) -> Result<Settlement, InvalidInput> {
    let mut checked = Checked::new(input)?;
    let mut left = measured(input);
    let postings = 4 * input.members.len() + 6 * input.deals.len() + 4 * input.orders.len();
    let mut journal = Journal::new(input.members.iter().map(|member| &member.id), postings);
    let deals = serve_deals(&mut checked, &mut left, &mut journal)?;
    let clearing = auction::run(&checked, &left)?;
    post_fills(&checked, &clearing, &mut left, &mut journal);
    post_network(&checked, &clearing, &mut journal);
    let residual = post_utilities(input, &left, &mut journal);
    Ok(Settlement { deals, clearing, residual, postings: journal.close()? })
}

/// Returns what each member can sell and buy before anything is traded.
fn measured(input: &SlotInput) -> Vec<Left> {
    let net = |member: &MeteredMember| Left {
        sell: (member.export - member.import).get().max(0),
        buy: (member.import - member.export).get().max(0),
    };
    input.members.iter().map(net).collect()
}

/// The auction of a slot: what deals have left of meters, orders and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auction {
    pub book: Book,
    /// What each edge can still carry, in the order of the areas.
    pub capacities: Vec<EdgeCapacity>,
}

/// Returns the auction whose clearing [`settle`] gives, so that others can verify that clearing.
///
/// # Errors
/// Fails where [`settle`] would refuse the input.
pub fn auction_of(input: &SlotInput) -> Result<Auction, InvalidInput> {
    let mut checked = Checked::new(input)?;
    let mut left = measured(input);
    let mut journal = Journal::new(std::iter::empty(), 6 * input.deals.len());
    serve_deals(&mut checked, &mut left, &mut journal)?;
    Ok(Auction { book: auction::book(&checked, &left), capacities: checked.grid.left().to_vec() })
}

/// Gives each deal, the earliest agreed first, the least of what its cap, its parties and its path have.
fn serve_deals<'a>(
    checked: &mut Checked<'a>,
    left: &mut [Left],
    journal: &mut Journal<'a>,
) -> Result<Vec<SettledDeal>, InvalidInput> {
    let deals = &checked.input.deals;
    let mut queue: Vec<usize> = (0..deals.len()).collect();
    queue.sort_unstable_by_key(|&index| (deals[index].agreed_at, &deals[index].id));
    let mut path = Vec::new();
    let mut settled = Vec::with_capacity(deals.len());
    for index in queue {
        let (deal, (seller, buyer)) = (&deals[index], checked.parties[index]);
        checked.grid.path(checked.member_areas[seller], checked.member_areas[buyer], &mut path);
        let room = checked.grid.room(&path).map_or(i64::MAX, WattHours::get);
        let energy = deal.cap.get().min(left[seller].sell).min(left[buyer].buy).min(room);
        checked.grid.carry(&path, WattHours::new(energy));
        left[seller].sell -= energy;
        left[buyer].buy -= energy;
        let fee: i128 = path.iter().map(|&(edge, _)| i128::from(checked.grid.fee(edge))).sum();
        let grid_fee = i128::from(energy) * fee;
        post_deal(checked.input, (deal, seller, buyer), energy, grid_fee, journal);
        settled.push(SettledDeal {
            id: deal.id.clone(),
            settled: WattHours::new(energy),
            grid_fee: money(grid_fee, || format!("the grid fee of deal \"{}\"", deal.id))?,
        });
    }
    settled.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(settled)
}

fn post_deal<'a>(
    input: &SlotInput,
    (deal, seller, buyer): (&'a Deal, usize, usize),
    energy: i64,
    grid_fee: i128,
    journal: &mut Journal<'a>,
) {
    let (buyer, seller) = (AccountRef::Member(buyer), AccountRef::Member(seller));
    let id = deal.id.shared();
    let amount = nanos(energy, deal.price);
    journal.post(buyer, id, What::Energy, -amount);
    journal.post(seller, id, What::Energy, amount);
    journal.post(buyer, id, What::GridFee, -grid_fee);
    journal.post(AccountRef::Network, id, What::GridFee, grid_fee);
    for (side, account) in [(Side::Buy, buyer), (Side::Sell, seller)] {
        let share = operator_share(energy, input.fees.operator, side);
        journal.post(account, id, What::OperatorFee, -share);
        journal.post(AccountRef::Operator, id, What::OperatorFee, share);
    }
}

/// Settles each fill against the pool, at the price of the member's area.
fn post_fills<'a>(checked: &Checked<'a>, clearing: &Clearing, left: &mut [Left], journal: &mut Journal<'a>) {
    let input = checked.input;
    for fill in &clearing.fills {
        let index = checked.order(fill.order.as_str()).expect("the clearing fills only the book's orders");
        let (order, member) = (&input.orders[index], checked.order_members[index]);
        let price = clearing.areas[checked.member_areas[member]].price;
        let price = price.expect("an area in which something trades has a price");
        let energy = fill.filled.get();
        let account = AccountRef::Member(member);
        let amount = match order.side {
            Side::Buy => {
                left[member].buy -= energy;
                -nanos(energy, price)
            }
            Side::Sell => {
                left[member].sell -= energy;
                nanos(energy, price)
            }
        };
        let share = operator_share(energy, input.fees.operator, order.side);
        journal.post(account, order.id.shared(), What::Energy, amount);
        journal.post(account, order.id.shared(), What::OperatorFee, -share);
        journal.post(AccountRef::Operator, order.id.shared(), What::OperatorFee, share);
    }
}

/// Gives the network what buyers pay beyond what sellers get: per edge the fee, and the rent of a full line.
fn post_network<'a>(checked: &Checked<'a>, clearing: &Clearing, journal: &mut Journal<'a>) {
    for (index, area) in checked.input.areas.iter().enumerate() {
        let Some(parent) = checked.grid.parent(index) else { continue };
        let flow = i128::from(clearing.areas[index].flow_to_parent.get());
        if flow == 0 {
            continue;
        }
        let price = |outcome: &AreaOutcome| {
            i128::from(
                outcome.price.expect("an area through which energy flows has a price").micros_per_kwh(),
            )
        };
        let surplus = flow * (price(&clearing.areas[parent]) - price(&clearing.areas[index]));
        let fee = flow.abs() * i128::from(checked.grid.fee(index));
        journal.post(AccountRef::Network, area.id.shared(), What::GridFee, fee);
        journal.post(AccountRef::Network, area.id.shared(), What::Congestion, surplus - fee);
    }
}

/// Leaves the rest to each member's utility, the overlap of import and export included.
fn post_utilities<'a>(input: &'a SlotInput, left: &[Left], journal: &mut Journal<'a>) -> Vec<Residual> {
    let mut residual = Vec::with_capacity(input.members.len());
    for (place, (member, left)) in input.members.iter().zip(left).enumerate() {
        let overlap = member.import.min(member.export).get();
        let (import, export) = (overlap + left.buy, overlap + left.sell);
        let (account, utility) = (AccountRef::Member(place), AccountRef::Utility(place));
        let (paid, earned) = (nanos(import, member.retail), nanos(export, member.feed_in));
        journal.post(account, member.id.shared(), What::Retail, -paid);
        journal.post(utility, member.id.shared(), What::Retail, paid);
        journal.post(account, member.id.shared(), What::FeedIn, earned);
        journal.post(utility, member.id.shared(), What::FeedIn, -earned);
        residual.push(Residual {
            member: member.id.clone(),
            import: WattHours::new(import),
            export: WattHours::new(export),
        });
    }
    residual.sort_unstable_by(|one, other| one.member.cmp(&other.member));
    residual
}

/// Returns a side's half of the operator's fee in nanos: the buyer's rounded up, the seller's down.
fn operator_share(energy: i64, fee: Price, side: Side) -> i128 {
    let whole = nanos(energy, fee);
    match side {
        Side::Buy => whole - whole.div_euclid(2),
        Side::Sell => whole.div_euclid(2),
    }
}

fn nanos(energy: i64, price: Price) -> i128 {
    WattHours::new(energy).at_wide(price)
}

fn money(nanos: i128, place: impl FnOnce() -> String) -> Result<Money, InvalidInput> {
    i64::try_from(nanos)
        .map(Money::from_nanos)
        .map_err(|_| InvalidInput::new(place(), Fault::Unaccountable(nanos)))
}
