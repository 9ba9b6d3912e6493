-- What a row of `slots` said before a better one replaced it. Nothing is overwritten without a trace.
create table slot_revisions (
    meter integer not null references meters (number),
    slot_index integer not null,
    replaced_at_ms integer not null,
    import_milliwatt_hours integer,
    export_milliwatt_hours integer,
    import_start_milliwatt_hours integer,
    import_end_milliwatt_hours integer,
    export_start_milliwatt_hours integer,
    export_end_milliwatt_hours integer,
    quality text not null,
    method text not null,
    recorded_at_ms integer not null
) strict;

create index slot_revisions_by_slot on slot_revisions (meter, slot_index);
