"""Moderation in the store: what happens at once happens once, and every effect has its event."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from adapters.store.store import SqlStore
from bot.conduct import (
    FOREVER,
    Change,
    Ground,
    Item,
    ItemKind,
    ItemState,
    Mode,
    PostKind,
    Report,
    Rule,
    Sanction,
    SanctionKind,
    Strike,
)
from bot.errors import Conflict, Refused, StoreError
from bot.model import AuditEvent, Job, JobState, Origin, Person, Place, Problem
from bot.moderation import audit
from bot.moderation.permissions import Rank
from bot.moderation.review import ITEM_SECONDS
from bot.moderation.sanctions import automatic
from bot.ports_moderation import Decide
from bot.studio import is_withheld
from tests import factories
from tests.factories import DAY, NOW

GUILD, OTHER = "discord:42", "discord:43"
ANN = "discord:user:1"
EVENT = AuditEvent(GUILD, "discord:user:9", "test", "something", at=NOW)


def guild_job(tenant: str = GUILD, **fields: object) -> Job:
    origin = Origin(Person(ANN, "ann"), Place(tenant, "7"))
    return factories.job(**{"origin": origin, **fields})  # type: ignore[arg-type] # fields of Job


def item_of(job: Job, kind: ItemKind = ItemKind.REQUEST, **fields: object) -> Item:
    made = Item(f"item-{job.id}", job.origin.place.tenant, kind, job.id, ANN, NOW, grounds=(Ground("held_rule", "r"),))
    return replace(made, **fields)  # type: ignore[arg-type] # fields of Item


async def held(store: SqlStore, tenant: str = GUILD) -> tuple[Job, Item]:
    job = guild_job(tenant, review=True)
    item = item_of(job)
    await store.submit(factories.new(job), item)
    return await store.acknowledge(job.id, {}, "sketch", NOW, review=True), item


async def cancelled(store: SqlStore, job: Job) -> Job:
    await store.cancel(job.id, Problem("cancelled_by_you"), NOW)
    ended = await store.job(job.id)
    assert ended
    assert ended.state is JobState.CANCELLED
    return ended


async def test_words_that_a_moderator_let_pass_stay_public_when_the_request_is_cancelled(store: SqlStore) -> None:
    job, item = await held(store)
    assert is_withheld(job)
    await store.decide(GUILD, item.id, deciding(ItemState.APPROVED), "sketch", NOW)
    assert not is_withheld(await cancelled(store, job))


async def test_words_that_no_moderator_let_pass_stay_withheld_when_the_request_is_cancelled(store: SqlStore) -> None:
    job, _ = await held(store)
    assert is_withheld(await cancelled(store, job))


@pytest.mark.parametrize("drawn", [False, True])
async def test_words_held_back_after_they_were_shown_stay_withheld_when_the_request_is_cancelled(
    store: SqlStore, drawn: bool
) -> None:
    job = guild_job()
    await store.submit(factories.new(job))
    await store.acknowledge(job.id, {}, "sketch", NOW, review=False)
    claimed = await store.claim("w", lambda _: "sketch", NOW + 8, NOW)
    assert claimed
    if drawn:
        claimed = await store.drawn(claimed, [factories.picture()], 0, (), NOW)
    waiting = await store.hold(claimed, item_of(job, ItemKind.PICTURE if drawn else ItemKind.REQUEST), NOW)
    assert is_withheld(waiting)
    assert is_withheld(await cancelled(store, job))


def deciding(state: ItemState, by: str = "discord:user:9") -> Decide:
    """As the review's machine would: the first decision wins."""

    def decide(item: Item) -> tuple[Item, Change] | None:
        if item.state is not ItemState.OPEN:
            raise Refused(Problem("review_decided", {"state": item.state, "by": item.decided_by, "reason": ""}))
        return replace(item, state=state, decided_by=by, decided_at=NOW, reason="why"), Change(EVENT)

    return decide


