-- The market's log: its entries in their order, the tree over them, the signed heads, and the keys that signed those.
-- Entries, hashes and heads are written once and never changed.

create table log_entry (
    place integer primary key,
    domain text not null,
    -- What it speaks of, such as an order's id: with the domain it leads from a fact to its entry.
    subject text not null,
    commitment blob not null,
    -- Null once erased: the commitment stays, and nobody can say any more what it hides.
    salt blob,
    -- Canonical JSON.
    body text,
    -- Of its authors: JSON, as the wire has it.
    signatures text not null,
    -- Whether every member may open it.
    everyone integer not null check (everyone in (0, 1))
) strict;

create index log_entry_of_subject on log_entry (domain, subject, place);
create index log_entry_of_everyone on log_entry (place) where everyone = 1;

-- Which member may open which other entry.
create table log_reader (
    member text not null references member (id),
    place integer not null references log_entry (place),
    primary key (member, place)
) strict, without rowid;

-- The hashes of all complete subtrees: leaves have level 0.
create table log_node (
    level integer not null,
    number integer not null,
    hash blob not null,
    primary key (level, number)
) strict, without rowid;

-- A checkpoint for each commit that made the log grow.
create table log_head (
    size integer primary key,
    note text not null
) strict;

-- The log's keys. The first is there from the start (-1), each later one from the entry that hands over to it.
create table log_key (
    place integer primary key,
    public_key text not null
) strict;

-- Who vouches for the utility's readings. Null in a version from before there was such a key.
alter table config_version add column metering_key text;

-- Settled before there was a log, or imported as a generated past: no entries tell of it.
alter table slot add column before_log integer not null default 0 check (before_log in (0, 1));
update slot set before_log = 1 where state in ('settled', 'adjusted', 'final');
