-- What everyone may see happen, in order: steps of slots, and the operator's announcements. One's own
-- settlements are an order of their own, by their cursor.
create table event (
    id integer primary key autoincrement,
    at_ms integer not null,
    slot integer,
    state text,
    announcement text,
    check ((slot is null) = (state is null) and (slot is null) = (announcement is not null))
) strict;
