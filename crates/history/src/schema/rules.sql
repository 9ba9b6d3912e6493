-- Every version of the owner's rules, with who saved it and when.
create table rules (
    version integer primary key,
    toml text not null,
    saved_by text not null,
    saved_at_ms integer not null
) strict;
