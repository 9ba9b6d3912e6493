//! How the words of the house look in a JSON Schema. Only compiled where a document is generated.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    AreaId, Currency, DealId, KeyId, MAX_ID_BYTES, MarketId, MemberId, Money, OrderId, Price, Scale, Slot,
    Timestamp, WattHours,
};

macro_rules! schemas {
    ($($name:ident => $schema:tt;)+) => {
        $(impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })+
    };
}

schemas! {
    AreaId => { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES };
    DealId => { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES };
    KeyId => { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES };
    MarketId => { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES };
    MemberId => { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES };
    OrderId => { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES };
    Slot => {
        "type": "string",
        "format": "date-time",
        "description": "A quarter hour, by its start in UTC: minutes 0, 15, 30 or 45.",
        "examples": ["2026-06-01T12:00:00Z"]
    };
    Timestamp => { "type": "string", "format": "date-time", "description": "RFC 3339 in UTC." };
    WattHours => { "type": "integer", "format": "int64", "description": "Whole Wh." };
    Price => {
        "type": "integer",
        "format": "int64",
        "description": "Whole micros (10^-6) of the currency per kWh."
    };
    Money => {
        "type": "string",
        "pattern": "^-?[0-9]+$",
        "description": "Whole nanos (10^-9) of the currency."
    };
    Currency => { "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217." };
}

impl JsonSchema for Scale {
    fn schema_name() -> Cow<'static, str> {
        "Scale".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<Timestamp>();
        json_schema!({
            "type": "object",
            "description": "How the market time of a simulated street follows from real time.",
            "properties": {
                "market_origin": time,
                "real_origin": time,
                "speed": { "type": "number", "description": "Simulated seconds in a real second." }
            },
            "required": ["market_origin", "real_origin", "speed"],
            "additionalProperties": false
        })
    }
}
