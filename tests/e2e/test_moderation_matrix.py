"""Who may do what, through the real studio, moderators and store: every person, every act (rows S23, S26 to S28)."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.conduct import Mode, Rule
from bot.errors import Refused
from bot.model import JobState, Person, Place
from tests.community import ANN, BOB, HERE, MOD, MOD2, OWNER, THERE, ask, on_discord, settings
from tests.house import TestHouse, open_house

FOREIGN = Person("discord:user:20", "foreign", ("discord:role:9",))
BANNED = Person("discord:user:21", "banned")
BANNED_MOD = Person("discord:user:22", "banned moderator", ("discord:role:9",))
DIRECT = Place("discord:dm:5", "5", private=True)

PEOPLE: dict[str, tuple[Person, Place]] = {
    "author": (ANN, HERE),
    "stranger": (BOB, HERE),
    "moderator": (MOD, HERE),
    "owner": (OWNER, HERE),
    "moderator of another guild": (FOREIGN, THERE),
    "banned person": (BANNED, HERE),
    "banned moderator": (BANNED_MOD, HERE),
    "moderator in a direct message": (MOD, DIRECT),
}
STAFF = frozenset({"moderator", "owner"})
AUTHOR = frozenset({"author"})
OWN = STAFF | AUTHOR
MEMBERS = STAFF | {"author", "stranger"}

Try = Callable[[TestHouse, Person, Place], Awaitable[object]]


class Scene:
    """What there is to act on: a waiting, a held and a delivered request of Ann's."""

    waiting = held = delivered = item = warned = ""


SCENE = Scene()


def on_item(name: str, *words: object) -> Try:
    return lambda house, who, where: getattr(house.moderators, name)(who, where, SCENE.item, *words)


def on_person(name: str, *words: object) -> Try:
    return lambda house, who, where: getattr(house.moderators, name)(who, where, BOB2, *words)


BOB2 = Person("discord:user:30", "bob2")
ACTS: dict[str, tuple[Try, frozenset[str]]] = {
    "cancel": (lambda house, who, where: house.studio.cancel(who, where, SCENE.waiting), OWN),
    "delete": (lambda house, who, where: house.studio.delete(who, where, SCENE.delivered), OWN),
    "report": (lambda house, who, where: house.moderators.report(who, where, SCENE.delivered, 0, "rude"), MEMBERS),
    "cases": (lambda house, who, where: house.moderators.cases(who, where), STAFF),
    "case": (on_item("case"), STAFF),
    "claim": (on_item("claim"), STAFF),
    "approve": (on_item("approve"), STAFF),
    "reject": (on_item("reject", "no"), STAFF),
    "edit": (on_item("edit", "a house"), STAFF),
    "banish": (on_item("ban_pictures", "no"), STAFF),
    "look at a picture": (on_item("picture", 0), frozenset()),
    "appeal": (lambda house, who, where: house.moderators.appeal(who, where, SCENE.warned, "please"), AUTHOR),
    "people": (lambda house, who, where: house.moderators.people(who, where), STAFF),
    "count": (lambda house, who, where: house.moderators.count(who, where), STAFF),
    "defaults": (lambda house, who, where: house.moderators.set_defaults(who, where, "default"), STAFF),
    "starter": (lambda house, who, where: house.moderators.add_starter(who, where), STAFF),
    "warn": (on_person("warn", "spam"), STAFF),
    "timeout": (on_person("timeout", "spam", 600.0), STAFF),
    "ban": (on_person("ban", "spam"), STAFF),
    "lift": (on_person("lift", "sorry"), STAFF),
    "mute": (on_person("mute_reporter", "noise"), STAFF),
    "member": (on_person("member"), STAFF),
    "rules": (lambda house, who, where: house.moderators.rules(who, where), STAFF),
    "add rule": (lambda house, who, where: house.moderators.add_rule(who, where, Rule("", "", ("spoon",))), STAFF),
    "remove rule": (lambda house, who, where: house.moderators.remove_rule(who, where, "forks"), STAFF),
    "test": (lambda house, who, where: house.moderators.test(who, where, "a spoon"), STAFF),
    "simulate": (lambda house, who, where: house.moderators.simulate(who, where, Rule("", "", ("spoon",))), STAFF),
    "mode": (lambda house, who, where: house.moderators.set_mode(who, where, Mode.CLOSED), STAFF),
    "pause": (lambda house, who, where: house.moderators.pause(who, where), STAFF),
    "resume": (lambda house, who, where: house.moderators.resume(who, where), STAFF),
    "audit": (lambda house, who, where: house.moderators.audit(who, where), STAFF),
}
ELSEWHERE = frozenset({"cases", "rules", "add rule", "test", "simulate", "mode", "pause", "resume", "audit"} | {
    "warn", "timeout", "ban", "lift", "mute", "member", "people", "count", "defaults", "starter",
})  # fmt: skip
"""What a moderator of another guild may do: to that guild. The test looks that nothing happened here."""


