"""Strikes and the ladder, sanctions by hand, appeals, trust by replay, and reports."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conduct import (
    FOREVER,
    Item,
    ItemKind,
    RecordEvent,
    RecordKind,
    Report,
    ReporterRecord,
    Sanction,
    SanctionKind,
    Strike,
)
from bot.model import Problem
from bot.moderation.permissions import Actor, Rank, Subject
from bot.moderation.sanctions import (
    DAY,
    HOUR,
    LADDER,
    MAX_TIMEOUT,
    MINUTE,
    STRIKE_LIFE,
    TRUST_LEAST,
    TRUST_MOST,
    TRUST_START,
    accept_report,
    active_strikes,
    automatic,
    by_hand,
    hides,
    open_appeal,
    preferred,
    report_weight,
    rung,
    standing,
    trust,
)

TENANT = "discord:42"
MOD = Actor("m", TENANT, Rank.MODERATOR)
ANN = Actor("ann", TENANT)
ABOUT_ANN = Subject(TENANT, "ann")
TIMES = st.lists(st.floats(0, 100 * DAY), max_size=12)


def strikes(times: list[float]) -> list[Strike]:
    return [Strike(str(number), at, f"d{number}") for number, at in enumerate(times)]


def by_rule(times: list[float], **changes: Any) -> Sanction | None:
    asked: dict[str, Any] = {"rank": Rank.MEMBER, "rule_seconds": 0.0, "now": 1000.0} | changes
    return automatic(strikes(times), sanction_id="s", tenant=TENANT, person="ann", rule="r1", **asked)


def test_the_ladder_goes_from_a_warning_over_time_outs_to_a_ban() -> None:
    steps = [rung(active) for active in range(8)]
    assert [(step.kind.value, step.seconds) if step else None for step in steps] == [
        None,
        ("warn", 0),
        ("timeout", 10 * MINUTE),
        ("timeout", HOUR),
        ("timeout", DAY),
        ("timeout", 7 * DAY),
        ("ban", FOREVER),
        ("ban", FOREVER),
    ]


@given(st.integers(0, 20), st.integers(0, 20))
def test_the_ladder_is_monotone(one: int, other: int) -> None:
    few, many = (rung(count) for count in sorted((one, other)))
    assert (few.seconds if few else -1) <= (many.seconds if many else -1)


@given(TIMES, st.floats(0, 100 * DAY), st.floats(0, 120 * DAY))
def test_one_more_strike_never_counts_for_less(times: list[float], extra: float, now: float) -> None:
    assert active_strikes(strikes(times), now) <= active_strikes(strikes([*times, extra]), now)


@given(TIMES, st.floats(1, 100 * DAY))
def test_strikes_decay_to_nothing(times: list[float], later: float) -> None:
    assert active_strikes(strikes(times), max(times, default=0) + STRIKE_LIFE + later) == 0


def test_a_burst_counts_once() -> None:
    assert active_strikes(strikes([1, 2, 3, 4, 5]), 10) == 1
    assert active_strikes(strikes([1, 2, 11, 12]), 20) == 2


@given(TIMES, st.sampled_from([0.0, 60.0, HOUR, MAX_TIMEOUT]), st.floats(0, 120 * DAY))
def test_i8_no_automatic_sanction_is_longer_than_the_rule_or_its_rung(
    times: list[float], rule_seconds: float, now: float
) -> None:
    sanction = by_rule(times, rule_seconds=rule_seconds, now=now)
    if sanction is None:
        return
    step = LADDER[min(active_strikes(strikes(times), now), len(LADDER)) - 1][1]
    assert sanction.until <= now + (rule_seconds or step)


def test_s28_moderators_are_immune_to_rules() -> None:
    assert by_rule([1.0]) is not None
    assert by_rule([1.0], rank=Rank.MODERATOR) is None
    assert by_rule([1.0], rank=Rank.OWNER) is None


def hand(
    actor: Actor, subject: Subject, kind: SanctionKind, seconds: float, reason: str = "spam"
) -> Sanction | Problem:
    return by_hand(actor, subject, kind, sanction_id="s", seconds=seconds, reason=reason, now=100.0)


@pytest.mark.parametrize(
    ("kind", "seconds", "until"),
    [
        (SanctionKind.WARN, 0.0, 100.0),
        (SanctionKind.TIMEOUT, 60.0, 160.0),
        (SanctionKind.BAN, DAY, 100.0 + DAY),
        (SanctionKind.BAN, 0.0, FOREVER),
    ],
)
def test_a_moderator_sanctions_with_reason_and_end(kind: SanctionKind, seconds: float, until: float) -> None:
    sanction = hand(MOD, ABOUT_ANN, kind, seconds, " spam ")
    assert isinstance(sanction, Sanction)
    assert (sanction.until, sanction.reason, sanction.actor) == (until, "spam", "m")


@pytest.mark.parametrize(
    ("actor", "subject", "code"),
    [
        (ANN, Subject(TENANT, "bob"), "sanction_not_allowed"),
        (MOD, Subject(TENANT, "m", Rank.MODERATOR), "sanction_not_allowed"),
        (MOD, Subject(TENANT, "other", Rank.MODERATOR), "sanction_not_allowed"),
        (MOD, Subject(TENANT, "boss", Rank.OWNER), "sanction_not_allowed"),
        (MOD, Subject("discord:43", "ann"), "sanction_not_allowed"),
    ],
)
def test_s28_sanctions_that_the_hierarchy_forbids(actor: Actor, subject: Subject, code: str) -> None:
    assert hand(actor, subject, SanctionKind.BAN, 0) == Problem(code)


@pytest.mark.parametrize("seconds", [0.0, -1.0, MAX_TIMEOUT + 1, float("nan"), FOREVER])
def test_a_time_out_has_a_length_within_four_weeks(seconds: float) -> None:
    assert isinstance(hand(MOD, ABOUT_ANN, SanctionKind.TIMEOUT, seconds), Problem)


def test_a_ban_needs_a_length_that_is_a_number_and_a_reason() -> None:
    assert isinstance(hand(MOD, ABOUT_ANN, SanctionKind.BAN, float("nan")), Problem)
    assert hand(MOD, ABOUT_ANN, SanctionKind.BAN, 0, "  ") == Problem("sanction_needs_reason")


def sanction(kind: SanctionKind, until: float, **changes: Any) -> Sanction:
    return replace(Sanction("s", TENANT, "ann", kind, 0.0, until, "m", "why"), **changes)


def test_standing_is_the_longest_sanction_in_force() -> None:
    each = [
        sanction(SanctionKind.TIMEOUT, 50.0),
        sanction(SanctionKind.TIMEOUT, 70.0),
        sanction(SanctionKind.BAN, FOREVER, lifted=True),
        sanction(SanctionKind.WARN, 0.0),
    ]
    now = standing(each, [], 10.0)
    assert (now.timeout_until, now.banned_until, now.reason) == (70.0, 0.0, "why")
    assert standing(each, [], 70.0) == standing([], [], 70.0)


EVENTS = st.lists(
    st.builds(
        RecordEvent,
        st.sampled_from(RecordKind),
        st.sampled_from([f"d{n}" for n in range(30)]),
        st.floats(0, 1000),
    ),
    max_size=80,
)


@given(EVENTS)
def test_trust_stays_in_its_bounds_and_a_replay_gives_the_same(events: list[RecordEvent]) -> None:
    assert TRUST_LEAST <= trust(events) <= TRUST_MOST
    assert trust(events) == trust(list(events))


def test_trust_rises_with_ten_approvals_and_falls_with_three_rejections() -> None:
    approved = [RecordEvent(RecordKind.APPROVED, f"a{n}", n) for n in range(20)]
    rejected = [RecordEvent(RecordKind.REJECTED, f"r{n}", 100 + n) for n in range(3)]
    assert trust(approved) == TRUST_START + 2
    assert trust([*approved, *rejected]) == TRUST_START + 1


@given(EVENTS, st.sampled_from([RecordKind.REJECTED, RecordKind.STRIKE]))
def test_a_won_appeal_leaves_trust_as_if_the_decision_had_never_been(
    events: list[RecordEvent], kind: RecordKind
) -> None:
    decision = RecordEvent(kind, "wrong", 500.0)
    overturned = RecordEvent(RecordKind.OVERTURNED, "wrong", 2000.0)
    assert trust([*events, decision, overturned]) == trust(events)


def appeal(actor: Actor, earlier: list[Item]) -> Item | Problem:
    return open_appeal(
        actor,
        ABOUT_ANN,
        decision="d1",
        decided_by="m",
        job_id="j",
        appeals=earlier,
        item_id="i",
        now=5.0,
    )


def test_an_appeal_is_for_the_person_concerned_and_only_one_a_decision() -> None:
    first = appeal(ANN, [])
    assert isinstance(first, Item)
    assert first.kind is ItemKind.APPEAL
    assert appeal(ANN, [first]) == Problem("appeal_only_one")
    assert appeal(MOD, []) == Problem("appeal_not_yours")
    assert appeal(replace(ANN, banned=True), [first]) == Problem("appeal_only_one")
    assert isinstance(appeal(replace(ANN, banned=True), []), Item)


def test_another_moderator_is_preferred_for_an_appeal() -> None:
    item = appeal(ANN, [])
    assert isinstance(item, Item)
    assert preferred(item, "somebody else")
    assert not preferred(item, "m")


def report(person: str, weight: float = 1.0, index: int = 0) -> Report:
    return Report(TENANT, "j", index, person, "why", 0.0, weight)


def test_three_reports_by_newcomers_hide_a_picture_and_two_do_not() -> None:
    weight = report_weight(ReporterRecord())
    assert weight == 1.0
    assert not hides([report("a", weight), report("b", weight)], 3.0)
    assert hides([report(name, weight) for name in "abc"], 3.0)
    assert not hides([report("a"), report("a"), report("a")], 3.0)


def test_the_muted_weigh_nothing_and_the_often_wrong_weigh_less() -> None:
    assert report_weight(ReporterRecord(muted=True)) == 0.0
    assert report_weight(ReporterRecord(upheld=0, dismissed=4)) == 0.5
    assert not hides([report("a", 0.5), report("b"), report("c")], 3.0)


@given(st.integers(0, 300), st.integers(0, 300))
def test_nobody_weighs_more_than_one_report_and_more_dismissals_never_help(upheld: int, dismissed: int) -> None:
    weight = report_weight(ReporterRecord(upheld, dismissed))
    assert 0 < weight <= 1
    assert report_weight(ReporterRecord(upheld, dismissed + 1)) <= weight or upheld + dismissed >= 100


def test_anybody_reports_with_a_reason_ones_own_picture_too_but_nobody_in_a_ban() -> None:
    bob = Actor("bob", TENANT)
    mine = report("bob")
    assert accept_report(bob, ABOUT_ANN, mine) == mine
    assert accept_report(ANN, ABOUT_ANN, report("ann")) == report("ann")
    assert accept_report(replace(bob, banned=True), ABOUT_ANN, mine) == Problem("report_not_allowed")
    assert accept_report(bob, ABOUT_ANN, replace(mine, reason=" ")) == Problem("report_needs_reason")
