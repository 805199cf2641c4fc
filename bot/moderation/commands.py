"""``/imagine-mod …`` as typed, to what it asks for. Pure: one reader for every platform."""

import re
from dataclasses import dataclass, field

from bot.conduct import Action, Mode, Rule, Target
from bot.errors import Refused
from bot.model import Problem

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
LONGEST = 4000  #: characters
WITH_USER = frozenset({"ban", "timeout", "warn", "lift", "mute", "unmute", "record"})
WITH_ITEM = frozenset({"claim", "approve", "reject", "banish", "edit", "show"})
ALONE = frozenset({"queue", "rules", "starter", "resume", "help"})
WITH_TEXT = frozenset({"test", "pause", "audit", "people"})
VERBS = tuple(sorted(WITH_USER | WITH_ITEM | ALONE | WITH_TEXT | {"rule", "simulate", "mode", "style", "defaults"}))

_HEAD = re.compile(r"\s*/?imagine-mod\b", re.IGNORECASE)
_MENTION = re.compile(r"<@!?(\w+)(?:\|[^>]*)?>")
_ID = re.compile(r"[\w.-]{1,64}")
_KEY = re.compile(r"[a-z]+:[a-z]+:[\w.@-]{1,64}")
_DURATION = re.compile(r"(\d{1,6})([smhdw])")
_OPTION = re.compile(r"(?:^|\s)(?:--|—)([a-z-]+)(?=\s|=|$)[=\s]?")


@dataclass(frozen=True, slots=True)
class Command:
    verb: str
    user: str = ""  #: a person's key
    item: str = ""  #: an item's id, or how it begins
    seconds: float = 0.0
    text: str = ""
    rule: Rule | None = None
    mode: Mode | None = None
    here: bool = False  #: this channel only


def read(text: str, platform: str) -> Command:
    """Raises Refused with what is wrong."""
    words = _HEAD.sub("", text[:LONGEST], count=1).strip()
    verb, _, rest = words.partition(" ")
    verb, rest = verb.lower(), rest.strip()
    if verb == "rule":
        verb, rest = _rule_verb(rest)
    if verb in {"", *ALONE}:
        return Command(verb or "help")
    if verb in WITH_USER:
        return _with_user(verb, rest, platform)
    if verb in WITH_ITEM:
        item, _, more = rest.partition(" ")
        return Command(verb, item=_named(item, "mod_needs_item"), text=more.strip())
    return _of_the_community(verb, rest)


def _of_the_community(verb: str, rest: str) -> Command:
    if verb in WITH_TEXT:
        return Command(verb, text=rest)
    if verb in {"add", "simulate"}:
        return Command(verb, rule=read_rule(rest))
    if verb == "remove":
        return Command(verb, text=_named(rest, "mod_needs_rule"))
    if verb in {"style", "defaults"}:
        return Command(verb, text=_said(rest, "mod_needs_defaults"))
    if verb == "mode":
        return _mode(rest)
    raise Refused(Problem("mod_unknown", {"verb": verb[:40], "verbs": ", ".join(VERBS)}))


def _rule_verb(rest: str) -> tuple[str, str]:
    verb, _, more = rest.partition(" ")
    known = {"add": "add", "remove": "remove", "list": "rules", "starter": "starter", "test": "test"}
    known |= {"simulate": "simulate", "": "rules"}
    if verb.lower() not in known:
        raise Refused(Problem("mod_unknown", {"verb": f"rule {verb[:40]}", "verbs": ", ".join(filter(None, known))}))
    return known[verb.lower()], more.strip()


def _with_user(verb: str, rest: str, platform: str) -> Command:
    who, _, more = rest.partition(" ")
    user, more = person_key(who, platform), more.strip()
    seconds = 0.0
    if verb in {"ban", "timeout"}:
        first, _, after = more.partition(" ")
        if (found := duration(first)) is not None:
            seconds, more = found, after.strip()
        elif verb == "timeout":
            raise Refused(Problem("mod_needs_duration"))
    return Command(verb, user=user, seconds=seconds, text=more)


