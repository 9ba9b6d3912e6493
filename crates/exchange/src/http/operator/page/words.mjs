// The page's words in English and German, and how they get into it. Whatever comes from outside is put in as text.

const EN = {
  "frame.skip": "To the content",
  "frame.language": "Language",
  "frame.appearance": "Appearance",
  "frame.system": "As the system",
  "frame.light": "Light",
  "frame.dark": "Dark",
  "frame.sign_out": "Sign out",
  "frame.sections": "Sections",
  "frame.loading": "Reading the market's books …",
  "frame.operator": "Operator",
  "frame.auditor": "Auditor: reads everything, changes nothing",
  "frame.as_of": "As of {time}",
  "frame.speed": "Simulated street, time runs {speed} times as fast",
  "frame.lost":
    "No answer from the exchange since {time}. What stands below is as it was then. Look whether “wattle-exchange serve” runs; this page tries again by itself.",
  "frame.refused":
    "The exchange could not read its books: {detail} What stands below is as it was at {time}. This page tries again by itself.",
  "frame.back": "The exchange answers again.",
  "time.now": "just now",
  "login.title": "The operator's page",
  "login.refused":
    "This code was used before, has expired, or is not one of this exchange. Make a new link.",
  "login.how":
    "On the exchange's own machine, run this and open the link that it prints. It works once, within ten minutes.",
  "login.code": "Or enter the part behind the “#” of the link",
  "login.enter": "Sign in",
  "attention.title": "Needs a look",
  "attention.nothing": "Nothing failed and nobody waits for you.",
  "attention.failed": "Failed",
  "attention.needs": "Needs a hand",
  "attention.waits": "Waits",
  "attention.more.one": "and one more",
  "attention.more.other": "and {n} more",
  "attention.alike.one": "and one more like it",
  "attention.alike.other": "and {n} more like it",
  "trouble.step_failed":
    "The quarter hour of {slot} cannot take its next step since {since}. The exchange keeps trying; nothing is lost. Mend the cause: {error}",
  "trouble.no_step":
    "No quarter hour can take its next step since {since}. The exchange keeps trying; nothing is lost. Mend the cause: {error}",
  "trouble.life_stands":
    "The quarter hour of {slot} should have moved on at {since} and has not. Start “wattle-exchange serve” anew; nothing is lost by that.",
  "trouble.audit_failed":
    "The audit of {at} found that the books do not hold. Stop the exchange, keep a copy of its folder, and compare it with the newest backup. {fault}",
  "trouble.audit_old":
    "The last audit was {ago}. “wattle-exchange audit” adds up all books and computes the log again.",
  "trouble.audit_never":
    "The books were never audited. “wattle-exchange audit” adds up all books and computes the log again.",
  "trouble.held":
    "Readings of {member} are held since the quarter hour of {slot}: {reason}. Until it is mended, its energy goes to the utility. Ask the household to look at its meter.",
  "trouble.line_held":
    "Line {line} of the utility's file is held, meter {point}, quarter hour of {slot}: {reason}. Ask the utility, then import the corrected line.",
  "trouble.silent":
    "No word in time from {members}. Their energy goes to the utility. Ask whether the computer runs and has a connection.",
  "trouble.unmeasured":
    "{members}: the device speaks, its meter does not. Their energy goes to the utility. Ask the household to look at the meter's cable.",
  "trouble.no_device":
    "{members}: no device has a valid key. “wattle-exchange invite” makes a code for a new one.",
  "trouble.slots_wait.one":
    "The quarter hour of {slot} waits for {members}, until {until} at the latest. Then it is settled without them.",
  "trouble.slots_wait.other":
    "{n} quarter hours from {slot} on wait for {members}, the first until {until} at the latest. Then it is settled without them.",
  "trouble.terms":
    "{members} must agree to version {version} of the terms before they trade on. Their app asks them.",
  "trouble.invitation": "{member} has not used the invitation yet; it is valid until {expires}.",
  "trouble.invitation_expired":
    "{member} did not use the invitation, which expired {expires}. “wattle-exchange invite” makes a new one.",
  "reason.reading_backwards": "the register runs backwards",
  "reason.reading_contradicts": "the reading contradicts an earlier one",
  "reason.beyond_fuse": "more than the fuse lets through",
  "reason.not_found": "nobody has this meter",
  "reason.past_slot": "from before the household joined",
  "reason.reading_too_early": "the quarter hour was not over",
  "reason.slot_final": "the quarter hour can change no more",
  "today.title": "Quarter hours of {day}",
  "today.short": "Day",
  "today.previous": "Day before",
  "today.today": "Today",
  "today.next": "Day after",
  "today.area": "Area",
  "today.all": "all areas",
  "today.traded": "Traded",
  "today.settled": "Settled",
  "today.of": "{part} of {all}",
  "today.orders": "Orders",
  "today.price": "Price",
  "today.none":
    "No quarter hours on this day. They begin when the first household has joined, and reach as far ahead as orders do.",
  "today.chart": "Traded energy and price",
  "today.chart_none": "{area}: nothing was traded on this day so far.",
  "today.chart_sum": "{area}: {energy} traded, most at {time}; prices from {low} to {high}.",
  "today.time": "Begins",
  "today.step": "Step",
  "today.sold": "Sold",
  "today.bought": "Bought",
  "today.guess": "about",
  "today.range": "{low}–{high}",
  "today.near": "Only those around now",
  "today.whole": "All {n} quarter hours",
  "today.table": "Quarter hours, {area}",
  "step.open": "open until {time}",
  "step.gate_closed": "ends {time}",
  "step.delivered": "awaits readings",
  "step.readings_closed": "to be cleared",
  "step.cleared": "to be settled",
  "step.settled": "settled",
  "step.adjusted": "adjusted",
  "step.final": "final",
  "members.title": "Members",
  "members.find": "Find",
  "members.show": "Show",
  "members.all": "all",
  "members.ill": "who need a look",
  "members.none": "Nobody has been invited. “wattle-exchange invite” invites a household.",
  "members.no_match": "Nobody fits.",
  "members.sum": "{shown} of {all} members, {fresh} meters fresh",
  "members.area": "Area",
  "members.point": "Metering point",
  "members.joined": "Joined",
  "members.terms": "Terms agreed to",
  "members.terms_version": "version {version}",
  "members.last": "Last reading",
  "members.never": "none in the last seven days",
  "members.last_says": "{time}, received {received}",
  "members.registers": "Registers then",
  "members.registers_say": "import {import}, export {export}",
  "members.utility": "Last of the utility",
  "members.today": "Measured on the day",
  "members.today_says": "{part} of {all} quarter hours",
  "members.devices": "Devices",
  "members.no_devices": "none yet",
  "members.enrolled": "since {at}",
  "members.revoked": "revoked {at}",
  "members.revoke": "To end a key: {command}",
  "members.held": "Held readings",
  "members.held_says": "quarter hour of {slot}, received {at}: {reason}",
  "health.invited": "invited",
  "health.no_device": "no device",
  "health.new": "just joined",
  "health.fresh": "fresh",
  "health.late": "a little late",
  "health.held": "held",
  "health.unmeasured": "meter not read",
  "health.silent": "silent",
  "areas.title": "Areas",
  "areas.root": "the top of the grid",
  "areas.below": "below {parent}",
  "areas.fee": "fee to the area above {fee}",
  "areas.capacity": "line carries {energy} a quarter hour",
  "areas.unlimited": "line without a limit",
  "areas.members.one": "one member",
  "areas.members.other": "{n} members",
  "areas.meter": "Its meter {point}",
  "areas.no_meter":
    "It has no meter of its own in market.toml, so its members' sum cannot be compared.",
  "areas.no_readings":
    "No readings of it for settled quarter hours of this day. “wattle-exchange import-readings” takes them from the utility's file.",
  "areas.net":
    "Import less export, over {slots} settled quarter hours of the day of which its readings are known",
  "areas.meter_says": "Meter",
  "areas.members_say": "Sum of members",
  "areas.difference": "Difference",
  "areas.difference_means":
    "What the meter shows and members do not: losses of the lines, households that are no members, readings that are wrong.",
  "areas.unmeasured.one": "One reading of a member is missing in it and counts as nothing.",
  "areas.unmeasured.other": "{n} readings of members are missing in it and count as nothing.",
  "log.title": "Log",
  "log.size": "Entries",
  "log.root": "Root",
  "log.signed": "Head signed",
  "log.unknown": "not since this program was started on these books",
  "log.key": "Key",
  "log.audit": "Last audit",
  "log.audit_holds": "{ago}: {slots} settled quarter hours and {entries} entries hold.",
  "log.audit_fails": "{ago}: it does not hold. {fault}",
  "log.audit_never": "never",
  "rules.title": "Rules",
  "rules.version": "Configuration",
  "rules.version_says": "version {version}, from the quarter hour of {from}",
  "rules.version_first": "version {version}, from the beginning",
  "rules.terms": "Terms",
  "rules.band": "Limits of orders",
  "rules.fee": "Operator's fee",
  "rules.gate": "Gate closes before",
  "rules.readings": "Readings awaited after",
  "rules.final": "Final after",
  "rules.commands": "What the exchange's own machine does",
  "rules.read_only":
    "This page changes nothing. These commands work beside the served market; DIR is its folder.",
  "command.invite": "invites a household, or a further device of it",
  "command.revoke": "ends a device's key and cancels its open orders",
  "command.import": "takes the utility's readings",
  "command.export": "tells the utility what each meter traded",
  "command.announce": "tells all members something",
  "command.audit": "adds up all books and computes the log again",
  "command.backup": "writes the market into one file; keep it safe",
};

