"""A community's rules and settings, as its moderators change them, and its audit log."""

from collections.abc import Sequence
from dataclasses import replace

from bot import steps, tastes
from bot.conduct import Mode, Rule
from bot.errors import Refused
from bot.model import AuditEvent, Person, Place, Problem
from bot.moderation import lists, trial
from bot.moderation.permissions import Act, Actor, Subject, may
from bot.moderation.rules import FilterError, RuleSet, Scene

WEEK = 7 * 86_400.0
PAST_REQUESTS = 5000
"""At most so many of the last week's are simulated."""


class Governing:
    def __init__(self, core: steps.Core) -> None:
        self._core = core
        self._judge = core.judge
        self._store = core.judge.store

    # -- rules

    async def rules(self, actor: Person, place: Place) -> Sequence[Rule]:
        """Those of imagine.toml first."""
        await self._permitted(actor, place, Act.RULE_TEST)
        return self._judge.rules((await self._judge.bench(place.tenant)).community)

    async def add_rule(self, actor: Person, place: Place, rule: Rule) -> Rule:
        """Adds it, or a new version where one with its id is there. ``tenant``, ``version`` and ``author`` are filled
        in; a rule that would have met more than a fifth of the last week starts as a dry run.
        """
        [saved] = await self.add_rules(actor, place, [rule])
        return saved

    async def add_rules(self, actor: Person, place: Place, rules: Sequence[Rule]) -> list[Rule]:
        """The same for several: nothing is added where one of them is wrong."""
        await self._permitted(actor, place, Act.RULE_ADD)
        wanted, before, after = await self._with(actor, place, rules)
        simulation = None
        if not all(rule.dry_run for rule in wanted):
            simulation = await self._simulated(place, before, after)
        saving = []
        for rule in wanted:
            dry = rule.dry_run or (simulation is not None and trial.needs_dry_run(simulation, rule.id))
            event = self._event(actor, place, "rule_saved", f"rule:{rule.id}")
            saving.append((replace(rule, dry_run=dry), event))
        return await self._store.save_rules(saving)

    async def add_starter(self, actor: Person, place: Place) -> list[Rule]:
        """Those of the starter policy that are not here yet."""
        known = {rule.id for rule in await self.rules(actor, place)}
        missing = [rule for rule in lists.STARTER if rule.id not in known]
        return await self.add_rules(actor, place, missing) if missing else []

    async def remove_rule(self, actor: Person, place: Place, rule_id: str) -> Rule:
        await self._permitted(actor, place, Act.RULE_REMOVE)
        event = self._event(actor, place, "rule_removed", f"rule:{rule_id}")
        removed = await self._store.remove_rule(place.tenant, rule_id, event)
        if removed is None:
            raise Refused(Problem("rule_unknown", {"rule": rule_id}))
        return removed

    async def test(self, actor: Person, place: Place, text: str) -> trial.Explanation:
        await self._permitted(actor, place, Act.RULE_TEST)
        return trial.explain(await self._ruleset(place), text[:4000])

    async def simulate(self, actor: Person, place: Place, rule: Rule) -> trial.Simulation:
        """What the last seven days would have been with ``rule`` added."""
        await self._permitted(actor, place, Act.RULE_SIMULATE)
        _, before, after = await self._with(actor, place, [rule])
        return await self._simulated(place, before, after)

    async def _with(
        self, actor: Person, place: Place, rules: Sequence[Rule]
    ) -> tuple[list[Rule], RuleSet, RuleSet]:
        """The rules made whole, and the rule sets without and with them. Raises Refused with what is wrong."""
        bench = await self._judge.bench(place.tenant)
        tenant, author = place.tenant, actor.key
        whole = [replace(rule, id=rule.id or self._judge.new_id()[:8], tenant=tenant, author=author) for rule in rules]
        wanted = list({rule.id: rule for rule in whole}.values())
        ids = {rule.id for rule in wanted}
        for fixed in self._judge.rules(replace(bench.community, rules=())):
            if fixed.id in ids:
                raise Refused(Problem("rule_of_the_house", {"rule": fixed.id}))
        await self._judge.compiled(wanted)
        others = tuple(each for each in bench.community.rules if each.id not in ids)
        after = await self._judge.compiled(
            self._judge.rules(replace(bench.community, rules=(*others, *wanted))), stored=True
        )
        return wanted, bench.ruleset or await self._judge.compiled(()), after

    async def _simulated(self, place: Place, before: RuleSet, after: RuleSet) -> trial.Simulation:
        since = self._core.clock.now() - WEEK
        jobs = await self._store.past_requests(place.tenant, since, PAST_REQUESTS)
        past = [
            trial.Past(
                job.id,
                steps.texts(self._core, job.request),
                Scene(job.origin.place.channel, job.origin.person.groups, job.origin.place.age_restricted),
            )
            for job in jobs
        ]
        try:
            return await self._judge.aside(trial.simulate, before, after, past)
        except FilterError:
            raise Refused(Problem("rules_too_large")) from None

    async def _ruleset(self, place: Place) -> RuleSet:
        ruleset = (await self._judge.bench(place.tenant)).ruleset
        if ruleset is None:
            raise Refused(Problem("rules_broken"))
        return ruleset

    async def set_mode(self, actor: Person, place: Place, mode: Mode | None, channel: str = "") -> None:
        """None: as imagine.toml says."""
        await self._permitted(actor, place, Act.MODE)
        policy = (await self._judge.bench(place.tenant)).policy
        before = policy.mode_in(channel) if channel else policy.mode
        subject = f"channel:{channel}" if channel else place.tenant
        event = replace(self._event(actor, place, "mode", subject), before=before, after=mode or "default")
        await self._store.set_mode(place.tenant, mode, channel, event)

    async def set_defaults(self, actor: Person, place: Place, options: str) -> str:
        """What this channel's requests are drawn with where they do not say it; as it is now. Raises Refused."""
        await self._permitted(actor, place, Act.MODE)
        before, after = await tastes.remember(self._core, tastes.channel(place), options)
        event = self._event(actor, place, "defaults", f"channel:{place.channel}")
        await self._store.audit(replace(event, before=before, after=after))
        return after

    async def pause(self, actor: Person, place: Place, reason: str = "") -> None:
        """No new requests from anybody; what was accepted goes on."""
        await self._permitted(actor, place, Act.PAUSE)
        event = self._event(actor, place, "pause", place.tenant, reason)
        await self._store.set_paused(place.tenant, event, paused=True)

    async def resume(self, actor: Person, place: Place) -> None:
        await self._permitted(actor, place, Act.PAUSE)
        await self._store.set_paused(place.tenant, self._event(actor, place, "resume", place.tenant), paused=False)

    async def audit(self, actor: Person, place: Place, limit: int = 50) -> Sequence[AuditEvent]:
        """Newest first."""
        await self._permitted(actor, place, Act.AUDIT)
        return await self._store.newest_audit(place.tenant, limit)

    # -- inside

    async def _permitted(self, actor: Person, place: Place, act: Act) -> Actor:
        known = await self._judge.actor(actor, place)
        if not may(known, act, Subject(place.tenant)):
            raise Refused(Problem("moderators_only"))
        return known

    def _event(self, actor: Person, place: Place, action: str, subject: str, reason: str = "") -> AuditEvent:
        return AuditEvent(place.tenant, actor.key, action, subject, reason.strip()[:500], at=self._core.clock.now())
