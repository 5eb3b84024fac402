"""Verifies the evidence of a run by docs/evidence.md alone: takes the page, a folder that holds `.ai/logs`, and a run; says
what is wrong, one line each. It knows fields, types and words from the tables of the page, and does what the page lists under
"What a verifier checks", from 1 to 10, with 11 as far as starts and ends go, and 14. Exit 0: nothing is wrong. 1: something
is. 3: the journal is newer than the page.

    python3 verify.py docs/evidence.md FOLDER RUN [HEAD]
"""
import hashlib, json, re, stat, sys
from datetime import datetime
from pathlib import Path


class Wrong(Exception):
    """Something that the page forbids."""


class Newer(Exception):
    """Something that this page is too old for."""


def demand(holds, what):
    if not holds:
        raise Wrong(what)


class Page:
    """The tables of the page."""

    def __init__(self, text):
        self.shapes, self.words, self.types = {}, {}, set()
        table, owner = None, None
        for line in text.splitlines():
            if not line.startswith("|"):
                table = None
                continue
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            names = re.findall(r"`([^`]*)`", cells[0])
            if table is None:
                table = cells[0] + "/" + cells[1]
            elif set(cells[0]) == {"-"}:
                continue
            elif table in ("event/field", "object/field"):
                owner = names[0] if names else owner
                rows = self.shapes.setdefault(owner, [("", "", cells[3])] if table == "event/field" else [])
                rows += [(name, cells[2], cells[3]) for name in re.findall(r"`([^`]*)`", cells[1])]
            elif table == "field/type":
                self.shapes.setdefault("line", []).append((names[0], cells[1], cells[2]))
            elif table == "field/of" and names:
                for place in cells[1].replace("`", "").replace("commands", "command.started, command.ended").split(", "):
                    self.words[place, names[0]] = set(re.findall(r"`([^`]*)`", re.sub(r"\([^)]*\)", "", cells[2])))
            elif table == "type/in JSON":
                self.types.add(cells[0])

    def kinds(self):
        return {name for name, rows in self.shapes.items() if rows[0][0] == ""}


TOKEN = r"[A-Za-z0-9._/:@+-]{0,200}"
PATTERNS = {
    "token": TOKEN,
    "id": TOKEN,
    "commit": r"[0-9a-f]{40}|[0-9a-f]{64}",
    "ref": r"refs/[^\x00-\x20\x7f~^:?*\[\\]+",
    "digest": r"[0-9a-f]{64}",
    "text": r"(?s:.*)",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
}


class Fields:
    """Holds values against the tables, in one version."""

    def __init__(self, page, version):
        self.page, self.version = page, version

    def shape(self, name, value, before=()):
        """An object, whose first members were looked at already."""
        demand(isinstance(value, dict), f"{name} is no object")
        expected = [row for row in self.page.shapes[name] if row[0]]
        found = list(value)[len(before):]
        for field, kind, written in expected:
            versions, *more = written.split(", or ")
            there = bool(found) and found[0] == field
            if versions != "always" and versions != str(self.version):
                demand(not there, f"{name}: `{field}` is not of version {self.version}")
                continue
            demand(there or "absent" in more, f"{name}: no `{field}` where it belongs, but {found[:1]}")
            if there:
                found.pop(0)
                if value[field] is None:
                    demand("null" in more, f"{name}: `{field}` is null")
                else:
                    self.value(name, field, kind, value[field])
        demand(not found, f"{name}: {found} is too much")

    def value(self, owner, field, kind, value):
        what = f"{owner}: `{field}` is no {kind}: {value!r}"
        if kind.startswith("["):
            demand(isinstance(value, list), what)
            return [self.value(owner, field, kind[1:-1], each) for each in value]
        if kind == "key":
            kind = "id" if field == "step" else "number"
        if kind in PATTERNS:
            demand(isinstance(value, str) and re.fullmatch(PATTERNS[kind], value), what)
        elif kind == "number":
            demand(type(value) is int and (value >= 0 or field in ("exit_code", "signal")), what)
        elif kind == "bool":
            demand(type(value) is bool, what)
        elif kind == "range":
            demand([type(each) for each in value] == [int, int] and 0 <= value[0] <= value[1], what)
        elif kind == "commit or word":
            is_word = value in self.page.words[owner, field]
            demand(is_word or isinstance(value, str) and re.fullmatch(PATTERNS["commit"], value), what)
        elif kind == "word":
            demand(value in self.page.words[owner, field], what)
        elif kind == "document":
            demand(isinstance(value, dict), what)
        else:
            self.shape(kind, value)


