"""A community's rules: compiled once, matched against every request, explained and tried on the past for their authors.

Words of all rules meet a text together in a few RE2 sets, expressions one by one: an RE2 set that runs out of memory
finds nothing, so the sets carry a sentinel whose absence raises `FilterError`; a single expression then falls back to a
slower search that is still linear. Limits are those of Discord's AutoMod.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import re2

from bot.conduct import HARD, Action, Rule, Target, Texts
from bot.errors import Refused
from bot.model import Problem
from bot.moderation import near
from bot.moderation.harmless import PROMPTS
from bot.moderation.normalise import Forms, forms
from bot.moderation.patterns import (
    EXPRESSION,
    Expression,
    Word,
    parse_allow_list,
    parse_expression,
    parse_word,
    without,
)
from bot.moderation.sanctions import DAY, MAX_TIMEOUT

MAX_WORDS = 1000
MAX_EXPRESSIONS = 10
MAX_MESSAGE = 150
MAX_ALLOW = 100
MAX_EXEMPT_GROUPS = 20
MAX_EXEMPT_CHANNELS = 50
MIN_TIMEOUT = 60.0
CATCH_ALL_SHARE = 0.2  #: of harmless requests; a rule that meets more of the past starts as a dry run
MAX_ALLOW_LOOKS = 8  #: allow lists looked at for one text; past that a hit stands
SET_MEMORY = 64 << 20  #: bytes
_SENTINEL = "\x02\x03"  #: no derived form holds control characters


class FilterError(Exception):
    """The filter could not look at a text. What it did not look at is held."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where and by whom, as far as rules make exceptions."""

    channel: str = ""
    groups: tuple[str, ...] = ()
    age_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    rule: Rule
    patterns: tuple[str, ...]  #: as the author wrote them
    ways: tuple[str, ...]  #: of each: words, compact, joined, expression or near

    @property
    def near(self) -> bool:
        return "near" in self.ways

    @property
    def action(self) -> Action:
        """A near miss is for people to judge: it flags, whatever the rule says."""
        return min(self.rule.action, Action.FLAG) if self.near else self.rule.action


@dataclass(frozen=True, slots=True)
class _Net:
    """Many RE2 texts looked for at once."""

    patterns: re2.Set
    terms: tuple[int, ...]  #: of each RE2 text, which pattern it is of

    def find(self, lines: Iterable[str]) -> frozenset[int]:
        text = "\n".join(f" {line} " for line in lines)
        found = self.patterns.Match(text + _SENTINEL) or ()
        terms = {self.terms[index] for index in found}
        if -1 not in terms:
            raise FilterError("the word set ran out of memory")
        return frozenset(terms - {-1})


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: Rule
    groups: tuple[frozenset[int], ...]  #: the rule hits when each of them has a pattern that was found
    allow: Expression | None


@dataclass(frozen=True, slots=True)
class RuleSet:
    rules: tuple[_Compiled, ...]
    sources: tuple[str, ...]  #: the patterns as written, by number
    words: _Net
    foreign: _Net
    compact: _Net
    joined: _Net
    expressions: tuple[tuple[int, Expression], ...]
    near: near.Index
    by_term: Mapping[int, tuple[int, ...]]  #: pattern number to the rules that use it

    @property
    def version(self) -> str:
        """Equal for sets of the same rules in the same versions."""
        return ",".join(sorted(f"{each.rule.id}:{each.rule.version}" for each in self.rules))


def compile_rules(rules: Sequence[Rule], *, stored: bool = False) -> RuleSet:
    """Raises Refused with everything that is wrong with any of them. Can take half a second: not on an event loop.

    ``stored`` rules were accepted before: what counts as a catch-all may have changed since, and is not asked again.
    """
    if len({rule.tenant for rule in rules}) > 1:
        raise ValueError("a rule set holds one community's rules")
    problems = [*too_many(rules), *(problem for rule in rules for problem in _limits(rule))]
    if problems:
        raise Refused(*problems)
    parsed = {source: _parse(source) for rule in rules for source in _alternatives(rule)}
    problems = [each for each in parsed.values() if isinstance(each, Problem)]
    if problems:
        raise Refused(*problems)
    ruleset = _assemble(rules, {source: each for source, each in parsed.items() if not isinstance(each, Problem)})
    if not stored and (problems := list(_catch_alls(ruleset))):
        raise Refused(*problems)
    return ruleset


def flaws(rule: Rule) -> list[Problem]:
    """What is wrong with it alone."""
    parsed = map(_parse, _alternatives(rule))
    return [*_limits(rule), *(each for each in parsed if isinstance(each, Problem))]


