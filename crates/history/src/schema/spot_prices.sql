-- What the power market published for a slot. Kept for good: contracts price the past with it.
create table spot_prices (
    slot_index integer primary key,
    micros_per_kwh integer not null,
    source text not null,
    fetched_at_ms integer not null
) strict;
