"""Verifies a monthly statement of Wattle without Wattle: written from docs/protocols/, step by step as they say.

    python verify_statement.py FILE [--log-key KEY] [--json]

Exit status: 0 the answer is yes, 1 it is no, 2 the file or the key cannot be used. Needs Python 3.11 and `cryptography`.
"""

import argparse, base64, hashlib, json, re, sys
from collections import defaultdict
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# What each part of the file is made of: the table under "Form" in the document itself.
DOCUMENT = Path(__file__).resolve().parents[2] / "docs/protocols/statement.md"
TABLE = DOCUMENT.read_text(encoding="utf-8").split("\n## Form\n")[1].split("\n## ")[0].replace("\n        ", " ")
FORMS = dict(line.split(maxsplit=1) for line in TABLE.split("\n") if line.startswith("    "))
KINDS = FORMS["kind"].strip("/").split("|")
QUARTER, CENT, WHO = timedelta(minutes=15), 10**7, ("member", "utility")  # a slot; a cent in nanos; sources
WHOLE = {"int": (1 - 2**53, 2**53 - 1), "place": (0, 2**53 - 1), "count": (0, 2**32 - 1)}
P, Y8 = 2**255 - 19, 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826  # the field, and order 8 in it

sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
key_hash = lambda origin, key: sha256(origin.encode(), b"\n\1", key)[:4]
gross = lambda body: sum(int(posting["nanos"]) for posting in body["postings"])

def demand(holds, why):
    if not holds:
        raise ValueError(why)

def fits(form, value):
    """Tells whether a value is of a form."""
    inner, mark = form[:-1], form[-1]
    if mark == "~":
        return value is None or fits(inner, value)
    if mark == "@":
        return type(value) is dict and all(fits(inner, item) for item in value.values())
    if mark in "*+":
        return type(value) is list and (value or mark == "*") and all(fits(inner, item) for item in value)
    if form in ("text", "any"):
        return form == "any" or type(value) is str
    if form in WHOLE:
        return type(value) is int and WHOLE[form][0] <= value <= WHOLE[form][1]
    if FORMS[form][0] == "/":
        holds = {"nanos": lambda: -(2**63) <= int(value) < 2**63, "id": lambda: len(value.encode()) <= 64,
                 **dict.fromkeys(("day", "time", "slot"), lambda: datetime.fromisoformat(value))}.get(form, lambda: True)
        return type(value) is str and re.fullmatch(FORMS[form].strip("/"), value) and holds()
    fields = [field.split(":") for field in FORMS[form].removesuffix(" ...").split()]
    known = {name.rstrip("?"): of for name, of in fields}
    return type(value) is dict and (FORMS[form].endswith("...") or value.keys() <= known.keys()) and all(
        fits(of, value[name]) if name in value else [f"{name}?", of] in fields for name, of in known.items())

def unbase64(text, length=32, url=True):
    """Decodes base64 in its one spelling: base64url without padding, or the standard one with it."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4 if url else 0), b"-_" if url else None, validate=True)
    again = base64.urlsafe_b64encode(raw).rstrip(b"=") if url else base64.b64encode(raw)
    demand(again.decode() == text and len(raw) == (length or len(raw)), f"{text!r} is not its bytes in base64")
    return raw

def ordered(value):
    demand(type(value) is not float and (type(value) is not int or abs(value) < 2**53), f"{value}: a fraction, or too large")
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    return [ordered(item) for item in value] if isinstance(value, list) else value

# JSON as RFC 8785 writes it, for values without fractions; what a leaf commits to, and without the salt what its author signs
canonical = lambda value: json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode()
commits = lambda entry, salt=b"": entry["domain"].encode() + b"\n" + salt + canonical(entry["body"])
half_even = lambda above, below: above // below + (2 * (above % below) > below - above // below % 2)

def strong(point):  # in its one encoding, and not of small order
    y = int.from_bytes(point, "little") % 2**255
    return y < P and y not in (0, 1, P - 1, Y8, P - Y8)

def signed(key, signature, data):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
        return strong(key) and strong(signature[:32])
    except (InvalidSignature, ValueError):
        return False

def public_key(text, length=32, url=True):
    raw = unbase64(text, length, url)
    demand(strong(raw[-32:]), f"{text} is a key for which anyone can sign")
    return raw

def log_key(text):
    """Reads a log's key, `origin+hash+base64` or the key alone, into its origin and its 32 bytes."""
    if "+" not in text:
        return None, public_key(text.strip())
    origin, hashed, key = text.strip().split("+", 2)
    raw = public_key(key, 33, url=False)
    demand(raw[0] == 1 and hashed == key_hash(origin, raw[1:]).hex(), f"{text} is not a key of a log")
    return origin, raw[1:]

