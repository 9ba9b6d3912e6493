-- The mean weather of a slot, foretold until the slot was over: what forecasts are made with and learn from.
create table weather (
    slot_index integer primary key,
    global_w_m2 real, -- sun and sky on flat ground
    diffuse_w_m2 real, -- the sky's part of it
    temperature_c real,
    fetched_at_ms integer not null
) strict;