USED_UP = {"review_decided", "review_claimed", "rule_unknown", "too_late_to_cancel"}
"""What the second of those who may do it reads."""


async def set_up(house: TestHouse) -> None:
    on_discord(house)
    async with house.working():
        SCENE.delivered = (await house.settled((await ask(house, "a fox")).job.id)).id
    await house.moderators.add_rule(OWNER, HERE, Rule("forks", "", ("fork",)))
    SCENE.waiting = (await ask(house, "a cat")).job.id
    SCENE.held = (await ask(house, "a castle")).job.id
    [case] = await house.moderators.cases(OWNER, HERE)
    SCENE.item = case.item.id
    SCENE.warned = (await house.moderators.warn(OWNER, HERE, ANN, "careful")).id
    await house.moderators.ban(OWNER, HERE, BANNED, "spam")
    await house.moderators.ban(OWNER, HERE, BANNED_MOD, "abuse")


async def trace(house: TestHouse) -> object:
    """Everything that an act could change here."""
    tenant = HERE.tenant
    return (
        len(await house.store.audit_since(tenant, 0, 0, 1000)),
        [await house.store.job(job) for job in (SCENE.waiting, SCENE.held, SCENE.delivered)],
        await house.store.pictures_of(SCENE.delivered),
        await house.store.item(tenant, SCENE.item),
        await house.store.community(tenant),
        await house.store.member(tenant, BOB2.key),
        await house.store.reports_on(tenant, SCENE.delivered, 0),
    )


@pytest.mark.parametrize("act", ACTS)
async def test_s23_s26_s27_the_matrix(tmp_path: Path, act: str) -> None:
    attempt, allowed = ACTS[act]
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        await set_up(house)
        for who in (*sorted(set(PEOPLE) - allowed), *sorted(allowed)):
            person, place = PEOPLE[who]
            before = await trace(house)
            foreign_but_free = who == "moderator of another guild" and act in ELSEWHERE
            refused = await _refused(attempt(house, person, place))
            if who not in allowed:
                assert refused or foreign_but_free, who
                assert await trace(house) == before, who
            else:
                assert refused <= USED_UP, (who, refused)


async def _refused(attempt: Awaitable[object]) -> set[str]:
    try:
        await attempt
    except Refused as refused:
        return {each.code for each in refused.problems}
    return set()


async def test_s28_nobody_decides_about_their_own_request(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        for author, other in ((MOD, MOD2), (OWNER, MOD)):
            await ask(house, "a castle", author)
            [case] = await house.moderators.cases(author, HERE)
            for name, words in (("claim", ()), ("approve", ()), ("reject", ("no",)), ("edit", ("a house",))):
                with pytest.raises(Refused) as refused:
                    await getattr(house.moderators, name)(author, HERE, case.item.id, *words)
                assert refused.value.problems[0].code == "review_own"
            await house.moderators.approve(other, HERE, case.item.id)


async def test_two_approvals_are_of_two_people_and_one_rejection_is_enough(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",), required_approvals=2)) as house:
        first, second = await ask(house, "a castle"), await ask(house, "two castle")
        one, two = [case.item.id for case in await house.moderators.cases(MOD, HERE)]
        await house.moderators.approve(MOD, HERE, one)
        with pytest.raises(Refused) as refused:
            await house.moderators.approve(MOD, HERE, one)
        assert refused.value.problems[0].code == "review_already_yours"
        await house.moderators.approve(MOD2, HERE, one)
        await house.moderators.reject(MOD, HERE, two, "no")
        states = [(await house.store.job(ticket.job.id)) for ticket in (first, second)]
        assert [job.state for job in states if job] == [JobState.QUEUED, JobState.REJECTED]


async def test_s26_a_role_taken_away_counts_at_the_next_click(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=settings(held=("castle",))) as house:
        await ask(house, "a castle")
        [case] = await house.moderators.cases(MOD, HERE)
        with pytest.raises(Refused) as refused:
            await house.moderators.approve(Person(MOD.key, "mod"), HERE, case.item.id)
        assert refused.value.problems[0].code == "review_not_allowed"
