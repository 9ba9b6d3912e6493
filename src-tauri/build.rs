//! Declares the window's commands, so that each needs a permission of its own.
//!
//! They are those that the capability allows: what it does not name cannot be called.

const CAPABILITY: &str = "capabilities/main.json";

fn main() {
    println!("cargo:rerun-if-changed=../ui/dist");
    println!("cargo:rerun-if-changed={CAPABILITY}");
    let capability = std::fs::read_to_string(CAPABILITY).expect("the capability lies beside this file");
    let commands: &'static [&'static str] = commands(&capability).leak();
    let manifest = tauri_build::AppManifest::new().commands(commands);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))
        .expect("the window's configuration is valid");
}

/// Returns the commands of the permissions `allow-...`; those of Tauri itself have its name in front.
fn commands(capability: &str) -> Vec<&'static str> {
    let named = capability.split("\"allow-").skip(1).filter_map(|rest| rest.split('"').next());
    named.map(|name| &*name.replace('-', "_").leak()).collect()
}
