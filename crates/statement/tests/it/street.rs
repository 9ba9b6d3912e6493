//! A street with its exchange: real settlements, written to a real log, as the service would.

use std::collections::BTreeMap;

use ledger::{LogKey, MemoryLog, Salt, SignedRotation, SigningKey};
use market::{Area, Side};
use proptest::prelude::*;
use settlement::{Account, Deal, Fees, MemberOrder, MeteredMember, SlotInput};
use statement::{
    AuthorSignature, CancelBody, ClearingBody, ConfigBody, ContractBody, ContractPricesBody, DealBody,
    DealLine, Draft, Entry, FillLine, Header, KeyBody, Kind, MemberBody, OrderBody, Party, Period,
    PostingLine, PriceStep, ReadingBody, Registers, SettlementBody, Source, TaxRates, UtilityReadingBody,
};
use units::{
    AreaId, Currency, DealId, KeyId, MarketId, MemberId, Money, OrderId, Price, Slot, Timestamp, WattHours,
    div_half_even,
};

pub const HOUSES: usize = 4;
pub const FEE: i64 = 4_201;
const TAX_PPM: i128 = 190_000;

pub fn market() -> MarketId {
    MarketId::new("lindenweg").unwrap()
}

pub fn house(number: usize) -> MemberId {
    MemberId::new(format!("home-{:02}", number + 1)).unwrap()
}

pub fn exchange_key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

pub fn log_key() -> LogKey {
    LogKey::new(statement::log_origin(&market()), exchange_key().verifying_key()).unwrap()
}

pub fn device(number: usize) -> SigningKey {
    SigningKey::from_bytes(&[100 + number as u8; 32])
}

pub fn metering() -> SigningKey {
    SigningKey::from_bytes(&[77; 32])
}

pub fn first_slot() -> Slot {
    // Midnight in Berlin.
    "2026-05-31T22:00:00Z".parse().unwrap()
}

fn price(micros: i64) -> Price {
    Price::from_micros_per_kwh(micros)
}

/// What happens in a slot, by house: import, export, limit of a selling and of a buying order.
#[derive(Clone, Copy, Debug)]
pub struct Happening {
    pub import: i64,
    pub export: i64,
    pub sell_at: i64,
    pub buy_at: i64,
    pub measured: bool,
}

pub fn happenings(slots: usize) -> impl Strategy<Value = Vec<[Happening; HOUSES]>> {
    let one = (0i64..2000, 0i64..2000, 0i64..40, 0i64..40, 0u8..10).prop_map(
        |(import, export, sell_at, buy_at, luck)| Happening {
            import,
            export,
            sell_at: sell_at * 10_000,
            buy_at: buy_at * 10_000,
            measured: luck > 0,
        },
    );
    prop::collection::vec(prop::array::uniform4(one), slots)
}

/// The exchange and all that it has logged.
pub struct Street {
    pub log: MemoryLog,
    /// By the member they are of; what is everyone's is under no member.
    pub entries: BTreeMap<Option<MemberId>, Vec<Entry>>,
    pub registers: Vec<(i64, i64)>,
    /// The books: every posting on members' accounts, and the tax that comes on top.
    pub books: BTreeMap<MemberId, i128>,
    pub key: SigningKey,
    slots: usize,
}

/// What a house's utility charges and pays: the first house's differs from slot to slot, once below zero.
pub fn contract(number: usize, slot: Slot) -> (Price, Price) {
    let retail = match (number, slot.index() - first_slot().index()) {
        (0, 1) => 280_000,
        (0, 2) => -12_345,
        (0, 3..) => 310_001,
        _ => 300_000,
    };
    (price(retail), price(80_000))
}

