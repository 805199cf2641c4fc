"""``/imagine-mod`` in words: the command as typed in, the lines of its answer out, the same on every platform."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from bot import tastes
from bot.conduct import FOREVER, Acquaintance, Case, ItemState, Rule, Sanction
from bot.errors import Refused
from bot.model import AuditEvent, Person, Place
from bot.moderating import Moderating
from bot.moderation.commands import Command, read
from bot.moderation.trial import Explanation, Simulation
from bot.moderation.verdicts import moment
from bot.replies import display, problem, say

LISTED = 20
SHORT_ID = 8

Answer = Callable[[Person, Place, Command], Awaitable[Sequence[str]]]


class ModWords:
    def __init__(self, moderators: Moderating) -> None:
        self._do = moderators
        self._answers: Mapping[str, Answer] = {
            "ban": self._ban,
            "timeout": self._timeout,
            "warn": self._warn,
            "lift": self._lift,
            "mute": self._mute,
            "unmute": self._mute,
            "record": self._record,
            "people": self._people,
            "queue": self._queue,
            "show": self._show,
            "claim": self._decide,
            "approve": self._decide,
            "reject": self._decide,
            "banish": self._decide,
            "edit": self._decide,
            "rules": self._rules,
            "add": self._add,
            "starter": self._starter,
            "remove": self._remove,
            "test": self._test,
            "simulate": self._simulate,
            "mode": self._mode,
            "style": self._defaults,
            "defaults": self._defaults,
            "pause": self._pause,
            "resume": self._resume,
            "audit": self._audit,
        }

    async def dispatch(self, actor: Person, place: Place, text: str) -> Sequence[str]:
        """The lines of the answer; a refusal is one too. Raises StoreError."""
        try:
            if not await self._do.is_moderator(actor, place):
                return [say("moderators_only")]
            command = read(text, place.tenant.partition(":")[0])
            if command.verb == "help":
                return say("mod_help").splitlines()
            return await self._answers[command.verb](actor, place, command)
        except Refused as refused:
            return [problem(each) for each in refused.problems]

    # -- people

    async def _ban(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        return _sanctioned(await self._do.ban(actor, place, _target(command), command.text, command.seconds))

    async def _timeout(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        return _sanctioned(await self._do.timeout(actor, place, _target(command), command.text, command.seconds))

    async def _warn(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        return _sanctioned(await self._do.warn(actor, place, _target(command), command.text))

    async def _lift(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        lifted = await self._do.lift(actor, place, _target(command), command.text)
        return [say("mod_lifted" if lifted else "mod_nothing_to_lift", user=command.user)]

    async def _mute(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        muted = command.verb == "mute"
        await self._do.mute_reporter(actor, place, _target(command), command.text, muted=muted)
        return [say("mod_muted" if muted else "mod_unmuted", user=command.user)]

    async def _record(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        member = await self._do.member(actor, place, _target(command))
        lines = [sanction_line(each, each.actor) for each in member.sanctions[-LISTED:]]
        kinds = [event.kind for event in member.record]
        counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
        totals = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        return [say("mod_record", user=command.user, strikes=len(member.strikes), totals=totals or "-"), *lines]

    async def _people(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        found = await self._do.people(actor, place, command.text, LISTED)
        return [acquaintance_line(each) for each in found] or [say("mod_people_none")]

    # -- review

    async def _queue(self, actor: Person, place: Place, command: Command) -> Sequence[str]:  # noqa: ARG002
        cases = await self._do.cases(actor, place, LISTED)
        return [case_line(case) for case in cases] or [say("mod_queue_empty")]

    async def _show(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        case = await self._do.case(actor, place, await self._whole(actor, place, command.item))
        return [case_line(case), *(problem(reason) for reason in case.reasons)]

    async def _decide(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        item = await self._whole(actor, place, command.item)
        match command.verb:
            case "claim":
                case = await self._do.claim(actor, place, item)
            case "approve":
                case = await self._do.approve(actor, place, item)
            case "reject":
                case = await self._do.reject(actor, place, item, command.text)
            case "banish":
                case = await self._do.ban_pictures(actor, place, item, command.text)
            case _:
                case = await self._do.edit(actor, place, item, command.text)
        return [decided_line(case)]

    async def _whole(self, actor: Person, place: Place, start: str) -> str:
        """An item's id may be cut short while only one open item begins so."""
        if len(start) >= 32:
            return start
        found = [case.item.id for case in await self._do.cases(actor, place, 1000) if case.item.id.startswith(start)]
        return found[0] if len(found) == 1 else start

    # -- rules

    async def _rules(self, actor: Person, place: Place, command: Command) -> Sequence[str]:  # noqa: ARG002
        return [rule_line(rule) for rule in await self._do.rules(actor, place)] or [say("mod_no_rules")]

    async def _add(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        assert command.rule
        rule = await self._do.add_rule(actor, place, command.rule)
        dry = rule.dry_run and not command.rule.dry_run
        return [say("mod_rule_saved", rule=rule.id, version=rule.version), *([say("mod_rule_dry")] if dry else [])]

    async def _starter(self, actor: Person, place: Place, command: Command) -> Sequence[str]:  # noqa: ARG002
        return imported_lines(await self._do.add_starter(actor, place))

    async def _remove(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        rule = await self._do.remove_rule(actor, place, command.text)
        return [say("mod_rule_removed", rule=rule.id)]

    async def _test(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        return explanation_lines(await self._do.test(actor, place, command.text))

    async def _simulate(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        assert command.rule
        return simulation_lines(await self._do.simulate(actor, place, command.rule))

    # -- the community

    async def _mode(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        await self._do.set_mode(actor, place, command.mode, place.channel if command.here else "")
        name = command.mode.value if command.mode else "default"
        return [say("mod_mode_here" if command.here else "mod_mode", mode=name)]

    async def _defaults(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        now = await self._do.set_defaults(actor, place, command.text)
        return [say("mod_defaults", options=tastes.in_words(now)) if now else say("mod_no_defaults")]

    async def _pause(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        await self._do.pause(actor, place, command.text)
        return [say("mod_paused")]

    async def _resume(self, actor: Person, place: Place, command: Command) -> Sequence[str]:  # noqa: ARG002
        await self._do.resume(actor, place)
        return [say("mod_resumed")]

    async def _audit(self, actor: Person, place: Place, command: Command) -> Sequence[str]:
        wanted = int(command.text) if command.text.isascii() and command.text.isdigit() else LISTED
        events = await self._do.audit(actor, place, min(max(wanted, 1), 100))
        return [audit_line(event) for event in events] or [say("mod_audit_empty")]


def _target(command: Command) -> Person:
    return Person(command.user)


def _sanctioned(sanction: Sanction) -> Sequence[str]:
    until = say("mod_without_end") if sanction.until == FOREVER else moment(sanction.until)
    return [say("mod_sanctioned", user=sanction.person, kind=sanction.kind.value, until=until)]


def acquaintance_line(known: Acquaintance) -> str:
    """Who it is, and what is remembered of them."""
    return " · ".join([f"{display(known.name)} {known.key}".strip(), *remembered(known)])


def remembered(known: Acquaintance) -> list[str]:
    """In words, what stands against a person first."""
    said = []
    if known.banned_until == FOREVER:
        said.append(say("mod_banned_for_good"))
    elif known.banned_until:
        said.append(say("mod_banned", until=moment(known.banned_until)))
    elif known.timeout_until:
        said.append(say("mod_timed_out", until=moment(known.timeout_until)))
    if known.strikes:
        said.append(say("mod_strikes", n=known.strikes))
    if known.muted:
        said.append(say("mod_is_muted"))
    if known.requests:
        said.append(say("mod_requests", n=known.requests, at=moment(known.asked_at)))
    return said


def sanction_line(sanction: Sanction, actor: str) -> str:
    """One line; ``actor``: who gave it, as the reader knows them."""
    until = say("mod_without_end") if sanction.until == FOREVER else moment(sanction.until)
    state = say("mod_was_lifted") if sanction.lifted else until
    return f"{sanction.kind.value} · {state} · {actor} · {display(sanction.reason)}"


def case_line(case: Case) -> str:
    """One line: its short id, what it is, who asked, and the words."""
    item = case.item
    words = display(case.job.request.prompt).replace("\n", " ") if case.job else display(item.words)
    claimed = f" · {say('mod_claimed', by=item.claimed_by)}" if item.state is ItemState.CLAIMED else ""
    return f"{item.id[:SHORT_ID]} · {say(f'item_{item.kind}')} · {item.author}{claimed} · {words[:300]}"


def decided_line(case: Case) -> str:
    item = case.item
    missing = item.required - len(item.approvals)
    if item.state is ItemState.OPEN and item.approvals:
        return say("mod_counted", missing=missing)
    return say("mod_item_state", item=item.id[:SHORT_ID], state=item.state.value)


def rule_line(rule: Rule) -> str:
    marks = [say(f"mod_mark_{name}") for name in ("dry_run", "all_of", "spoiler") if getattr(rule, name)]
    patterns = ", ".join(rule.patterns)
    parts = [rule.id, rule.action.name.lower(), patterns[:200], *marks, rule.message, f"v{rule.version} {rule.author}"]
    return " · ".join(part for part in parts if part)


def imported_lines(saved: Sequence[Rule]) -> list[str]:
    """How many there are, and those that only count so far."""
    dry = [rule.id for rule in saved if rule.dry_run]
    said = [say("mod_rules_saved", n=len(saved))]
    return [*said, say("mod_rules_dry", rules=", ".join(dry))] if dry else said


def explanation_lines(explanation: Explanation) -> list[str]:
    """The normalised forms, and which rule hits with what."""
    forms = explanation.forms
    seen = {
        "plain": forms.plain, "letters": " | ".join(forms.words), "foreign": " | ".join(forms.foreign),
        "joined": " | ".join(forms.joined), "compact": " | ".join(forms.compact),
    }  # fmt: skip
    shown = {name: text[:400] for name, text in seen.items() if text}
    lines = [say("mod_form", form=name, text=display(text)) for name, text in shown.items()]
    hits = [
        say(
            "mod_hit",
            rule=hit.rule.id,
            action=hit.action.name.lower(),
            patterns=", ".join(hit.patterns),
            ways=", ".join(hit.ways),
            dry=say("mod_dry") if hit.rule.dry_run else "",
        )
        for hit in explanation.hits
    ]
    return [*lines, *(hits or [say("mod_no_hit")])]


def simulation_lines(simulation: Simulation) -> list[str]:
    return [
        say(
            "mod_simulated",
            total=simulation.total,
            changed=simulation.changed,
            stricter=simulation.stricter,
            looser=simulation.looser,
        ),
        *(say("mod_rule_hits", rule=rule, hits=hits) for rule, hits in simulation.hits.items()),
    ]


def audit_line(event: AuditEvent) -> str:
    at = f"{datetime.fromtimestamp(event.at, UTC):%Y-%m-%d %H:%M}"
    parts = [f"{event.seq} {at}", event.actor, event.action, event.subject, display(event.reason)]
    return " · ".join(part for part in parts if part)
