// Keeps the operator's page up to date: asks each few seconds while it is looked at, and says when no answer comes.
import { attention } from "./attention.mjs";
import { areas, log, rules } from "./books.mjs";
import { setMarket, time } from "./format.mjs";
import { members, search } from "./members.mjs";
import { h, outside, patch } from "./parts.mjs";
import { choice, today } from "./today.mjs";
import { chooseLanguage, language, remember, remembered, say, translate } from "./words.mjs";

/** Slots take steps each quarter hour; readings come between. A simulated street is in more of a hurry. */
const EVERY = 15_000;
const EVERY_SIMULATED = 4_000;

const find = (id) => document.getElementById(id);
let data = null;
/** The day that is asked for; the market's today if empty. */
let asked = "";
let timer = 0;
let trouble = null;
/** Numbers the questions: an answer that comes late must not undo a newer one. */
let asks = 0;

async function refresh() {
  clearTimeout(timer);
  const mine = ++asks;
  try {
    const response = await fetch(`/operator/data${asked ? `?day=${asked}` : ""}`, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(10_000),
    });
    if (response.status === 401) return location.assign("/operator/login");
    const answer = await response.json();
    if (mine !== asks) return;
    if (response.ok) {
      data = answer;
      setMarket(data);
      tellTrouble(null);
      show();
    } else {
      tellTrouble({ key: "frame.refused", detail: answer.detail ?? String(response.status) });
    }
  } catch {
    if (mine === asks) tellTrouble({ key: "frame.lost" });
  }
  if (!document.hidden) timer = setTimeout(refresh, data?.speed > 1 ? EVERY_SIMULATED : EVERY);
}

/** Speaks once when something breaks and once when it works again. */
function tellTrouble(now) {
  const was = trouble;
  trouble = now;
  if (!now && !was) return;
  const since = data ? time(data.market_time) : "–";
  const words = now ? say(now.key, { time: since, detail: now.detail }) : say("frame.back");
  document.body.classList.toggle("is-stale", Boolean(now));
  patch(find("notice"), [h("p", { class: now ? "failed" : "good" }, words)]);
}

function show() {
  document.title = `${data.name} · Wattle`;
  patch(find("name"), [outside(data.name)]);
  patch(find("moment"), moment());
  find("loading").hidden = true;
  for (const [id, make] of Object.entries({ attention, today, areas, log, rules })) {
    patch(find(id), make(data).flat().filter(Boolean));
    find(id).hidden = false;
  }
  find("members").hidden = false;
  patch(find("member-list"), members(data));
}

const moment = () =>
  [
    say(`frame.${data.role}`),
    say("frame.as_of", { time: time(data.market_time) }),
    data.speed > 1 &&
      say("frame.speed", { speed: new Intl.NumberFormat(language()).format(data.speed) }),
  ]
    .filter(Boolean)
    .flatMap((words, index) => [index ? " · " : "", words])
    .map((words) => document.createTextNode(words));

function speak(wanted) {
  chooseLanguage(wanted);
  find("language").value = language();
  translate(document);
  if (data) show();
}

function appear(wanted) {
  if (wanted === "light" || wanted === "dark") document.documentElement.dataset.theme = wanted;
  else delete document.documentElement.dataset.theme;
  find("appearance").value = document.documentElement.dataset.theme ?? "system";
}

const ACTIONS = {
  day: (button) => {
    asked = button.dataset.day;
    refresh();
  },
  whole: () => {
    choice.isWhole = !choice.isWhole;
    show();
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button) ACTIONS[button.dataset.action](button);
});
document.addEventListener("change", ({ target }) => {
  if (target.dataset.action === "area") {
    choice.area = target.value;
    show();
  } else if (target.id === "language") {
    remember("language", target.value);
    speak(target.value);
  } else if (target.id === "appearance") {
    remember("appearance", target.value);
    appear(target.value);
  } else if (target.id === "which") {
    search.onlyIll = target.value === "ill";
    if (data) show();
  }
});
find("find").addEventListener("input", ({ target }) => {
  search.text = target.value;
  if (data) show();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

appear(remembered("appearance"));
speak();
refresh();
