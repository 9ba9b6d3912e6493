//! Declares the window's commands, so that each needs a permission of its own.

/// Every command of `src/commands/`; the capability names each.
const COMMANDS: &[&str] = &[
    "frame",
    "now",
    "energy",
    "energy_slot",
    "save_csv",
    "rules",
    "set_limit",
    "set_rule_enabled",
    "earnings",
    "earnings_day",
    "stop_trading",
    "resume_trading",
];

fn main() {
    println!("cargo:rerun-if-changed=../ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))
        .expect("the window's configuration is valid");
}
