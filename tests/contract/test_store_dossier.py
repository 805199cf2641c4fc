"""What a request is judged by, read at once: it must say what the single readings say."""

from dataclasses import replace

from adapters.store.store import SqlStore
from bot.conduct import FOREVER, Dossier, ItemState, Mode, Sanction, SanctionKind
from bot.steps import Switch, Switches
from tests.contract.test_store_moderation import ANN, EVENT, GUILD, OTHER, deciding, held
from tests.factories import NOW

CHANNEL = "channel:discord:42:7"


async def test_of_somebody_unknown_nothing_is_known(store: SqlStore) -> None:
    assert await store.dossier(GUILD, ANN, CHANNEL) == Dossier()


async def test_the_version_is_the_communitys(store: SqlStore) -> None:
    for mode in (Mode.CLOSED, Mode.OPEN):
        await store.set_mode(GUILD, mode, "", EVENT)
    assert (await store.dossier(GUILD, ANN)).version == await store.community_version(GUILD) == 2
    assert (await store.dossier(OTHER, ANN)).version == 0


async def test_sanctions_are_those_in_force_here(store: SqlStore) -> None:
    ban = Sanction("s1", GUILD, ANN, SanctionKind.BAN, NOW, FOREVER, "discord:user:9", "spam")
    timeout = replace(ban, id="s2", kind=SanctionKind.TIMEOUT, at=NOW + 1, until=NOW + 60)
    elsewhere = replace(ban, id="s3", tenant=OTHER)
    for each in (ban, timeout, elsewhere, replace(ban, id="s4", person="discord:user:2")):
        await store.sanction(each)
    assert (await store.dossier(GUILD, ANN)).sanctions == (ban, timeout)
    await store.lift(GUILD, ANN, EVENT)
    assert (await store.dossier(GUILD, ANN)).sanctions == ()
    assert (await store.dossier(OTHER, ANN)).sanctions == (elsewhere,)


async def test_the_record_is_the_members(store: SqlStore) -> None:
    for state in (ItemState.APPROVED, ItemState.REJECTED):
        _, item = await held(store)
        await store.decide(GUILD, item.id, deciding(state), "sketch", NOW)
    known = await store.dossier(GUILD, ANN)
    assert len(known.record) == 2
    assert known.record == (await store.member(GUILD, ANN)).record


async def test_default_options_are_the_persons_and_the_named_channels(store: SqlStore) -> None:
    for owner in (ANN, CHANNEL, "channel:discord:42:8", "discord:user:2"):
        await store.set_default_options(owner, "--style noir")
    assert (await store.dossier(GUILD, ANN, CHANNEL)).defaults == {ANN: "--style noir", CHANNEL: "--style noir"}
    assert (await store.dossier(GUILD, ANN)).defaults == {ANN: "--style noir"}


async def test_a_pause_of_the_house_is_seen_at_once(store: SqlStore) -> None:
    switches = Switches(store, store.clock)
    await switches.turn(Switch.DRAINING, on=True)
    assert not (await store.dossier(GUILD, ANN)).paused
    await switches.turn(Switch.PAUSED, on=True)
    assert (await store.dossier(GUILD, ANN)).paused
    await switches.turn(Switch.PAUSED, on=False)
    assert not (await store.dossier(GUILD, ANN)).paused
