//! How thousandths look in JSON: exact numbers with at most three decimals.

/// Serialises an `Option` of a quantity in thousandths as a number with at most three decimals, or null.
///
/// Use as `#[serde(serialize_with = "units::thousandths::option")]` on a field of `Option<i64>`.
pub mod thousandths {
    use serde::{Serialize, Serializer};

    /// Writes thousandths as a number: 1500 is `1.5`, 2000 is `2`.
    pub fn one<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        match value % 1000 {
            0 => serializer.serialize_i64(value / 1000),
            // The shortest decimal of the nearest double is the exact one below 2^53 thousandths.
            _ => serializer.serialize_f64(*value as f64 / 1000.0),
        }
    }

    /// Writes thousandths, or `null` where the value is missing.
    pub fn option<S: Serializer>(value: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => one(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// A number of thousandths that serialises as such; for lists.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Thousandths(pub i64);

    impl Serialize for Thousandths {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            one(&self.0, serializer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::thousandths::Thousandths;

    #[test]
    fn thousandths_are_exact_numbers() {
        let text = serde_json::to_string(&[1500, 2000, -1, 230_100, 0].map(Thousandths)).unwrap();
        assert_eq!(text, "[1.5,2,-0.001,230.1,0]");
    }
}
