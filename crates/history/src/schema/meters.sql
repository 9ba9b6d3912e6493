-- Meters by their id. Rows of samples carry the small number instead of the text.
create table meters (
    number integer primary key,
    id text not null unique
) strict;
