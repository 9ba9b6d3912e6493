//! The table of meters in the owner's manual, which is made of the profiles.

use std::fmt::Write;

use metering::{Profile, Protocol, profiles};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/user/meters.md");

/// Set to write the table instead of comparing it.
const WRITE: &str = "WATTLE_WRITE_DOCS";

#[test]
fn the_manuals_table_of_meters_is_what_the_profiles_say() {
    let table = table();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(TABLE, &table).unwrap();
    }
    let written = std::fs::read_to_string(TABLE).unwrap_or_default();
    assert!(written == table, "docs/user/meters.md is stale: run `{WRITE}=1 cargo test -p metering table`");
}

fn table() -> String {
    let mut text = String::from(
        "# Meters\n\n\
         What Wattle can read. The table is made of the profiles under `crates/metering/profiles`; a device \
         that is not in it can be added as a file, see `docs/protocols/meter-profiles.md`.\n\n\
         The step of the counter decides what it can settle: 100 Wh are 400 W over a quarter of an hour. \
         Unit and line are as the device leaves the factory. At the grid, import is positive after reading, \
         whatever the device calls positive; of a roof, production is, and is counted under import. A device that has several rows measures several \
         places over one connection.\n\n\
         | profile | device | stands at | speaks | positive at the device | step | line | TCP port | unit |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for profile in profiles() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", row(profile));
        for part in profile.parts() {
            let _ = writeln!(text, "{}", row(part));
        }
    }
    text.push_str("\n## Where the facts come from\n\n");
    for profile in profiles() {
        let _ = writeln!(text, "- `{}`: {}.", profile.name, profile.source);
    }
    text
}

fn row(profile: &Profile) -> String {
    let Profile { name, maker, model, device, .. } = profile;
    let asked = profile.protocol.is_asked();
    let netting = if profile.netting { "" } else { "; phases not netted" };
    let step = match profile.protocol {
        Protocol::Modbus => profile.resolution(units::Energy::ZERO).to_string(),
        Protocol::Sml => "0.1 Wh, without the PIN 1 kWh".into(),
        Protocol::P1 | Protocol::Sunspec => "mostly 1 Wh".into(),
    };
    let line =
        device.serial.map_or("-".into(), |line| format!("{} 8{}{}", line.baud, line.parity, line.stop_bits));
    let of_asked = |number: u16| if asked { number.to_string() } else { "-".into() };
    let (port, unit) = (of_asked(device.tcp_port), of_asked(device.unit.into()));
    format!(
        "| `{name}` | {maker} {model} | {} | {} | {}{netting} | {step} | {line} | {port} | {unit} |",
        profile.kind.word(),
        profile.protocol.word(),
        profile.positive(),
    )
}
