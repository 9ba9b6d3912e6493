-- What the exchange acknowledged, with its place in the log, until it is found there.
create table log_promises (
    id integer primary key, -- the log's id and the entry's place in it
    commitment text not null,
    what text not null,
    promised_at_ms integer not null
) strict;
