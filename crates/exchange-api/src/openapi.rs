//! The OpenAPI 3.1 document of the wire, generated from its types. Only compiled where it is generated.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::book::SlotBook;
use crate::deal::{DealList, DealStatus, EndDeal, SignedDeal};
use crate::event::Event;
use crate::log::{CancelRequest, EntriesProof, EntryPage, LogGrowth, ProveEntries};
use crate::paths;
use crate::server_key::SignedServerKey;
use crate::wire::{
    AgreeTerms, JoinRequest, MarketInfo, Membership, OrderList, OrderOutcomes, PlaceOrders, Problem,
    ReadingOutcomes, ReportReadings, SettlementPage, SignedContract, SlotList,
};

/// The side of an order or a deal, whose type belongs to the market.
#[derive(JsonSchema)]
#[schemars(rename = "Side", rename_all = "lowercase")]
#[expect(dead_code, reason = "stands for another type in the document")]
pub(crate) enum Side {
    Buy,
    Sell,
}

/// A parameter of an operation.
enum Parameter {
    Slot(&'static str),
    SlotInPath,
    TileInPath,
    Number(&'static str, &'static str),
    LastEventId,
}

/// Returns the document. `docs/protocols/openapi.json` is this, written out.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut wire = Wire { schemas: settings.into_generator(), paths: Map::new() };
    wire.add_operations();
    let schemas = wire.schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wattle exchange",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "exchange-wire.md says what each thing means, signatures.md how requests and statements \
                            are signed. Energy is whole Wh, prices are whole micros per kWh, money is nanos in a \
                            string, times are RFC 3339 in UTC.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" }
        },
        "servers": [{ "url": "http://127.0.0.1:8400", "description": "On the own machine; the port is the operator's." }],
        "paths": wire.paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "signedRequest": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "signature",
                    "description": "RFC 9421 with Ed25519 over @method, @target-uri and content-digest; the headers \
                                    signature-input and content-digest go with it. See signatures.md."
                }
            }
        }
    })
}

struct Wire {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Wire {
    fn add_operations(&mut self) {
        use Parameter::{LastEventId, Number, Slot};
        let slots = [Slot("from"), Slot("to")];
        let json = "application/json";
        let market = self.answer::<MarketInfo>(json);
        self.add(paths::MARKET, "get", "What anyone may know before joining.", &[], None, market);
        self.paths[paths::MARKET]["get"]["security"] = json!([]);

        let answer = self.answer::<SignedServerKey>(json);
        let summary = "The TLS key of the exchange, in its own word.";
        self.add(paths::SERVER_KEY, "get", summary, &[], None, answer);
        self.paths[paths::SERVER_KEY]["get"]["security"] = json!([]);

        let (body, answer) = (self.body::<JoinRequest>(), self.answer::<Membership>(json));
        self.add(paths::MEMBERS, "post", "Join by invitation; signed by the new key.", &[], body, answer);
        let answer = self.answer::<Membership>(json);
        self.add(paths::ME, "get", "One's own membership.", &[], None, answer);
        let (body, answer) = (self.body::<SignedContract>(), self.answer::<Membership>(json));
        self.add(
            paths::CONTRACT,
            "put",
            "What the own utility charges and pays, slot by slot from one on.",
            &[],
            body,
            answer,
        );
        let (body, answer) = (self.body::<AgreeTerms>(), self.answer::<Membership>(json));
        self.add(paths::TERMS, "put", "Agree to the terms as they are now.", &[], body, answer);

        let (body, answer) = (self.body::<PlaceOrders>(), self.answer::<OrderOutcomes>(json));
        self.add(paths::ORDERS, "post", "Place up to 96 orders.", &[], body, answer);
        let answer = self.answer::<OrderList>(json);
        self.add(paths::ORDERS, "get", "One's own orders of the slots [from, to).", &slots, None, answer);
        let (body, answer) = (self.body::<CancelRequest>(), self.answer::<OrderOutcomes>(json));
        self.add(paths::CANCEL, "post", "Cancel open orders.", &[], body, answer);

        let (body, answer) = (self.body::<SignedDeal>(), self.answer::<DealStatus>(json));
        self.add(paths::DEALS, "post", "Propose a deal.", &[], body, answer);
        let answer = self.answer::<DealList>(json);
        self.add(paths::DEALS, "get", "Deals in which one is seller or buyer.", &[], None, answer);
        let (body, answer) = (self.body::<SignedDeal>(), self.answer::<DealStatus>(json));
        self.add(paths::ACCEPT_DEAL, "post", "Sign what the other side proposed.", &[], body, answer);
        let (body, answer) = (self.body::<EndDeal>(), self.answer::<DealStatus>(json));
        self.add(paths::END_DEAL, "post", "Withdraw, decline or end a deal.", &[], body, answer);

        let (body, answer) = (self.body::<ReportReadings>(), self.answer::<ReadingOutcomes>(json));
        self.add(paths::READINGS, "post", "Tell what the meter showed, up to 96 slots.", &[], body, answer);
        let answer = self.answer::<SlotList>(json);
        self.add(paths::SLOTS, "get", "The life of the slots [from, to).", &slots, None, answer);
        let answer = self.answer::<SlotBook>(json);
        let summary = "The book of a settled slot without names, and its clearing.";
        self.add(paths::BOOK, "get", summary, &[Parameter::SlotInPath], None, answer);
        let cursor = [
            Number("after", "The cursor after which to go on; 0 if absent."),
            Number("wait_s", "How long to wait where there is nothing newer, at most 30."),
        ];
        let answer = self.answer::<SettlementPage>(json);
        self.add(paths::SETTLEMENTS, "get", "One's own settlements by cursor.", &cursor, None, answer);
        let answer = self.answer::<Event>("text/event-stream");
        self.add(paths::EVENTS, "get", "What happens, as it happens.", &[LastEventId], None, answer);
        self.add_log();
    }