def spelled(value):
    """The one spelling of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Run:
    """The evidence of one run."""

    def __init__(self, page, folder, name):
        self.page, self.folder, self.name = page, Path(folder), name
        logs = ".ai/logs/autopilot/"
        self.journal = f"{logs}status-{name}.log"
        self.log = f".ai/logs/codex/autopilot-{name}.log"
        self.summary, self.failed = f"{logs}summary-{name}.md", f"{logs}FAILED-{name}.log"
        self.bundle, self.list = f"{logs}salvage-{name}.bundle", f"{logs}not-salvaged-{name}.txt"
        self.made = f"{logs}checkpoints-{name}.bundle"
        self.provenance = f"{logs}provenance-{name}.json"

    def bytes(self, path):
        """1. A regular file, under no link."""
        place = self.folder
        for part in Path(path).parts:
            place = place / part
            demand(not place.is_symlink(), f"{path}: a link")
        demand(place.is_file(), f"{path}: no regular file")
        return place.read_bytes()

    def verify(self, head=None):
        self.read(self.bytes(self.journal))
        self.beginning()
        demand(head in (None, self.head()), f"the head is {self.head()}, not {head}")
        self.seal()
        self.attestation()
        self.parts()
        self.pairs()
        self.confinement()

    def read(self, data):
        """2 to 5."""
        demand(data.endswith(b"\n"), "no whole last line")
        self.lines, self.raw = [], data.split(b"\n")[:-1]
        version, previous = 1, "0" * 64
        for number, raw in enumerate(self.raw):
            try:
                line = json.loads(raw)
                self.place(line, number, version, previous)
                demand(spelled(line) == raw, "another spelling")
                demand(list(line) == [row[0] for row in self.page.shapes["line"]], "other members of a line")
                Fields(self.page, line["v"]).value("line", "ts", "time", line["ts"])
                datetime.fromisoformat(line["ts"].replace("Z", "+00:00"))
                Fields(self.page, line["v"]).shape(line["event"]["type"], line["event"], before=["type"])
            except (ValueError, KeyError, TypeError, Wrong) as wrong:
                raise Wrong(f"line {number + 1}: {wrong}") from None
            version, previous = line["v"], sha256(raw)
            self.lines.append(line)
        self.events = [line["event"] for line in self.lines]

    def place(self, line, number, version, previous):
        own, kind = line["v"], line["event"]["type"]
        demand(list(line["event"])[0] == "type", "an event without its type first")
        demand(type(own) is int and own >= 1, f"version {own}")
        if own > 2 or (own == 2 and kind not in self.page.kinds()):
            raise Newer(f"line {number + 1}: version {own}, `{kind}`")
        demand(own >= version, "back to an earlier version")
        demand(kind in self.page.kinds() and self.page.shapes[kind][0][2] in ("always", str(own)), f"an event `{kind}`")
        demand((line["seq"], line["prev"]) == (number, previous), "not behind the line before")

    def beginning(self):
        """6."""
        demand([event["type"] for event in self.events].count("run.started") == 1, "not one beginning")
        start = self.start = self.events[0]
        stamp, issue = self.name.split("-")
        demand(start["type"] == "run.started", "another beginning")
        named = (self.name, int(issue), f"autopilot/issue-{issue}-{stamp}")
        demand((start["run"], start["issue"], start["branch"]) == named, "another run")

    def head(self):
        """7."""
        last = len(self.events) - 1
        while self.events[last]["type"].startswith("publish."):
            last -= 1
        demand(self.events[last]["type"] == "attested", "no head")
        demand(self.events[last - 1]["type"] == "sealed", "a head without a seal")
        self.attested = last
        return f"{last}:{sha256(self.raw[last])}"

    def seal(self):
        """8."""
        self.sealed = {each["path"]: each for each in self.events[self.attested - 1]["files"]}
        demand(len(self.sealed) == len(self.events[self.attested - 1]["files"]), "sealed twice")
        own = [self.log, self.summary, self.failed, self.bundle, self.list, self.made]
        demand(list(self.sealed) == [path for path in own if path in self.sealed], "other files, or in another order")
        for path, seal in self.sealed.items():
            data = self.bytes(path)
            demand((sha256(data), len(data)) == (seal["sha256"], seal["size"]), f"{path}: not as sealed")
        demand(self.log in self.sealed and self.summary in self.sealed, "no log or no summary")
        went_on = [at for at, event in enumerate(self.events) if event["type"] == "resumed"]
        ends = [event["result"] for event in self.events[went_on[-1] if went_on else 0:] if event["type"] == "run.ended"]
        self.result = next((result for result in ends if result != "done"), ends[0] if ends else None)
        demand((self.failed in self.sealed) == (self.result != "done"), f"a failure report of a run that is {self.result}")
        known = set(self.sealed) | {self.journal, self.provenance}
        for path in (self.folder / ".ai/logs").rglob(f"*{self.name}*"):
            demand(str(path.relative_to(self.folder)) in known, f"{path.name}: not sealed")
        bundled = [event.get("bundled") for event in self.events if event["type"] == "branch.made"][-1:]
        demand(bundled != [True] or self.made in self.sealed, "the result's commits are not in a bundle")
        for bundle in {self.bundle, self.made} & set(self.sealed):
            mode = stat.S_IMODE((self.folder / bundle).stat().st_mode)
            demand(mode == 0o600, f"the bundle's mode is {mode:o}")

    def attestation(self):
        """9."""
        data = self.bytes(self.provenance)
        demand(sha256(data) == self.events[self.attested]["sha256"], "the provenance is not the attested one")
        so_far = b"".join(raw + b"\n" for raw in self.raw[: self.attested])
        subject = [self.subject(path, seal["sha256"], seal["size"]) for path, seal in self.sealed.items()]
        subject.append(self.subject(self.journal, sha256(so_far), len(so_far)))
        subject[-1]["annotations"]["upTo"] = "sealed"
        made = [event for event in self.events if event["type"] == "branch.made"][-1:]
        subject += [{"name": branch["reference"], "digest": {"gitCommit": branch["commit"]}} for branch in made]
        start = self.start
        commit = start.get("plan_commit")
        who = {
            "startedBy": start.get("started_by"),
            "labels": start.get("labels"),
            "planCommit": None if commit == "uncommitted" else commit,
        }
        # Statements from before it was said have nothing there.
        is_told = json.loads(data)["predicate"]["buildDefinition"]["internalParameters"] != {}
        expected = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "urn:autopilot:run:v1",
                    "externalParameters": {"issue": start["issue"], "plan": {"sha256": start["plan_sha256"]}},
                    "internalParameters": {key: value for key, value in who.items() if value and is_told},
                    "resolvedDependencies": [{"name": "base", "digest": {"gitCommit": start["commit"]}}],
                },
                "runDetails": {
                    "builder": {
                        "id": "urn:autopilot:runner",
                        "version": {"autopilot": start["autopilot"], "git": start["host"]["git"]},
                    },
                    "metadata": {
                        "invocationId": self.name,
                        "startedOn": self.lines[0]["ts"],
                        "finishedOn": self.lines[self.attested - 2]["ts"],
                    },
                },
            },
        }
        demand(json.loads(data) == expected, "the provenance says something else than the journal")
        demand(data == json.dumps(expected, ensure_ascii=False, indent=2).encode(), "the provenance is spelled otherwise")

    @staticmethod
    def subject(path, digest, size):
        return {"name": path, "digest": {"sha256": digest}, "annotations": {"size": size}}

    def parts(self):
        """10."""
        log, parts, begun, cut = self.bytes(self.log), [], {}, 0
        for event in self.events:
            kind, key = event["type"], (event.get("step"), event.get("attempt"))
            if kind in ("recovered", "resumed"):
                cut = len(parts)
            place = None
            if kind == "attempt.started" and "log" in event:
                begun[key] = event["log"]
                place = (key, event["log"], None)
            elif kind == "attempt.ended" and "log" in event:
                demand(event["log"] >= begun[key], "a part that ends before it begins")
                demand(event["log"] <= len(log), "a part behind the end of the log")
            elif kind == "log.appended":
                place = (key, event["from"], event["to"])
            if place:
                if len(parts) == cut:
                    parts = [part for part in parts if part[1] <= place[1]]
                    cut = -1
                demand(not parts or parts[-1][1] <= place[1], "parts out of their order")
                parts.append(place)
        taken_over = any(event["type"] in ("recovered", "resumed") for event in self.events)
        for (step, attempt), begin, end in parts:
            if taken_over and begin >= len(log):
                continue
            banner = f"── step {step}, attempt {attempt}/".encode()
            rest = log[begin:]
            if end is None and begin and log[begin - 1 : begin] != b"\n":
                rest = rest[1:] if rest.startswith(b"\n") else b""
            else:
                demand(begin == 0 or log[begin - 1 : begin] == b"\n", f"byte {begin} of the log begins no line")
            masked = rest.startswith("── ".encode()) and b"***" in rest.split(b"\n")[0]
            demand(rest.startswith(banner) or masked, f"no part of `{step}` at byte {begin} of the log")
            demand(end is None or end <= len(log) and log[end - 1 : end] == b"\n", f"no end of a part at byte {end} of the log")

    def pairs(self):
        """11, starts and ends."""
        open_now = {}
        for event in self.events:
            what, _, which = event["type"].rpartition(".")
            key = (what, event.get("step"), event.get("attempt"), event.get("role"), event.get("index"))
            if event["type"] in ("recovered", "resumed") or (event.get("reason") or {}).get("kind") == "internal":
                open_now.clear()
            elif what in ("attempt", "command", "reset") and which == "started":
                demand(what not in open_now, f"`{event['type']}` in another one")
                open_now[what] = key
            elif what in ("attempt", "command", "reset") and which in ("ended", "done"):
                lost = what == "attempt" and (event["reason"] or {}).get("kind") == "crash" or what not in open_now
                taken_over = any(each["type"] == "resumed" for each in self.events)
                demand(open_now.pop(what, None) == key or lost and taken_over, f"`{event['type']}` of what had not begun")
        demand(not open_now, f"without an end: {open_now}")

    def confinement(self):
        """14."""
        steps = {step["id"]: step for step in self.start["plan"]["steps"]}
        for event in self.events:
            if event["type"] != "command.ended":
                continue
            of, own = f"a command of `{event['step']}`", event["enforced"]
            demand(event["survivors"] == 0, f"{of}: survivors")
            if own is None:
                demand(event["exit_code"] is None and event["signal"] is None and event["output"] == 0, f"{of}: not confined")
                continue
            full = steps[event["step"]]["network"] == "full" and event["role"] == "action"
            demand(own["waived"] == [] and own["seccomp"] and own["no_new_privs"] and own["capabilities"] == 0, f"{of}: weak")
            demand(own["uid"] != 0 and own["gid"] != 0, f"{of}: root")
            wanted = {"mount", "pid", "ipc"} | (set() if full else {"net"})
            alone = own["namespaces"] == []
            demand(alone or wanted <= set(own["namespaces"]), f"{of}: namespaces")
            demand(own["landlock"] >= (6 if alone or full else 1), f"{of}: Landlock")


def main(page, folder, run, head=None):
    try:
        Run(Page(Path(page).read_text()), folder, run).verify(head)
    except Newer as newer:
        print(f"newer than this page: {newer}")
        return 3
    except Wrong as wrong:
        print(f"wrong: {wrong}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
