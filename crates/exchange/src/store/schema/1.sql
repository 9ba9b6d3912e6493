-- The exchange's tables. Market times are milliseconds since 1970 (`_ms`), slots their number since 1970.
-- `_real_` marks real time, which a simulated street does not scale.

-- The market's configuration as it was, each version from a slot on.
create table config_version (
    version integer primary key,
    from_slot integer not null,
    since_ms integer not null,
    toml text not null
) strict;

create table member (
    id text primary key,
    area text not null,
    metering_point text not null unique,
    fuse_w integer not null check (fuse_w > 0),
    exposure_nanos integer not null check (exposure_nanos >= 0),
    -- Null until the household has joined.
    first_slot integer,
    joined_at_ms integer,
    terms_version text
) strict;

-- What the member's own utility charges and pays, from a slot on.
create table contract (
    member text not null references member (id),
    from_slot integer not null,
    retail_micros_per_kwh integer not null,
    feed_in_micros_per_kwh integer not null,
    primary key (member, from_slot)
) strict, without rowid;

create table device_key (
    id text primary key,
    member text not null references member (id),
    public_key text not null,
    name text not null,
    enrolled_at_ms integer not null,
    revoked_at_ms integer
) strict;

create index device_key_of_member on device_key (member);

-- One-time codes. Only their SHA-256 is kept: who reads the file cannot join with it.
create table invitation (
    code_sha256 text primary key,
    member text not null references member (id),
    expires_real_ms integer not null,
    used_by text references device_key (id)
) strict;

-- Request signatures that were taken, until they could not be valid any more.
create table nonce (
    key text not null,
    nonce text not null,
    until_real_ms integer not null,
    primary key (key, nonce)
) strict, without rowid;

create index nonce_by_end on nonce (until_real_ms);

create table "order" (
    id text primary key,
    member text not null references member (id),
    slot integer not null,
    side text not null check (side in ('buy', 'sell')),
    quantity_wh integer not null,
    limit_micros_per_kwh integer not null,
    -- Null in an imported past, whose orders nobody signed.
    key text references device_key (id),
    salt text,
    signature text,
    accepted_at_ms integer not null,
    cancelled_at_ms integer,
    -- Null until the slot is cleared.
    filled_wh integer
) strict;

create index order_by_slot on "order" (slot, member);
create index order_of_member on "order" (member, slot);

-- The reading of a member in a slot that counts. Registers are null where the slot was not measured.
create table reading (
    member text not null references member (id),
    slot integer not null,
    import_start_wh integer,
    import_end_wh integer,
    export_start_wh integer,
    export_end_wh integer,
    key text not null references device_key (id),
    salt text not null,
    signature text not null,
    received_at_ms integer not null,
    -- Came after readings closed.
    late integer not null check (late in (0, 1)),
    primary key (member, slot)
) strict, without rowid;

-- Readings kept aside, with the reason.
create table held_reading (
    id integer primary key,
    member text not null references member (id),
    slot integer not null,
    import_start_wh integer,
    import_end_wh integer,
    export_start_wh integer,
    export_end_wh integer,
    key text not null,
    salt text not null,
    signature text not null,
    received_at_ms integer not null,
    reason text not null,
    detail text not null,
    unique (member, slot, signature)
) strict;

create table slot (
    slot integer primary key,
    state text not null,
    -- The configuration that governed it, once settled.
    config_version integer references config_version (version),
    -- 1 when settled, one more with each adjustment.
    version integer not null default 0,
    traded_wh integer
) strict;

create index slot_unsettled on slot (slot)
where state not in ('settled', 'adjusted', 'final');
create index slot_to_be_final on slot (slot)
where state in ('settled', 'adjusted');

-- When a slot entered each state.
create table slot_step (
    slot integer not null references slot (slot),
    state text not null,
    at_ms integer not null,
    primary key (slot, state)
) strict, without rowid;

create table slot_area (
    slot integer not null references slot (slot),
    position integer not null,
    area text not null,
    price_micros_per_kwh integer,
    flow_to_parent_wh integer not null,
    primary key (slot, position)
) strict, without rowid;

-- What each slot came to for each member. The cursor is the order in which they were settled.
create table settled_member (
    cursor integer primary key autoincrement,
    slot integer not null references slot (slot),
    version integer not null,
    member text not null references member (id),
    settled_at_ms integer not null,
    area text not null,
    measured integer not null check (measured in (0, 1)),
    import_wh integer not null,
    export_wh integer not null,
    sold_wh integer not null,
    bought_wh integer not null,
    from_utility_wh integer not null,
    to_utility_wh integer not null,
    retail_micros_per_kwh integer not null,
    feed_in_micros_per_kwh integer not null,
    unique (slot, member, version)
) strict;

create index settled_of_member on settled_member (member, cursor);

-- Double entry; positive means that the account receives. Nothing is overwritten: an adjustment
-- adds postings under the slot's next version. Each version of a slot sums to zero.
create table posting (
    slot integer not null references slot (slot),
    version integer not null,
    account text not null,
    reference text not null,
    what text not null,
    nanos integer not null,
    primary key (slot, version, account, reference, what)
) strict, without rowid;
