-- The markets this household joined. At most one is not left.
create table memberships (
    market text primary key,
    market_name text not null,
    exchange_url text not null,
    exchange_key text not null,
    member text not null,
    area text not null,
    signing_key text not null,
    metering_point text not null,
    fuse_w integer not null,
    exposure_nanos integer not null,
    retail_micros_per_kwh integer not null,
    feed_in_micros_per_kwh integer not null,
    terms_version text not null,
    joined_at_ms integer not null,
    left_at_ms integer
) strict, without rowid;

create unique index memberships_present on memberships ((1)) where left_at_ms is null;
