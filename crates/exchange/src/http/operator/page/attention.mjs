// What waits or failed, and why: the gravest first, each with what to do.
import { ago, dayAndTime, moment } from "./format.mjs";
import { h, list, outside } from "./parts.mjs";
import { known, say, sayCount, tell, tellCount } from "./words.mjs";

const SIGNS = { failed: "✕", needs: "!", waits: "…" };

export function attention({ troubles, real_time }) {
  return [
    h("h2", { id: "attention-title" }, say("attention.title")),
    troubles.length === 0
      ? h(
          "p",
          { class: "good" },
          h("span", { class: "sign", "aria-hidden": "true" }, "✓"),
          say("attention.nothing"),
        )
      : h(
          "ul",
          { class: "troubles" },
          troubles.map((trouble) => item(trouble, real_time)),
        ),
  ];
}

function item(trouble, now) {
  const { severity } = trouble;
  return h(
    "li",
    { class: severity },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[severity]),
    h("div", {}, h("strong", {}, say(`attention.${severity}`)), " ", words(trouble, now)),
  );
}

/** The reason of something held, in words; the code where a newer exchange has a new one. */
export const reason = (code) => (known(`reason.${code}`) ? say(`reason.${code}`) : outside(code));

/** A few members, and how many more. */
function named({ members, count }) {
  const more = count - members.length;
  return more > 0 ? [list(members), ", ", sayCount("attention.more", more)] : list(members);
}

const WORDS = {
  step_failed: ({ slot, since, error }) =>
    slot
      ? tell("trouble.step_failed", {
          slot: dayAndTime(slot),
          since: moment(since),
          error: outside(error),
        })
      : tell("trouble.no_step", { since: moment(since), error: outside(error) }),
  life_stands: ({ slot, since }) =>
    tell("trouble.life_stands", { slot: dayAndTime(slot), since: dayAndTime(since) }),
  audit_failed: ({ at, fault }) =>
    tell("trouble.audit_failed", { at: moment(at), fault: outside(fault) }),
  audit_old: ({ at }, now) =>
    at ? tell("trouble.audit_old", { ago: ago(at, now) }) : tell("trouble.audit_never"),
  held: (it) => [
    tell("trouble.held", {
      member: outside(it.member),
      slot: dayAndTime(it.slot),
      reason: reason(it.reason),
    }),
    " ",
    detail(it),
  ],
  line_held: (it) => [
    tell("trouble.line_held", {
      line: String(it.line),
      point: outside(it.metering_point),
      slot: dayAndTime(it.slot),
      reason: reason(it.reason),
    }),
    " ",
    detail(it),
  ],
  meters: (it) => tell(`trouble.${it.health}`, { members: named(it) }),
  slots_wait: (it) =>
    tellCount("trouble.slots_wait", it.slots, {
      slot: dayAndTime(it.slot),
      members: named(it),
      until: dayAndTime(it.until),
    }),
  terms: (it) => tell("trouble.terms", { members: named(it), version: outside(it.version) }),
  invitation: ({ member, expires, is_expired }) =>
    tell(is_expired ? "trouble.invitation_expired" : "trouble.invitation", {
      member: outside(member),
      expires: moment(expires),
    }),
};

const words = (trouble, now) =>
  // A newer exchange may know more kinds than this page, which an old tab still shows.
  [WORDS[trouble.kind]?.(trouble, now) ?? outside(JSON.stringify(trouble))].flat(Infinity);

/** The exchange's own sentence, which is in English, and how many more there are of the kind. */
const detail = ({ detail, count }) =>
  h(
    "small",
    {},
    h("span", { lang: "en" }, outside(detail)),
    count > 1 ? ` (${sayCount("attention.alike", count - 1)})` : "",
  );
