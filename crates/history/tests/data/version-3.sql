-- A history of version 3 with one row of each table.

pragma foreign_keys = off;
pragma page_size = 1024;
pragma application_id = 1465144396;
pragma user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE meters (
    number integer primary key check (number between 1 and 4095),
    id text not null unique
) strict;
INSERT INTO meters VALUES(1,'grid');
CREATE TABLE samples (
    key integer primary key,
    at_ms integer as (key >> 12) virtual,
    meter integer as (key & 4095) virtual, -- the number in meters
    power_milliwatts integer,
    import_milliwatt_hours integer,
    export_milliwatt_hours integer,
    power_l1_milliwatts integer,
    power_l2_milliwatts integer,
    power_l3_milliwatts integer,
    voltage_l1_millivolts integer,
    voltage_l2_millivolts integer,
    voltage_l3_millivolts integer,
    current_l1_milliamperes integer,
    current_l2_milliamperes integer,
    current_l3_milliamperes integer,
    frequency_millihertz integer
) strict;
INSERT INTO samples VALUES(7292171059200001,-2400000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO samples VALUES(7292171100160001,-2410000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE meter_marks (
    meter integer not null references meters (number),
    since_ms integer not null,
    serial text,
    flags text not null, -- words with commas between
    primary key (meter, since_ms)
) strict, without rowid;
INSERT INTO meter_marks VALUES(1,1780315200000,'12345678','not_netted');
INSERT INTO meter_marks VALUES(1,1780315210000,'12345678','');
CREATE TABLE slots (
    key integer primary key,
    slot_index integer as (key >> 12) virtual, -- quarter hours since 1970
    meter integer as (key & 4095) virtual, -- the number in meters
    local_day text not null, -- 2026-06-01: sums group by this, never by formatting a time
    import_milliwatt_hours integer,
    export_milliwatt_hours integer,
    import_start_milliwatt_hours integer,
    import_end_milliwatt_hours integer,
    export_start_milliwatt_hours integer,
    export_end_milliwatt_hours integer,
    quality text not null check (quality in ('measured', 'recovered', 'estimated', 'partial', 'missing')),
    method text not null check (method in ('counter', 'integral')),
    recorded_at_ms integer not null
) strict;
INSERT INTO slots VALUES(8102412289,'2026-06-01',0,600000,1000000,1000000,5000000,5600000,'recovered','counter',1780315200000);
CREATE TABLE slot_revisions (
    meter integer not null references meters (number),
    slot_index integer not null,
    replaced_at_ms integer not null,
    import_milliwatt_hours integer,
    export_milliwatt_hours integer,
    import_start_milliwatt_hours integer,
    import_end_milliwatt_hours integer,
    export_start_milliwatt_hours integer,
    export_end_milliwatt_hours integer,
    quality text not null,
    method text not null,
    recorded_at_ms integer not null
) strict;
INSERT INTO slot_revisions VALUES(1,1978128,1780315200000,0,600000,1000000,1000000,5000000,5600000,'partial','counter',1780315200000);
CREATE TABLE counter_events (
    id integer primary key,
    meter integer not null references meters (number),
    at_ms integer not null,
    register text not null check (register in ('import', 'export')),
    kind text not null,
    before_milliwatt_hours integer,
    after_milliwatt_hours integer,
    unique (meter, at_ms, register, kind)
) strict;
INSERT INTO counter_events VALUES(1,1,1780315200000,'export','reset',5000,0);
CREATE TABLE meter_edits (
    id integer primary key,
    meter integer not null references meters (number),
    made_at_ms integer not null,
    at_ms integer not null, -- from when on it counts
    kind text not null,
    undoes integer references meter_edits (id),
    detail_json text not null -- what it did, so that it can be undone
) strict;
INSERT INTO meter_edits VALUES(1,1,1780315200000,1780315200000,'replaced',NULL,'{}');
CREATE TABLE prices (
    slot_index integer not null,
    kind text not null check (kind in ('contract', 'forecast', 'indicative', 'settled')),
    retail_micros_per_kwh integer,
    feed_in_micros_per_kwh integer,
    recorded_at_ms integer not null,
    primary key (slot_index, kind)
) strict, without rowid;
INSERT INTO prices VALUES(1978128,'contract',320000,80000,1780315200000);
CREATE TABLE area_prices (
    slot_index integer not null,
    area text not null,
    price_micros_per_kwh integer,
    recorded_at_ms integer not null,
    primary key (slot_index, area)
) strict, without rowid;
INSERT INTO area_prices VALUES(1978128,'feeder-1',320000,1780315200000);
CREATE TABLE rules (
    version integer primary key,
    toml text not null,
    saved_by text not null,
    saved_at_ms integer not null
) strict;
INSERT INTO rules VALUES(1,replace('# none\n','\n',char(10)),'owner',1780315200000);
CREATE TABLE decisions (
    slot_index integer not null,
    side text not null check (side in ('buy', 'sell')),
    decided_at_ms integer not null,
    verdict text not null check (verdict in ('offer', 'bid', 'none')),
    rule text,
    quantity_wh integer,
    limit_price_micros_per_kwh integer,
    reasons_json text not null,
    primary key (slot_index, side, decided_at_ms)
) strict, without rowid;
INSERT INTO decisions VALUES(1978128,'sell',1780315200000,'offer','surplus',800,120000,'[]');
CREATE TABLE orders (
    id text primary key,
    market text not null,
    member text not null,
    slot_index integer not null,
    side text not null check (side in ('buy', 'sell')),
    quantity_wh integer not null,
    limit_price_micros_per_kwh integer not null,
    signing_key text not null,
    salt text not null,
    signature text not null,
    gate_at_ms integer not null, -- from when on it can neither be placed nor cancelled
    queued_at_ms integer not null,
    state text not null check (state in
        ('waiting', 'sent', 'accepted', 'refused', 'missed', 'cancelling', 'cancelled', 'bound', 'cleared')),
    problem_code text,
    problem_detail text,
    filled_wh integer not null default 0,
    sent_at_ms integer,
    accepted_at_ms integer,
    changed_at_ms integer not null,
    by_owner integer not null default 0 check (by_owner in (0, 1)) -- placed by hand: rules leave it alone
) strict, without rowid;
INSERT INTO orders VALUES('order','street','home-01',1978128,'sell',800,120000,'key','salt','signature',1780314900000,1780311600000,'cleared',NULL,NULL,250,NULL,1780315200000,1780315200000,0);
CREATE TABLE readings (
    market text not null,
    slot_index integer not null,
    import_start_wh integer, -- all four are null where the slot was not measured
    import_end_wh integer,
    export_start_wh integer,
    export_end_wh integer,
    signed_json text not null, -- the signed reading as it travels
    queued_at_ms integer not null,
    state text not null check (state in ('waiting', 'sent', 'accepted', 'late', 'held', 'refused')),
    problem_code text,
    problem_detail text,
    changed_at_ms integer not null,
    primary key (market, slot_index)
) strict, without rowid;
INSERT INTO readings VALUES('street',1978128,NULL,NULL,NULL,NULL,'{}',1780315200000,'waiting',NULL,NULL,1780315200000);
CREATE TABLE settlements (
    id integer primary key,
    market text not null,
    cursor integer not null,
    slot_index integer not null,
    version integer not null,
    local_day text not null,
    settled_at_ms integer not null,
    received_at_ms integer not null,
    area text not null,
    price_micros_per_kwh integer,
    measured integer not null check (measured in (0, 1)),
    import_wh integer not null,
    export_wh integer not null,
    sold_wh integer not null,
    bought_wh integer not null,
    from_utility_wh integer not null,
    to_utility_wh integer not null,
    retail_micros_per_kwh integer not null,
    feed_in_micros_per_kwh integer not null,
    source text check (source in ('member', 'utility')), -- missing where nothing was measured or it was not told
    unique (market, cursor),
    unique (slot_index, market, version) -- the slot first: ranges of slots, and so of days, are asked for
) strict;
INSERT INTO settlements VALUES(1,'street',1,1978128,1,'2026-06-01',1780316160000,1780315200000,'feeder-1',150000,1,0,250,250,0,0,0,320000,80000,'member');
CREATE TABLE settlement_postings (
    settlement integer not null references settlements (id),
    position integer not null,
    reference text not null, -- the id of the order, deal, member or area it is for
    what text not null,
    amount_nanos integer not null,
    primary key (settlement, position)
) strict, without rowid;
INSERT INTO settlement_postings VALUES(1,0,'order','energy',37500000);
INSERT INTO settlement_postings VALUES(1,1,'order','operator_fee',-1250000);
CREATE TABLE settlement_fills (
    settlement integer not null references settlements (id),
    position integer not null,
    order_id text not null,
    side text not null check (side in ('buy', 'sell')),
    filled_wh integer not null,
    primary key (settlement, position)
) strict, without rowid;
INSERT INTO settlement_fills VALUES(1,0,'order','sell',250);
CREATE TABLE settlement_deals (
    settlement integer not null references settlements (id),
    position integer not null,
    deal_id text not null,
    side text not null check (side in ('buy', 'sell')),
    partner text not null,
    filled_wh integer not null,
    price_micros_per_kwh integer not null,
    grid_fee_nanos integer not null, -- what the buyer paid the grid on top
    primary key (settlement, position)
) strict, without rowid;
INSERT INTO settlement_deals VALUES(1,0,'deal','sell','home-02',50,140000,0);
CREATE TABLE deals (
    id text primary key,
    market text not null,
    terms_json text not null, -- as both sides sign it
    state text not null check (state in ('drafted', 'proposed', 'agreed', 'ended', 'refused')),
    proposed_by text not null,
    proposed_at_ms integer,
    agreed_at_ms integer,
    served_from_slot integer, -- the first slot that can be served
    served_until_slot integer, -- the first that is not served any more
    ended_by text,
    errand text check (errand in ('propose', 'accept', 'end')), -- what the exchange shall still be told
    signed_json text, -- with which signature
    problem_code text,
    problem_detail text,
    changed_at_ms integer not null
) strict, without rowid;
INSERT INTO deals VALUES('deal','street','{"a":1}','proposed','home-02',1780315200000,NULL,NULL,NULL,NULL,NULL,'{}','busy','later',1780315200000);
CREATE TABLE memberships (
    market text primary key,
    market_name text not null,
    exchange_url text not null,
    exchange_key text not null,
    member text not null,
    area text not null,
    signing_key text not null,
    metering_point text not null,
    fuse_w integer not null,
    exposure_nanos integer not null,
    retail_micros_per_kwh integer not null,
    feed_in_micros_per_kwh integer not null,
    terms_version text not null,
    joined_at_ms integer not null,
    left_at_ms integer
) strict, without rowid;
INSERT INTO memberships VALUES('street','Linden street','http://127.0.0.1:1','key','home-01','feeder-1','thumbprint','DE1',24000,50000000000,320000,80000,'1',1780315200000,NULL);
CREATE TABLE settings (
    key text primary key,
    value text not null
) strict, without rowid;
INSERT INTO settings VALUES('settlement_cursor/street','1');
INSERT INTO settings VALUES('stopped','no');
CREATE TABLE logs (
    id integer primary key,
    market text not null,
    log_key text not null, -- the key that is trusted from the start, as C2SP writes verifier keys
    begun_at_ms integer not null,
    ended_at_ms integer, -- since then another one of the market is followed
    next_index integer, -- up to where its entries were fetched
    checkpoint text, -- the newest head seen and found consistent with all before, as the note that came
    checkpoint_size integer,
    checked_at_ms integer
) strict;
INSERT INTO logs VALUES(1,'street','street+00000000+key',1780315200000,NULL,3,'note of 9',9,1780315200000);
CREATE TABLE log_pages (
    id integer primary key,
    log integer not null references logs (id),
    first_index integer not null,
    last_index integer not null,
    first_slot integer, -- the slots that its entries are about; missing where there is none
    last_slot integer,
    lasting integer not null check (lasting in (0, 1)), -- holds entries that are not about one slot
    entries_gz blob not null -- a line an entry, compressed: a third of the bytes
) strict;
INSERT INTO log_pages VALUES(1,1,3,3,1978128,1978128,0,X'1f8b08000000000000ff33e62c4f2c29c949d52f4e0551b9a97925fa65869c8696e6168646169cc58939259cd54a794a56c6b59cd1b15c0096b5c2842f000000');
CREATE TABLE log_promises (
    id integer primary key, -- the log's id and the entry's place in it
    commitment text not null,
    what text not null,
    promised_at_ms integer not null
) strict;
INSERT INTO log_promises VALUES(1099511627786,'commitment','order order',1780315200000);
CREATE TABLE log_alarms (
    id integer primary key,
    log integer not null references logs (id),
    kind text not null check (kind in ('rollback', 'fork', 'missing_entry', 'wrong_signature', 'unproved')),
    raised_at_ms integer not null,
    detail text not null,
    evidence_json text not null,
    answered_at_ms integer, -- the owner said: go on
    over_at_ms integer -- since then the log was verified again
) strict;
INSERT INTO log_alarms VALUES(1,1,'rollback',1780315200000,'smaller','{}',NULL,NULL);
CREATE TABLE statements (
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
INSERT INTO statements VALUES(1,'street',1,'home-01-00001','2026-06',1780315200000,1,12,'hash','{}',X'1f8b08000000000000ffabae050043bfa6a302000000');
CREATE TABLE spot_prices (
    slot_index integer primary key,
    micros_per_kwh integer not null,
    source text not null,
    fetched_at_ms integer not null
) strict;
INSERT INTO spot_prices VALUES(1978128,-5000,'aWATTar (de)',1780315200000);
CREATE TABLE weather (
    slot_index integer primary key,
    global_w_m2 real, -- sun and sky on flat ground
    diffuse_w_m2 real, -- the sky's part of it
    temperature_c real,
    fetched_at_ms integer not null
) strict;
INSERT INTO weather VALUES(1978128,812.5,NULL,21.5,1780315200000);
CREATE TABLE forecasts (
    slot_index integer not null,
    what text not null check (what in ('roof', 'house')),
    p10_milliwatt_hours integer not null,
    p50_milliwatt_hours integer not null,
    p90_milliwatt_hours integer not null,
    made_at_ms integer not null,
    primary key (slot_index, what)
) strict, without rowid;
INSERT INTO forecasts VALUES(1978128,'roof',100000,400000,700000,1780315200000);
CREATE INDEX slot_revisions_by_slot on slot_revisions (meter, slot_index);
CREATE INDEX meter_edits_by_meter on meter_edits (meter, id);
CREATE INDEX orders_by_slot on orders (slot_index);
CREATE INDEX orders_unfinished on orders (state, gate_at_ms)
    where state in ('waiting', 'sent', 'accepted', 'cancelling');
CREATE INDEX readings_unfinished on readings (state) where state in ('waiting', 'sent');
CREATE VIEW latest_settlements as
select * from settlements as settled
where version = (
    select max(version) from settlements as other
    where other.market = settled.market and other.slot_index = settled.slot_index
);
CREATE UNIQUE INDEX memberships_present on memberships ((1)) where left_at_ms is null;
CREATE UNIQUE INDEX logs_present on logs (market) where ended_at_ms is null;
CREATE INDEX log_pages_by_slot on log_pages (log, last_slot, first_slot);
COMMIT;
