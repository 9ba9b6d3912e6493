-- The postings on this household's account. Positive: it receives.
create table settlement_postings (
    settlement integer not null references settlements (id),
    position integer not null,
    reference text not null, -- the id of the order, deal, member or area it is for
    what text not null,
    amount_nanos integer not null,
    primary key (settlement, position)
) strict, without rowid;