const DE = {
  "frame.skip": "Zum Inhalt",
  "frame.language": "Sprache",
  "frame.appearance": "Erscheinung",
  "frame.system": "Wie das System",
  "frame.light": "Hell",
  "frame.dark": "Dunkel",
  "frame.sign_out": "Abmelden",
  "frame.sections": "Abschnitte",
  "frame.loading": "Die Bücher des Markts werden gelesen …",
  "frame.operator": "Betreiber",
  "frame.auditor": "Prüfer: liest alles, ändert nichts",
  "frame.as_of": "Stand {time}",
  "frame.speed": "Simulierte Straße, die Zeit läuft {speed}-mal so schnell",
  "frame.lost":
    "Keine Antwort der Börse seit {time}. Was unten steht, ist von damals. Sehen Sie nach, ob „wattle-exchange serve“ läuft; diese Seite versucht es von selbst wieder.",
  "frame.refused":
    "Die Börse konnte ihre Bücher nicht lesen: {detail} Was unten steht, ist von {time}. Diese Seite versucht es von selbst wieder.",
  "frame.back": "Die Börse antwortet wieder.",
  "time.now": "gerade eben",
  "login.title": "Die Seite des Betreibers",
  "login.refused":
    "Dieser Code wurde schon benutzt, ist abgelaufen oder keiner dieser Börse. Erzeugen Sie einen neuen Link.",
  "login.how":
    "Rufen Sie dies auf dem Rechner der Börse auf und öffnen Sie den Link, der erscheint. Er gilt einmal, zehn Minuten lang.",
  "login.code": "Oder geben Sie ein, was im Link hinter dem „#“ steht",
  "login.enter": "Anmelden",
  "attention.title": "Zu beachten",
  "attention.nothing": "Nichts ist fehlgeschlagen, und niemand wartet auf Sie.",
  "attention.failed": "Fehlgeschlagen",
  "attention.needs": "Braucht Hilfe",
  "attention.waits": "Wartet",
  "attention.more.one": "und ein weiteres Mitglied",
  "attention.more.other": "und {n} weitere",
  "attention.alike.one": "und noch eine solche",
  "attention.alike.other": "und noch {n} solche",
  "trouble.step_failed":
    "Der nächste Schritt der Viertelstunde von {slot} gelingt seit {since} nicht. Die Börse versucht es weiter; nichts ist verloren. Beheben Sie die Ursache: {error}",
  "trouble.no_step":
    "Seit {since} gelingt bei keiner Viertelstunde der nächste Schritt. Die Börse versucht es weiter; nichts ist verloren. Beheben Sie die Ursache: {error}",
  "trouble.life_stands":
    "Die Viertelstunde von {slot} hätte um {since} weitergehen sollen und tat es nicht. Starten Sie „wattle-exchange serve“ neu; dabei geht nichts verloren.",
  "trouble.audit_failed":
    "Die Prüfung von {at} ergab, dass die Bücher nicht stimmen. Halten Sie die Börse an, bewahren Sie eine Kopie ihres Ordners auf und vergleichen Sie sie mit der letzten Sicherung. {fault}",
  "trouble.audit_old":
    "Die letzte Prüfung war {ago}. „wattle-exchange audit“ zählt alle Bücher zusammen und rechnet das Protokoll nach.",
  "trouble.audit_never":
    "Die Bücher wurden noch nie geprüft. „wattle-exchange audit“ zählt alle Bücher zusammen und rechnet das Protokoll nach.",
  "trouble.held":
    "Ablesungen von {member} werden seit der Viertelstunde von {slot} zurückgehalten: {reason}. Bis das behoben ist, geht die Energie an den Versorger. Bitten Sie den Haushalt, nach seinem Zähler zu sehen.",
  "trouble.line_held":
    "Zeile {line} der Datei des Versorgers wird zurückgehalten, Zähler {point}, Viertelstunde von {slot}: {reason}. Fragen Sie den Versorger und lesen Sie die berichtigte Zeile ein.",
  "trouble.silent":
    "Nicht rechtzeitig gemeldet: {members}. Ihre Energie geht an den Versorger. Fragen Sie, ob der Rechner läuft und verbunden ist.",
  "trouble.unmeasured":
    "{members}: Das Gerät meldet sich, sein Zähler nicht. Die Energie geht an den Versorger. Bitten Sie den Haushalt, nach dem Kabel des Zählers zu sehen.",
  "trouble.no_device":
    "{members}: Kein Gerät hat einen gültigen Schlüssel. „wattle-exchange invite“ erzeugt einen Code für ein neues.",
  "trouble.slots_wait.one":
    "Die Viertelstunde von {slot} wartet auf {members}, spätestens bis {until}. Dann wird ohne sie abgerechnet.",
  "trouble.slots_wait.other":
    "{n} Viertelstunden ab {slot} warten auf {members}, die erste spätestens bis {until}. Dann wird ohne sie abgerechnet.",
  "trouble.terms":
    "{members} müssen Fassung {version} der Bedingungen zustimmen, bevor sie weiter handeln. Ihre App fragt sie.",
  "trouble.invitation": "{member} hat die Einladung noch nicht benutzt; sie gilt bis {expires}.",
  "trouble.invitation_expired":
    "{member} hat die Einladung nicht benutzt, sie ist am {expires} abgelaufen. „wattle-exchange invite“ erzeugt eine neue.",
  "reason.reading_backwards": "das Zählwerk läuft rückwärts",
  "reason.reading_contradicts": "die Ablesung widerspricht einer früheren",
  "reason.beyond_fuse": "mehr, als die Sicherung durchlässt",
  "reason.not_found": "niemand hat diesen Zähler",
  "reason.past_slot": "aus der Zeit vor dem Beitritt",
  "reason.reading_too_early": "die Viertelstunde war noch nicht vorbei",
  "reason.slot_final": "die Viertelstunde ändert sich nicht mehr",
  "today.title": "Viertelstunden: {day}",
  "today.short": "Tag",
  "today.previous": "Tag davor",
  "today.today": "Heute",
  "today.next": "Tag danach",
  "today.area": "Gebiet",
  "today.all": "alle Gebiete",
  "today.traded": "Gehandelt",
  "today.settled": "Abgerechnet",
  "today.of": "{part} von {all}",
  "today.orders": "Aufträge",
  "today.price": "Preis",
  "today.none":
    "Keine Viertelstunden an diesem Tag. Sie beginnen, wenn der erste Haushalt beigetreten ist, und reichen so weit voraus wie Aufträge.",
  "today.chart": "Gehandelte Energie und Preis",
  "today.chart_none": "{area}: An diesem Tag wurde bisher nichts gehandelt.",
  "today.chart_sum":
    "{area}: {energy} gehandelt, am meisten um {time}; Preise von {low} bis {high}.",
  "today.time": "Beginn",
  "today.step": "Schritt",
  "today.sold": "Verkauft",
  "today.bought": "Gekauft",
  "today.guess": "etwa",
  "today.range": "{low}–{high}",
  "today.near": "Nur die um jetzt",
  "today.whole": "Alle {n} Viertelstunden",
  "today.table": "Viertelstunden, {area}",
  "step.open": "offen bis {time}",
  "step.gate_closed": "endet {time}",
  "step.delivered": "wartet auf Zähler",
  "step.readings_closed": "wird geräumt",
  "step.cleared": "wird abgerechnet",
  "step.settled": "abgerechnet",
  "step.adjusted": "berichtigt",
  "step.final": "endgültig",
  "members.title": "Mitglieder",
  "members.find": "Suchen",
  "members.show": "Zeigen",
  "members.all": "alle",
  "members.ill": "zu beachtende",
  "members.none": "Noch niemand ist eingeladen. „wattle-exchange invite“ lädt einen Haushalt ein.",
  "members.no_match": "Niemand passt.",
  "members.sum": "{shown} von {all} Mitgliedern, {fresh} Zähler frisch",
  "members.area": "Gebiet",
  "members.point": "Messlokation",
  "members.joined": "Beigetreten",
  "members.terms": "Bedingungen zugestimmt",
  "members.terms_version": "Fassung {version}",
  "members.last": "Letzte Ablesung",
  "members.never": "keine in den letzten sieben Tagen",
  "members.last_says": "{time}, empfangen {received}",
  "members.registers": "Zählwerke dabei",
  "members.registers_say": "Bezug {import}, Einspeisung {export}",
  "members.utility": "Letzte des Versorgers",
  "members.today": "Am Tag gemessen",
  "members.today_says": "{part} von {all} Viertelstunden",
  "members.devices": "Geräte",
  "members.no_devices": "noch keine",
  "members.enrolled": "seit {at}",
  "members.revoked": "widerrufen {at}",
  "members.revoke": "Einen Schlüssel beenden: {command}",
  "members.held": "Zurückgehaltene Ablesungen",
  "members.held_says": "Viertelstunde von {slot}, empfangen {at}: {reason}",
  "health.invited": "eingeladen",
  "health.no_device": "kein Gerät",
  "health.new": "neu dabei",
  "health.fresh": "frisch",
  "health.late": "etwas spät",
  "health.held": "zurückgehalten",
  "health.unmeasured": "Zähler stumm",
  "health.silent": "meldet sich nicht",
  "areas.title": "Gebiete",
  "areas.root": "die Spitze des Netzes",
  "areas.below": "unter {parent}",
  "areas.fee": "Entgelt zum Gebiet darüber {fee}",
  "areas.capacity": "Leitung trägt {energy} je Viertelstunde",
  "areas.unlimited": "Leitung ohne Grenze",
  "areas.members.one": "ein Mitglied",
  "areas.members.other": "{n} Mitglieder",
  "areas.meter": "Sein Zähler {point}",
  "areas.no_meter":
    "Es hat in market.toml keinen eigenen Zähler, mit dem sich die Summe der Mitglieder vergleichen ließe.",
  "areas.no_readings":
    "Für abgerechnete Viertelstunden dieses Tages gibt es keine Ablesungen. „wattle-exchange import-readings“ liest sie aus der Datei des Versorgers.",
  "areas.net":
    "Bezug weniger Einspeisung, über {slots} abgerechnete Viertelstunden des Tages, deren Ablesungen bekannt sind",
  "areas.meter_says": "Zähler",
  "areas.members_say": "Summe der Mitglieder",
  "areas.difference": "Unterschied",
  "areas.difference_means":
    "Was der Zähler zeigt und die Mitglieder nicht: Verluste der Leitungen, Haushalte, die keine Mitglieder sind, falsche Ablesungen.",
  "areas.unmeasured.one": "Eine Ablesung eines Mitglieds fehlt darin und zählt als nichts.",
  "areas.unmeasured.other": "{n} Ablesungen von Mitgliedern fehlen darin und zählen als nichts.",
  "log.title": "Protokoll",
  "log.size": "Einträge",
  "log.root": "Wurzel",
  "log.signed": "Kopf unterschrieben",
  "log.unknown": "nicht, seit dieses Programm diese Bücher führt",
  "log.key": "Schlüssel",
  "log.audit": "Letzte Prüfung",
  "log.audit_holds": "{ago}: {slots} abgerechnete Viertelstunden und {entries} Einträge stimmen.",
  "log.audit_fails": "{ago}: Sie stimmen nicht. {fault}",
  "log.audit_never": "noch nie",
  "rules.title": "Regeln",
  "rules.version": "Einstellungen",
  "rules.version_says": "Fassung {version}, ab der Viertelstunde von {from}",
  "rules.version_first": "Fassung {version}, von Anfang an",
  "rules.terms": "Bedingungen",
  "rules.band": "Grenzen für Aufträge",
  "rules.fee": "Entgelt des Betreibers",
  "rules.gate": "Annahme schließt vorher",
  "rules.readings": "Ablesungen erwartet danach",
  "rules.final": "Endgültig nach",
  "rules.commands": "Was der Rechner der Börse tut",
  "rules.read_only":
    "Diese Seite ändert nichts. Diese Befehle wirken neben dem laufenden Markt; DIR ist sein Ordner.",
  "command.invite": "lädt einen Haushalt ein oder ein weiteres Gerät von ihm",
  "command.revoke": "beendet den Schlüssel eines Geräts und widerruft dessen offene Aufträge",
  "command.import": "nimmt die Ablesungen des Versorgers",
  "command.export": "sagt dem Versorger, was jeder Zähler gehandelt hat",
  "command.announce": "sagt allen Mitgliedern etwas",
  "command.audit": "zählt alle Bücher zusammen und rechnet das Protokoll nach",
  "command.backup": "schreibt den Markt in eine Datei; verwahren Sie sie sicher",
};

