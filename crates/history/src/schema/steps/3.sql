-- From 2 to 3: the power market's prices, the weather, and what was foretold.
-- What the power market published for a slot. Kept for good: contracts price the past with it.
create table spot_prices (
    slot_index integer primary key,
    micros_per_kwh integer not null,
    source text not null,
    fetched_at_ms integer not null
) strict;
-- The mean weather of a slot, foretold until the slot was over: what forecasts are made with and learn from.
create table weather (
    slot_index integer primary key,
    global_w_m2 real, -- sun and sky on flat ground
    diffuse_w_m2 real, -- the sky's part of it
    temperature_c real,
    fetched_at_ms integer not null
) strict;
-- What was foretold of a slot at least a day before it began; of a slot that was nearer when it was first
-- foretold, that first word. What came is in `slots` and never here.
create table forecasts (
    slot_index integer not null,
    what text not null check (what in ('roof', 'house')),
    p10_milliwatt_hours integer not null,
    p50_milliwatt_hours integer not null,
    p90_milliwatt_hours integer not null,
    made_at_ms integer not null,
    primary key (slot_index, what)
) strict, without rowid;
