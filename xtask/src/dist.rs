//! Packages: a `.deb` of the app and one of the exchange, tried on a clean root file system; the AppImage.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::provision::{self, Needs};
use crate::shell::{cargo, command, npm, root, run, say, succeeds, target_dir};

/// The packages: the crate that describes each, and the folder that it lies in.
const PACKAGES: [(&str, &str); 2] = [("wattle-app", "src-tauri"), ("exchange", "crates/exchange")];

#[derive(Args)]
pub struct DistArguments {
    /// Installs the packages on a clean root file system, starts what they bring, and removes them again. Needs root.
    #[arg(long)]
    check: bool,
    /// Makes an AppImage as well. Its tools are fetched from their project's releases by Tauri's own bundler.
    #[arg(long)]
    appimage: bool,
    /// Installs what is missing without asking.
    #[arg(long)]
    yes: bool,
}

/// Builds the packages into `target/dist`.
pub fn dist(arguments: &DistArguments) -> Result<()> {
    provision::provision(Needs::Packages, arguments.yes)?;
    validate()?;
    say("Building the UI");
    run(&mut npm(&["run", "build", "--silent"]))?;
    say("Building the programs for release (the first time takes some ten minutes)");
    run(cargo().args(["build", "--release", "-p", "wattle-app", "-p", "wattle-cli", "-p", "exchange"]))?;
    let dist = target_dir()?.join("dist");
    std::fs::create_dir_all(&dist).with_context(|| format!("making {}", dist.display()))?;
    let packages = PACKAGES.map(|(package, folder)| debian_package(package, folder, &dist));
    let packages = packages.into_iter().collect::<Result<Vec<_>>>()?;
    if arguments.check {
        check(&packages)?;
    }
    if arguments.appimage {
        appimage(&dist)?;
    }
    say(&format!("The packages are in {}", dist.display()));
    Ok(())
}

/// Holds the files of the desktop against their standards, before minutes of building.
fn validate() -> Result<()> {
    say("Checking the desktop's files");
    run(command("desktop-file-validate").arg("packaging/energy.wattle.app.desktop"))?;
    run(command("appstreamcli").args(["validate", "--no-net", "packaging/energy.wattle.app.metainfo.xml"]))
}

fn debian_package(package: &str, folder: &str, dist: &Path) -> Result<PathBuf> {
    say(&format!("Packing {package}"));
    let made = dist.join(format!("{package}.deb"));
    let manifest = root().join(folder).join("Cargo.toml");
    run(command(provision::tool("cargo-deb")?)
        .args(["--no-build", "--strip", "--locked", "--manifest-path"])
        .arg(manifest)
        .arg("--output")
        .arg(&made))?;
    let named = dist.join(standard_name(&made)?);
    std::fs::rename(&made, &named).with_context(|| format!("naming {}", named.display()))?;
    Ok(named)
}

/// What Debian calls a package's file: name, version and architecture as the package itself says.
fn standard_name(package: &Path) -> Result<String> {
    let format = "${Package}_${Version}_${Architecture}.deb";
    let name = crate::shell::output(
        command("dpkg-deb").args(["--show", &format!("--showformat={format}")]).arg(package),
    )?;
    Ok(name.trim().to_owned())
}

fn check(packages: &[PathBuf]) -> Result<()> {
    say("Trying the packages on a clean root file system");
    run(command("sh").arg("packaging/check.sh").args(packages))
}

/// Tauri's bundler gathers the web view's libraries and helpers; it fetches linuxdeploy and the image's runtime.
fn appimage(dist: &Path) -> Result<()> {
    say("Making the AppImage");
    if !succeeds(command("npx").args(["--yes", "@tauri-apps/cli@^2", "--version"])) {
        bail!(
            "The bundler of Tauri (@tauri-apps/cli) cannot be fetched with npx: check the connection to npm."
        );
    }
    let bundle = ["--yes", "@tauri-apps/cli@^2", "bundle", "--bundles", "appimage", "--config"];
    let wanted = r#"{"bundle":{"active":true,"targets":["appimage"]}}"#;
    run(command("npx").args(bundle).arg(wanted).env("CARGO_TARGET_DIR", target_dir()?))
        .context("The bundler fetches linuxdeploy and the AppImage runtime from their releases; without them there is no AppImage, and the packages are complete")?;
    let bundled = target_dir()?.join("release/bundle/appimage");
    for entry in std::fs::read_dir(&bundled).with_context(|| format!("reading {}", bundled.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "AppImage") {
            let name = path.file_name().context("a file has a name")?;
            std::fs::copy(&path, dist.join(name)).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}
