-- The exchange's logs that this household checks: one a market, and one more each time that its owner went
-- on after the exchange had rewritten one.
create table logs (
    id integer primary key,
    market text not null,
    log_key text not null, -- the key that is trusted from the start, as C2SP writes verifier keys
    begun_at_ms integer not null,
    ended_at_ms integer, -- since then another one of the market is followed
    next_index integer, -- up to where its entries were fetched
    checkpoint text, -- the newest head seen and found consistent with all before, as the note that came
    checkpoint_size integer,
    checked_at_ms integer
) strict;

create unique index logs_present on logs (market) where ended_at_ms is null;