    fn add_log(&mut self) {
        use Parameter::{Number, TileInPath};
        let text = |media_type: &str| json!({ "description": "Done.", "content": { media_type: {} } });
        let answer = text("text/plain");
        self.add(paths::LOG_CHECKPOINT, "get", "The log's newest signed head (C2SP).", &[], None, answer);
        let answer = text("application/octet-stream");
        // A path of its own has slashes, which OpenAPI's templates lack.
        let tile = "/v1/log/tile/{path}";
        self.add(tile, "get", "A tile of the log (C2SP tlog-tiles).", &[TileInPath], None, answer);
        let sizes = [Number("from", "The older size."), Number("to", "The newer size.")];
        let answer = self.answer::<LogGrowth>("application/json");
        self.add(paths::LOG_CONSISTENCY, "get", "That the log only grew.", &sizes, None, answer);
        for path in [paths::LOG_CHECKPOINT, tile, paths::LOG_CONSISTENCY] {
            self.paths[path]["get"]["security"] = json!([]);
        }
        let places = [
            Number("after", "The index after which to go on; from the start if absent."),
            Number("limit", "How many entries at most; 500 if absent, and at most."),
            Number("wait_s", "How long to wait where there is nothing newer, at most 30."),
        ];
        let answer = self.answer::<EntryPage>("application/json");
        let summary = "One's own entries of the log and those of the whole market, opened.";
        self.add(paths::ENTRIES, "get", summary, &places, None, answer);
        let (body, answer) = (self.body::<ProveEntries>(), self.answer::<EntriesProof>("application/json"));
        self.add(paths::PROVE_ENTRIES, "post", "The proof of up to 25,000 entries.", &[], body, answer);
    }

    fn add(
        &mut self,
        path: &str,
        method: &str,
        summary: &str,
        parameters: &[Parameter],
        body: Option<Value>,
        answer: Value,
    ) {
        let problem = self.schemas.subschema_for::<Problem>();
        let mut operation = json!({
            "operationId": operation_id(method, path),
            "summary": summary,
            "responses": {
                "200": answer,
                "default": {
                    "description": "A refusal (RFC 9457); programs branch on its code.",
                    "content": { "application/problem+json": { "schema": problem } }
                }
            },
            "security": [{ "signedRequest": [] }]
        });
        if !parameters.is_empty() {
            operation["parameters"] = parameters.iter().map(|it| self.parameter(it)).collect();
        }
        if let Some(body) = body {
            operation["requestBody"] = body;
        }
        let item = self.paths.entry(path).or_insert_with(|| json!({}));
        item[method] = operation;
    }

    fn parameter(&mut self, parameter: &Parameter) -> Value {
        match parameter {
            Parameter::Slot(name) => {
                let slot = self.schemas.subschema_for::<units::Slot>();
                json!({ "name": name, "in": "query", "required": true, "schema": slot })
            }
            Parameter::SlotInPath => {
                let slot = self.schemas.subschema_for::<units::Slot>();
                json!({ "name": "slot", "in": "path", "required": true, "schema": slot })
            }
            Parameter::TileInPath => json!({
                "name": "path",
                "in": "path",
                "required": true,
                "description": "As the standard spells it, with its slashes, such as 0/x001/234 or entries/000.p/7.",
                "schema": { "type": "string" }
            }),
            Parameter::Number(name, description) => json!({
                "name": name,
                "in": "query",
                "description": description,
                "schema": { "type": "integer", "minimum": 0 }
            }),
            Parameter::LastEventId => json!({
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The id of the last event seen; from now on if absent.",
                "schema": { "type": "string", "pattern": "^[0-9]+-[0-9]+$" }
            }),
        }
    }

    fn body<T: JsonSchema>(&mut self) -> Option<Value> {
        let schema = self.schemas.subschema_for::<T>();
        Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }))
    }

    fn answer<T: JsonSchema>(&mut self, media_type: &str) -> Value {
        let schema = self.schemas.subschema_for::<T>();
        json!({ "description": "Done.", "content": { media_type: { "schema": schema } } })
    }
}

/// Makes an id such as `post_orders_cancel`.
fn operation_id(method: &str, path: &str) -> String {
    format!("{method}{}", path.trim_start_matches("/v1").replace(['{', '}'], "").replace(['/', '-'], "_"))
}
