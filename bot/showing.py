"""What moderation shows on platforms: items in review channels, changed pictures, notices of sanctions.

Each is a stored post with a revision, claimed for a while and marked as shown afterwards: a crash shows it again, and
showing the same twice changes nothing. Nothing here decides: an item that cannot be shown stays held (row F78).
"""

from collections.abc import Mapping
from typing import assert_never

from bot import steps
from bot.conduct import Case, Item, ItemKind, ItemState, Notice, Post, PostKind, Sanction, SanctionKind
from bot.errors import ChatBusy, ChatGone, StoreError
from bot.judging import sanction_problem
from bot.model import Job, Picture, Problem, Settled
from bot.moderation import sanctions
from bot.ports_moderation import Remember, ReviewRoom
from bot.replies import problem, say

POST_LEASE = 30.0
POST_PAUSES = (1.0, 5.0, 30.0, 300.0)
"""Seconds between attempts; the last one repeats."""

POST_TRIES = 50
"""A notice or a changed result is given up after so many; an item never."""


async def show_next(core: steps.Core, rooms: Mapping[str, ReviewRoom]) -> bool:
    """Shows one thing that is due. False: nothing was. Raises StoreError; then it comes again after its lease."""
    if not rooms:
        return False
    store = core.judge.store
    now = core.clock.now()
    post = await store.claim_post(tuple(rooms), now + POST_LEASE, now)
    if post is None:
        return False
    try:
        await _show(core, rooms, post)
    except ChatBusy as error:
        await _later(core, post, error.retry_after or 0.0, error.detail)
    except ChatGone as error:
        if post.kind is PostKind.ITEM:
            core.observer.event("alert", text="review_channel_gone", tenant=post.tenant, detail=error.detail)
            await _later(core, post, POST_PAUSES[-1], error.detail)
        else:
            await store.post_shown(post)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - one post's bug must not stop the others
        core.observer.event("alert", text="post_bug", subject=post.subject, detail=repr(error))
        await _later(core, post, POST_PAUSES[-1], repr(error))
    else:
        await store.post_shown(post)
    return True


async def _later(core: steps.Core, post: Post, least: float, detail: str) -> None:
    core.observer.event("post_failed", kind=post.kind, subject=post.subject, detail=detail)
    if post.tries > POST_TRIES and post.kind is not PostKind.ITEM:
        await core.judge.store.post_shown(post)
        return
    pause = POST_PAUSES[min(post.tries, len(POST_PAUSES)) - 1]
    await core.judge.store.post_later(post, core.clock.now() + max(pause, least))


async def _show(core: steps.Core, rooms: Mapping[str, ReviewRoom], post: Post) -> None:
    store = core.judge.store
    match post.kind:
        case PostKind.ITEM:
            item = await store.item(post.tenant, post.subject)
            if item is not None:
                await _announce(core, rooms[post.tenant.partition(":")[0]], post, item)
        case PostKind.PICTURES:
            job = await core.store.job(post.subject)
            if job is not None:
                settled = Settled(job, tuple(await core.store.pictures_of(job.id)))
                await rooms[job.platform].revise(settled, post.address, _remembering(core, post))
        case PostKind.NOTICE:
            sanction = await store.sanction_by_id(post.tenant, post.subject)
            if sanction is not None:
                await _tell(rooms, _of_sanction(sanction))
        case PostKind.OUTCOME:
            item = await store.item(post.tenant, post.subject)
            if item is not None:
                against = await store.sanction_by_id(item.tenant, item.decision) if item.decision else None
                await _tell(rooms, _of_item(item, against))
        case _:
            assert_never(post.kind)


async def _tell(rooms: Mapping[str, ReviewRoom], notice: Notice) -> None:
    await rooms[notice.person.partition(":")[0]].notify(notice)


def _of_sanction(sanction: Sanction) -> Notice:
    who = {"id": sanction.id, "tenant": sanction.tenant, "person": sanction.person}
    if sanction.lifted:
        return Notice(**who, text=say("sanction_lifted"))
    return Notice(**who, text=problem(sanction_problem(sanction)), decision=sanction.id)


def _of_item(item: Item, against: Sanction | None) -> Notice:
    """A report that took a picture away, which may be appealed; an appeal's end, which may not."""
    who = {"id": item.id, "tenant": item.tenant, "person": item.author}
    if item.kind is ItemKind.REPORT:
        return Notice(**who, text=problem(Problem("report_upheld", {"reason": item.reason})), decision=item.id)
    if item.state is not ItemState.APPROVED:
        return Notice(**who, text=problem(Problem("appeal_lost", {"reason": item.reason})))
    lifted = f" {say('sanction_lifted')}" if against and against.kind is not SanctionKind.WARN else ""
    return Notice(**who, text=say("appeal_won") + lifted)


async def _announce(core: steps.Core, room: ReviewRoom, post: Post, item: Item) -> None:
    channel = core.judge.review_channel(post.tenant)
    await room.announce(await case_of(core, item), channel, post.address, _remembering(core, post))


def _remembering(core: steps.Core, post: Post) -> Remember:
    async def remember(address: Mapping[str, str]) -> None:
        await core.judge.store.remember_post(post, address)

    return remember


async def case_of(core: steps.Core, item: Item, moderator: str = "") -> Case:
    """The item with everything that a moderator looks at."""
    store = core.judge.store
    job = await core.store.job(item.job_id) if item.job_id else None
    if job is not None and job.origin.place.tenant != item.tenant:
        job = None
    said = await store.reports_on(item.tenant, item.job_id, item.index) if item.kind is ItemKind.REPORT else []
    reports = {(each.person, each.reason): each for each in said}.values()
    against = await store.sanction_by_id(item.tenant, item.decision) if item.decision else None
    preferred = not moderator or sanctions.preferred(item, moderator)
    return Case(item, job, await _pictures(core, item, job), tuple(reports), against, preferred)


async def _pictures(core: steps.Core, item: Item, job: Job | None) -> tuple[Picture, ...]:
    if job is None or item.kind is ItemKind.REQUEST:
        return ()
    found = await core.store.pictures_of(job.id)
    return tuple(each for each in found if not each.deleted and item.index in {-1, each.index})
