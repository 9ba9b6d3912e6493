-- Energy of each meter in each slot, with the registers at its borders.
create table slots (
    meter integer not null references meters (number),
    slot_index integer not null, -- quarter hours since 1970
    local_day text not null, -- 2026-06-01: sums group by this, never by formatting a time
    import_milliwatt_hours integer,
    export_milliwatt_hours integer,
    import_start_milliwatt_hours integer,
    import_end_milliwatt_hours integer,
    export_start_milliwatt_hours integer,
    export_end_milliwatt_hours integer,
    quality text not null check (quality in ('measured', 'recovered', 'estimated', 'partial', 'missing')),
    method text not null check (method in ('counter', 'integral')),
    recorded_at_ms integer not null,
    primary key (meter, slot_index)
) strict, without rowid;

create index slots_by_day on slots (meter, local_day);
