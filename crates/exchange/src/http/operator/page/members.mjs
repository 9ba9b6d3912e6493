// The members and how their meters are, each to open; those who need a look come first.
import { reason } from "./attention.mjs";
import { ago, count, dayAndTime, energy, moment } from "./format.mjs";
import { facts, h, outside } from "./parts.mjs";
import { say, tell } from "./words.mjs";

/** By how much they need a look. */
const RANK = ["silent", "held", "unmeasured", "no_device", "late", "new", "invited", "fresh"];
const ILL = new Set(RANK.slice(0, 4));
const SIGNS = { fresh: "✓", late: "…", new: "…", invited: "✉" };

/** What the reader looks for. */
export const search = { text: "", onlyIll: false };

export function members(data) {
  const all = data.members;
  if (all.length === 0) return [h("p", {}, say("members.none"))];
  const text = search.text.trim().toLowerCase();
  const fits = (member) =>
    (!search.onlyIll || ILL.has(member.health)) &&
    [member.member, member.area, member.metering_point].some((it) =>
      it.toLowerCase().includes(text),
    );
  const shown = all.filter(fits).sort((a, b) => RANK.indexOf(a.health) - RANK.indexOf(b.health));
  const fresh = all.filter((member) => member.health === "fresh").length;
  return [
    h(
      "p",
      { role: "status" },
      say("members.sum", {
        shown: count(shown.length),
        all: count(all.length),
        fresh: count(fresh),
      }),
    ),
    shown.length
      ? h(
          "ul",
          { class: "members" },
          shown.map((member) => item(member, data)),
        )
      : h("p", {}, say("members.no_match")),
  ];
}

function item(member, data) {
  const { health, last } = member;
  return h(
    "li",
    { "data-key": member.member },
    h(
      "details",
      {},
      h(
        "summary",
        {},
        h("span", { class: "name" }, outside(member.member)),
        h(
          "span",
          { class: `health ${ILL.has(health) ? "ill" : health}` },
          h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[health] ?? "!"),
          say(`health.${health}`),
        ),
        h("span", { class: "age" }, last ? ago(end(last.slot), data.market_time) : ""),
      ),
      about(member, data),
    ),
  );
}

const end = (slot) => new Date(Date.parse(slot) + 900_000).toISOString();

function about(member, { role }) {
  const { last } = member;
  return h(
    "div",
    {},
    facts(
      [say("members.area"), outside(member.area)],
      [say("members.point"), outside(member.metering_point)],
      member.joined_at && [say("members.joined"), moment(member.joined_at)],
      member.terms_version && [
        say("members.terms"),
        tell("members.terms_version", { version: outside(member.terms_version) }),
      ],
      member.joined_at && [
        say("members.last"),
        last
          ? say("members.last_says", {
              time: dayAndTime(end(last.slot)),
              received: dayAndTime(last.received_at),
            })
          : say("members.never"),
      ],
      last && [
        say("members.registers"),
        say("members.registers_say", {
          import: energy(last.import_wh),
          export: energy(last.export_wh),
        }),
      ],
      member.utility_slot && [say("members.utility"), dayAndTime(end(member.utility_slot))],
      member.joined_at && [
        say("members.today"),
        say("members.today_says", {
          part: count(member.measured_slots),
          all: count(member.due_slots),
        }),
      ],
      [say("members.devices"), devices(member.devices)],
    ),
    role === "operator" &&
      member.devices.some((device) => !device.revoked_at) &&
      h(
        "p",
        { class: "quiet" },
        tell("members.revoke", { command: h("code", {}, "wattle-exchange revoke --data DIR KEY") }),
      ),
    member.held.length > 0 && [h("h3", {}, say("members.held")), held(member.held)],
  );
}

const devices = (all) =>
  all.length === 0
    ? say("members.no_devices")
    : h(
        "ul",
        {},
        all.map((device) =>
          h(
            "li",
            {},
            outside(device.name),
            ", ",
            say("members.enrolled", { at: moment(device.enrolled_at) }),
            device.revoked_at && `, ${say("members.revoked", { at: moment(device.revoked_at) })}`,
            h("br"),
            h("code", {}, outside(device.key)),
          ),
        ),
      );

const held = (rows) =>
  h(
    "ul",
    { class: "held" },
    rows.map((row) =>
      h(
        "li",
        {},
        tell("members.held_says", {
          slot: dayAndTime(row.slot),
          at: moment(row.received_at),
          reason: reason(row.reason),
        }),
        ". ",
        h("small", { lang: "en" }, outside(row.detail)),
      ),
    ),
  );
