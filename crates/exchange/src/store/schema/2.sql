-- Direct deals: what two members agreed on, both signatures, and what each slot came to.

create table deal (
    id text primary key,
    seller text not null references member (id),
    buyer text not null references member (id),
    price_micros_per_kwh integer not null,
    cap_wh integer not null,
    cap_per_day_wh integer,
    -- Words in the order of the week, with commas between.
    days text not null,
    -- Null is all day.
    hours text,
    zone text not null,
    from_slot integer not null,
    until_slot integer,
    proposed_by text not null references member (id),
    proposed_at_ms integer not null,
    -- Null until both sides have signed.
    agreed_at_ms integer,
    served_from_slot integer,
    -- Null until one side has ended it.
    ended_by text references member (id),
    ended_at_ms integer,
    served_until_slot integer
) strict;

create index deal_of_seller on deal (seller);
create index deal_of_buyer on deal (buyer);

create table deal_signature (
    deal text not null references deal (id),
    member text not null references member (id),
    key text not null references device_key (id),
    salt text not null,
    signature text not null,
    signed_at_ms integer not null,
    primary key (deal, member)
) strict, without rowid;

-- A deal in a settled slot: the cap that entered, with what the day had left, and what came of it.
create table deal_slot (
    slot integer not null references slot (slot),
    deal text not null references deal (id),
    cap_wh integer not null,
    settled_wh integer not null,
    grid_fee_nanos integer not null,
    primary key (slot, deal)
) strict, without rowid;

create index deal_slot_of_deal on deal_slot (deal, slot);