@dataclass(frozen=True, slots=True)
class Looks:
    """A request's texts in every form that rules look at, made once for all rule sets."""

    prompts: tuple[Forms, ...]
    negatives: tuple[Forms, ...]


def looks(texts: Texts) -> Looks:
    return Looks(tuple(map(forms, texts.prompts)), tuple(map(forms, texts.negatives)))


def match(ruleset: RuleSet, request: Looks, scene: Scene) -> tuple[Hit, ...]:
    """The rules that meet the request, strictest first. Raises FilterError."""
    if not ruleset.rules:
        return ()
    look = _Look(ruleset, request.prompts, request.negatives)
    hits = [hit for hit in look.hits() if not _exempt(hit.rule, scene)]
    return tuple(sorted(hits, key=lambda hit: (-hit.action, hit.rule.id)))


class _Look:
    """One request's forms and what was found in them; allow lists make it look again."""

    def __init__(self, ruleset: RuleSet, prompts: Sequence[Forms], negatives: Sequence[Forms]) -> None:
        self._ruleset = ruleset
        self._texts = {Target.PROMPT: prompts, Target.NEGATIVE: negatives}
        self._found = self._search(self._texts)
        self._again: dict[tuple[str, ...], dict[Target, dict[int, str]]] = {}

    def hits(self) -> Iterator[Hit]:
        for number in sorted({rule for term in self._found[Target.BOTH] for rule in self._ruleset.by_term[term]}):
            compiled = self._ruleset.rules[number]
            hit = self._hit(compiled, self._found)
            if hit and compiled.allow and (found_again := self._without_allowed(compiled.rule, compiled.allow)):
                hit = self._hit(compiled, found_again)
            if hit:
                yield hit

    def _hit(self, compiled: _Compiled, found: Mapping[Target, Mapping[int, str]]) -> Hit | None:
        rule = compiled.rule
        seen = found[rule.target]
        terms = [_first(group, seen, near=not rule.all_of) for group in compiled.groups]
        if -1 in terms:
            return None
        return Hit(rule, tuple(self._ruleset.sources[term] for term in terms), tuple(seen[term] for term in terms))

    def _without_allowed(self, rule: Rule, allow: Expression) -> dict[Target, dict[int, str]] | None:
        if rule.allow not in self._again:
            if len(self._again) == MAX_ALLOW_LOOKS:
                return None
            self._again[rule.allow] = self._search(
                {
                    target: [forms(without(allow, text.text)) for text in texts]
                    for target, texts in self._texts.items()
                }
            )
        return self._again[rule.allow]

    def _search(self, texts: Mapping[Target, Sequence[Forms]]) -> dict[Target, dict[int, str]]:
        found = {target: _plainest(_find(self._ruleset, text) for text in each) for target, each in texts.items()}
        return {**found, Target.BOTH: _plainest(found.values())}


def _first(group: frozenset[int], seen: Mapping[int, str], *, near: bool) -> int:
    """The first pattern of the group that was found, near misses last or not at all; -1: none was."""
    met = sorted(group & seen.keys())
    exact = [term for term in met if seen[term] != "near"]
    return next(iter([*exact, *(met if near else ())]), -1)


def _plainest(found: Iterable[Mapping[int, str]]) -> dict[int, str]:
    """All of them together; a near miss gives way to any other find."""
    together: dict[int, str] = {}
    for each in found:
        for term, way in each.items():
            if together.get(term, "near") == "near":
                together[term] = way
    return together


def _find(ruleset: RuleSet, text: Forms) -> dict[int, str]:
    """Pattern number to the way in which it was found; the plainest way wins."""
    lines = tuple(dict.fromkeys((text.plain, *text.words)))
    found = dict.fromkeys(near.find(ruleset.near, lines), "near")
    if text.foreign:
        found |= dict.fromkeys(ruleset.foreign.find(text.foreign), "words")
    if text.joined:
        found |= dict.fromkeys(ruleset.joined.find(text.joined), "joined")
    if text.compact:
        found |= dict.fromkeys(ruleset.compact.find(text.compact), "compact")
    spellings = tuple(dict.fromkeys(each.encode("utf-8", "replace") for each in (text.text, text.skeleton, *lines)))
    for term, expression in ruleset.expressions:
        if any(expression.search(spelling) is not None for spelling in spellings):
            found[term] = "expression"
    return found | dict.fromkeys(ruleset.words.find(lines), "words")


def _exempt(rule: Rule, scene: Scene) -> bool:
    if rule.category == HARD:
        return False
    return (
        scene.channel in rule.exempt_channels
        or not set(rule.exempt_groups).isdisjoint(scene.groups)
        or (rule.age_restricted_exempt and scene.age_restricted)
    )


