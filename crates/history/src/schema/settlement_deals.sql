-- What direct deals brought in a settlement; its sold and bought energy hold it too.
create table settlement_deals (
    settlement integer not null references settlements (id),
    position integer not null,
    deal_id text not null,
    side text not null check (side in ('buy', 'sell')),
    partner text not null,
    filled_wh integer not null,
    price_micros_per_kwh integer not null,
    grid_fee_nanos integer not null, -- what the buyer paid the grid on top
    primary key (settlement, position)
) strict, without rowid;