async def chain(store: SqlStore, tenant: str = GUILD) -> list[AuditEvent]:
    events = await store.audit_since(tenant, 0, 0, 1000)
    assert audit.broken_at(events) is None
    return events


async def test_an_item_reads_back_as_it_was_stored(store: SqlStore) -> None:
    _, item = await held(store)
    assert await store.item(GUILD, item.id) == item
    assert await store.items(GUILD, 10) == [item]
    assert await store.count_items(GUILD) == 1


async def test_an_item_is_shown_only_once_its_request_is_acknowledged(store: SqlStore) -> None:
    job = guild_job(review=True)
    await store.submit(factories.new(job), item_of(job))
    assert await store.items(GUILD, 10) == []
    await store.cancel(job.id, Problem("never_acknowledged"), NOW)
    found = await store.item(GUILD, f"item-{job.id}")
    assert found is not None
    assert found.state is ItemState.WITHDRAWN


async def test_f75_of_twenty_decisions_at_once_one_wins_and_has_one_event(store: SqlStore) -> None:
    job, item = await held(store)
    states = [ItemState.APPROVED, ItemState.REJECTED] * 10
    results = await asyncio.gather(
        *(store.decide(GUILD, item.id, deciding(state, str(n)), "sketch", NOW) for n, state in enumerate(states)),
        return_exceptions=True,
    )
    won = [each for each in results if isinstance(each, Item)]
    assert len(won) == 1
    assert all(isinstance(each, Refused) for each in results if each is not won[0])
    stored = await store.job(job.id)
    assert stored is not None
    expected = JobState.QUEUED if won[0].state is ItemState.APPROVED else JobState.REJECTED
    assert stored.state is expected
    assert [event.action for event in await chain(store)] == ["request_opened", "test"]
    assert len((await store.member(GUILD, ANN)).record) == 1


async def test_a_refused_decision_leaves_no_trace(store: SqlStore) -> None:
    _, item = await held(store)

    def refuse(_: Item) -> tuple[Item, Change] | None:
        raise Refused(Problem("review_own"))

    with pytest.raises(Refused):
        await store.decide(GUILD, item.id, refuse, "sketch", NOW)
    assert await store.item(GUILD, item.id) == item
    assert len(await chain(store)) == 1


async def test_s27_an_item_is_not_to_be_had_by_another_tenant(store: SqlStore) -> None:
    _, item = await held(store)
    assert await store.item(OTHER, item.id) is None
    assert await store.items(OTHER, 10) == []
    with pytest.raises(Conflict):
        await store.decide(OTHER, item.id, deciding(ItemState.APPROVED), "sketch", NOW)
    assert await store.items_of(OTHER, item.job_id) == []


async def test_fifty_reports_at_once_count_each_person_once_and_open_one_item(store: SqlStore) -> None:
    job = guild_job()
    people = [f"discord:user:{100 + number % 25}" for number in range(50)]
    await store.submit(factories.new(job))
    await store.acknowledge(job.id, {}, "sketch", NOW, review=False)
    claimed = await store.claim("w", lambda _: "sketch", NOW + 8, NOW)
    assert claimed is not None
    drawn = await store.drawn(claimed, [factories.picture()], 0, [], NOW)
    await store.delivered(drawn, NOW)
    results = await asyncio.gather(
        *(
            store.report(
                [Report(GUILD, job.id, 0, person, "rude", NOW)],
                item_of(job, ItemKind.REPORT, index=0, id=f"report-{number}"),
                20.0,
            )
            for number, person in enumerate(people)
        )
    )
    assert sum(results) == 25
    assert len(await store.reports_on(GUILD, job.id, 0)) == 25
    assert await store.count_items(GUILD) == 1
    assert (await store.pictures_of(job.id))[0].hidden
    assert len(await chain(store)) == 26


