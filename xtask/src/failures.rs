//! The table of what goes wrong with meters must name tests that exist; its test reads both.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use crate::shell::root;

    const TABLE: &str = "docs/protocols/meter-failures.md";

    /// Collects the names of functions that follow a mark of a test, or stand in a property.
    fn tests_in(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target" && name != "node_modules") {
                    tests_in(&path, names);
                }
                continue;
            }
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                let Some((_, rest)) = line.split_once("fn ").filter(|_| marked) else { continue };
                names.extend(rest.split('(').next().map(str::to_owned));
                marked = false;
            }
        }
    }

    #[test]
    fn each_row_of_what_goes_wrong_with_meters_has_tests_that_exist() {
        let mut tests = BTreeSet::new();
        for folder in ["crates", "tests", "src-tauri/src"] {
            tests_in(&root().join(folder), &mut tests);
        }
        let text = std::fs::read_to_string(root().join(TABLE)).unwrap();
        let mut rows = Vec::new();
        for line in text.lines().filter(|line| line.starts_with("| M") || line.starts_with("| R-")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [row, _, named] = cells[..] else { panic!("three cells: {line}") };
            rows.push(row.to_owned());
            if named == "none yet" {
                continue;
            }
            for name in named.split(", ") {
                let name = name.trim_matches('`');
                assert!(tests.contains(name), "{TABLE}, {row}: there is no test {name}");
            }
        }
        let expected: Vec<String> = (1..=36)
            .map(|n| format!("M{n}"))
            .chain((1..=6).map(|n| format!("ML{n}")))
            .chain((1..=31).map(|n| format!("R-{n:02}")))
            .collect();
        assert_eq!(rows, expected);
    }
}
