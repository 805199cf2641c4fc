"""Verdicts: strictest wins in any order, modes, standing, trust, approval, and a filter that fails closed."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.moderation
from bot.conduct import FOREVER, HARD, Action, Mode, Point, Policy, Rule, Standing, Texts
from bot.model import Person, Place
from bot.moderation import verdicts as verdicts_module
from bot.moderation.normalise import TABLES
from bot.moderation.rules import FilterError, RuleSet, Scene, compile_rules
from bot.moderation.verdicts import ALLOWED, Reason, Verdict, fold, judge, picture_verdict
from bot.replies import ENGLISH, problem

ANN = Person("discord:user:1", "Ann", ("discord:role:1",))
MOD = Person("discord:user:9", "Mod", ("discord:role:9",))
PLACE = Place("discord:42", "7")
POLICY = Policy("discord:42", moderators=frozenset({"discord:role:9"}))
FOX = Rule("r1", "discord:42", ("fox",), message="No foxes", version=4)

REASONS = st.builds(
    Reason,
    action=st.sampled_from(Action),
    code=st.sampled_from(["a", "b"]),
    category=st.sampled_from(["", "x", HARD]),
    dry_run=st.booleans(),
)
VERDICTS = st.frozensets(REASONS, max_size=4).map(Verdict)


def judged(prompt: str = "a hen", *, rules: list[Rule] | None = None, **changes: Any) -> Verdict:
    asked: dict[str, Any] = {
        "person": ANN,
        "place": PLACE,
        "policy": POLICY,
        "standing": Standing(approved=9),
        "ruleset": compile_rules(rules or []),
        "point": Point.SUBMIT,
        "now": 100.0,
    } | changes
    person, place = asked.pop("person"), asked.pop("place")
    return judge(Texts((prompt,)), person, place, **asked)


@given(VERDICTS, VERDICTS, VERDICTS)
def test_verdicts_form_a_join_semilattice(one_: Verdict, two: Verdict, three: Verdict) -> None:
    assert one_ | two == two | one_
    assert (one_ | two) | three == one_ | (two | three)
    assert one_ | one_ == one_
    assert one_ | ALLOWED == one_


@given(st.lists(VERDICTS, max_size=5))
def test_the_strictest_action_wins_and_a_dry_run_never_acts(each: list[Verdict]) -> None:
    acting = [reason.action for verdict in each for reason in verdict.reasons if not reason.dry_run]
    assert fold(each).action == max(acting, default=Action.ALLOW)


def test_actions_go_from_allow_to_block_with_time_out() -> None:
    assert list(Action) == [Action.ALLOW, Action.FLAG, Action.HOLD, Action.BLOCK, Action.TIMEOUT]


def test_a_verdict_names_the_rule_its_version_and_the_tables() -> None:
    verdict = judged("a fox", rules=[FOX])
    (reason,) = verdict.decisive
    assert (verdict.action, reason.rule, reason.version, reason.message) == (Action.BLOCK, "r1", 4, "No foxes")
    assert verdict.tables == TABLES


def test_style_texts_and_negative_prompts_are_judged_too() -> None:
    texts = Texts(("a hen", "a hen with a fox, film noir"), ("blur",))
    verdict = judge(
        texts, ANN, PLACE, policy=POLICY, standing=Standing(), ruleset=compile_rules([FOX]), point=Point.SUBMIT, now=0
    )
    assert verdict.action is Action.BLOCK


@pytest.mark.parametrize(
    ("mode", "person", "approved", "action"),
    [
        (Mode.OPEN, ANN, 0, Action.ALLOW),
        (Mode.NEW_MEMBERS, ANN, 2, Action.HOLD),
        (Mode.NEW_MEMBERS, ANN, 3, Action.ALLOW),
        (Mode.NEW_MEMBERS, MOD, 0, Action.ALLOW),
        (Mode.REVIEW_ALL, ANN, 9, Action.HOLD),
        (Mode.REVIEW_ALL, MOD, 9, Action.HOLD),
        (Mode.CLOSED, ANN, 9, Action.BLOCK),
        (Mode.CLOSED, MOD, 0, Action.ALLOW),
    ],
)
def test_modes_decide_who_waits_and_who_is_refused(mode: Mode, person: Person, approved: int, action: Action) -> None:
    for policy in (replace(POLICY, mode=mode), replace(POLICY, channel_modes={"7": mode})):
        assert judged(person=person, policy=policy, standing=Standing(approved)).action is action


def test_s26_a_moderators_role_counts_neither_in_direct_messages_nor_elsewhere() -> None:
    closed = replace(POLICY, mode=Mode.CLOSED)
    for place in (Place("discord:42", "7", private=True), Place("discord:43", "7")):
        assert judged(person=MOD, place=place, policy=closed).action is Action.BLOCK


def test_a_channels_own_mode_wins_over_the_communitys() -> None:
    policy = replace(POLICY, mode=Mode.CLOSED, channel_modes={"7": Mode.OPEN})
    assert judged(policy=policy).action is Action.ALLOW


@pytest.mark.parametrize(
    ("standing", "code"),
    [
        (Standing(banned_until=FOREVER, reason="spam"), "blocked_banned"),
        (Standing(banned_until=200.0), "blocked_banned_until"),
        (Standing(timeout_until=200.0), "blocked_timed_out"),
    ],
)
def test_f77_a_sanction_in_force_blocks_at_every_point(standing: Standing, code: str) -> None:
    for point in Point:
        assert [reason.code for reason in judged(standing=standing, point=point).decisive] == [code]


def test_i8_a_sanction_that_has_ended_blocks_nothing() -> None:
    assert judged(standing=Standing(timeout_until=100.0, banned_until=99.0)).action is Action.ALLOW


def test_f76_the_rules_of_the_moment_decide_at_spend_and_delivery() -> None:
    for point in Point:
        assert judged("a fox", rules=[FOX], point=point).action is Action.BLOCK
        assert judged("a fox", rules=[], point=point).action is Action.ALLOW


def test_a_rule_added_after_the_request_blocks_and_does_not_punish() -> None:
    rules = [replace(FOX, action=Action.TIMEOUT, timeout_seconds=600.0)]
    assert judged("a fox", rules=rules).timeout_seconds == 600.0
    late = judged("a fox", rules=rules, point=Point.SPEND)
    assert (late.action, late.timeout_seconds) == (Action.BLOCK, 0.0)


def test_an_approval_lifts_the_holds_it_saw_and_no_later_ones() -> None:
    held = [replace(FOX, action=Action.HOLD)]
    verdict = judged("a fox", rules=held)
    approved = frozenset(reason.key for reason in verdict.reasons)
    assert judged("a fox", rules=held, approved=approved).action is Action.ALLOW
    assert judged("a fox", rules=[replace(held[0], version=5)], approved=approved).action is Action.HOLD
    assert judged("a fox", rules=[FOX], approved=approved).action is Action.BLOCK


def test_trust_lifts_holds_of_its_categories_only() -> None:
    policy = replace(POLICY, trusted_groups={"discord:role:1": frozenset({"animals", HARD, Mode.REVIEW_ALL})})
    held = replace(FOX, action=Action.HOLD, category="animals")
    assert judged("a fox", rules=[held], policy=policy).action is Action.ALLOW
    assert judged("a fox", rules=[replace(held, category="")], policy=policy).action is Action.HOLD
    assert judged("a fox", rules=[replace(held, category=HARD)], policy=policy).action is Action.HOLD
    assert judged("a fox", rules=[replace(held, action=Action.BLOCK)], policy=policy).action is Action.BLOCK
    assert judged(policy=replace(policy, mode=Mode.REVIEW_ALL)).action is Action.ALLOW


def test_the_hard_category_blocks_everywhere_for_everybody_and_hides_its_preview() -> None:
    policy = replace(POLICY, mode=Mode.OPEN, trusted_groups={"discord:role:9": frozenset({HARD})})
    for ruleset in (compile_rules([]), None):
        verdict = judged("naked schoolgirl", person=MOD, policy=policy, ruleset=ruleset)
        assert (verdict.action, verdict.hidden, verdict.category) == (Action.BLOCK, True, HARD)


def test_a_dry_run_is_reported_and_does_nothing_except_for_the_hard_category() -> None:
    verdict = judged("a fox", rules=[replace(FOX, dry_run=True, spoiler=True)])
    assert (verdict.action, verdict.spoiler, len(verdict.reasons)) == (Action.ALLOW, False, 1)
    assert judged("a fox", rules=[replace(FOX, dry_run=True, category=HARD)]).action is Action.BLOCK


def test_a_flag_with_a_spoiler_posts_behind_it() -> None:
    verdict = judged("a fox", rules=[replace(FOX, action=Action.FLAG, spoiler=True)])
    assert (verdict.action, verdict.spoiler) == (Action.FLAG, True)


def test_f79_rules_that_cannot_be_compiled_hold_everything() -> None:
    verdict = judged(ruleset=None)
    assert [(reason.action, reason.code) for reason in verdict.decisive] == [(Action.HOLD, "held_filter_failed")]
    assert judged(ruleset=None, policy=replace(POLICY, mode=Mode.CLOSED)).action is Action.BLOCK


@pytest.mark.parametrize("failure", [FilterError("memory"), MemoryError(), RuntimeError("bug")])
def test_f79_a_filter_that_crashes_holds_the_request(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_ruleset: RuleSet, _texts: Texts, _scene: Scene) -> None:
        raise failure

    monkeypatch.setattr(verdicts_module, "match", crash)
    assert judged().action is Action.HOLD


def test_f79_a_picture_check_that_fails_holds_the_picture() -> None:
    assert picture_verdict(None, {}).action is Action.HOLD


def test_a_picture_check_acts_at_its_thresholds() -> None:
    thresholds = {"nudity": {Action.FLAG: 0.3, Action.HOLD: 0.6, Action.BLOCK: 0.9}}
    actions = [picture_verdict({"nudity": score}, thresholds).action for score in (0.1, 0.3, 0.7, 0.9)]
    assert actions == [Action.ALLOW, Action.FLAG, Action.HOLD, Action.BLOCK]
    assert picture_verdict({"other": 1.0}, thresholds) == ALLOWED
    assert picture_verdict({"nudity": float("nan")}, thresholds).action is Action.BLOCK


def test_every_reason_of_a_verdict_fills_its_sentence() -> None:
    codes = [code for code in ENGLISH if code.startswith(("blocked_", "held_", "flagged_"))]
    until = [problem(Reason(Action.BLOCK, code, "nudity", "r1", 4, "No foxes", until=1.0).problem) for code in codes]
    assert "You are timed out until 1970-01-01 00:00 UTC: No foxes" in until


def codes_in_moderation() -> set[str]:
    folder = Path(bot.moderation.__file__).parent
    texts = [node for path in folder.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    literals = {node.value for node in texts if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    pattern = re.compile(r"(blocked|held|flagged|rules?|sanction|appeal|report|review)_[a-z_]+")
    made = {f"{verb}_{what}" for verb in ("blocked", "held", "flagged") for what in ("rule", "picture")}
    return {literal for literal in literals if pattern.fullmatch(literal)} - {"rule_seconds"} | made


def test_every_code_of_moderation_has_its_sentence() -> None:
    acts = {"rule_add", "rule_remove", "rule_test", "rule_simulate"}
    assert codes_in_moderation() - acts - ENGLISH.keys() == set()