async def test_a_report_of_all_pictures_is_one_item_that_settles_what_single_ones_were_reported_for(
    store: SqlStore,
) -> None:
    job = guild_job()
    await store.submit(factories.new(job))
    await store.acknowledge(job.id, {}, "sketch", NOW, review=False)
    claimed = await store.claim("w", lambda _: "sketch", NOW + 8, NOW)
    assert claimed is not None
    pictures = [replace(factories.picture(), index=index, sha256=f"{index:064}") for index in range(3)]
    await store.delivered(await store.drawn(claimed, pictures, 0, [], NOW), NOW)

    async def report(person: str, indexes: Sequence[int], item_id: str) -> bool:
        made = [Report(GUILD, job.id, index, person, "rude", NOW) for index in indexes]
        about = indexes[0] if len(indexes) == 1 else -1
        return await store.report(made, item_of(job, ItemKind.REPORT, index=about, id=item_id), 1.0)

    async def decide(item_id: str, state: ItemState) -> None:
        await store.decide(GUILD, item_id, deciding(state), "", NOW)

    async def hidden() -> list[bool]:
        return [picture.hidden for picture in await store.pictures_of(job.id)]

    assert await report("ann", [0], "first")
    await decide("first", ItemState.REJECTED)
    assert await report("bob", [1], "second")
    assert await report("cat", [0, 1, 2], "all")
    assert not await report("cat", [0, 1, 2], "again")
    assert [item.id for item in await store.items(GUILD, 10)] == ["all", "second"]
    assert len(await store.reports_on(GUILD, job.id, -1)) == 5
    assert await hidden() == [True, True, True]
    await decide("all", ItemState.APPROVED)
    assert await hidden() == [True, False, False]
    assert await store.items(GUILD, 10) == []
    assert {report.person for report in await store.reports_on(GUILD, job.id, 1)} == {"bob", "cat"}


async def test_reports_below_the_threshold_hide_nothing(store: SqlStore) -> None:
    job = guild_job()
    await store.submit(factories.new(job))
    for number in range(2):
        report = Report(GUILD, job.id, 0, f"p{number}", "rude", NOW, weight=0.4)
        await store.report([report], item_of(job, ItemKind.REPORT, index=0), 1.0)
    assert not any(picture.hidden for picture in await store.pictures_of(job.id))


async def test_f77_a_ban_and_requests_at_once_leave_none_waiting(store: SqlStore) -> None:
    for _ in range(5):
        job = guild_job()
        await store.submit(factories.new(job))
        await store.acknowledge(job.id, {}, "sketch", NOW, review=False)
    await held(store)
    elsewhere, _ = await held(store, OTHER)
    ban = Sanction("s1", GUILD, ANN, SanctionKind.BAN, NOW, FOREVER, "discord:user:9", "spam")
    assert len(await store.sanction(ban)) == 6
    assert await store.line(10) == []
    assert await store.items(GUILD, 10) == []
    assert (await store.usage(ANN, DAY)).waiting == 1
    assert (await store.job(elsewhere.id)) == elsewhere
    assert (await store.member(GUILD, ANN)).sanctions == (ban,)
    assert (await store.member(OTHER, ANN)).sanctions == ()
    actions = [event.action for event in await chain(store)]
    assert (actions.count("ban"), actions.count("request_cancelled")) == (1, 6)


