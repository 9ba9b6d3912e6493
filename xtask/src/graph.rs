//! The crate graph must be the one that ARCHITECTURE.md draws; its test reads both.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crate::shell::{cargo, output, root};

    /// Reads the table "Layers" of ARCHITECTURE.md: layer, crate, and what it may use.
    fn drawn() -> BTreeMap<String, (u32, BTreeSet<String>)> {
        let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
        let mut drawn = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [layer, name, uses, ..] = cells[..] else { continue };
            let Ok(layer) = layer.parse() else { continue };
            let uses = uses.split(',').map(|word| word.trim().trim_matches('`').to_owned());
            let uses = uses.filter(|word| !word.is_empty() && word != "-").collect();
            drawn.insert(name.trim_matches('`').to_owned(), (layer, uses));
        }
        drawn
    }

    /// Reads who uses whom from cargo; tests may use what they like.
    fn built() -> BTreeMap<String, BTreeSet<String>> {
        let text = output(cargo().args(["metadata", "--format-version", "1", "--no-deps"])).unwrap();
        let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let names: BTreeSet<&str> =
            packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
        let uses = |package: &serde_json::Value| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
            let inner = normal
                .filter_map(|dependency| dependency["name"].as_str())
                .filter(|name| names.contains(name));
            inner.map(str::to_owned).collect()
        };
        packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), uses(package))).collect()
    }

    #[test]
    fn the_crate_graph_is_the_one_that_is_drawn() {
        let (drawn, built) = (drawn(), built());
        let shown: BTreeMap<&String, &BTreeSet<String>> =
            drawn.iter().map(|(name, (_, uses))| (name, uses)).collect();
        let real: BTreeMap<&String, &BTreeSet<String>> = built.iter().collect();
        assert_eq!(shown, real, "the table in ARCHITECTURE.md (left) and cargo's graph (right) differ");
    }

    #[test]
    fn layers_point_downwards_only() {
        let drawn = drawn();
        for (name, (layer, uses)) in &drawn {
            for used in uses {
                let below = drawn[used].0;
                let allowed = below < *layer || (below == *layer && *layer < 5);
                assert!(allowed, "{name} (layer {layer}) may not use {used} (layer {below})");
            }
        }
    }

    /// What makes a crate of the judgement layer impure: waiting, sockets, logs, randomness, a database.
    const IMPURE: &[&str] =
        &["tokio", "reqwest", "axum", "rusqlite", "tracing", "getrandom", "rand", "keyring"];

    #[test]
    fn crates_of_judgement_stay_pure() {
        let text = output(cargo().args(["metadata", "--format-version", "1", "--no-deps"])).unwrap();
        let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
        let pure: Vec<String> =
            drawn().into_iter().filter(|(_, (layer, _))| *layer <= 1).map(|(name, _)| name).collect();
        assert!(pure.len() >= 6, "the pure crates are found in the table");
        for package in metadata["packages"].as_array().unwrap() {
            let name = package["name"].as_str().unwrap();
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            for dependency in dependencies.filter(|dependency| dependency["kind"].is_null()) {
                let used = dependency["name"].as_str().unwrap();
                let clean = !pure.iter().any(|pure| pure == name) || !IMPURE.contains(&used);
                assert!(clean, "{name} is pure and may not use {used}");
            }
        }
    }
}
