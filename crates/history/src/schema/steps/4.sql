-- From 3 to 4: what a person did to the books of a meter.
create table meter_edits (
    id integer primary key,
    meter integer not null references meters (number),
    made_at_ms integer not null,
    at_ms integer not null, -- from when on it counts
    kind text not null,
    undoes integer references meter_edits (id),
    detail_json text not null -- what it did, so that it can be undone
) strict;

create index meter_edits_by_meter on meter_edits (meter, id);
