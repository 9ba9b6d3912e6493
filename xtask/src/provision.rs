//! Installs what the machine lacks, after one clear question.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell::{cache_dir, command, npm, root, run, say, succeeds};

/// What a Debian or Ubuntu needs so that the window compiles.
const WINDOW: &[&str] =
    &["libayatana-appindicator3-dev", "libgtk-3-dev", "librsvg2-dev", "libwebkit2gtk-4.1-dev", "pkg-config"];

/// What the tests need beyond it: a display without a screen, a driver for the web view, a bus and
/// a secret service, a browser, and Python and a C library for the Modbus servers that we did not write.
const TESTS: &[&str] = &[
    "chromium",
    "dbus",
    "gnome-keyring",
    "libmodbus-dev",
    "python3-venv",
    "webkit2gtk-driver",
    "xauth",
    "xvfb",
];

/// What packing needs beyond the window: the libraries' packages by name, the checks of the desktop's files, and a
/// clean root file system to try the packages on.
const PACKING: &[&str] = &["appstream", "desktop-file-utils", "dpkg-dev", "mmdebstrap"];

/// What of it the Modbus servers need.
const PEERS: &[&str] = &["libmodbus-dev", "python3-venv"];

/// What an errand needs from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Rust alone: the street without a screen.
    Headless,
    /// The Modbus servers that we did not write.
    Peers,
    Window,
    /// The window, made into packages.
    Packages,
    Everything,
}

/// Brings the machine to what an errand needs. Asks once, unless told yes.
pub fn provision(needs: Needs, yes: bool) -> Result<()> {
    let packages = match needs {
        Needs::Headless => return Ok(()),
        Needs::Peers => PEERS.to_vec(),
        Needs::Window => WINDOW.to_vec(),
        Needs::Packages => [WINDOW, PACKING].concat(),
        Needs::Everything => [WINDOW, TESTS].concat(),
    };
    install_packages(&packages, yes)?;
    check_node()?;
    if needs != Needs::Peers {
        install_npm_packages("ui")?;
    }
    if needs == Needs::Everything {
        install_tool("tauri-driver", "^2", &[])?;
    }
    if needs == Needs::Packages {
        install_tool("cargo-deb", "^3", &["--no-default-features"])?;
    }
    if matches!(needs, Needs::Everything | Needs::Peers) {
        install_python_packages()?;
        install_npm_packages("tests/peers")?;
    }
    Ok(())
}

/// Returns whether nobody is to be asked.
pub fn implied_yes(yes: bool) -> bool {
    yes || std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn install_packages(packages: &[&str], yes: bool) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !succeeds(command("apt-get").arg("--version")) {
        bail!(
            "This machine lacks {} and has no apt-get. Install your system's packages of the same purpose and try again.",
            missing.join(", ")
        );
    }
    if !implied_yes(yes) && !agreed(&format!("Install {} with apt-get? [Y/n] ", missing.join(", ")))? {
        bail!("Nothing was installed. Install them yourself, or answer yes.");
    }
    say(&format!("Installing {}", missing.join(", ")));
    run(as_root().args(["apt-get", "update", "--quiet"]))?;
    run(as_root()
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&missing))
}

fn is_installed(package: &str) -> bool {
    let answer = command("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]).output();
    answer.is_ok_and(|answer| answer.stdout == b"installed")
}

/// Returns a command that runs what follows as root: as we are, or through sudo.
fn as_root() -> std::process::Command {
    // SAFETY: geteuid only reads the process's own credentials and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    let mut command = command(if is_root { "env" } else { "sudo" });
    if !is_root {
        command.arg("--preserve-env=DEBIAN_FRONTEND");
    }
    command
}

fn agreed(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{question}\nThere is no terminal to answer on: pass --yes to agree.");
    }
    eprint!("{question}");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

fn check_node() -> Result<()> {
    let version = crate::shell::output(command("node").arg("--version"))
        .context("Node.js is missing: install version 20.19 or newer")?;
    let numbers: Vec<u32> =
        version.trim().trim_start_matches('v').split('.').filter_map(|part| part.parse().ok()).collect();
    if numbers.as_slice() < &[20, 19][..] {
        bail!("Node.js {} is too old: 20.19 or newer is needed to build the UI.", version.trim());
    }
    Ok(())
}

/// Installs a folder's packages as its lock file says, unless they are already.
fn install_npm_packages(folder: &str) -> Result<()> {
    let folder = root().join(folder);
    let (lock, mark) = (folder.join("package-lock.json"), folder.join("node_modules/.wattle-lock"));
    let wanted = std::fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?;
    if std::fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(&format!("Installing the packages of {}", folder.display()));
    run(npm(&["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    std::fs::write(&mark, wanted).with_context(|| format!("writing {}", mark.display()))
}

/// Returns where a program of the errands lies: built once, in the user's cache.
pub fn tool(name: &str) -> Result<PathBuf> {
    Ok(cache_dir()?.join("tools/bin").join(name))
}

fn install_tool(name: &str, version: &str, options: &[&str]) -> Result<()> {
    if tool(name)?.exists() {
        return Ok(());
    }
    say(&format!("Building {name}"));
    let install = ["install", name, "--version", version, "--locked"];
    run(crate::shell::cargo().args(install).args(options).arg("--root").arg(cache_dir()?.join("tools")))
}

/// Returns the Python that has the Modbus server we did not write.
pub fn python() -> Result<PathBuf> {
    Ok(cache_dir()?.join("python/bin/python"))
}

fn install_python_packages() -> Result<()> {
    let wanted =
        std::fs::read(root().join("tests/requirements.txt")).context("reading tests/requirements.txt")?;
    let home = cache_dir()?.join("python");
    let mark = home.join("wattle-requirements.txt");
    if std::fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("Installing the Python packages of the tests");
    run(command("python3").args(["-m", "venv"]).arg(&home))?;
    run(command(python()?).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        "tests/requirements.txt",
    ]))?;
    std::fs::write(&mark, wanted).with_context(|| format!("writing {}", mark.display()))
}