def _parse(source: str) -> Word | Expression | Problem:
    if source.startswith(EXPRESSION):
        return parse_expression(source.removeprefix(EXPRESSION))
    return parse_word(source)


def _groups(rule: Rule) -> list[list[str]]:
    """Each of the groups needs one of its patterns to be found."""
    if not rule.all_of:
        return [list(rule.patterns)]
    return [[source] if source.startswith(EXPRESSION) else source.split("|") for source in rule.patterns]


def _alternatives(rule: Rule) -> list[str]:
    return [source for group in _groups(rule) for source in group]


def too_many(rules: Sequence[Rule]) -> Iterator[Problem]:
    sources = [source for rule in rules for source in _alternatives(rule)]
    expressions = sum(source.startswith(EXPRESSION) for source in sources)
    if expressions > MAX_EXPRESSIONS:
        yield Problem("rule_too_many_expressions", {"limit": MAX_EXPRESSIONS})
    if len(sources) - expressions > MAX_WORDS:
        yield Problem("rule_too_many_words", {"limit": MAX_WORDS})


def _limits(rule: Rule) -> Iterator[Problem]:
    if not rule.patterns:
        yield Problem("rule_empty", {"pattern": ""})
    if rule.action is Action.ALLOW:
        yield Problem("rule_without_action")
    if len(rule.message) > MAX_MESSAGE:
        yield Problem("rule_message_too_long", {"limit": MAX_MESSAGE})
    if len(rule.allow) > MAX_ALLOW:
        yield Problem("rule_too_many_allowed", {"limit": MAX_ALLOW})
    if len(rule.exempt_groups) > MAX_EXEMPT_GROUPS or len(rule.exempt_channels) > MAX_EXEMPT_CHANNELS:
        yield Problem("rule_too_many_exempt", {"groups": MAX_EXEMPT_GROUPS, "channels": MAX_EXEMPT_CHANNELS})
    if rule.timeout_seconds != 0 and not MIN_TIMEOUT <= rule.timeout_seconds <= MAX_TIMEOUT:
        yield Problem("rule_timeout_out_of_range", {"low": 1, "high": int(MAX_TIMEOUT / DAY)})


def _assemble(rules: Sequence[Rule], parsed: Mapping[str, Word | Expression]) -> RuleSet:
    numbers = {source: number for number, source in enumerate(parsed)}
    found_words = {numbers[source]: each for source, each in parsed.items() if isinstance(each, Word)}
    compiled = tuple(
        _Compiled(
            rule,
            tuple(frozenset(numbers[source] for source in group) for group in _groups(rule)),
            parse_allow_list(rule.allow),
        )
        for rule in rules
    )
    by_term: dict[int, list[int]] = defaultdict(list)
    for number, each in enumerate(compiled):
        for term in frozenset[int]().union(*each.groups):
            by_term[term].append(number)
    return RuleSet(
        rules=compiled,
        sources=tuple(parsed),
        words=_net({number: word.words for number, word in found_words.items()}),
        foreign=_net({number: word.foreign for number, word in found_words.items()}),
        compact=_net({number: word.compact for number, word in found_words.items()}),
        joined=_net({number: word.joined for number, word in found_words.items()}),
        expressions=tuple((numbers[source], each) for source, each in parsed.items() if not isinstance(each, Word)),
        near=near.index({number: word.core for number, word in found_words.items()}),
        by_term={term: tuple(users) for term, users in by_term.items()},
    )


def _net(patterns: Mapping[int, tuple[str, ...]]) -> _Net:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = SET_MEMORY
    net = re2.Set.SearchSet(options)
    net.Add(_SENTINEL)
    terms = [-1]
    for term, texts in patterns.items():
        for text in texts:
            net.Add(text)
            terms.append(term)
    try:
        net.Compile()
    except re2.error as error:
        raise Refused(Problem("rules_too_large")) from error
    return _Net(net, tuple(terms))


@cache
def _harmless() -> tuple[Forms, ...]:
    return tuple(map(forms, PROMPTS))


def _catch_alls(ruleset: RuleSet) -> Iterator[Problem]:
    """Rules that meet more than a fifth of what harmless requests look like."""
    counts: dict[str, int] = defaultdict(int)
    by_id = {compiled.rule.id: compiled.rule for compiled in ruleset.rules}
    for text in _harmless():
        for hit in _Look(ruleset, [text], [text]).hits():
            counts[hit.rule.id] += 1
    for rule_id, count in counts.items():
        if count > CATCH_ALL_SHARE * len(PROMPTS):
            yield Problem("rule_catch_all", {"pattern": ", ".join(by_id[rule_id].patterns)[:100]})
