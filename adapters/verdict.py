"""What the rules say of a request that comes straight from the command line: no queue, no mode, no moderators."""

from contextlib import AbstractContextManager, nullcontext

from bot.conduct import Action, Mode, Point, Texts
from bot.judging import OPERATORS, Judge
from bot.model import AuditEvent, Person, Place, Problem
from bot.moderation.events import actor_of
from bot.moderation.verdicts import Verdict
from bot.ports import Clock, Observer
from bot.ports_moderation import ModerationStore
from bot.settings import ModerationSettings

OPERATOR = Person("cli:operator", groups=(OPERATORS,))
ROOM = Place("web", "command line")
"""The house's own room: its rules are those that an operator made on the moderation page."""


class Quiet(Observer):
    def event(self, name: str, **values: object) -> None:
        """A command says what it has to say itself."""

    def about(self, job_id: str) -> AbstractContextManager[None]:  # noqa: ARG002 - as every observer
        return nullcontext()


async def verdict_for_draw(
    store: ModerationStore, settings: ModerationSettings, clock: Clock, texts: Texts
) -> list[Problem]:
    """Why it may not be drawn; empty where it may. Audited. Raises StoreError."""
    judge = Judge(store, settings, clock, Quiet())
    found = await judge.judge(OPERATOR, ROOM, texts, Point.SPEND)
    verdict = Verdict(frozenset(each for each in found.reasons if each.category not in set(Mode)), found.tables)
    if verdict.action is Action.ALLOW:
        return []
    first = verdict.decisive[0]
    action = "request_refused" if verdict.action >= Action.HOLD else "request_flagged"
    await store.audit(AuditEvent(ROOM.tenant, actor_of(first.rule), action, OPERATOR.key, first.code, at=clock.now()))
    return [each.problem for each in verdict.decisive] if verdict.action >= Action.HOLD else []
