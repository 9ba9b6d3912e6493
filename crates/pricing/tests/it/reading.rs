//! Contracts are read from TOML, and what cannot be read is named with its place.

use crate::home::{File, read};

const RICH: &str = r#"
[[contract]]
valid_from = "2026-01-01"
name = "Everything"
feed_in = { spot = "95.5 %", price = "-0.004 EUR/kWh", zero_if_spot_negative = true }
standing = ["12.90 EUR/month", "-50 EUR/year"]
billing = "hour"
year_starts = "12-01"
holidays = ["01-01", "easter+1", "2026-06-08"]
tier = [{ up_to = "2900 kWh/year", retail = "0.100 EUR/kWh" }, { up_to = "4000.5 kWh/year", retail = "0.200 EUR/kWh" }]

[contract.retail]
spot = "100 %"
surcharge = "3 %"
at_most = "0.500 EUR/kWh"
at_least = "-0.100 EUR/kWh"
tax = "19 %"
below_zero = "spot_untaxed"
charge = [{ name = "Grid", price = "0.0853 EUR/kWh" }, { name = "Levy", price = "0.001 EUR/kWh", taxed = false }]

[[contract.zone]]
name = "Winter evenings"
hours = ["17:00-19:00", "22:00-01:00"]
days = ["mon", "tue", "holiday"]
months = ["jan", "dec"]
retail = "0.400 EUR/kWh"
feed_in = "0.120 EUR/kWh"
"#;

