-- What meters said. What a meter does not tell is null, never 0.
--
-- The key begins with the time, not the meter: the meters of a home are read together, and so one
-- commit touches one page instead of one a meter. That is a third of the wear of a memory card.
create table samples (
    at_ms integer not null,
    meter integer not null references meters (number),
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
    frequency_millihertz integer,
    primary key (at_ms, meter)
) strict, without rowid;
