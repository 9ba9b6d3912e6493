-- What meters said. What a meter does not tell is null, never 0.
--
-- The key is the time with the meter in its last twelve bits. It only grows, so SQLite appends: a
-- commit of a minute touches the last page or two. A key of two columns, measured on a day of three
-- meters, wrote three times as much, and memory cards wear out by writing.
create table samples (
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
