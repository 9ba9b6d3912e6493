-- Direct deals of which this household is a side, and what it still has to tell the exchange of them.
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
