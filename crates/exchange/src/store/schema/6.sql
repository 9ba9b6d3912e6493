-- What the operator's page needs: links to it, the last audits, when the log was signed, and the meters of areas.

-- One-time links to the page. Only the SHA-256 of their codes is kept; a used one is deleted.
create table operator_link (
    code_sha256 text primary key,
    role text not null check (role in ('operator', 'auditor')),
    expires_real_ms integer not null
) strict;

-- What the audits found.
create table audit_run (
    id integer primary key autoincrement,
    at_real_ms integer not null,
    slots integer not null,
    entries integer not null,
    root text not null,
    -- Null where everything held.
    fault text
) strict;

-- When the newest head of the log was signed. No head says that of itself.
create table log_signed (
    id integer primary key check (id = 1),
    at_real_ms integer not null
) strict;

-- What the meter of an area shows: one more look at its members' own, on which no posting rests.
create table area_reading (
    area text not null,
    slot integer not null,
    import_start_wh integer not null,
    import_end_wh integer not null,
    export_start_wh integer not null,
    export_end_wh integer not null,
    file_sha256 text not null,
    received_at_ms integer not null,
    primary key (area, slot)
) strict, without rowid;

create index area_reading_by_slot on area_reading (slot);
create index held_utility_row_by_time on held_utility_row (received_at_ms);
