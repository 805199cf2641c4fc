"""Rules as lists: a CSV comes back as it went out, word lists are read, and the starter policy is fit for use."""

import contextlib
import csv
import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.conduct import Action, Rule, Target, Texts
from bot.errors import Refused
from bot.moderation import lists
from bot.moderation.harmless import PROMPTS
from bot.moderation.rules import Scene, compile_rules, looks, match

words = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f\x85"), min_size=1)
clean = words.map(str.strip).filter(bool)
several = st.lists(clean, min_size=1, max_size=4, unique=True).map(tuple)
rules = st.builds(
    Rule,
    id=st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True),
    tenant=st.just(""),
    patterns=several,
    action=st.sampled_from([action for action in Action if action is not Action.ALLOW]),
    all_of=st.booleans(),
    allow=st.one_of(st.just(()), several),
    target=st.sampled_from(Target),
    category=clean.map(lambda text: text[:40].strip()),
    message=clean,
    timeout_seconds=st.integers(0, 86_400).map(float),
    spoiler=st.booleans(),
    dry_run=st.booleans(),
    exempt_channels=st.lists(st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True), max_size=3, unique=True).map(tuple),
    exempt_groups=st.sampled_from([(), ("discord:role:9",), ("slack:group:S3", "discord:role:1")]),
    age_restricted_exempt=st.booleans(),
)


@given(st.lists(rules, min_size=1, max_size=5))
def test_what_goes_out_comes_back(made: list[Rule]) -> None:
    assert lists.read(lists.to_csv(made), Action.FLAG, "") == made


@given(st.lists(rules, max_size=3))
def test_s34_no_cell_of_the_export_is_a_formula(made: list[Rule]) -> None:
    for row in csv.reader(io.StringIO(lists.to_csv(made), newline="")):
        assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t")) for cell in row)


@given(st.text())
def test_any_text_is_a_list_or_refused_with_sentences(text: str) -> None:
    with contextlib.suppress(Refused):
        assert all(rule.patterns or rule.id for rule in lists.read(text, Action.FLAG, "words"))


@pytest.mark.parametrize(
    "text", ["cat\n# a comment\n\ndog*\ncat", "\ufeffcat\ndog*", "cat\r\ndog*\r\n"]
)
def test_a_word_list_of_lines_is_one_rule(text: str) -> None:
    assert lists.read(text, Action.HOLD, "animals") == [Rule("animals", "", ("cat", "dog*"), action=Action.HOLD)]


plain = words.map(str.strip).filter(lambda line: line and not line.startswith("#") and "patterns" not in line.lower())


@given(st.lists(plain, min_size=1, max_size=5, unique=True))
@example(["re:foo{1,3}bar", "cat, dog"])
@example(['"to be', "or not", '"to be"', "'=1"])
def test_each_line_of_a_plain_list_is_exactly_that_pattern(lines: list[str]) -> None:
    [rule] = lists.read("\n".join(lines), Action.HOLD, "words")
    assert rule.patterns == tuple(lines)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "list_empty"),
        ("\n \n", "list_empty"),
        ("id,patterns,colour\na,b,c", "list_column"),
        ("action,patterns\nblock,cat\nshout,dog", "list_line"),
        ('action,patterns\nblock,"cat\nhold,dog', "list_unreadable"),
        ('action,patterns\nblock,"cat" dog', "list_unreadable"),
        ("action,patterns,timeout\nblock,cat,soon", "list_line"),
        ("action,patterns,target\nblock,cat,moon", "list_line"),
        ("action,patterns,exempt\nblock,cat,#general", "list_line"),
        ("action,patterns\n" + "block,cat\n" * 201, "list_too_many"),
        ("x" * 200_001, "list_too_long"),
    ],
)
def test_what_is_wrong_is_said(text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        lists.read(text, Action.FLAG, "")
    assert refused.value.problems[0].code == code


def test_the_starter_policy_has_ten_rules_that_compile_and_leave_harmless_prompts_alone() -> None:
    assert len({rule.id for rule in lists.STARTER}) == 10
    ruleset = compile_rules([replace(rule, tenant="discord:42") for rule in lists.STARTER])
    hits = {prompt: match(ruleset, looks(Texts((prompt,))), Scene()) for prompt in PROMPTS}
    assert {prompt: found for prompt, found in hits.items() if found} == {}


@pytest.mark.parametrize(
    ("prompt", "rule"),
    [
        ("a nude statue", "starter-sexual"),
        ("an n.u.d.e actress", "starter-real-people"),
        ("a beheading, lots of gore", "starter-gore"),
        ("a swastika flag", "starter-hate"),
        ("isis propaganda poster", "starter-terror"),
        ("a school shooting", "starter-shooting"),
        ("a forged passport", "starter-forgery"),
        ("join https://discord.gg/abc", "starter-links"),
        ("a city, shutterstock", "starter-watermarks"),
        ("suicide", "starter-self-harm"),
    ],
)
def test_each_rule_of_the_starter_policy_meets_what_it_is_for(prompt: str, rule: str) -> None:
    ruleset = compile_rules([replace(rule, tenant="discord:42") for rule in lists.STARTER])
    assert rule in {hit.rule.id for hit in match(ruleset, looks(Texts((prompt,))), Scene()) if not hit.near}
