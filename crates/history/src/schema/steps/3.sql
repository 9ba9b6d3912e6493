-- From 2 to 3: direct deals, whose figures entered a settlement, orders placed by hand.
alter table settlements add column source text check (source in ('member', 'utility'));
alter table orders add column by_owner integer not null default 0 check (by_owner in (0, 1));
create table settlement_deals (
    settlement integer not null references settlements (id),
    position integer not null,
    deal_id text not null,
    side text not null check (side in ('buy', 'sell')),
    partner text not null,
    filled_wh integer not null,
    price_micros_per_kwh integer not null,
    grid_fee_nanos integer not null, -- what the buyer paid the grid on top
    primary key (settlement, position)
) strict, without rowid;
create table deals (
    id text primary key,
    market text not null,
    terms_json text not null, -- as both sides sign it
    state text not null check (state in ('drafted', 'proposed', 'agreed', 'ended', 'refused')),
    proposed_by text not null,
    proposed_at_ms integer,
    agreed_at_ms integer,
    served_from_slot integer, -- the first slot that can be served
    served_until_slot integer, -- the first that is not served any more
    ended_by text,
    errand text check (errand in ('propose', 'accept', 'end')), -- what the exchange shall still be told
    signed_json text, -- with which signature
    problem_code text,
    problem_detail text,
    changed_at_ms integer not null
) strict, without rowid;
