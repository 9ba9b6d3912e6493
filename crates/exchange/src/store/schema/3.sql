-- Readings that the utility sent. They take the place of the member's own.

create table utility_reading (
    member text not null references member (id),
    slot integer not null,
    import_start_wh integer not null,
    import_end_wh integer not null,
    export_start_wh integer not null,
    export_end_wh integer not null,
    -- Which file told it: SHA-256, base64url without padding.
    file_sha256 text not null,
    received_at_ms integer not null,
    -- Came after readings closed.
    late integer not null check (late in (0, 1)),
    primary key (member, slot)
) strict, without rowid;

-- Rows of the utility's files that were kept aside, with the reason.
create table held_utility_row (
    file_sha256 text not null,
    line integer not null,
    metering_point text not null,
    slot integer not null,
    import_start_wh integer not null,
    import_end_wh integer not null,
    export_start_wh integer not null,
    export_end_wh integer not null,
    received_at_ms integer not null,
    reason text not null,
    detail text not null,
    primary key (file_sha256, line)
) strict, without rowid;

-- Whose figures entered; null where none did.
alter table settled_member add column source text check (source in ('member', 'utility'));
update settled_member set source = 'member' where measured = 1;
