-- What cleared in each area of the market; null where nothing supported a price.
create table area_prices (
    slot_index integer not null,
    area text not null,
    price_micros_per_kwh integer,
    recorded_at_ms integer not null,
    primary key (slot_index, area)
) strict, without rowid;