impl Street {
    pub fn new() -> Self {
        let mut street = Self {
            log: MemoryLog::new(),
            entries: BTreeMap::new(),
            registers: vec![(10_000, 20_000); HOUSES],
            books: (0..HOUSES).map(|number| (house(number), 0)).collect(),
            key: exchange_key(),
            slots: 0,
        };
        street.put(None, |index, salt| Entry::new(index, salt, &config()));
        for number in 0..HOUSES {
            let (market, member, from) = (market(), house(number), first_slot());
            let area = AreaId::new(if number < 2 { "feeder-1" } else { "feeder-2" }).unwrap();
            let public_key = ledger::key_text(&device(number).verifying_key());
            let key = KeyBody { market: market.clone(), member: member.clone(), public_key };
            let metering_point = format!("DE-{number}");
            let kind = if number == 0 { "business" } else { "household" }.to_owned();
            let place = MemberBody {
                market: market.clone(),
                member: member.clone(),
                from,
                area,
                metering_point,
                kind,
            };
            let contract = ContractBody {
                market,
                member: member.clone(),
                from,
                retail: price(300_000),
                feed_in: price(80_000),
            };
            let whose = Some(member);
            street.put(whose.clone(), |index, salt| Entry::new(index, salt, &key));
            street.put(whose.clone(), |index, salt| Entry::new(index, salt, &place));
            street.put(whose, |index, salt| Entry::new(index, salt, &contract));
        }
        street.tell_contracts();
        let deal = deal();
        let signed = |index, salt| {
            let entry = Entry::new(index, salt, &deal);
            entry.signed(&device(0)).unwrap().signed(&device(3)).unwrap()
        };
        let index = street.put(Some(house(0)), signed);
        let entry =
            street.entries[&Some(house(0))].iter().find(|entry| entry.index == index).unwrap().clone();
        street.entries.get_mut(&Some(house(3))).unwrap().push(entry);
        street
    }

    /// Appends an entry and hands it to its owner.
    pub fn put(&mut self, owner: Option<MemberId>, make: impl FnOnce(u64, Salt) -> Entry) -> u64 {
        let index = self.log.size();
        let mut salt = [3; 32];
        salt[..8].copy_from_slice(&index.to_be_bytes());
        let entry = make(index, Salt(salt));
        assert_eq!(self.log.append(&entry.opening().commitment().unwrap()), index);
        self.entries.entry(owner).or_default().push(entry);
        index
    }

    /// The first house has a dynamic contract from its second slot on, of which it told once more what it knew
    /// better: the newer word counts.
    fn tell_contracts(&mut self) {
        let from = |offset| first_slot().offset(offset);
        let step = |offset| {
            let (retail, feed_in) = contract(0, from(offset));
            PriceStep { from: from(offset), retail, feed_in }
        };
        let wrong = PriceStep { retail: price(999_999), ..step(2) };
        for steps in [vec![wrong], vec![step(1), step(2), step(3)]] {
            let (market, member, from) = (market(), house(0), steps[0].from);
            let body = ContractPricesBody { market, member, from, steps };
            let signed = |index, salt| Entry::new(index, salt, &body).signed(&device(0)).unwrap();
            self.put(Some(house(0)), signed);
        }
    }

    /// Lets a slot happen: orders, readings, clearing, settlement, each an entry.
    pub fn run(&mut self, happening: &[Happening; HOUSES]) {
        let slot = first_slot().offset(self.slots as i64);
        self.slots += 1;
        let orders = self.place_orders(slot, happening);
        self.read_meters(slot, happening);
        let members: Vec<MeteredMember> = (0..HOUSES)
            .map(|number| {
                let Happening { import, export, measured, .. } = happening[number];
                let (retail, feed_in) = contract(number, slot);
                let (import, export) = if measured { (import, export) } else { (0, 0) };
                MeteredMember {
                    id: house(number),
                    area: AreaId::new(if number < 2 { "feeder-1" } else { "feeder-2" }).unwrap(),
                    import: WattHours::new(import),
                    export: WattHours::new(export),
                    retail,
                    feed_in,
                }
            })
            .collect();
        let DealBody { id, seller, buyer, price, cap, .. } = deal();
        let agreed_at = Timestamp::from_seconds(0);
        let input = SlotInput {
            slot,
            areas: config().areas,
            deals: vec![Deal { id, agreed_at, seller, buyer, cap, price }],
            orders,
            fees: Fees { operator: Price::from_micros_per_kwh(FEE) },
            members,
        };
        let settled = settlement::settle(&input).unwrap();
        let clearing =
            ClearingBody { market: market(), slot, config_version: 1, areas: settled.clearing.areas.clone() };
        self.put(None, |index, salt| Entry::new(index, salt, &clearing));
        for (number, member) in input.members.iter().enumerate() {
            let source = happening[number].measured.then_some(Source::Member);
            let body = self.settled(&input, &settled, member, source);
            self.put(Some(member.id.clone()), |index, salt| Entry::new(index, salt, &body));
        }
    }