def read_note(note):  # into its text, origin, size, root and signatures (name, bytes)
    name = r"[^\s\x00-\x1f\x7f-\x9f+]+"
    parts = re.fullmatch(rf"(({name})\n(0|[1-9][0-9]*)\n(.{{44}})\n)\n((?:\u2014 {name} [^ \n]+\n)+)", note)
    demand(parts and len(note.encode()) <= 65536 and int(parts[3]) < 2**64, "the checkpoint cannot be read")
    signatures = [(line.split()[1], unbase64(line.split()[2], None, False)) for line in parts[5].splitlines()]
    demand(all(len(who.encode()) < 256 and len(raw) > 4 for who, raw in signatures) and len(parts[2].encode()) < 256
           and len(set(signatures)) == len(signatures) <= 256, "a signature under the checkpoint cannot be read")
    return parts[1].encode(), parts[2], int(parts[3]), unbase64(parts[4], url=False), signatures

def root_of(start, end, shown, proof):  # of the entries from start to end; `shown`: (place, leaf) of those known
    if not shown:
        return next(proof)
    if end - start == 1:
        return shown[0][1]
    middle = start + (1 << (end - start - 1).bit_length() - 1)
    left, right = [leaf for leaf in shown if leaf[0] < middle], [leaf for leaf in shown if leaf[0] >= middle]
    return sha256(b"\1", root_of(start, middle, left, proof), root_of(middle, end, right, proof))

def way_up(config, area):  # the edges up to the root, each with its fee
    fees = {edge["id"]: (edge["parent"], edge.get("fee_micros_per_kwh", 0)) for edge in config["areas"]}
    return {(area, fees[area][1]), *way_up(config, fees[area][0])} if area is not None else set()

