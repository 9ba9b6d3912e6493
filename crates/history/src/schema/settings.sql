-- Small facts that outlive a restart: whether trading is stopped, how far settlements were fetched.
create table settings (
    key text primary key,
    value text not null
) strict, without rowid;
