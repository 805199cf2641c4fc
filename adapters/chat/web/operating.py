"""What the moderation page's forms ask for, and the sentence that answers them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.conduct import Rule
from bot.errors import Refused
from bot.mod_words import decided_line, explanation_lines, imported_lines, simulation_lines
from bot.model import Person, Place, Problem
from bot.moderation import lists
from bot.moderation.commands import COLUMNS, action_named, duration, mode_named, person_key, rule_from
from bot.moderators import Moderators
from bot.options import without_forbidden
from bot.replies import say

Form = Mapping[str, Any]
Act = Callable[[Person, Place, Form], Awaitable[str]]


class Acts:
    def __init__(self, moderators: Moderators) -> None:
        self._do = moderators
        self._acts: Mapping[str, Act] = {
            "claim": self._claim,
            "approve": self._approve,
            "reject": self._reject,
            "edit": self._edit,
            "ban": self._sanction,
            "timeout": self._sanction,
            "warn": self._sanction,
            "lift": self._lift,
            "mute": self._mute,
            "unmute": self._mute,
            "rule": self._rule,
            "remove": self._remove,
            "import": self._import,
            "starter": self._starter,
            "test": self._test,
            "simulate": self._simulate,
            "mode": self._mode,
            "pause": self._pause,
            "resume": self._resume,
        }

    async def do(self, actor: Person, place: Place, form: Form) -> str:
        """Raises Refused."""
        act = self._acts.get(_text(form, "act"))
        if act is None:
            raise Refused(Problem("web_failed"))
        return await act(actor, place, form)

    # -- review

    async def _claim(self, actor: Person, place: Place, form: Form) -> str:
        await self._do.claim(actor, place, _text(form, "item"))
        return say("moderation_claimed_by_you")

    async def _approve(self, actor: Person, place: Place, form: Form) -> str:
        return decided_line(await self._do.approve(actor, place, _text(form, "item")))

    async def _reject(self, actor: Person, place: Place, form: Form) -> str:
        rejecting = self._do.ban_pictures if form.get("never") is True else self._do.reject
        return decided_line(await rejecting(actor, place, _text(form, "item"), _text(form, "reason")))

    async def _edit(self, actor: Person, place: Place, form: Form) -> str:
        return decided_line(await self._do.edit(actor, place, _text(form, "item"), _text(form, "prompt")))

    # -- people

    async def _sanction(self, actor: Person, place: Place, form: Form) -> str:
        kind, target, reason = _text(form, "act"), _target(place, form), _text(form, "reason")
        lasting = _text(form, "duration").strip()
        seconds = duration(lasting) if lasting else 0.0
        if seconds is None or (kind == "timeout" and not seconds):
            raise Refused(Problem("mod_needs_duration"))
        if kind == "ban":
            await self._do.ban(actor, place, target, reason, seconds)
        elif kind == "timeout":
            await self._do.timeout(actor, place, target, reason, seconds)
        else:
            await self._do.warn(actor, place, target, reason)
        return say("moderation_done", what=say(f"moderation_act_{kind}"), person=target.key)

    async def _lift(self, actor: Person, place: Place, form: Form) -> str:
        target = _target(place, form)
        lifted = await self._do.lift(actor, place, target, _text(form, "reason"))
        return say("mod_lifted" if lifted else "mod_nothing_to_lift", user=target.key)

    async def _mute(self, actor: Person, place: Place, form: Form) -> str:
        target, muted = _target(place, form), _text(form, "act") == "mute"
        await self._do.mute_reporter(actor, place, target, _text(form, "reason"), muted=muted)
        return say("mod_muted" if muted else "mod_unmuted", user=target.key)

    # -- the community

    async def _rule(self, actor: Person, place: Place, form: Form) -> str:
        wanted = _rule_of(form)
        saved = await self._do.add_rule(actor, place, wanted)
        said = say("mod_rule_saved", rule=saved.id, version=saved.version)
        return f"{said} {say('mod_rule_dry')}" if saved.dry_run and not wanted.dry_run else said

    async def _import(self, actor: Person, place: Place, form: Form) -> str:
        rules = lists.read(_text(form, "list"), action_named(_text(form, "action")), _text(form, "id"))
        return "\n".join(imported_lines(await self._do.add_rules(actor, place, rules)))

    async def _starter(self, actor: Person, place: Place, form: Form) -> str:  # noqa: ARG002 - as all acts
        return "\n".join(imported_lines(await self._do.add_starter(actor, place)))

    async def _remove(self, actor: Person, place: Place, form: Form) -> str:
        return say("mod_rule_removed", rule=(await self._do.remove_rule(actor, place, _text(form, "id"))).id)

    async def _test(self, actor: Person, place: Place, form: Form) -> str:
        return "\n".join(explanation_lines(await self._do.test(actor, place, _text(form, "text"))))

    async def _simulate(self, actor: Person, place: Place, form: Form) -> str:
        return "\n".join(simulation_lines(await self._do.simulate(actor, place, _rule_of(form))))

    async def _mode(self, actor: Person, place: Place, form: Form) -> str:
        name, channel = _text(form, "mode"), _text(form, "channel").strip()
        await self._do.set_mode(actor, place, mode_named(name), channel)
        return say("mod_mode_here" if channel else "mod_mode", mode=name)

    async def _pause(self, actor: Person, place: Place, form: Form) -> str:
        await self._do.pause(actor, place, _text(form, "reason"))
        return say("mod_paused")

    async def _resume(self, actor: Person, place: Place, form: Form) -> str:  # noqa: ARG002 - as all acts
        await self._do.resume(actor, place)
        return say("mod_resumed")


def _text(form: Form, name: str) -> str:
    value = form.get(name, "")
    return without_forbidden(value) if isinstance(value, str) else ""


def _target(place: Place, form: Form) -> Person:
    return Person(person_key(_text(form, "person").strip(), place.tenant.partition(":")[0]))


def _rule_of(form: Form) -> Rule:
    """Raises Refused."""
    return rule_from({name: "yes" if form.get(name) is True else _text(form, name) for name in COLUMNS})