    /// Lets a house order for the next slot and think better of it before the gate.
    pub fn order_and_cancel(&mut self, number: usize) {
        let slot = first_slot().offset(self.slots as i64);
        let body = OrderBody {
            id: OrderId::new(format!("{slot}/{number}/cancelled")).unwrap(),
            market: market(),
            member: house(number),
            slot,
            side: Side::Sell,
            quantity: WattHours::new(900),
            limit: price(80_000),
            commitment: "metered".to_owned(),
        };
        let cancel = CancelBody { market: market(), member: house(number), order: body.id.clone() };
        let signed = |index, salt| Entry::new(index, salt, &body).signed(&device(number)).unwrap();
        self.put(Some(house(number)), signed);
        self.put(Some(house(number)), |index, salt| Entry::new(index, salt, &cancel));
    }

    fn place_orders(&mut self, slot: Slot, happening: &[Happening; HOUSES]) -> Vec<MemberOrder> {
        let mut orders = Vec::new();
        for (number, &Happening { sell_at, buy_at, .. }) in happening.iter().enumerate() {
            // Two on the selling side, so that orders share a meter.
            let wanted =
                [(Side::Sell, sell_at, 700), (Side::Sell, sell_at + 20_000, 5000), (Side::Buy, buy_at, 1500)];
            for (place, (side, limit, quantity)) in wanted.into_iter().enumerate() {
                let id = OrderId::new(format!("{slot}/{number}/{place}")).unwrap();
                let body = OrderBody {
                    id: id.clone(),
                    market: market(),
                    member: house(number),
                    slot,
                    side,
                    quantity: WattHours::new(quantity),
                    limit: price(limit),
                    commitment: "metered".to_owned(),
                };
                let signed = |index, salt| Entry::new(index, salt, &body).signed(&device(number)).unwrap();
                self.put(Some(house(number)), signed);
                let (quantity, limit) = (body.quantity, body.limit);
                orders.push(MemberOrder { id, member: house(number), side, quantity, limit });
            }
        }
        orders
    }

    fn read_meters(&mut self, slot: Slot, happening: &[Happening; HOUSES]) {
        for (number, &Happening { import, export, measured, .. }) in happening.iter().enumerate() {
            let before = self.registers[number];
            let after = (before.0 + import, before.1 + export);
            self.registers[number] = after;
            let registers = measured.then_some(Registers {
                import_start_wh: WattHours::new(before.0),
                import_end_wh: WattHours::new(after.0),
                export_start_wh: WattHours::new(before.1),
                export_end_wh: WattHours::new(after.1),
            });
            let metering_point = format!("DE-{number}");
            let body =
                ReadingBody { market: market(), member: house(number), metering_point, slot, registers };
            self.put(Some(house(number)), |index, salt| {
                Entry::new(index, salt, &body).signed(&device(number)).unwrap()
            });
        }
    }

    /// Writes a member's part of a settlement down, with its tax, and adds it to the books.
    fn settled(
        &mut self,
        input: &SlotInput,
        settled: &settlement::Settlement,
        member: &MeteredMember,
        source: Option<Source>,
    ) -> SettlementBody {
        let totals = settled.member_totals(member).unwrap();
        let side_of = |id: &str| {
            let order = input.orders.iter().find(|order| order.id.as_str() == id).map(|order| order.side);
            let deal = input.deals.iter().find(|deal| deal.id.as_str() == id);
            order.or(deal.map(|deal| if deal.seller == member.id { Side::Sell } else { Side::Buy }))
        };
        let mut postings = Vec::new();
        let mut taxes: BTreeMap<String, i128> = BTreeMap::new();
        let account = Account::Member(member.id.clone());
        for posting in settled.postings.iter().filter(|posting| posting.account == account) {
            let what: Kind = serde_json::from_value(serde_json::json!(posting.what.as_str())).unwrap();
            let reference = posting.reference.to_string();
            let taxed = match side_of(&reference) {
                Some(Side::Buy) => true,
                Some(Side::Sell) => member.id == house(0),
                None => false,
            };
            if taxed {
                let tax = div_half_even(i128::from(posting.amount.nanos()) * TAX_PPM, 1_000_000);
                *taxes.entry(reference.clone()).or_default() += tax;
            }
            postings.push(PostingLine { reference, what, amount: posting.amount });
        }
        for (reference, tax) in taxes.into_iter().filter(|(_, tax)| *tax != 0) {
            postings.push(PostingLine { reference, what: Kind::Tax, amount: Money::from_nanos(tax as i64) });
        }
        *self.books.get_mut(&member.id).unwrap() +=
            postings.iter().map(|posting| i128::from(posting.amount.nanos())).sum::<i128>();
        let fills = settled.clearing.fills.iter().filter_map(|fill| {
            let order = input.orders.iter().find(|order| order.id == fill.order)?;
            let line = FillLine { order: fill.order.clone(), side: order.side, filled: fill.filled };
            (order.member == member.id).then_some(line)
        });
        let area_of =
            |id: &MemberId| input.members.iter().find(|member| member.id == *id).unwrap().area.clone();
        let deals = settled.deals.iter().filter_map(|done| {
            let deal = input.deals.iter().find(|deal| deal.id == done.id)?;
            let (side, other) = match () {
                () if deal.seller == member.id => (Side::Sell, &deal.buyer),
                () if deal.buyer == member.id => (Side::Buy, &deal.seller),
                () => return None,
            };
            Some(DealLine { deal: done.id.clone(), side, settled: done.settled, other_area: area_of(other) })
        });
        SettlementBody {
            market: market(),
            member: member.id.clone(),
            slot: input.slot,
            version: 1,
            settled_at: input.slot.end(),
            config_version: 1,
            area: member.area.clone(),
            source,
            import: member.import,
            export: member.export,
            fills: fills.collect(),
            deals: deals.collect(),
            from_utility: totals.from_utility,
            to_utility: totals.to_utility,
            postings,
        }
    }

