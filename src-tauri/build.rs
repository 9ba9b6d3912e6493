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
    "rule_past",
    "market",
    "market_book",
    "propose_deal",
    "accept_deal",
    "end_deal",
    "withdraw_order",
    "statement",
    "make_statement",
    "verify_statement",
    "save_statement",
    "meters",
    "meter_registers",
    "meter_journal",
    "reverse_entry",
    "meter_setup",
    "start_search",
    "cancel_search",
    "start_check",
    "tell_check",
    "end_check",
    "add_meter",
    "replace_meter",
    "invert_meter",
    "remove_meter",
];

fn main() {
    println!("cargo:rerun-if-changed=../ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))
        .expect("the window's configuration is valid");
}
