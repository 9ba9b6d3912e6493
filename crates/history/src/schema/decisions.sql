-- What the rules said about a slot and why. A further row only where the outcome changed.
create table decisions (
    slot_index integer not null,
    side text not null check (side in ('buy', 'sell')),
    decided_at_ms integer not null,
    verdict text not null check (verdict in ('offer', 'bid', 'none')),
    rule text,
    quantity_wh integer,
    limit_price_micros_per_kwh integer,
    reasons_json text not null,
    primary key (slot_index, side, decided_at_ms)
) strict, without rowid;
