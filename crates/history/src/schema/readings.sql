-- What this household reported of its meter, a row a slot. The rows still waiting are the outbox.
create table readings (
    market text not null,
    slot_index integer not null,
    import_start_wh integer, -- all four are null where the slot was not measured
    import_end_wh integer,
    export_start_wh integer,
    export_end_wh integer,
    signed_json text not null, -- the signed reading as it travels
    queued_at_ms integer not null,
    state text not null check (state in ('waiting', 'sent', 'accepted', 'late', 'held', 'refused')),
    problem_code text,
    problem_detail text,
    changed_at_ms integer not null,
    primary key (market, slot_index)
) strict, without rowid;

create index readings_unfinished on readings (state) where state in ('waiting', 'sent');
