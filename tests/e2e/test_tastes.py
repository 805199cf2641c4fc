"""Default styles: a person's own, a channel's, and none at all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.errors import Refused
from bot.model import Person, Place, Style
from bot.replies import say
from tests import factories
from tests.house import TestHouse, open_house
from tests.web import client, open_site

HERE = factories.origin().place
ANN, BOB = factories.person("ann"), factories.person("bob")
MOD = Person("web:operator:night", groups=("web:operators",))


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with open_house(tmp_path) as opened:
        for name in ("noir", "comic"):
            opened.core.styles[name] = Style(name, f"{{prompt}}, {name}")  # type: ignore[index] # a plain dict here
        yield opened


async def style_of(house: TestHouse, text: str = "a fox", name: str = "ann") -> str | None:
    return (await house.ask(text, name=name)).job.request.style


async def test_a_persons_style_is_for_requests_that_name_none(house: TestHouse) -> None:
    assert "You have set no style" in await house.studio.style(ANN, HERE, "")
    assert "drawn in the style \u2068noir" in await house.studio.style(ANN, HERE, " noir ")
    assert [await style_of(house), await style_of(house, "a fox --style comic")] == ["noir", "comic"]
    assert await style_of(house, "a fox --style none") == "none"
    assert await style_of(house, name="bob") is None
    await house.studio.style(ANN, HERE, "default")
    assert await style_of(house) is None


async def test_a_channels_style_is_set_by_moderators_and_gives_way_to_a_persons_own(house: TestHouse) -> None:
    assert await house.moderators.dispatch(ANN, HERE, "style comic") == [say("moderators_only")]
    [said] = await house.moderators.dispatch(MOD, HERE, "/imagine-mod style comic")
    assert "comic" in said
    assert [await style_of(house), await style_of(house, name="bob")] == ["comic", "comic"]
    await house.studio.style(ANN, HERE, "noir")
    await house.studio.style(BOB, HERE, "none")
    assert [await style_of(house), await style_of(house, name="bob")] == ["noir", None]
    assert "The style of this channel is \u2068comic" in await house.studio.style(BOB, HERE, "")
    elsewhere = factories.origin("cyd").place
    assert await house.store.default_styles([f"channel:web:{elsewhere.channel}x"]) == {}
    assert [event.action for event in await house.store.audit_since("web", 0, 0, 9)] == ["style"]
    await house.moderators.dispatch(MOD, HERE, "style default")
    assert await style_of(house, name="cyd") is None


@pytest.mark.parametrize("name", ["noirr", "x" * 300, "noir comic", "\x00"])
async def test_an_unknown_style_is_refused(house: TestHouse, name: str) -> None:
    with pytest.raises(Refused):
        await house.studio.style(ANN, HERE, name)


async def test_a_style_that_is_gone_or_does_not_fit_is_no_reason_to_refuse(house: TestHouse) -> None:
    await house.studio.style(ANN, HERE, "noir")
    assert await style_of(house, "x" * 1999) is None
    del house.core.styles["noir"]  # type: ignore[attr-defined] # a plain dict here
    assert await style_of(house) is None


async def test_forgetting_forgets_the_style_too(house: TestHouse) -> None:
    await house.studio.style(ANN, HERE, "noir")
    await house.studio.forget(ANN)
    assert await house.store.default_styles([ANN.key]) == {}


async def test_the_room_has_the_command(house: TestHouse) -> None:
    async with open_site(house) as site, client(site) as ann:
        await ann.say("/imagine-style noir")
        assert "drawn in the style" in await ann.page()
        assert (await ann.say("/imagine-style nothing")).json() == {"refused": True}
        assert Place("web", "room") == HERE
