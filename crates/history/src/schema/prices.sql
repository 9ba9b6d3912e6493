-- What the utility charges and pays in a slot, by how sure that is. Kinds are never mixed.
create table prices (
    slot_index integer not null,
    kind text not null check (kind in ('contract', 'forecast', 'indicative', 'settled')),
    retail_micros_per_kwh integer,
    feed_in_micros_per_kwh integer,
    recorded_at_ms integer not null,
    primary key (slot_index, kind)
) strict, without rowid;
