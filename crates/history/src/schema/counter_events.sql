-- What a counter's readings meant where they did not simply rise: a glitch, a reset, a wrap, a new meter.
create table counter_events (
    id integer primary key,
    meter integer not null references meters (number),
    at_ms integer not null,
    register text not null check (register in ('import', 'export')),
    kind text not null,
    before_milliwatt_hours integer,
    after_milliwatt_hours integer,
    unique (meter, at_ms, register, kind)
) strict;
