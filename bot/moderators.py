"""What moderators and the people they decide about may ask, from every surface alike.

Who may do what is looked up anew at every call, from the actor's groups and the tenant of the place it comes from
(rows S23, S26 to S28). Every method returns a value or raises `Refused`, whose sentences are for whoever acted.

A target is a `Person` as the platform knows it now: its ``groups`` say whether it is a moderator or an owner itself.
Beside roles, ``groups`` of the acting person holds ``discord:owners`` for whoever owns or administers the guild,
``slack:owners`` for the workspace's owners and admins, and ``web:operators`` for whoever came by the login link.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.conduct import Item, Mode, Report, Rule, Sanction
from bot.model import AuditEvent, Job, Person, Picture, Place, Problem
from bot.moderation.trial import Explanation, Simulation


@dataclass(frozen=True, slots=True)
class Case:
    """An item of the review queue with everything that a moderator looks at.

    ``pictures`` are for blurred previews: the drawn ones of a held picture, the reported one of a report.
    ``reasons`` say why it is here; ``original`` is the prompt before a moderator changed it, "" where nobody did.
    """

    item: Item
    job: Job | None  #: None: deleted meanwhile
    pictures: tuple[Picture, ...] = ()
    reports: tuple[Report, ...] = ()
    reasons: tuple[Problem, ...] = ()
    original: str = ""
    preferred: bool = True  #: False: an appeal against this moderator's own decision; another one should take it


class Moderators:
    # -- anybody

    async def report(self, actor: Person, place: Place, job_id: str, index: int | None, reason: str) -> bool:
        """``index`` None: every picture of the result. False: this person reported it before."""
        raise NotImplementedError

    async def appeal(self, actor: Person, place: Place, decision: str, reason: str = "") -> Item:
        """Against a decision about the actor. ``decision`` is the value of that name in the `Problem` they were told:
        of a refused or rejected request (`job.reason.values`), or of a sanction."""
        raise NotImplementedError

    # -- review

    async def is_moderator(self, actor: Person, place: Place) -> bool:
        raise NotImplementedError

    async def cases(self, actor: Person, place: Place, limit: int = 50) -> list[Case]:
        """Open ones, oldest first; an actor's own last decisions under appeal come after the others."""
        raise NotImplementedError

    async def case(self, actor: Person, place: Place, item_id: str) -> Case:
        raise NotImplementedError

    async def claim(self, actor: Person, place: Place, item_id: str) -> Case:
        raise NotImplementedError

    async def approve(self, actor: Person, place: Place, item_id: str) -> Case:
        """`case.item.state` is `approved`, or still open where more approvals are needed. For a report: the picture
        stays; for an appeal: it is won."""
        raise NotImplementedError

    async def reject(self, actor: Person, place: Place, item_id: str, reason: str) -> Case:
        """For a report: the picture goes; for an appeal: it is lost."""
        raise NotImplementedError

    async def edit(self, actor: Person, place: Place, item_id: str, prompt: str) -> Case:
        """Puts another prompt into a held request and approves that. Both texts are kept, the person is told."""
        raise NotImplementedError

    # -- people

    async def warn(self, actor: Person, place: Place, target: Person, reason: str) -> Sanction:
        raise NotImplementedError

    async def timeout(self, actor: Person, place: Place, target: Person, reason: str, seconds: float) -> Sanction:
        raise NotImplementedError

    async def ban(
        self, actor: Person, place: Place, target: Person, reason: str, seconds: float = 0.0
    ) -> Sanction:
        """0 seconds: without end. Their waiting requests here are cancelled and refunded."""
        raise NotImplementedError

    async def lift(self, actor: Person, place: Place, target: Person, reason: str) -> Sequence[Sanction]:
        """Ends every time-out and ban in force; returns those."""
        raise NotImplementedError

    async def mute_reporter(
        self, actor: Person, place: Place, target: Person, reason: str, *, muted: bool = True
    ) -> None:
        raise NotImplementedError

    # -- the community

    async def rules(self, actor: Person, place: Place) -> Sequence[Rule]:
        raise NotImplementedError

    async def add_rule(self, actor: Person, place: Place, rule: Rule) -> Rule:
        """Adds it, or a new version where one with its id is there. ``tenant``, ``version`` and ``author`` are filled
        in; a rule that would have met more than a fifth of the last week starts as a dry run."""
        raise NotImplementedError

    async def remove_rule(self, actor: Person, place: Place, rule_id: str) -> Rule:
        raise NotImplementedError

    async def test(self, actor: Person, place: Place, text: str) -> Explanation:
        raise NotImplementedError

    async def simulate(self, actor: Person, place: Place, rule: Rule) -> Simulation:
        """What the last seven days would have been with ``rule`` added."""
        raise NotImplementedError

    async def set_mode(self, actor: Person, place: Place, mode: Mode, channel: str = "") -> None:
        raise NotImplementedError

    async def pause(self, actor: Person, place: Place, reason: str = "") -> None:
        """No new requests from anybody; what was accepted goes on."""
        raise NotImplementedError

    async def resume(self, actor: Person, place: Place) -> None:
        raise NotImplementedError

    async def audit(self, actor: Person, place: Place, limit: int = 50) -> Sequence[AuditEvent]:
        """Newest first."""
        raise NotImplementedError

    # -- words

    async def dispatch(self, actor: Person, place: Place, text: str) -> Sequence[str]:
        """``/imagine-mod …`` (with or without that word) as typed; the lines of the answer. Refusals are lines too.

        ``ban USER [DURATION] REASON``, ``timeout USER DURATION REASON``, ``warn``, ``lift``, ``mute``, ``unmute``,
        ``rule add|remove|list``, ``test TEXT``, ``simulate RULE``, ``mode MODE [here]``, ``pause``, ``resume``,
        ``queue``, ``claim|approve|reject|edit ITEM …``, ``audit``. USER is a mention or a key such as discord:user:1.
        """
        raise NotImplementedError
