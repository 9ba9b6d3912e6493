//! What the UI may call and hear, in one list; the TypeScript of it is generated.

use serde::{Deserialize, Serialize};
use specta::Type;
use tauri_specta::{Builder, Event, collect_commands, collect_events};

use crate::commands::{
    contracts, earnings, energy, frame, market, meters, notifications, now, rules, settings, start, statement,
};

/// Tells the UI which views have become old.
#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub struct Changed {
    pub views: Vec<home::ViewName>,
}

pub fn builder() -> Builder<tauri::Wry> {
    Builder::new()
        // What the UI gets is always whole; "may be left out" would only be true of what it sends.
        .disable_serde_phases()
        .commands(collect_commands![
            frame::frame,
            frame::stop_trading,
            frame::resume_trading,
            now::now,
            energy::energy,
            energy::energy_slot,
            energy::save_csv,
            rules::rules,
            rules::rule_past,
            rules::outlook,
            rules::set_limit,
            rules::set_rule_enabled,
            contracts::contracts,
            contracts::save_contract,
            contracts::drop_contract,
            contracts::preview_contract,
            contracts::sources,
            contracts::save_sources,
            market::market,
            market::market_book,
            market::propose_deal,
            market::accept_deal,
            market::end_deal,
            market::withdraw_order,
            earnings::earnings,
            earnings::earnings_day,
            statement::statement,
            statement::make_statement,
            statement::verify_statement,
            statement::save_statement,
            meters::meters,
            meters::meter_registers,
            meters::meter_journal,
            meters::reverse_entry,
            meters::meter_setup,
            meters::start_search,
            meters::cancel_search,
            meters::start_check,
            meters::tell_check,
            meters::end_check,
            meters::add_meter,
            meters::replace_meter,
            meters::invert_meter,
            meters::remove_meter,
            notifications::notifications,
            notifications::set_notifications,
            notifications::autostart,
            notifications::set_autostart,
            start::invitation,
            start::join_market,
            start::finish_start,
            start::street,
            start::look_around,
            start::leave_street,
            settings::home_settings,
            settings::set_home,
            settings::reopen_home,
            settings::data,
            settings::back_up,
            settings::restore_backup,
            settings::open_data_folder,
        ])
        .events(collect_events![Changed])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use specta_typescript::Typescript;

    /// With `WATTLE_WRITE_BINDINGS` set (`cargo xtask bindings`) it writes them instead.
    #[test]
    fn bindings_are_fresh() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/lib/api/bindings.ts");
        let fresh = std::env::temp_dir().join(format!("wattle-bindings-{}.ts", std::process::id()));
        super::builder().export(Typescript::default(), &fresh).unwrap();
        let text = std::fs::read_to_string(&fresh).unwrap();
        std::fs::remove_file(&fresh).unwrap();
        if std::env::var_os("WATTLE_WRITE_BINDINGS").is_some() {
            std::fs::write(&committed, &text).unwrap();
        }
        let old = std::fs::read_to_string(&committed).unwrap_or_default();
        assert!(old == text, "ui/src/lib/api/bindings.ts is stale: run `cargo xtask bindings`");
    }

    /// A command that the capability does not name answers "not allowed" in the real window alone. The build
    /// declares what the capability names, so it may name nothing else.
    #[test]
    fn every_command_of_the_bindings_may_be_called() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &str| std::fs::read_to_string(here.join(path)).unwrap();
        let after = |text: &str, mark: &str| -> BTreeSet<String> {
            text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
        };
        let commands = after(&read("../ui/src/lib/api/bindings.ts"), "__TAURI_INVOKE(\"");
        assert!(commands.len() > 10, "the bindings name their commands");
        let called: BTreeSet<String> = commands.iter().map(|command| command.replace('_', "-")).collect();
        let allowed = after(&read("capabilities/main.json"), "\"allow-");
        assert_eq!(called, allowed);
    }
}
