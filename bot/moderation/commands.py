"""``/imagine-mod …`` as typed, to what it asks for. Pure: one reader for every platform."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.conduct import Action, Mode, Rule, Target
from bot.errors import Refused
from bot.model import Problem

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
LONGEST = 4000  #: characters
ACTIONS = {action.name.lower(): action for action in Action if action is not Action.ALLOW}
COLUMNS = (
    "id", "action", "patterns", "allow", "exempt", "target", "category", "message", "timeout", "all_of", "dry_run",
    "spoiler",
)  # fmt: skip
"""Of a rule in a CSV, and what forms and options name its parts."""
YES = frozenset({"1", "true", "yes", "x"})
AGE_RESTRICTED = "age-restricted"  #: among the exempt: every such channel
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
_FLAGS = {"all": "all_of", "dry-run": "dry_run", "spoiler": "spoiler"}
_CHANNEL = re.compile(r"<#(\w{1,32})(?:\|[^>]*)?>|(\w{1,32})")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_USER_GROUP = re.compile(r"<!subteam\^(\w{1,32})(?:\|[^>]*)?>")
_GROUP = re.compile(r"discord:role:\d{1,20}|slack:group:\w{1,32}")


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
    if where.strip() not in {"", "here"}:
        raise _no_mode()
    return Command("mode", mode=mode_named(name), here=bool(where.strip()))


def mode_named(name: str) -> Mode | None:
    """None: as imagine.toml says. Raises Refused."""
    if name not in {*Mode, "default"}:
        raise _no_mode()
    return None if name == "default" else Mode(name)


def _no_mode() -> Refused:
    return Refused(Problem("mod_modes", {"modes": ", ".join([*Mode, "default"])}))


def read_rule(text: str) -> Rule:
    """``ACTION PATTERN, PATTERN … --message … --allow … --exempt … --target … --category … --timeout 1h --id … --all
    --dry-run --spoiler``; an expression (``re:…``) is one pattern, commas and all. Raises Refused.
    """
    action, _, rest = text.strip().partition(" ")
    parts = _OPTION.split(f" {rest}")
    said = {"action": action, "patterns": parts[0]}
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        if name not in _FLAGS and (name not in COLUMNS or name in {"action", "patterns"} or "_" in name):
            raise Refused(Problem("rule_option_unknown", {"option": name}))
        said[_FLAGS.get(name, name)] = "yes" if name in _FLAGS else value
    return rule_from(said)


def action_named(name: str) -> Action:
    """Raises Refused."""
    action = ACTIONS.get(name.strip().lower())
    if action is None:
        raise Refused(Problem("rule_without_action"))
    return action


def split_patterns(text: str) -> tuple[str, ...]:
    """Lines, and commas between words; a line that begins with ``re:`` is one expression."""
    found: list[str] = []
    for line in text.strip().splitlines():
        if line.strip().startswith("re:"):
            found.append(line.strip())
        else:
            found += [each for part in line.split(",") if (each := part.strip().strip('"“”').strip())]
    return tuple(dict.fromkeys(found))


def rule_from(said: Mapping[str, str], split: Callable[[str], tuple[str, ...]] = split_patterns) -> Rule:
    """``said`` by COLUMNS, whoever said it; ``split`` parts patterns. Raises Refused with what is wrong."""
    words = {name: said.get(name, "").strip() for name in COLUMNS}
    action, target = action_named(words["action"]), words["target"] or Target.BOTH.value
    seconds = duration(words["timeout"]) if words["timeout"] else 0.0
    if target not in set(Target):
        raise Refused(Problem("rule_target", {"targets": ", ".join(Target)}))
    if seconds is None:
        raise Refused(Problem("mod_needs_duration"))
    rule = Rule(
        id=rule_id(words["id"]),
        tenant="",
        patterns=split(words["patterns"]),
        action=action,
        all_of=words["all_of"].lower() in YES,
        allow=split(words["allow"]),
        target=Target(target),
        category=words["category"][:40],
        message=words["message"],
        timeout_seconds=seconds,
        spoiler=words["spoiler"].lower() in YES,
        dry_run=words["dry_run"].lower() in YES,
    )
    return _exempting(rule, words["exempt"])


def _exempting(rule: Rule, text: str) -> Rule:
    """Channels and groups as mentions or by their ids and keys, between commas or blanks."""
    for word in re.split(r"[,\s]+", text):
        if word == AGE_RESTRICTED:
            rule = replace(rule, age_restricted_exempt=True)
        elif group := _group(word):
            rule = replace(rule, exempt_groups=tuple(dict.fromkeys((*rule.exempt_groups, group))))
        elif channel := _CHANNEL.fullmatch(word):
            named = channel[1] or channel[2]
            rule = replace(rule, exempt_channels=tuple(dict.fromkeys((*rule.exempt_channels, named))))
        elif word:
            raise Refused(Problem("rule_exempt", {"word": word[:60]}))
    return rule


def _group(word: str) -> str:
    if role := _ROLE.fullmatch(word):
        return f"discord:role:{role[1]}"
    if group := _USER_GROUP.fullmatch(word):
        return f"slack:group:{group[1]}"
    return word if _GROUP.fullmatch(word) else ""


def exempt(rule: Rule) -> str:
    """What `rule_from` reads back."""
    everywhere = (AGE_RESTRICTED,) if rule.age_restricted_exempt else ()
    return ", ".join((*rule.exempt_channels, *rule.exempt_groups, *everywhere))


def rule_id(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", text):
        raise Refused(Problem("rule_id_shape"))
    return text
