-- Serial number and flags of a meter's samples from an instant on: a row a change, not a row a sample.
create table meter_marks (
    meter integer not null references meters (number),
    since_ms integer not null,
    serial text,
    flags text not null, -- words with commas between
    primary key (meter, since_ms)
) strict, without rowid;
