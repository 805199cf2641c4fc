"""The styles that people and channels have set for requests that name none."""

from collections.abc import Mapping
from dataclasses import replace

from bot import routing, steps
from bot.errors import Refused
from bot.model import ImageRequest, Person, Place, Problem
from bot.replies import display, say

DEFAULT = "default"
"""What takes a setting back."""


def channel(place: Place) -> str:
    return f"channel:{place.tenant}:{place.channel}"


def applied(
    core: steps.Core, asked: ImageRequest, person: Person, place: Place, known: Mapping[str, str]
) -> ImageRequest:
    """``asked`` in the style of its person, else of its channel, where it names none and that style can be had.

    ``known``: the defaults by owner.
    """
    if asked.style is not None:
        return asked
    for owner in (person.key, channel(place)):
        style = known.get(owner, "")
        if style in core.styles or style == routing.NO_STYLE:
            return asked if style == routing.NO_STYLE else _in_style(core, asked, style)
    return asked


def _in_style(core: steps.Core, asked: ImageRequest, style: str) -> ImageRequest:
    """Unchanged where no backend could do it in that style: a taste is no reason to refuse."""
    styled = replace(asked, style=style)
    return asked if routing.objections(styled, core.capabilities(), core.order, core.styles) else styled


async def remember(core: steps.Core, owner: str, name: str) -> None:
    """``none``: without a style whatever the channel's is; ``default``: nothing of one's own. Raises Refused."""
    if name not in {routing.NO_STYLE, DEFAULT}:
        problems = routing.style_problems(name, core.styles)
        if problems:
            raise Refused(*problems)
    await core.store.set_default_style(owner, "" if name == DEFAULT else name)


async def answer(core: steps.Core, person: Person, place: Place, text: str) -> str:
    """``/imagine-style [NAME | none | default]``: the sentence that answers it. Raises Refused, StoreError."""
    name = text.strip()
    if name:
        await remember(core, person.key, name)
    if not core.styles:
        raise Refused(Problem("style_none"))
    known = await core.store.default_styles((person.key, channel(place)))
    mine, here = known.get(person.key, ""), known.get(channel(place), "")
    lines = [
        say("style_mine", style=display(mine)) if mine else say("style_no_mine"),
        *([say("style_here", style=display(here))] if here else []),
        say("style_choices", names=", ".join(sorted(core.styles))),
    ]
    return "\n".join(lines)