def person_key(who: str, platform: str) -> str:
    """From a mention, a bare id or a key. Raises Refused."""
    mention = _MENTION.fullmatch(who)
    if mention:
        return f"{platform}:user:{mention[1]}"
    if _KEY.fullmatch(who):
        return who
    if _ID.fullmatch(who):
        return f"{platform}:user:{who}"
    raise Refused(Problem("mod_needs_user"))


def duration(text: str) -> float | None:
    """Seconds in ``10m``, ``1h``, ``7d``; None where it is no duration."""
    found = _DURATION.fullmatch(text.lower())
    return int(found[1]) * UNITS[found[2]] if found and text.isascii() else None


def lasting(seconds: float) -> str:
    """What `duration` reads back; "" for no time at all."""
    whole = int(seconds)
    for unit in "dhm":
        size = int(UNITS[unit])
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s" if whole else ""


def _named(text: str, code: str) -> str:
    if not _ID.fullmatch(text):
        raise Refused(Problem(code))
    return text


def _said(text: str, code: str) -> str:
    if not text:
        raise Refused(Problem(code))
    return text


def _mode(rest: str) -> Command:
    name, _, where = rest.lower().partition(" ")
    modes = {mode.value: mode for mode in Mode}
    if name not in {*modes, "default"} or where.strip() not in {"", "here"}:
        raise Refused(Problem("mod_modes", {"modes": ", ".join([*modes, "default"])}))
    return Command("mode", mode=modes.get(name), here=bool(where.strip()))


@dataclass
class _Options:
    values: dict[str, str] = field(default_factory=dict)

    def take(self, name: str) -> str:
        return self.values.pop(name, "").strip()

    def flag(self, name: str) -> bool:
        return self.values.pop(name, None) is not None


def read_rule(text: str) -> Rule:
    """``ACTION PATTERN, PATTERN … --message … --allow … --target … --category … --timeout 1h --id … --all --dry-run
    --spoiler``; an expression (``re:…``) is one pattern, commas and all. Raises Refused.
    """
    action_name, _, rest = text.strip().partition(" ")
    actions = {action.name.lower(): action for action in Action if action is not Action.ALLOW}
    if action_name.lower() not in actions:
        raise Refused(Problem("rule_without_action"))
    parts = _OPTION.split(f" {rest}")
    options = _Options(dict(zip(parts[1::2], parts[2::2], strict=True)))
    rule = rule_of(parts[0], actions[action_name.lower()], options)
    if options.values:
        raise Refused(Problem("rule_option_unknown", {"option": next(iter(options.values))}))
    return rule


def rule_of(patterns: str, action: Action, options: _Options) -> Rule:
    seconds = options.take("timeout")
    lasting = duration(seconds) if seconds else 0.0
    target = options.take("target") or Target.BOTH.value
    if lasting is None:
        raise Refused(Problem("mod_needs_duration"))
    if target not in set(Target):
        raise Refused(Problem("rule_target", {"targets": ", ".join(Target)}))
    return Rule(
        id=rule_id(options.take("id")),
        tenant="",
        patterns=split_patterns(patterns),
        action=action,
        all_of=options.flag("all"),
        allow=split_patterns(options.take("allow")),
        target=Target(target),
        category=options.take("category")[:40],
        message=options.take("message"),
        timeout_seconds=lasting,
        spoiler=options.flag("spoiler"),
        dry_run=options.flag("dry-run"),
    )


def rule_id(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", text):
        raise Refused(Problem("rule_id_shape"))
    return text


def split_patterns(text: str) -> tuple[str, ...]:
    """Lines, and commas between words; a line that begins with ``re:`` is one expression."""
    found: list[str] = []
    for line in text.strip().splitlines():
        if line.strip().startswith("re:"):
            found.append(line.strip())
        else:
            found += [each for part in line.split(",") if (each := part.strip().strip('"“”').strip())]
    return tuple(dict.fromkeys(found))