export const CATALOGUES = { en: EN, de: DE };

let chosen = "en";

export const language = () => chosen;

/** Takes the language that was chosen before, or the browser's. */
export function chooseLanguage(wanted = remembered("language")) {
  const first = [wanted, ...(navigator.languages ?? [])].map((tag) => tag?.slice(0, 2));
  chosen = first.find((tag) => tag in CATALOGUES) ?? "en";
  document.documentElement.lang = chosen;
}

/** The part of a sentence, texts and places for what is put in: `[text, name, text, …]`. */
const parts = (key) => {
  const sentence = CATALOGUES[chosen][key];
  if (sentence === undefined) throw new Error(`no words for ${key}`);
  return sentence.split(/\{(\w+)\}/);
};

/** A sentence with what is put in, as text. */
export const say = (key, put = {}) =>
  parts(key)
    .map((part, index) => (index % 2 ? (put[part] ?? "") : part))
    .join("");

/** A sentence with what is put in, as nodes. */
export const tell = (key, put = {}) =>
  parts(key).map((part, index) => (index % 2 ? (put[part] ?? "") : part));

/** A sentence about so many, as nodes. */
export const tellCount = (key, n, put = {}) => {
  const form = new Intl.PluralRules(chosen).select(n) === "one" ? "one" : "other";
  return tell(`${key}.${form}`, { n: new Intl.NumberFormat(chosen).format(n), ...put });
};

/** A sentence about so many, as text. */
export const sayCount = (key, n) => tellCount(key, n).join("");

export const known = (key) => key in CATALOGUES[chosen];

/** Writes the words into what stands in the page already. */
export function translate(root) {
  for (const each of root.querySelectorAll("[data-word]"))
    each.textContent = say(each.dataset.word);
  for (const each of root.querySelectorAll("[data-label]"))
    each.setAttribute("aria-label", say(each.dataset.label));
}

/** What this browser was told before; nothing where it keeps nothing. */
export function remembered(name) {
  try {
    return localStorage.getItem(`wattle-${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`wattle-${name}`, value);
  } catch {
    // It holds until the page is left.
  }
}
