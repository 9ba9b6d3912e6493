-- What the exchange settled for this household. A later version of a slot replaces the earlier one in
-- every sum; both stay.
create table settlements (
    id integer primary key,
    market text not null,
    cursor integer not null,
    slot_index integer not null,
    version integer not null,
    local_day text not null,
    settled_at_ms integer not null,
    received_at_ms integer not null,
    area text not null,
    price_micros_per_kwh integer,
    measured integer not null check (measured in (0, 1)),
    import_wh integer not null,
    export_wh integer not null,
    sold_wh integer not null,
    bought_wh integer not null,
    from_utility_wh integer not null,
    to_utility_wh integer not null,
    retail_micros_per_kwh integer not null,
    feed_in_micros_per_kwh integer not null,
    source text check (source in ('member', 'utility')), -- missing where nothing was measured or it was not told
    unique (market, cursor),
    unique (slot_index, market, version) -- the slot first: ranges of slots, and so of days, are asked for
) strict;

create view latest_settlements as
select * from settlements as settled
where version = (
    select max(version) from settlements as other
    where other.market = settled.market and other.slot_index = settled.slot_index
);
