-- Where the exchange's log did not keep what it promised, with the evidence. Nothing here is ever deleted.
create table log_alarms (
    id integer primary key,
    log integer not null references logs (id),
    kind text not null check (kind in ('rollback', 'fork', 'missing_entry', 'wrong_signature', 'unproved')),
    raised_at_ms integer not null,
    detail text not null,
    evidence_json text not null,
    answered_at_ms integer, -- the owner said: go on
    over_at_ms integer -- since then the log was verified again
) strict;