class Verifier:
    """A statement on its way through the steps, each a method that raises where it does not hold."""
    STEPS = ("file", "anchor", "checkpoint", "entries", "signatures", "configuration", "readings", "trades",
             "postings", "corrections", "lines", "rounding", "comparison")

    def __init__(self, raw, given):
        self.raw, self.given, self.key, self.counts = raw, given, None, defaultdict(int)

    def report(self):
        steps = []
        for step in self.STEPS:
            try:
                getattr(self, step)()
                steps.append({"name": step, "ok": True, "detail": ""})
            except Exception as fault:  # whatever a hostile file provokes is a no and never a crash
                steps.append({"name": step, "ok": False, "detail": f"{type(fault).__name__}: {fault}"})
        failed = [step["name"] for step in steps if not step["ok"]]
        first = next((name for name in failed if name != "anchor" or self.given), "unanchored" if failed else None)
        counts = {who: self.counts[f"measured_by_{who}"] for who in WHO}
        return {"ok": not failed, "anchor": self.key, "steps": steps, "first_failure": first,
                "share_by_source": {who: count / (sum(counts.values()) or 1) for who, count in counts.items()}}

    def file(self):
        value = json.loads(self.raw.decode())
        demand(len(self.raw) <= 128 << 20 and fits("file", value) and canonical(value) == self.raw, "not of a statement's form")
        self.paper, self.evidence, self.opened = value["paper"], value["evidence"], value["evidence"]["entries"]
        self.header, self.counts, self.note = self.paper["header"], self.paper["quality"], read_note(self.evidence["checkpoint"])
        self.member, self.origin = self.header["member"], "wattle/" + quote(self.header["market"], safe="")
        self.number = lambda sequence: f"{self.member}-{sequence:05}"
        sequence, previous, period = (self.header[name] for name in ("sequence", "previous", "period"))
        demand(sequence > 0 and (previous or {}).get("number") == (self.number(sequence - 1) if sequence > 1 else None),
               "not after the statement before")
        first, until, zone = *(date.fromisoformat(period[end]) for end in ("from", "until")), ZoneInfo(period["zone"])
        demand(first.day == 1 and until == (first + timedelta(days=32)).replace(day=1), "the period is not a month")
        self.start, self.end = (datetime.combine(day, time(), zone).astimezone(timezone.utc) for day in (first, until))

    def anchor(self):
        demand(self.given, "no key of the log was given")
        demand(self.given[0] in (None, self.origin), f"the key is not one of {self.origin}")
        key = base64.b64encode(b"\1" + self.given[1]).decode()
        self.key = f"{self.origin}+{key_hash(self.origin, self.given[1]).hex()}+{key}"

    def checkpoint(self):
        text, origin, size, _, signatures = self.note
        named, newest = log_key(self.key or self.evidence["log_key"])
        demand(origin == named == self.origin, "the checkpoint is of another log")
        in_force = newest
        for entry in (entry for entry in self.opened if entry["domain"] == "wattle/log-key/v1"):
            body, place, [by] = entry["body"], entry["index"], entry["signatures"]
            demand(fits(entry["domain"], body) and (body["origin"], body["index"]) == (origin, place)
                   and unbase64(body["old_key"]) == newest and signed(newest, unbase64(by["signature"], 64), commits(entry)),
                   f"{place}: not a change that the key in force made and signed")
            newest = public_key(body["new_key"])
            in_force = newest if place < size else in_force
        ours = [raw[4:] for name, raw in signatures if name == origin and raw[:4] == key_hash(origin, in_force)]
        demand(ours and all(signed(in_force, one, text) for one in ours), "the key in force did not sign it")

    def entries(self):
        leaf = lambda entry: sha256(b"\0", sha256(commits(entry, unbase64(entry["salt"]))))
        leaves, (_, _, size, root, _) = [(entry["index"], leaf(entry)) for entry in self.opened], self.note
        places, proof = [place for place, _ in leaves], map(unbase64, self.evidence["proof"])
        demand(all(a < b for a, b in zip(places, [*places[1:], size])), "not in the log's order, or not each once")
        demand((root_of(0, size, leaves, proof) if size else sha256()) == root, "the proof leads to another root")
        demand(next(proof, None) is None, "the proof holds more than it needs")
        self.of, self.at, seen = defaultdict(list), defaultdict(list), set()  # (place, body) by kind; by kind and slot
        for entry in self.opened:
            body, kind, place = entry["body"], entry["domain"].split("/")[1], entry["index"]
            known = entry["domain"] in FORMS and entry["domain"].startswith("wattle/")
            demand(known and fits(entry["domain"], body), f"{place}: of no known form")
            members = (body["seller"], body["buyer"]) if kind == "deal" else (body.get("member", self.member),)
            demand(self.member in members and body.get("market", self.header["market"]) == self.header["market"],
                   f"{place}: of another market or member")
            names = {"order": ["id"], "deal": ["id"], "config": ["version"]}.get(kind, ["slot", "version", "order", "from"])
            identity = (kind, *map(body.get, names))
            demand(identity not in seen or kind.endswith("-key"), f"{place}: such an entry is there already")
            seen.add(identity)
            self.of[kind].append((place, body))
            self.at[kind, body.get("slot")].append((place, body))
        self.slots = defaultdict(dict)  # settlements by slot and version
        for _, body in sorted(self.of["settlement"], key=lambda entry: (entry[1]["slot"], entry[1]["version"])):
            self.slots[body["slot"]][body["version"]] = body
        self.month = {slot: versions[max(versions)] for slot, versions in self.slots.items()
                      if self.start <= datetime.fromisoformat(slot) < self.end}
        self.deals = {body["id"]: body for _, body in self.of["deal"]}
        self.prices = {body["slot"]: {area["id"]: area["price_micros_per_kwh"] for area in body["areas"]}
                       for _, body in self.of["clearing"]}
        self.price_of = lambda body: self.prices.get(body["slot"], {}).get(body["area"])  # none where nothing was cleared
        self.configs = {body["version"]: body for _, body in self.of["config"]}

    def signatures(self):
        devices = [public_key(body["public_key"]) for _, body in self.of["device-key"]]
        meters = [public_key(text) for _, body in self.of["config"] for text in [body.get("metering_key")] if text is not None]
        authors = {f"wattle/{kind}": devices for kind in ("order/v1", "reading/v1", "deal/v1", "contract/v2")}
        authors["wattle/utility-reading/v1"] = meters
        for kind, entry in ((entry["domain"], entry) for entry in self.opened):
            keys = {base64.urlsafe_b64encode(sha256(key)).decode()[:43]: key for key in authors.get(kind, ())}
            right = [signed(keys[by["key"]], unbase64(by["signature"], 64), commits(entry))
                     for by in entry.get("signatures", ()) if by["key"] in keys]
            demand(kind not in authors or right and all(right), f"{entry['index']}: no right signature of its author")

    def newest(self, kind, slot):  # the body of a kind that is in force in a slot
        return max((body for _, body in self.of[kind] if body["from"] <= slot), key=lambda body: body["from"])

    def contract(self, slot):  # the utility's prices in a slot: the newest word about it counts
        _, told = max((word for word in self.of["contract"] if word[1]["from"] <= slot), key=lambda word: word[0])
        return max((step for step in told.get("steps", [told]) if step["from"] <= slot), key=lambda step: step["from"])

    def configuration(self):
        for steps in (body["steps"] for _, body in self.of["contract"] if "steps" in body):
            demand(all(a["from"] < b["from"] for a, b in pairwise(steps)), "the steps of a contract are not in order")
        demand({config["currency"] for config in self.configs.values()} <= {self.header["currency"]}, "another currency")
        for slot, versions in self.slots.items():
            version, area, _ = versions[1]["config_version"], self.newest("member", slot)["area"], self.contract(slot)
            demand(version in self.configs and all((body["config_version"], body["area"]) == (version, area)
                                                   for body in versions.values()), f"{slot}: another configuration or area")

    def registers(self):  # what the member read in the month, by slot
        read = [(datetime.fromisoformat(body["slot"]), body["registers"]) for _, body in self.of["reading"]]
        return sorted(((at, read) for at, read in read if read and self.start <= at < self.end), key=lambda row: row[0])

    def readings(self):
        for place, body in self.of["settlement"]:
            logged, read, slot = -1, defaultdict(int), body["slot"]
            if body["source"]:
                [(logged, reading)] = self.at["reading" if body["source"] == "member" else "utility-reading", slot]
                read, point = reading["registers"], self.newest("member", slot)["metering_point"]
                demand(reading["metering_point"] == point and logged < place, f"{slot}: read at another meter, or later")
            for name in ("import", "export"):
                start, end = read[f"{name}_start_wh"], read[f"{name}_end_wh"]
                demand(0 <= start <= end and body[f"{name}_wh"] == end - start, f"{slot}: {name} is not as it was read")
        for (slot, before), (later, after) in pairwise(self.registers()):
            for name in ("import", "export"):
                step = after[f"{name}_start_wh"] - before[f"{name}_end_wh"]
                demand(step == 0 or (step > 0 and later != slot + QUARTER), f"{later}: the registers do not go on")

    def trades(self):
        cancelled, sign = {body["order"]: place for place, body in self.of["cancel"]}, {"sell": 1, "buy": -1}
        for settled, first in ((place, body) for place, body in self.of["settlement"] if body["version"] == 1):
            slot, cleared = first["slot"], -1
            demand(all((body["fills"], body["deals"]) == (first["fills"], first["deals"])
                       for body in self.slots[slot].values()), f"{slot}: a later version trades otherwise")
            left = {side: max(sign[side] * (first["export_wh"] - first["import_wh"]), 0) for side in sign}
            for name, lines in (("deal", first["deals"]), ("order", first["fills"])):
                demand(len({line[name] for line in lines}) == len(lines), f"{slot}: it trades by one {name} twice")
            for part in first["deals"]:
                deal, side, got = self.deals[part["deal"]], part["side"], part["settled_wh"]
                party, most = deal["seller" if side == "sell" else "buyer"], min(deal["cap_wh"], left[side])
                demand(party == self.member and 0 <= got <= most and deal["from"] <= slot < (deal["until"] or "~"),
                       f"{slot}: deal {deal['id']} was not to give {got} Wh")
                left[side] -= got
            for cleared, clearing in self.at["clearing", slot]:
                demand(cleared < settled and clearing["config_version"] == first["config_version"]
                       and first["area"] in self.prices[slot], f"{slot}: cleared otherwise")
            fills = {fill["order"]: fill for fill in first["fills"]}
            price, fee = self.price_of(first), self.configs[first["config_version"]]["operator_fee_micros_per_kwh"]
            orders = [(sign[order["side"]] * order["limit_price_micros_per_kwh"], order["id"].encode(), place, order)
                      for place, order in self.at["order", slot]
                      if not place < cancelled.get(order["id"], -1) < cleared]
            for ask, _, place, order in sorted(orders):
                side, share = order["side"], max(min(order["quantity_wh"], left[order["side"]]), 0)
                left[side] -= share
                fill = fills.pop(order["id"], None)
                loss = 1 if price is None else ask + fee - fee // 2 - sign[side] * price
                least, most = share if loss < 0 else 0, 0 if loss > 0 else share
                got = fill["filled_wh"] if fill and fill["side"] == side and fill["filled_wh"] > 0 else -1 if fill else 0
                demand(place < cleared and least <= got <= most, f"{slot}: {order['id']} was to get {least} to {most} Wh")
            demand(not fills, f"{slot}: an order is filled that is not opened")

    def owed(self, body):
        """What a settlement comes to: (for, what, line, reference, energy, net, tax); sold and bought; the utility's."""
        config, contract = self.configs[body["config_version"]], self.contract(body["slot"])
        rates = config.get("tax", {}).get(self.newest("member", body["slot"])["kind"], defaultdict(int))
        trades = [(fill["order"], None, fill["side"], fill["filled_wh"], self.price_of(body), 0) for fill in body["fills"]]
        for part in body["deals"]:
            edges = way_up(config, body["area"]) ^ way_up(config, part["other_area"]) if part["side"] == "buy" else ()
            price, grid = self.deals[part["deal"]]["price_micros_per_kwh"], sum(fee for _, fee in edges)
            trades.append((part["deal"], part["deal"], part["side"], part["settled_wh"], price, grid))
        traded, rows = {"sell": 0, "buy": 0}, []
        for name, deal, side, energy, price, grid in trades:
            traded[side] += energy
            fee, (kind, rate, paid) = energy * config["operator_fee_micros_per_kwh"], {
                "sell": ("sold", "sale_ppm", energy * price), "buy": ("bought", "purchase_ppm", -energy * price)}[side]
            for what, *line, net in (("energy", kind + ("_by_deal" if deal else ""), deal, energy, paid),
                                     ("operator_fee", "operator_fee", None, 0, fee // 2 - fee if side == "buy" else -(fee // 2)),
                                     ("grid_fee", "grid_fee", None, 0, -energy * grid)):
                rows.append((name, what, *line, net, half_even(net * rates[rate], 10**6)))
        a, b = body["import_wh"] - traded["buy"], body["export_wh"] - traded["sell"]
        drawn, given = max(a, 0) + max(-b, 0), max(b, 0) + max(-a, 0)
        rows.append((self.member, "retail", "from_utility", None, drawn, -drawn * contract["retail_micros_per_kwh"], 0))
        rows.append((self.member, "feed_in", "to_utility", None, given, given * contract["feed_in_micros_per_kwh"], 0))
        return rows, traded, (drawn, given)

    def postings(self):
        for _, body in self.of["settlement"]:
            (rows, _, utility), due = self.owed(body), defaultdict(int)
            for name, what, _, _, _, net, tax in rows:
                due[name, what] += net
                due[name, "tax"] += tax
            posted = sorted((row["for"], row["what"], int(row["nanos"])) for row in body["postings"])
            demand((body["from_utility_wh"], body["to_utility_wh"]) == utility
                   and posted == sorted((*key, nanos) for key, nanos in due.items() if nanos), f"{body['slot']}: other amounts")

    def corrections(self):
        cited = sorted(at["slot"] for at in self.header["corrections"])
        demand(cited == sorted(set(self.slots) - set(self.month)), "other slots are cited than corrected")
        for at in self.header["corrections"]:
            slot, digits, old, new = at["slot"], at["original"].split("-")[-1], at["original_version"], at["version"]
            demand(datetime.fromisoformat(slot) < self.start, f"{slot}: not of an earlier month")
            demand(0 < int(digits) < self.header["sequence"] and self.number(int(digits)) == at["original"]
                   and old in self.slots[slot] and old < new == max(self.slots[slot]), f"{slot}: it is cited wrongly")

    def lines(self):
        sums, slots, notes = defaultdict(lambda: [0, 0, 0]), [], defaultdict(int)  # sums: energy, net, tax by line
        for slot, body in self.month.items():
            rows, traded, _ = self.owed(body)
            for _, _, kind, reference, *amounts in (row for row in rows if any(row[4:])):
                sums[kind, reference] = list(map(sum, zip(sums[kind, reference], amounts)))
            same = ("slot", "version", "source", "area", "import_wh", "export_wh")
            slots.append({"price_micros_per_kwh": self.price_of(body), "sold_wh": traded["sell"], "bought_wh": traded["buy"],
                          "gross_nanos": str(gross(body)), **{name: body[name] for name in same}})
        for at in self.header["corrections"]:
            new, old = (self.slots[at["slot"]][at[version]] for version in ("version", "original_version"))
            notes[at["original"]] += gross(new) - gross(old)
        sums |= {("debit_note" if net < 0 else "credit_note", number): [0, net, 0] for number, net in notes.items()}
        lines = sorted(sums.items(), key=lambda line: (KINDS.index(line[0][0]), (line[0][1] or "").encode()))
        lines.append((("total", None), [0, *(sum(amounts[place] for amounts in sums.values()) for place in (1, 2))]))
        stated = [*self.paper["lines"], self.paper["total"]]
        for line, ((kind, reference), (energy, net, tax)) in zip(stated, lines, strict=True):
            paid = -net if kind in ("bought", "bought_by_deal", "from_utility") else net
            due = {"kind": kind, "reference": reference, "energy_wh": energy or None, "net_nanos": str(net),
                   "tax_nanos": str(tax), "gross_nanos": str(net + tax), "cents": line["cents"],
                   "average_micros_per_kwh": half_even(paid, energy) if energy else None}
            demand(line == due, f"{line} is not {due}")
        demand(self.paper["slots"] == slots, "the rows of quarter hours are others")
        sources, read = [body["source"] for body in self.month.values()], self.registers()
        counts = {f"measured_by_{who}": sources.count(who) for who in WHO} | {"unmeasured": sources.count(None)}
        counts |= {"slots": (self.end - self.start) // QUARTER, "settled": len(sources)}
        demand(self.counts == counts, f"the counts are {counts}")
        border = lambda at, row, end: {"at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "import_wh": row[f"import_{end}_wh"],
                                       "export_wh": row[f"export_{end}_wh"]}
        meter = {"opening": border(*read[0], "start") if read else None,
                 "closing": border(read[-1][0] + QUARTER, read[-1][1], "end") if read else None}
        for name in ("import", "export"):
            meter[f"unread_{name}_wh"] = sum(after[f"{name}_start_wh"] - before[f"{name}_end_wh"]
                                             for (_, before), (_, after) in pairwise(read))
        demand(self.paper["meter"] == meter, f"the meter's part is {meter}")

    def rounding(self):
        exact = [int(line[name]) for line in self.paper["lines"] for name in ("net_nanos", "tax_nanos")]
        cents = [nanos // CENT for nanos in exact]
        missing = half_even(sum(exact), CENT) - sum(cents)
        for place in sorted(range(len(exact)), key=lambda place: -(exact[place] % CENT))[:missing]:
            cents[place] += 1
        due = [(net, tax, net + tax) for net, tax in zip(cents[::2], cents[1::2])]
        due.append(tuple(map(sum, zip((0, 0, 0), *due))))
        stated = [line["cents"] for line in [*self.paper["lines"], self.paper["total"]]]
        demand([(line["net"], line["tax"], line["gross"]) for line in stated] == due, f"the cents are {due}")

    def comparison(self):
        rows, month = list(self.month.values()), sum(map(gross, self.month.values()))
        alone = sum(body["export_wh"] * contract["feed_in_micros_per_kwh"] - body["import_wh"] * contract["retail_micros_per_kwh"]
                    for body in rows for contract in [self.contract(body["slot"])])
        due = {"utility_only_nanos": str(alone), "month_nanos": str(month), "gain_nanos": str(month - alone),
               "gain_cents": half_even(month - alone, CENT)}
        demand(self.paper["comparison"] == due, f"the comparison is {due}")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Verifies a monthly statement of Wattle.")
    parser.add_argument("file", type=argparse.FileType("rb"))
    parser.add_argument("--log-key", type=log_key, help="the log's key, from the invitation")
    parser.add_argument("--json", action="store_true", help="print the report on one line")
    arguments = parser.parse_args()
    if b"wattle/statement/v1" not in (raw := arguments.file.read()):
        parser.error("the file is not a statement")
    report = Verifier(raw, arguments.log_key).report()
    print(json.dumps(report, indent=None if arguments.json else 2))
    sys.exit(0 if report["ok"] else 1)
