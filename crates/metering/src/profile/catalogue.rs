//! The profiles that a home knows: those that are compiled in, and the owner's own.

use std::sync::Arc;

use super::{Profile, ProfileError, profiles};

/// Profiles by their names, in the order in which they are shown.
#[derive(Clone, Debug)]
pub struct Catalogue(Vec<Arc<Profile>>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is a profile \"{0}\" already: give this one another name")]
pub struct NameTaken(pub String);

impl Catalogue {
    /// Returns the profiles that are compiled in.
    pub fn built_in() -> Self {
        Self(profiles().iter().cloned().map(Arc::new).collect())
    }

    /// Adds an owner's profile. A name means one thing, so one that is taken is refused.
    pub fn add(&mut self, profile: Profile) -> Result<(), NameTaken> {
        if self.find(&profile.name).is_some() {
            return Err(NameTaken(profile.name));
        }
        self.0.push(Arc::new(profile));
        Ok(())
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Profile>> {
        self.0.iter().find(|profile| profile.name == name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.0.iter()
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::built_in()
    }
}

impl ProfileError {
    /// Returns the line of the file that the error is about, from 1, as far as it can be told.
    pub fn line(&self, toml: &str) -> Option<usize> {
        match self {
            Self::Syntax(error) => {
                let before = toml.get(..error.span()?.start)?;
                Some(before.matches('\n').count() + 1)
            }
            Self::Invalid { place, .. } => {
                // A place is written like `values.power` or `golden 2, power_w`.
                let key = place.split([' ', ',', '.']).rfind(|part| !part.is_empty())?;
                let names = |line: &str| {
                    let line = line.trim_start().trim_start_matches('[');
                    line.strip_prefix(key)
                        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                };
                toml.lines().position(names).map(|index| index + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDM: &str = include_str!("../../profiles/eastron-sdm630.toml");

    #[test]
    fn an_owners_profile_joins_those_that_are_compiled_in() {
        let mut catalogue = Catalogue::built_in();
        let own = SDM.replace("name = \"eastron-sdm630\"", "name = \"shed-meter\"");
        catalogue.add(Profile::parse(&own).unwrap()).unwrap();
        assert!(catalogue.find("shed-meter").is_some());
        assert_eq!(catalogue.add(Profile::parse(SDM).unwrap()), Err(NameTaken("eastron-sdm630".to_owned())));
    }

    #[test]
    fn an_error_names_its_line() {
        let at = |text: &str| Profile::parse(text).unwrap_err().line(text);
        let line_of =
            |text: &str, part: &str| text.lines().position(|line| line.contains(part)).map(|at| at + 1);
        let broken = SDM.replace("positive = \"import\"", "positive = import");
        assert_eq!(at(&broken), line_of(&broken, "positive = import"));
        let nameless = SDM.replace("maker = \"Eastron\"", "maker = \" \"");
        assert_eq!(at(&nameless), line_of(&nameless, "maker = \" \""));
    }
}