    /// Lets a late or a utility's reading adjust a settled slot of a house.
    pub fn adjust(&mut self, number: usize, slot: Slot, import: i64, export: i64) {
        let metering_point = format!("DE-{number}");
        let registers = Registers {
            import_start_wh: WattHours::new(7),
            import_end_wh: WattHours::new(7 + import),
            export_start_wh: WattHours::new(9),
            export_end_wh: WattHours::new(9 + export),
        };
        let reading = UtilityReadingBody { market: market(), metering_point, slot, registers };
        let (import, export) = (WattHours::new(import), WattHours::new(export));
        let owner = Some(house(number));
        self.put(owner.clone(), |index, salt| Entry::new(index, salt, &reading).signed(&metering()).unwrap());
        let newest = self.newest(number, slot);
        let of_side = |side: Side| -> WattHours {
            let fills = newest.fills.iter().filter(|fill| fill.side == side).map(|fill| fill.filled);
            let deals = newest.deals.iter().filter(|line| line.side == side).map(|line| line.settled);
            fills.chain(deals).sum()
        };
        let (mut from_utility, mut to_utility) = (import - of_side(Side::Buy), export - of_side(Side::Sell));
        match () {
            () if to_utility.is_negative() => {
                (from_utility, to_utility) = (from_utility - to_utility, WattHours::ZERO);
            }
            () if from_utility.is_negative() => {
                (from_utility, to_utility) = (WattHours::ZERO, to_utility - from_utility);
            }
            () => {}
        }
        let mut postings = newest.postings.clone();
        postings.retain(|posting| !matches!(posting.what, Kind::Retail | Kind::FeedIn));
        let (retail, feed_in) = contract(number, slot);
        let utility =
            [(Kind::Retail, -from_utility.at_wide(retail)), (Kind::FeedIn, to_utility.at_wide(feed_in))];
        for (what, nanos) in utility.into_iter().filter(|(_, nanos)| *nanos != 0) {
            let reference = house(number).to_string();
            postings.push(PostingLine { reference, what, amount: Money::from_nanos(nanos as i64) });
        }
        let sum = |postings: &[PostingLine]| {
            postings.iter().map(|line| i128::from(line.amount.nanos())).sum::<i128>()
        };
        *self.books.get_mut(&house(number)).unwrap() += sum(&postings) - sum(&newest.postings);
        let body = SettlementBody {
            version: newest.version + 1,
            source: Some(Source::Utility),
            import,
            export,
            from_utility,
            to_utility,
            postings,
            ..newest
        };
        self.put(owner, |index, salt| Entry::new(index, salt, &body));
    }

    fn newest(&self, number: usize, slot: Slot) -> SettlementBody {
        let settlements =
            self.entries[&Some(house(number))].iter().filter_map(|entry| match entry.read()?.unwrap() {
                statement::Body::Settlement(body) if body.slot == slot => Some(body),
                _ => None,
            });
        settlements.max_by_key(|body| body.version).unwrap()
    }

