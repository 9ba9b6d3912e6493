-- The statements this household made, in their gapless row.
create table statements (
    id integer primary key,
    market text not null,
    sequence integer not null,
    number text not null,
    month text not null,
    made_at_ms integer not null,
    log integer not null references logs (id),
    log_size integer not null, -- what the log held when it was made
    sha256 text not null,
    summary_json text not null, -- what a list shows without unpacking the file
    file_gz blob not null, -- the statement as it travels, compressed
    unique (market, sequence)
) strict;
