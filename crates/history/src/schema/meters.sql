-- Meters by their id. Rows of samples carry the small number instead of the text.
create table meters (
    number integer primary key check (number between 1 and 4095),
    id text not null unique
) strict;
