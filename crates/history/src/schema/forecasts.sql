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
