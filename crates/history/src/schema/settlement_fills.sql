-- How much of each order a settlement served.
create table settlement_fills (
    settlement integer not null references settlements (id),
    position integer not null,
    order_id text not null,
    side text not null check (side in ('buy', 'sell')),
    filled_wh integer not null,
    primary key (settlement, position)
) strict, without rowid;
