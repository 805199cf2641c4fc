"""What people and channels have set for requests that do not say it themselves.

Written and stored as options: ``--style noir --ar 16:9``. A request's own option wins, then its person's default, then
its channel's, then routing decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot import command, described, routing, steps
from bot.errors import Refused
from bot.model import ImageRequest, Person, Place, Problem
from bot.replies import say

DEFAULT = "default"
"""As a value: takes the setting back; alone: all of them."""

FIELDS = ("style", "size", "backend", "steps", "guidance")
_WORDS = "a picture"  #: in the place of the prompt, which a default has none of
_NOTHING = ImageRequest(_WORDS)
_FIELD_OF = {name: option.field for option in command.OPTIONS for name in option.names}


def channel(place: Place) -> str:
    return f"channel:{place.tenant}:{place.channel}"


def stored(text: str) -> ImageRequest:
    """The defaults as the store keeps them. What cannot be read any more is nothing."""
    try:
        return command.parse(f"{_WORDS} {text}")
    except Refused:
        return _NOTHING


def written(defaults: ImageRequest) -> str:
    return command.format_command(defaults).removeprefix(f"/imagine {_WORDS}").strip()


# -- for a request


def applied(
    core: steps.Core, asked: ImageRequest, person: Person, place: Place, known: Mapping[str, str]
) -> ImageRequest:
    """``asked`` with the defaults of its person, else of its channel, as far as it names none and they can be had.

    ``known``: the defaults by owner.
    """
    defaults = [stored(known[owner]) for owner in (person.key, channel(place)) if owner in known]
    for field in FIELDS if defaults else ():
        if getattr(asked, field) is None:
            asked = _first_that_fits(core, asked, field, [getattr(each, field) for each in defaults])
    return asked


def _first_that_fits(core: steps.Core, asked: ImageRequest, field: str, values: Sequence[object]) -> ImageRequest:
    """Unchanged where no backend could do any of them: a taste is no reason to refuse, nor to wait for a backend."""
    for value in values:
        if field == "style" and value == routing.NO_STYLE:
            return asked
        if value is None or (field == "backend" and core.health.is_closed(str(value), core.clock.now())):
            continue
        changed = _with(asked, field, value)
        if not steps.objections(core, changed):
            return changed
    return asked


def _with(request: ImageRequest, field: str, value: object) -> ImageRequest:
    fields: dict[str, Any] = {field: value}
    return replace(request, **fields)


# -- set by their owner


async def remember(core: steps.Core, owner: str, text: str) -> tuple[str, str]:
    """``[STYLE] [--option value | --option default] …`` changes what it names; ``default`` alone takes all back.

    What was stored before and what is now. Raises Refused, StoreError.
    """
    before = (await core.store.default_options((owner,))).get(owner, "")
    alone = text.strip().lower() == DEFAULT
    after = "" if alone else written(_changed(core, stored(before), text))
    await core.store.set_default_options(owner, after)
    return before, after


def _changed(core: steps.Core, before: ImageRequest, text: str) -> ImageRequest:
    style, options = command.scan(text)
    said = [(name, value.strip()) for name, value in (("style", style), *options) if value.strip()]
    back = {_FIELD_OF[name] for name, value in said if name in _FIELD_OF and value.lower() == DEFAULT}
    given = _given(core, [(name, value) for name, value in said if _FIELD_OF.get(name) not in back])
    kept = [each for each in FIELDS if each not in back and not steps.objections(core, _only(before, each))]
    changed: dict[str, Any] = {each: getattr(before, each) for each in kept}
    changed |= {each: value for each in FIELDS if (value := getattr(given, each)) is not None}
    wanted = replace(_NOTHING, **changed)
    if problems := steps.objections(core, wanted):
        raise Refused(*problems)
    return wanted


def _given(core: steps.Core, said: Sequence[tuple[str, str]]) -> ImageRequest:
    """Raises Refused, with nothing to copy: it would be a request."""
    if wrong := [name for name, _ in said if _FIELD_OF.get(name, "style") not in FIELDS]:
        raise Refused(Problem("default_not", {"options": ", ".join(wrong)}))
    words = " ".join([_WORDS, *(f"--{name} {value}" for name, value in said)])
    try:
        return command.parse(words, command.options_for(core.capabilities()))
    except Refused as refused:
        raise Refused(*refused.problems) from None


def _only(request: ImageRequest, field: str) -> ImageRequest:
    return _with(_NOTHING, field, getattr(request, field))


async def answer(core: steps.Core, person: Person, place: Place, text: str) -> str:
    """``/imagine-style [NAME | none | default] [--option value]``: the sentences. Raises Refused, StoreError."""
    if text.strip():
        await remember(core, person.key, text)
    known = await core.store.default_options((person.key, channel(place)))
    mine, here = known.get(person.key, ""), known.get(channel(place), "")
    lines = [
        say("defaults_mine", options=in_words(mine)) if mine else say("defaults_none_of_mine"),
        *([say("defaults_here", options=in_words(here))] if here else []),
        *([say("style_choices", names=", ".join(sorted(core.styles)))] if core.styles else []),
        say("defaults_how"),
    ]
    return "\n".join(lines)


def in_words(text: str) -> str:
    """Stored defaults as a person reads them."""
    return described.settings(stored(text)) or say("defaults_nothing")
