-- Energy of each meter in each slot, with the registers at its borders.
--
-- The key is the slot with the meter in its last twelve bits, as that of samples.
create table slots (
    key integer primary key,
    slot_index integer as (key >> 12) virtual, -- quarter hours since 1970
    meter integer as (key & 4095) virtual, -- the number in meters
    local_day text not null, -- 2026-06-01: sums group by this, never by formatting a time
    import_milliwatt_hours integer,
    export_milliwatt_hours integer,
    import_start_milliwatt_hours integer,
    import_end_milliwatt_hours integer,
    export_start_milliwatt_hours integer,
    export_end_milliwatt_hours integer,
    quality text not null check (quality in ('measured', 'recovered', 'estimated', 'partial', 'missing')),
    method text not null check (method in ('counter', 'integral')),
    recorded_at_ms integer not null
) strict;
