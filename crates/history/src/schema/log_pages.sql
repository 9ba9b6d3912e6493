-- This household's opened entries of the exchange's log, and those that are everybody's, an hour or so a row.
create table log_pages (
    id integer primary key,
    log integer not null references logs (id),
    first_index integer not null,
    last_index integer not null,
    first_slot integer, -- the slots that its entries are about; missing where there is none
    last_slot integer,
    lasting integer not null check (lasting in (0, 1)), -- holds entries that are not about one slot
    entries_gz blob not null -- a line an entry, compressed: a third of the bytes
) strict;

create index log_pages_by_slot on log_pages (log, last_slot, first_slot);