fn fault(from: &str, to: &str) -> String {
    assert!(RICH.contains(from), "{from}");
    read(&RICH.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_rich_contract_is_read_and_written_the_same() {
    let contracts = read(RICH).unwrap();
    let text = toml::to_string_pretty(&File { contract: contracts.to_tables() }).unwrap();
    assert_eq!(read(&text).unwrap(), contracts, "{text}");
    let tables: File = toml::from_str(&text).unwrap();
    assert_eq!(tables.contract, contracts.to_tables());
}

#[test]
fn a_fault_names_its_place_what_it_is_and_what_to_write() {
    let cases = [
        (
            "\"12.90 EUR/month\"",
            "\"12.90 EUR/week\"",
            "contract from 2026-01-01, standing: \"12.90 EUR/week\" is no standing charge; write it as \"12.90 EUR/month\", or per day or year",
        ),
        (
            "\"hour\"",
            "\"daily\"",
            "contract from 2026-01-01, billing: \"daily\" is no billing; \"quarter_hour\" and \"hour\" are",
        ),
        (
            "\"12-01\"",
            "\"02-29\"",
            "contract from 2026-01-01, year_starts: \"02-29\" is no day on which a year can start; write it as \"12-01\"",
        ),
        (
            "\"easter+1\"",
            "\"Easter\"",
            "contract from 2026-01-01, holidays: \"Easter\" is no holiday; write \"12-25\" for each year, \"2026-06-08\" for once, or \"easter+1\"",
        ),
        (
            "\"19 %\"",
            "\"19\"",
            "contract from 2026-01-01, retail: \"19\" is no share; write it as \"19 %\", with at most four decimals, up to 1000 %",
        ),
        (
            "\"spot_untaxed\"",
            "\"none\"",
            "contract from 2026-01-01, retail: \"none\" is not known; \"taxed\", \"sum_untaxed\" and \"spot_untaxed\" are",
        ),
        (
            "at_least = \"-0.100",
            "at_least = \"0.600",
            "contract from 2026-01-01, retail: at_least is above at_most; no price can be within both",
        ),
        (
            "\"17:00-19:00\"",
            "\"17:00-19:10\"",
            "contract from 2026-01-01, zone 1 \"Winter evenings\", hours: \"17:00-19:10\" are no hours; write them as \"22:00-06:00\", on quarter hours",
        ),
        (
            "\"mon\"",
            "\"Monday\"",
            "contract from 2026-01-01, zone 1 \"Winter evenings\", days: each day is one of mon, tue, wed, thu, fri, sat, sun and holiday, and comes once",
        ),
        (
            "\"jan\", \"dec\"",
            "\"jan\", \"jan\"",
            "contract from 2026-01-01, zone 1 \"Winter evenings\", months: each month is one of jan, feb, mar, apr, may, jun, jul, aug, sep, oct, nov and dec, and comes once",
        ),
        (
            "4000.5 kWh/year",
            "400 kWh/year",
            "contract from 2026-01-01, tier 2, up_to: tiers stand in rising order; this one ends where an earlier one does, or before",
        ),
        (
            "4000.5 kWh/year",
            "4000 kWh/month",
            "contract from 2026-01-01, tier 2, up_to: all tiers of a contract are for the same time; an earlier one is for another",
        ),
        (
            "\"2900 kWh/year\"",
            "\"2900\"",
            "contract from 2026-01-01, tier 1, up_to: \"2900\" is no amount for a tier; write it as \"2900 kWh/year\", or per quarter, month or day",
        ),
        (
            "spot = \"100 %\"\n",
            "",
            "contract from 2026-01-01, retail: a surcharge is a share of the spot price; add spot = \"100 %\"",
        ),
        (
            "{ spot = \"95.5 %\", price = \"-0.004 EUR/kWh\", zero_if_spot_negative = true }",
            "{ tax = \"7 %\" }",
            "contract from 2026-01-01, feed_in: it says no price; write price = \"0.300 EUR/kWh\", a charge, or spot = \"100 %\"",
        ),
        (
            "retail = \"0.400 EUR/kWh\"\nfeed_in = \"0.120 EUR/kWh\"\n",
            "",
            "contract from 2026-01-01, zone 1 \"Winter evenings\": the zone has no price; give it a retail or a feed_in price",
        ),
        (
            "0.0853 EUR/kWh",
            "0.0853 ct/kWh",
            "contract from 2026-01-01, retail: \"0.0853 ct/kWh\" is not a price: the unit is \"ct/kWh\" where EUR/kWh was expected; write it as 0.120 EUR/kWh",
        ),
        (
            "name = \"Grid\"",
            "name = \" \"",
            "contract from 2026-01-01, retail: a charge needs a name; without one write price = \"…\" beside the charges",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(fault(from, to), expected);
    }
}

#[test]
fn an_unknown_key_is_refused_by_its_name_at_each_level() {
    for (from, to) in [
        ("billing", "biling"),
        ("surcharge", "sur_charge"),
        ("taxed = false", "taxes = false"),
        ("hours", "hour"),
        ("up_to", "upto"),
    ] {
        assert!(RICH.contains(from));
        let wrong = RICH.replacen(from, to, 1);
        let error = toml::from_str::<File>(&wrong).unwrap_err().to_string();
        let key = to.split(' ').next().unwrap();
        assert!(error.contains(&format!("unknown field `{key}`")) && error.contains("line"), "{error}");
    }
    let error =
        toml::from_str::<File>(&RICH.replacen("\"0.400 EUR/kWh\"", "0.4", 1)).unwrap_err().to_string();
    assert!(error.contains("a price such as \"0.300 EUR/kWh\""), "{error}");
}

#[test]
fn the_examples_of_the_manual_are_valid() {
    let manual = include_str!("../../../../docs/user/contracts.md");
    let blocks = manual.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let whole: Vec<_> = blocks.filter(|block| block.starts_with("[[contract]]")).collect();
    assert_eq!(whole.len(), 4);
    for block in whole {
        // A correction alone is no contract: it needs the version that it corrects.
        let version = "[[contract]]\nvalid_from = \"2020-01-01\"\nretail = \"0.3 EUR/kWh\"\nfeed_in = \"0.08 EUR/kWh\"\n";
        read(&format!("{version}{block}")).unwrap_or_else(|error| panic!("{block}: {error}"));
    }
}