    /// Hands the log over to another key.
    pub fn rotate(&mut self, new: SigningKey) {
        let (old, origin) = (self.key.clone(), statement::log_origin(&market()));
        self.put(None, |index, salt| {
            let rotation = SignedRotation::sign(&origin, index, &old, &new.verifying_key(), salt).unwrap();
            let key = KeyId::new(ledger::key_id_text(&old.verifying_key())).unwrap();
            let text = serde_json::to_value(&rotation).unwrap()["signature"].as_str().unwrap().to_owned();
            let body = serde_json::to_value(&rotation.body).unwrap();
            let signatures = vec![AuthorSignature { key, signature: text }];
            Entry { index, domain: SignedRotation::DOMAIN.to_owned(), salt, body, signatures }
        });
        self.key = new;
    }

    /// Gathers what a house's statement is made of.
    pub fn draft(&self, number: usize) -> Draft {
        let mut entries: Vec<Entry> =
            self.entries[&None].iter().chain(&self.entries[&Some(house(number))]).cloned().collect();
        entries.sort_by_key(|entry| entry.index);
        self.draft_of(number, entries)
    }

    pub fn draft_of(&self, number: usize, entries: Vec<Entry>) -> Draft {
        let indices: Vec<u64> = entries.iter().map(|entry| entry.index).collect();
        let (origin, size, root) = (statement::log_origin(&market()), self.log.size(), self.log.root());
        let checkpoint = ledger::Checkpoint { origin, size, root }.sign(&self.key).unwrap();
        let proof = self.log.many(&indices, size).unwrap();
        Draft { header: header(number), entries, checkpoint, proof }
    }
}

pub fn deal() -> DealBody {
    DealBody {
        id: DealId::new("deal-1").unwrap(),
        market: market(),
        seller: house(0),
        buyer: house(3),
        price: price(150_001),
        cap: WattHours::new(333),
        from: first_slot(),
        until: None,
    }
}

pub fn config() -> ConfigBody {
    let area = |id: &str, parent: Option<&str>, capacity: Option<i64>| Area {
        id: AreaId::new(id).unwrap(),
        parent: parent.map(|parent| AreaId::new(parent).unwrap()),
        fee: parent.map(|_| price(5_000)),
        capacity: parent.map(|_| capacity.map(WattHours::new)),
    };
    ConfigBody {
        market: market(),
        version: 1,
        currency: Currency::EUR,
        operator_fee: price(FEE),
        areas: vec![
            area("substation", None, None),
            area("feeder-1", Some("substation"), Some(900)),
            area("feeder-2", Some("substation"), None),
        ],
        metering_key: Some(ledger::key_text(&metering().verifying_key())),
        tax: BTreeMap::from([
            ("household".to_owned(), TaxRates { sale_ppm: 0, purchase_ppm: 190_000 }),
            ("business".to_owned(), TaxRates { sale_ppm: 190_000, purchase_ppm: 190_000 }),
        ]),
    }
}

pub fn header(number: usize) -> Header {
    let party = |name: &str| Party {
        name: name.to_owned(),
        address: vec!["Lindenweg 1".to_owned()],
        tax_number: None,
    };
    Header {
        market: market(),
        member: house(number),
        sequence: 1,
        previous: None,
        period: Period::month("2026-06-01".parse().unwrap(), "Europe/Berlin"),
        currency: Currency::EUR,
        issued_at: "2026-07-02T08:00:00Z".parse().unwrap(),
        owner: party("Familie Jäger"),
        operator: party("Lindenweg eG"),
        utility: party("Stadtwerke"),
        corrections: Vec::new(),
    }
}

/// A fixed hour or more of a street's life.
pub fn sample(slots: usize) -> Street {
    let mut street = Street::new();
    for slot in 0..slots {
        let happening = std::array::from_fn(|number| {
            let roof = number % 2 == 0;
            let wobble = ((slot * 37 + number * 101) % 300) as i64;
            Happening {
                import: if roof { wobble } else { 600 + wobble },
                export: if roof { 900 + wobble } else { 0 },
                sell_at: 100_000 + 10_000 * (number as i64),
                buy_at: 250_000 - 10_000 * (slot % 5) as i64,
                measured: (slot + number) % 7 != 3,
            }
        });
        street.run(&happening);
    }
    street
}
