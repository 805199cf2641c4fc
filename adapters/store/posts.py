"""What platforms have still to show beside results: review items, changed pictures, notices. Inside a transaction."""

from adapters.store.engine import Row, Transaction
from bot.conduct import PostKind
from bot.ports import Topic

SHOWN_BY_THEMSELVES = frozenset({"web", "api", "cli"})
"""Platforms whose pages read the rows."""

TOLD = frozenset({PostKind.NOTICE, PostKind.OUTCOME})
"""What somebody has to say to a person, in the web room too."""


async def touch(tx: Transaction, tenant: str, kind: PostKind, subject: str, platform: str) -> None:
    if platform in SHOWN_BY_THEMSELVES and not (platform == "web" and kind in TOLD):
        tx.signal(Topic.FEED)
        return
    await tx.run("touch_post", tenant=tenant, kind=kind, subject=subject, platform=platform)
    tx.signal(Topic.WORK)


async def touch_item(tx: Transaction, item: Row) -> None:
    """In the review channel of the item's own community."""
    await touch(tx, item["tenant"], PostKind.ITEM, item["id"], item["tenant"].partition(":")[0])


async def touch_pictures(tx: Transaction, job: Row) -> None:
    await touch(tx, job["tenant"], PostKind.PICTURES, job["id"], job["platform"])
