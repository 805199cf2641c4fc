"""Defaults of style, size, backend, steps and guidance: a person's own, a channel's, and none at all."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from adapters.store import sql
from bot import command, tastes
from bot.errors import Refused
from bot.model import Breaker, Capabilities, ImageRequest, Person, Place, Ratio, Size, Style
from bot.replies import say
from bot.settings import ModerationSettings
from tests import factories
from tests.fakes import FakeBackend
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
    assert "You have set no default" in await house.studio.style(ANN, HERE, "")
    assert "drawn like this: style \u2068noir" in await house.studio.style(ANN, HERE, " noir ")
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
    heard = await house.studio.style(BOB, HERE, "")
    assert "What nobody says in this channel is drawn like this: style \u2068comic" in heard
    elsewhere = factories.origin("cyd").place
    assert await house.store.default_options([f"channel:web:{elsewhere.channel}x"]) == {}
    assert [event.action for event in await house.store.audit_since("web", 0, 0, 9)] == ["defaults"]
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
    assert await house.store.default_options([ANN.key]) == {}


async def test_the_room_has_the_command(house: TestHouse) -> None:
    async with open_site(house) as site, client(site) as ann:
        await ann.say("/imagine-style noir")
        assert "drawn like this: style" in await ann.page()
        assert (await ann.say("/imagine-style nothing")).json() == {"refused": True}
        assert Place("web", "room") == HERE


HIVE = FakeBackend("hive", Capabilities(default_size=Size(64, 64), sizes=(Size(64, 64),), at_once=4))


async def drawn_with(house: TestHouse, text: str = "a fox", name: str = "ann") -> str:
    return command.format_command((await house.ask(text, name=name)).job.request).removeprefix("/imagine a fox")


async def test_each_option_is_the_requests_own_else_the_persons_else_the_channels(house: TestHouse) -> None:
    [said] = await house.moderators.dispatch(MOD, HERE, "defaults comic --ar 16:9 --steps 20 --guidance 5")
    assert "size 16:9 · 20 steps · guidance 5 · style \u2068comic" in said
    await house.studio.style(ANN, HERE, "--steps 30 —backend sketch")
    assert await drawn_with(house) == " --ar 16:9 --steps 30 --guidance 5 --backend sketch --style comic"
    assert await drawn_with(house, name="bob") == " --ar 16:9 --steps 20 --guidance 5 --style comic"
    own = " --size 64x64 --steps 9 --guidance 2.5 --backend sketch --style noir"
    assert await drawn_with(house, f"a fox{own}") == own
    heard = await house.studio.style(ANN, HERE, "")
    assert "30 steps · backend \u2068sketch" in heard
    assert "size 16:9" in heard


async def test_one_default_can_be_taken_back_or_all(house: TestHouse) -> None:
    await house.studio.style(ANN, HERE, "noir --ar 16:9 --steps 20")
    await house.studio.style(ANN, HERE, "--size default --cfg 3")
    assert await house.store.default_options([ANN.key]) == {ANN.key: "--steps 20 --guidance 3 --style noir"}
    await house.studio.style(ANN, HERE, "--style default")
    await house.studio.style(ANN, HERE, "--aspect 3:2")
    assert await house.store.default_options([ANN.key]) == {ANN.key: "--ar 3:2 --steps 20 --guidance 3"}
    await house.studio.style(ANN, HERE, "Default")
    assert await house.store.default_options([ANN.key]) == {}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("--steps 5000", "takes_integer"),
        ("--ar wide", "takes_ratio"),
        ("--backend hiv", "backend_unknown"),
        ("--stesp 20", "option_misspelt"),
        ("--foo default", "option_unknown"),
        ("--seed 5", "default_not"),
        ("noir --count 2", "default_not"),
        ("--no hands", "default_not"),
        ("--steps 5 --steps 6", "option_twice"),
    ],
)
async def test_what_cannot_be_a_default_is_refused_and_changes_nothing(house: TestHouse, said: str, code: str) -> None:
    await house.studio.style(ANN, HERE, "noir")
    with pytest.raises(Refused) as refused:
        await house.studio.style(ANN, HERE, said)
    assert refused.value.problems[0].code == code
    assert refused.value.corrected is None
    assert await house.store.default_options([ANN.key]) == {ANN.key: "--style noir"}


async def test_a_default_backend_gives_way_to_a_request_it_cannot_do_and_to_one_that_is_open(tmp_path: Path) -> None:
    async with open_house(tmp_path, [FakeBackend(), HIVE]) as house:
        await house.moderators.dispatch(MOD, HERE, "defaults --backend hive")
        assert await drawn_with(house) == " --backend hive"
        assert await drawn_with(house, "a fox --steps 20") == " --steps 20"
        await house.core.health.keep(Breaker("hive", closed_until=float("inf")))
        assert await drawn_with(house) == ""


async def test_a_default_is_moderated_like_the_option(tmp_path: Path) -> None:
    async with open_house(tmp_path, moderation=ModerationSettings(blocked=("gore",))) as house:
        house.core.styles["noir"] = Style("noir", "{prompt}, gore")  # type: ignore[index] # a plain dict here
        await house.moderators.dispatch(MOD, HERE, "defaults noir")
        with pytest.raises(Refused):
            await house.ask("a fox")


async def test_defaults_of_before_the_migration_are_kept(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.executescript("CREATE TABLE default_styles (owner TEXT PRIMARY KEY, style TEXT NOT NULL)")
    connection.execute("INSERT INTO default_styles VALUES ('web:user:ann', 'noir')")
    [script] = [text for _, name, text in sql.migrations("sqlite") if "default_options" in name]
    connection.executescript(script)
    found = connection.execute("SELECT owner, options FROM default_options").fetchall()
    connection.close()
    assert found == [("web:user:ann", "--style noir")]
    assert tastes.stored(found[0][1]).style == "noir"


@given(
    st.builds(
        ImageRequest,
        st.just("a picture"),
        size=st.none() | st.builds(Ratio, st.integers(1, 99), st.integers(1, 99)) | st.just(Size(512, 768)),
        steps=st.none() | st.integers(1, 1000),
        guidance=st.none() | st.integers(0, 400).map(lambda quarters: quarters / 4),
        backend=st.none() | st.sampled_from(["hive", "local-2"]),
        style=st.none() | st.sampled_from(["noir", "old photo", "none"]),
    )
)
def test_defaults_are_read_back_as_they_were_written(defaults: ImageRequest) -> None:
    assert tastes.stored(tastes.written(defaults)) == defaults


@pytest.mark.parametrize("damaged", ["--steps", "--steps 99999999", "--nothing", "\x00", "x" * 9000])
def test_stored_defaults_that_cannot_be_read_are_none(damaged: str) -> None:
    assert tastes.written(tastes.stored(damaged)) == ""
