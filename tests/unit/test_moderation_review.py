"""The review queue's machine: one decision, by the right people, in time."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.conduct import DECIDED, HARD, Item, ItemKind, ItemState
from bot.moderation.permissions import Actor, Rank
from bot.moderation.review import CLAIM_SECONDS, ITEM_SECONDS, Effect, Ruling, approve, claim, edit, expire, reject

TENANT = "discord:42"
ONE, TWO = (Actor(key, TENANT, Rank.MODERATOR) for key in ("one", "two"))
ITEM = Item("i", TENANT, ItemKind.REQUEST, "j", "ann", 0.0)


def code(ruling: Ruling) -> str:
    return ruling.problem.code if ruling.problem else ""


def test_f75_the_first_decision_wins_and_the_second_moderator_reads_who_decided() -> None:
    first = approve(ITEM, ONE, 1.0)
    assert first.effect is Effect.APPROVED
    second = reject(first.item, TWO, "no", 1.0)
    assert (second.effect, code(second), second.item) == (Effect.NOTHING, "review_decided", first.item)
    assert second.problem
    assert second.problem.values["by"] == "one"


def test_s25_fifty_clicks_have_one_effect() -> None:
    item, effects = ITEM, []
    for _ in range(50):
        ruling = approve(item, ONE, 1.0)
        item = ruling.item
        effects.append(ruling.effect)
    assert effects.count(Effect.APPROVED) == 1
    assert set(effects[1:]) == {Effect.NOTHING}


def test_s28_an_author_never_decides_about_their_own_request() -> None:
    own = replace(ITEM, author="one")
    rulings = [claim(own, ONE, 1), approve(own, ONE, 1), reject(own, ONE, "x", 1), edit(own, ONE, 1)]
    assert {code(ruling) for ruling in rulings} == {"review_own"}


def test_s26_s27_members_and_moderators_of_other_guilds_decide_nothing() -> None:
    for actor in (Actor("x", TENANT), Actor("x", "discord:43", Rank.OWNER), replace(ONE, banned=True)):
        assert code(approve(ITEM, actor, 1.0)) == "review_not_allowed"
        assert code(reject(ITEM, actor, "x", 1.0)) == "review_not_allowed"


def test_the_hard_category_waits_for_an_owner() -> None:
    hard = replace(ITEM, category=HARD)
    assert code(approve(hard, ONE, 1.0)) == "review_not_allowed"
    assert approve(hard, replace(ONE, rank=Rank.OWNER), 1.0).effect is Effect.APPROVED


def test_two_approvals_come_from_two_people() -> None:
    first = approve(replace(ITEM, required=2), ONE, 1.0)
    assert first.effect is Effect.COUNTED
    assert code(approve(first.item, ONE, 2.0)) == "review_already_yours"
    assert approve(first.item, TWO, 3.0).effect is Effect.APPROVED


def test_an_edit_asks_for_every_approval_again() -> None:
    counted = approve(replace(ITEM, required=2), ONE, 1.0).item
    edited = edit(counted, TWO, 2.0)
    assert (edited.effect, edited.item.approvals) == (Effect.EDITED, ())


def test_a_claim_keeps_others_out_for_ten_minutes() -> None:
    claimed = claim(ITEM, ONE, 0.0)
    assert claimed.effect is Effect.CLAIMED
    assert code(claim(claimed.item, TWO, 1.0)) == "review_claimed"
    assert code(approve(claimed.item, TWO, CLAIM_SECONDS - 1)) == "review_claimed"
    assert approve(claimed.item, ONE, 1.0).effect is Effect.APPROVED
    assert approve(claimed.item, TWO, CLAIM_SECONDS).effect is Effect.APPROVED


def test_a_rejection_needs_a_reason() -> None:
    assert code(reject(ITEM, ONE, " \n", 1.0)) == "review_needs_reason"
    rejected = reject(ITEM, ONE, " spam ", 1.0)
    assert (rejected.effect, rejected.item.reason, rejected.item.decided_by) == (Effect.REJECTED, "spam", "one")


def test_f78_an_item_nobody_decides_about_expires_and_is_never_approved() -> None:
    assert expire(ITEM, ITEM_SECONDS - 1).effect is Effect.NOTHING
    expired = expire(ITEM, ITEM_SECONDS)
    assert (expired.effect, expired.item.state) == (Effect.EXPIRED, ItemState.EXPIRED)
    assert expire(expired.item, ITEM_SECONDS + 1).effect is Effect.NOTHING


def test_a_decision_after_a_day_comes_too_late_even_before_the_sweep() -> None:
    assert code(approve(ITEM, ONE, ITEM_SECONDS)) == "review_expired"


@pytest.mark.parametrize("state", sorted(DECIDED))
def test_nothing_leaves_a_decided_state(state: ItemState) -> None:
    done = replace(ITEM, state=state)
    for ruling in (claim(done, ONE, 1), approve(done, ONE, 1), reject(done, ONE, "x", 1), edit(done, ONE, 1)):
        assert (ruling.item, ruling.effect) == (done, Effect.NOTHING)


ACTORS = [
    ONE,
    TWO,
    Actor("three", TENANT, Rank.OWNER),
    Actor("ann", TENANT, Rank.MODERATOR),
    Actor("bob", TENANT),
    Actor("foreign", "discord:43", Rank.OWNER),
]


class ReviewMachine(RuleBasedStateMachine):
    """Anybody does anything at any time; what may be decided is decided once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.item = replace(ITEM, required=2)
        self.decisions: list[tuple[Effect, str]] = []
        self.approvers: set[str] = set()

    def take(self, ruling: Ruling, actor: str) -> None:
        if ruling.effect is Effect.NOTHING:
            assert ruling.item == self.item or ruling.item.state is ItemState.OPEN
        if ruling.effect in {Effect.APPROVED, Effect.REJECTED, Effect.EXPIRED}:
            self.decisions.append((ruling.effect, actor))
        if ruling.effect in {Effect.COUNTED, Effect.APPROVED}:
            self.approvers.add(actor)
        if ruling.effect is Effect.EDITED:
            self.approvers.clear()
        self.item = ruling.item

    @rule(seconds=st.sampled_from([1.0, CLAIM_SECONDS, ITEM_SECONDS / 3]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(actor=st.sampled_from(ACTORS))
    def claims(self, actor: Actor) -> None:
        self.take(claim(self.item, actor, self.now), actor.key)

    @rule(actor=st.sampled_from(ACTORS))
    def approves(self, actor: Actor) -> None:
        self.take(approve(self.item, actor, self.now), actor.key)

    @rule(actor=st.sampled_from(ACTORS), reason=st.sampled_from(["", "spam"]))
    def rejects(self, actor: Actor, reason: str) -> None:
        self.take(reject(self.item, actor, reason, self.now), actor.key)

    @rule(actor=st.sampled_from(ACTORS))
    def edits(self, actor: Actor) -> None:
        self.take(edit(self.item, actor, self.now), actor.key)

    @rule()
    def sweeps(self) -> None:
        self.take(expire(self.item, self.now), "")
        if self.now >= ITEM_SECONDS:
            assert self.item.state in DECIDED

    @invariant()
    def one_decision_at_most(self) -> None:
        assert len(self.decisions) <= 1
        assert (self.item.state in DECIDED) == bool(self.decisions)

    @invariant()
    def approved_by_two_moderators_who_are_not_the_author(self) -> None:
        if self.item.state is ItemState.APPROVED:
            assert len(set(self.item.approvals)) == 2
            assert set(self.item.approvals) == self.approvers <= {"one", "two", "three"}

    @invariant()
    def decided_in_time_and_by_the_right_people(self) -> None:
        if self.item.state in {ItemState.APPROVED, ItemState.REJECTED}:
            assert self.item.decided_at < ITEM_SECONDS
            assert self.item.decided_by in {"one", "two", "three"}


TestReviewMachine = ReviewMachine.TestCase
TestReviewMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
