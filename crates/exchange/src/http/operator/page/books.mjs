// The areas with their meters, the log's head, and the rules in force.
import { ago, count, dayAndTime, energy, moment, price, span } from "./format.mjs";
import { facts, h, outside } from "./parts.mjs";
import { say, sayCount, tell } from "./words.mjs";

export function areas(data) {
  return [
    h("h2", { id: "areas-title" }, say("areas.title")),
    h(
      "ul",
      { class: "areas" },
      data.areas.map((area) => item(area, data.area_meters)),
    ),
  ];
}

function item(area, meters) {
  const meter = meters.find((it) => it.area === area.id);
  const line = area.parent
    ? [
        tell("areas.below", { parent: outside(area.parent) }),
        ", ",
        say("areas.fee", { fee: price(area.fee_micros_per_kwh) }),
        ", ",
        area.capacity_wh === null
          ? say("areas.unlimited")
          : say("areas.capacity", { energy: energy(area.capacity_wh) }),
      ]
    : [say("areas.root")];
  return h(
    "li",
    { "data-key": area.id },
    h("h3", {}, outside(area.id)),
    h("p", { class: "quiet" }, sayCount("areas.members", area.members), ": ", line),
    meter ? compared(meter) : h("p", { class: "quiet" }, say("areas.no_meter")),
  );
}

function compared(meter) {
  const name = h(
    "p",
    {},
    tell("areas.meter", { point: outside(meter.metering_point) }),
    ". ",
    meter.slots === 0 && say("areas.no_readings"),
  );
  if (meter.slots === 0) return name;
  const difference = meter.meter_net_wh - meter.members_net_wh;
  return h(
    "div",
    {},
    name,
    h("p", { class: "quiet" }, say("areas.net", { slots: count(meter.slots) }), ":"),
    facts(
      [say("areas.meter_says"), energy(meter.meter_net_wh)],
      [say("areas.members_say"), energy(meter.members_net_wh)],
      [say("areas.difference"), energy(difference)],
    ),
    h(
      "p",
      { class: "quiet" },
      say("areas.difference_means"),
      meter.unmeasured > 0 && ` ${sayCount("areas.unmeasured", meter.unmeasured)}`,
    ),
  );
}

export function log({ log, real_time }) {
  const audit = log.last_audit;
  return [
    h("h2", { id: "log-title" }, say("log.title")),
    facts(
      [say("log.size"), count(log.size)],
      [say("log.root"), h("code", {}, log.root)],
      [say("log.signed"), log.signed_at ? ago(log.signed_at, real_time) : say("log.unknown")],
      [say("log.key"), h("code", {}, outside(log.key))],
      [say("log.audit"), audit ? audited(audit, real_time) : say("log.audit_never")],
    ),
  ];
}

const audited = (audit, now) =>
  audit.fault === null
    ? say("log.audit_holds", {
        ago: ago(audit.at, now),
        slots: count(audit.slots),
        entries: count(audit.entries),
      })
    : tell("log.audit_fails", { ago: ago(audit.at, now), fault: outside(audit.fault) });

const COMMANDS = [
  ["invite", "wattle-exchange invite --data DIR --member ID --metering-point POINT --address URL"],
  ["revoke", "wattle-exchange revoke --data DIR KEY"],
  ["import", "wattle-exchange import-readings --data DIR FILE.csv"],
  ["export", "wattle-exchange export-allocation --data DIR --from DAY --to DAY --json"],
  ["announce", 'wattle-exchange announce --data DIR "TEXT"'],
  ["audit", "wattle-exchange audit --data DIR"],
  ["backup", "wattle-exchange backup --data DIR FILE"],
];

export function rules({ config, role }) {
  const { rules } = config;
  const { version, from } = config;
  return [
    h("h2", { id: "rules-title" }, say("rules.title")),
    facts(
      [
        say("rules.version"),
        // The first one holds from before everything.
        Date.parse(from) <= 0
          ? say("rules.version_first", { version: count(version) })
          : say("rules.version_says", { version: count(version), from: dayAndTime(from) }),
      ],
      [
        say("rules.terms"),
        tell("members.terms_version", { version: outside(config.terms_version) }),
      ],
      [
        say("rules.band"),
        say("today.range", {
          low: price(rules.floor_micros_per_kwh),
          high: price(rules.cap_micros_per_kwh),
        }),
      ],
      [say("rules.fee"), price(rules.operator_fee_micros_per_kwh)],
      [say("rules.gate"), span(rules.gate_s)],
      [say("rules.readings"), span(rules.readings_close_s)],
      [say("rules.final"), span(rules.final_after_s)],
    ),
    ...(role === "operator"
      ? [
          h("h3", {}, say("rules.commands")),
          h("p", { class: "quiet" }, say("rules.read_only")),
          h(
            "dl",
            { class: "commands" },
            COMMANDS.map(([name, command]) =>
              h(
                "div",
                {},
                h("dt", {}, h("code", {}, command)),
                h("dd", {}, say(`command.${name}`)),
              ),
            ),
          ),
        ]
      : []),
  ];
}