async def test_sanctions_and_strikes_go_when_they_are_over_and_cannot_be_appealed_any_more(store: SqlStore) -> None:
    day, old = 86_400.0, NOW - 100 * 86_400.0
    over = Sanction("over", GUILD, ANN, SanctionKind.TIMEOUT, old, NOW - 31 * day, "discord:user:9", "spam")
    given = [
        over,
        replace(over, id="appealed"),
        replace(over, id="answered"),
        replace(over, id="lately", until=NOW - 29 * day),
        replace(over, id="ban", kind=SanctionKind.BAN, until=FOREVER),
    ]
    for sanction in given:
        await store.sanction(sanction)
    appeal = Item("a1", GUILD, ItemKind.APPEAL, "", ANN, NOW, decision="appealed", words="not me")
    await store.open_appeal(appeal)
    await store.open_appeal(replace(appeal, id="a2", decision="answered"))
    await store.decide(GUILD, "a2", deciding(ItemState.REJECTED), "sketch", NOW)
    for name, age in (("young", 29), ("old", 31)):
        await store.strike(GUILD, ANN, Strike(name, NOW - age * day, name), lambda _: None)
    await store.drop_served(NOW, NOW - day)
    member = await store.member(GUILD, ANN)
    assert {each.id for each in member.sanctions} == {"appealed", "lately", "ban"}
    assert [each.id for each in member.strikes] == ["young"]
    assert [bool(await store.appeals_of(GUILD, each.id)) for each in given] == [False, True, False, False, False]


async def test_a_lifted_ban_is_over(store: SqlStore) -> None:
    await store.sanction(Sanction("s1", GUILD, ANN, SanctionKind.BAN, NOW, FOREVER, "discord:user:9", "spam"))
    await store.lift(GUILD, ANN, EVENT)
    await store.drop_served(NOW + 90 * 86_400, NOW + 1)
    assert (await store.member(GUILD, ANN)).sanctions == ()


async def test_strikes_at_once_climb_the_ladder_once_for_a_burst(store: SqlStore) -> None:
    async def strike(number: int) -> Sanction | None:
        return await store.strike(
            GUILD,
            ANN,
            Strike(f"s{number}", NOW, f"s{number}"),
            lambda strikes: automatic(
                strikes,
                sanction_id=f"s{number}",
                tenant=GUILD,
                person=ANN,
                rank=Rank.MEMBER,
                rule="r",
                rule_seconds=0,
                now=NOW,
            ),
        )

    given = await asyncio.gather(*(strike(number) for number in range(10)))
    assert {each.kind for each in given if each} == {SanctionKind.WARN}
    assert len((await store.member(GUILD, ANN)).strikes) == 10


async def test_two_appeals_at_once_are_one(store: SqlStore) -> None:
    appeals = [
        Item(f"a{number}", GUILD, ItemKind.APPEAL, "", ANN, NOW, decision="d", decided_first_by="m")
        for number in range(5)
    ]
    results = await asyncio.gather(*(store.open_appeal(each) for each in appeals), return_exceptions=True)
    assert sum(isinstance(each, Item) for each in results) == 1
    assert len(await store.appeals_of(GUILD, "d")) == 1


async def test_rules_keep_every_version_and_a_change_makes_a_new_one_of_the_community(store: SqlStore) -> None:
    rule = Rule("spoons", GUILD, ("spoon", "re:a|b"), allow=("spoonbill",), exempt_groups=("discord:role:1",))
    saved = await asyncio.gather(*(store.save_rules([(rule, EVENT)]) for _ in range(5)))
    assert sorted(each.version for [each] in saved) == [1, 2, 3, 4, 5]
    community = await store.community(GUILD)
    assert community.rules == (replace(rule, version=5),)
    assert community.version == await store.community_version(GUILD) == 5
    await store.set_mode(GUILD, Mode.CLOSED, "7", EVENT)
    await store.set_mode(GUILD, Mode.REVIEW_ALL, "", EVENT)
    await store.set_paused(GUILD, EVENT, paused=True)
    await store.remove_rule(GUILD, "spoons", EVENT)
    assert await store.remove_rule(GUILD, "spoons", EVENT) is None
    after = await store.community(GUILD)
    assert (after.mode, after.channel_modes, after.paused, after.rules) == (
        Mode.REVIEW_ALL, {"7": Mode.CLOSED}, True, (),
    )  # fmt: skip
    [again] = await store.save_rules([(rule, EVENT)])
    assert again.version == 6
    assert (await store.community(OTHER)).version == 0
    assert len(await chain(store)) == 10


