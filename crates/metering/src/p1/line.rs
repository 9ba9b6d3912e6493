//! One line of a telegram: a code and what stands in brackets after it.

use crate::telegram::{Decimal, Value};

/// Reads `1-0:1.8.1(000004.426*kWh)` and its relatives; `None` for what is no such line.
///
/// Of a value with the time at which it was taken the value is given, of a list all its brackets.
pub(super) fn parse(line: &str, continued: &str) -> Option<(String, Value)> {
    let open = line.find('(')?;
    let code = code(&line[..open])?;
    let groups = groups(&line[open..])?;
    let further = groups_of_continuation(continued)?;
    let value = match (groups.as_slice(), further.as_slice()) {
        // (time)(..)(..)(number of channels)(code)(unit), and the value on the next line.
        ([.., unit], [number]) => Value::Number { number: Decimal::parse(number)?, unit: (*unit).to_owned() },
        ([value], []) => single(value)?,
        ([first, value], []) if is_time(first) => single(value)?,
        (_, []) => Value::Text(line[open..].to_owned()),
        _ => return None,
    };
    Some((code, value))
}

/// Reads a code such as `1-0:1.8.1`; a sixth group of 255, which means nothing, is left out.
fn code(text: &str) -> Option<String> {
    let (medium, rest) = text.split_once('-')?;
    let (channel, rest) = rest.split_once(':')?;
    let (quantity, sixth) = match rest.split_once('*') {
        Some((quantity, sixth)) => (quantity, Some(sixth)),
        None => (rest, None),
    };
    let mut parts: Vec<&str> = vec![medium, channel];
    parts.extend(quantity.split('.'));
    if parts.len() != 5 {
        return None;
    }
    parts.extend(sixth);
    if !parts
        .iter()
        .all(|part| part.bytes().all(|digit| digit.is_ascii_digit()) && part.parse::<u8>().is_ok())
    {
        return None;
    }
    match sixth {
        None | Some("255") => Some(format!("{medium}-{channel}:{quantity}")),
        Some(sixth) => Some(format!("{medium}-{channel}:{quantity}*{sixth}")),
    }
}

/// Takes `(a)(b)(c)` apart.
fn groups(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let groups: Vec<&str> = inner.split(")(").collect();
    let clean =
        groups.iter().all(|group| !group.contains(['(', ')']) && group.chars().all(|c| !c.is_control()));
    clean.then_some(groups)
}

fn groups_of_continuation(text: &str) -> Option<Vec<&str>> {
    if text.is_empty() { Some(Vec::new()) } else { groups(text) }
}

/// Reads `000004.426*kWh`; without a unit it is a text, since codes and counts are written alike.
fn single(text: &str) -> Option<Value> {
    match text.split_once('*') {
        Some((number, unit)) if is_unit(unit) => {
            Some(Value::Number { number: Decimal::parse(number)?, unit: unit.to_owned() })
        }
        Some(_) => None,
        None => Some(Value::Text(text.to_owned())),
    }
}

fn is_unit(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric())
}

/// Tells whether it is a time such as `200512135409S`.
fn is_time(text: &str) -> bool {
    let digits = text.strip_suffix(['S', 'W']).unwrap_or(text);
    digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: i64, exponent: i8, unit: &str) -> Value {
        Value::Number { number: Decimal::new(digits, exponent), unit: unit.to_owned() }
    }

    fn check(line: &str, code: &str, value: Value) {
        assert_eq!(parse(line, ""), Some((code.to_owned(), value)), "{line}");
    }

    #[test]
    fn a_line_is_a_code_and_its_value() {
        check("1-0:1.8.1(000004.426*kWh)", "1-0:1.8.1", number(4426, -3, "kWh"));
        check("1-0:1.8.0*255(00052.7*kWh)", "1-0:1.8.0", number(527, -1, "kWh"));
        check("0-0:96.14.0(0002)", "0-0:96.14.0", Value::Text("0002".into()));
        check("0-0:96.13.0()", "0-0:96.13.0", Value::Text(String::new()));
        check("0-2:24.2.1(200512134558S)(00872.234*m3)", "0-2:24.2.1", number(872_234, -3, "m3"));
    }

    #[test]
    fn a_list_is_given_as_it_is() {
        let list = "(1)(0-0:96.7.19)(190201235231W)(0000003231*s)";
        check(&format!("1-0:99.97.0{list}"), "1-0:99.97.0", Value::Text(list.into()));
    }

    #[test]
    fn the_gas_value_of_version_3_stands_on_the_next_line() {
        let parsed = parse("0-1:24.3.0(090212160000)(00)(60)(1)(0-1:24.2.1)(m3)", "(00001.001)");
        assert_eq!(parsed, Some(("0-1:24.3.0".into(), number(1001, -3, "m3"))));
    }

    #[test]
    fn what_is_garbled_is_no_line() {
        for line in [
            "",
            "***NO CARRIER***",
            "1-0:1.8.1",
            "1-0:1.8(1*kWh)",
            "1-0:1.8.1(1*kWh",
            "1-0:1.8.300(1*kWh)",
            "1-0:1.8.1(1.2.3*kWh)",
            "1-0:1.8.1(12*)",
            "1-0:1.8.1(1)2)",
            "1-0:1.8.1(0x1*kWh)",
            "a-0:1.8.1(1*kWh)",
        ] {
            assert_eq!(parse(line, ""), None, "{line}");
        }
    }
}