async def test_rules_that_come_together_are_saved_together_or_not_at_all(store: SqlStore) -> None:
    spoons, forks = (Rule(name, GUILD, (name,)) for name in ("spoons", "forks"))
    with pytest.raises((StoreError, UnicodeEncodeError)):  # no database takes half a character
        await store.save_rules([(spoons, EVENT), (replace(forks, author="\ud800"), EVENT)])
    assert (await store.community(GUILD)).rules == ()
    assert await chain(store) == []
    await store.save_rules([(spoons, EVENT), (forks, EVENT)])
    assert {each.id for each in (await store.community(GUILD)).rules} == {"spoons", "forks"}
    assert len(await chain(store)) == 2


async def test_each_community_has_its_own_chain(store: SqlStore) -> None:
    await asyncio.gather(*(store.audit(replace(EVENT, tenant=tenant)) for tenant in (GUILD, OTHER) * 10))
    for tenant in (GUILD, OTHER):
        assert [event.seq for event in await chain(store, tenant)] == list(range(1, 11))
    assert await store.audited_tenants() == [GUILD, OTHER]


async def test_f04_what_has_to_be_shown_is_claimed_by_one_and_shown_again_after_a_crash(store: SqlStore) -> None:
    _, item = await held(store)
    claims = await asyncio.gather(*(store.claim_post(["discord"], NOW + 30, NOW) for _ in range(5)))
    [post] = [each for each in claims if each]
    assert (post.kind, post.subject, post.revision) == (PostKind.ITEM, item.id, 1)
    assert await store.claim_post(["discord"], NOW + 30, NOW + 29) is None
    again = await store.claim_post(["discord"], NOW + 60, NOW + 30)
    assert again is not None
    await store.remember_post(again, {"message": "5"})
    await store.decide(GUILD, item.id, deciding(ItemState.APPROVED), "sketch", NOW)
    await store.post_shown(again)
    newer = await store.claim_post(["discord"], NOW + 60, NOW + 30)
    assert newer is not None
    assert (newer.revision, newer.address) == (2, {"message": "5"})
    await store.post_shown(newer)
    assert await store.claim_post(["discord"], NOW + 99, NOW + 90) is None


async def test_items_past_their_day_end_and_refund(store: SqlStore) -> None:
    job, item = await held(store)
    assert await store.expire_items(NOW + ITEM_SECONDS - 1, 10) == 0
    assert await store.expire_items(NOW + ITEM_SECONDS, 10) == 1
    ended = await store.job(job.id)
    assert ended is not None
    assert (ended.state, ended.reason and ended.reason.code) == (JobState.CANCELLED, "review_ran_out")
    assert (await store.usage(ANN, DAY)).images_today == 0
    stored = await store.item(GUILD, item.id)
    assert stored is not None
    assert stored.state is ItemState.EXPIRED


async def test_a_login_is_used_up_by_one_of_many(store: SqlStore) -> None:
    await store.add_login("link", "hash", "mara", NOW + 10, NOW)
    assert await store.login("session", "hash", NOW) is None
    taken = await asyncio.gather(*(store.take_login("link", "hash", NOW) for _ in range(5)))
    assert sorted(filter(None, taken)) == ["mara"]
    await store.add_login("link", "late", "mara", NOW + 10, NOW)
    assert await store.take_login("link", "late", NOW + 10) is None


async def test_a_job_that_is_deleted_takes_its_items_and_posts_along(store: SqlStore) -> None:
    job, item = await held(store)
    await store.decide(GUILD, item.id, deciding(ItemState.REJECTED), "sketch", NOW)
    await store.forget(ANN, DAY, NOW)
    untold = await store.claim_untold("w1", NOW + 30, NOW)
    assert untold is not None
    assert await store.forget_ended() == []
    assert await store.job(job.id) is not None
    await store.told(untold)
    await store.forget_ended()
    assert await store.job(job.id) is None
    assert await store.item(GUILD, item.id) is None
    assert await store.claim_post(["discord"], NOW + 9, NOW) is None
