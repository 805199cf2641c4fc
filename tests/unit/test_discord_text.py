"""What people read on Discord, and what stands in buttons and addresses: harmless, bounded, unforgeable."""

import re
import unicodedata

import discord
import pytest
from discord import app_commands
from hypothesis import given
from hypothesis import strategies as st

from adapters.chat.discord import text
from adapters.chat.discord.address import Address, nonce
from adapters.chat.discord.commands import suggestions
from adapters.chat.discord.languages import TRANSLATIONS, Languages
from adapters.chat.discord.marks import PATTERN, Mark, Marks
from adapters.sealing import Sealer
from bot.errors import Refused
from bot.model import Problem
from bot.replies import ENGLISH

PARTS = [
    "```", "`", "\n", "@everyone", "@here", "<@1>", "<@&1>", "<#1>", "[x](http://evil.test)", "https://evil.test",
    "discord.gg/abc", "# ", "> ", "- ", "||", "**", "__", "~~", "\u202e", "\u200b", "\u0301", "<t:1:R>", "</a:1>", "\\",
]  # fmt: skip
NASTY = st.lists(st.sampled_from(PARTS) | st.text(max_size=5), max_size=30).map("".join)
IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
ACTIONS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12)


def outside_code(shown: str) -> str:
    """What Discord renders: everything but the insides of fenced blocks (```...``` is taken at its first end)."""
    return re.sub(r"```.*?```", "", shown, flags=re.DOTALL)


@given(NASTY)
def test_s01_s03_whatever_a_prompt_holds_stays_inside_its_block(prompt: str) -> None:
    shown = text.placeholder(prompt, 2)
    assert outside_code(shown) == outside_code(text.placeholder("x", 2))
    assert len(shown) <= text.MESSAGE


@given(NASTY)
def test_s03_a_corrected_command_stays_inside_its_block(command: str) -> None:
    shown = text.refusal(Refused(Problem("prompt_empty"), corrected=command))
    assert outside_code(shown) == outside_code(text.refusal(Refused(Problem("prompt_empty"), corrected="x")))
    assert len(shown) <= text.MESSAGE


@given(NASTY)
def test_s04_a_block_shows_no_hidden_or_turning_character_but_its_own(prompt: str) -> None:
    inside = text.block(prompt).replace(text.ISOLATE, "").replace(text.POP, "").replace(f"`{text.BREAK}", "`")
    assert not [char for char in inside if unicodedata.category(char) in {"Cf", "Cc"} and char != "\n"]


@given(NASTY)
def test_s01_s03_a_thread_name_is_plain_words_of_fair_length(prompt: str) -> None:
    name = text.thread_name(prompt)
    assert 1 <= len(name) <= 100  # characters that Discord takes
    assert not set(name) & set("@<>`*_~|:/\\[]()#\n")


@given(NASTY)
def test_alt_text_is_within_discords_limit(prompt: str) -> None:
    assert len(text.alt_text(prompt * 50)) <= text.ALT_TEXT


def test_an_empty_name_becomes_a_neutral_one() -> None:
    assert text.thread_name("🦊🦊") == text.neutral_name()


def test_a_command_to_copy_holds_no_invisible_character() -> None:
    assert text.to_copy("/imagine a fox --count 2") == "```\n/imagine a fox --count 2\n```"


@pytest.mark.parametrize("limit", [1, 5, 6])
def test_clipping_says_that_something_is_missing(limit: int) -> None:
    assert text.clip("a fox!", limit) == ("a fox!" if limit == 6 else "a fox!"[: limit - 1] + "…")


# -- custom ids


@given(ACTIONS, IDS)
def test_s23_a_custom_id_reads_back_fits_and_opens_with_its_own_secret_only(action: str, job_id: str) -> None:
    written = Marks(b"one").write(Mark(action, job_id))
    assert Marks(b"one").read(written) == Mark(action, job_id)
    assert Marks(b"two").read(written) is None
    assert len(written) <= 100
    assert re.fullmatch(PATTERN, written)


@given(ACTIONS, IDS, ACTIONS)
def test_s24_a_custom_id_with_another_action_is_refused(action: str, job_id: str, other: str) -> None:
    written = Marks(b"one").write(Mark(action, job_id))
    forged = written.replace(f"v1:{action}:", f"v1:{other}:", 1)
    assert Marks(b"one").read(forged) == (Mark(action, job_id) if other == action else None)


@given(st.text(max_size=120))
def test_s24_any_text_as_custom_id_is_refused_without_an_error(custom_id: str) -> None:
    assert Marks(b"one").read(custom_id) is None


# -- sealed tokens


@given(st.text(), st.binary(min_size=1))
def test_s20_a_sealed_token_opens_for_its_secret_and_purpose_only(token: str, secret: bytes) -> None:
    sealed = Sealer(secret, "tokens").seal(token)
    assert Sealer(secret, "tokens").open(sealed) == token
    assert Sealer(secret, "else").open(sealed) is None
    assert Sealer(secret + b"x", "tokens").open(sealed) is None
    assert len(token) < 4 or token not in sealed


@given(st.text(min_size=1), st.integers(0, 10_000))
def test_s20_a_changed_seal_opens_for_nobody(token: str, at: int) -> None:
    sealer = Sealer(b"secret", "tokens")
    sealed = sealer.seal(token)
    index = at % (len(sealed.rstrip("=")) - 1)
    changed = sealed[:index] + ("A" if sealed[index] != "A" else "B") + sealed[index + 1 :]
    assert sealer.open(changed) is None


@given(st.text())
def test_s20_what_was_never_sealed_opens_to_nothing(words: str) -> None:
    assert Sealer(b"secret", "tokens").open(words) is None


# -- addresses


@given(
    st.builds(
        Address, channel=st.text("0123456789"), token=st.text(), by_token=st.booleans(), spoiler=st.booleans()
    )
)
def test_an_address_survives_the_store(address: Address) -> None:
    assert Address.read(address.stored()) == address


def test_an_address_of_an_older_version_is_read() -> None:
    assert Address.read({"channel": "1"}) == Address(channel="1")


@given(IDS, st.text("abcdefghij", min_size=1, max_size=10))
def test_a_nonce_fits_and_differs_between_steps(job_id: str, step: str) -> None:
    assert len(nonce(job_id, step)) <= 25
    assert len({nonce(job_id, step) for step in ("thread", "channel", "direct")}) == 3


# -- completion


def test_completion_puts_what_begins_like_it_first_and_never_more_than_discord_takes() -> None:
    names = [f"noir {number}" for number in range(40)] + ["film noir"]
    found = [choice.value for choice in suggestions("noir", names)]
    assert len(found) == 25
    assert found[0] == "noir 0"
    assert [choice.value for choice in suggestions("film", names)] == ["film noir"]
    assert [choice.value for choice in suggestions("640x480", ["1:1"])] == ["640x480"]
    assert suggestions("", []) == []


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_names_what_there_is_and_keeps_discords_lengths(language: str) -> None:
    for code, words in TRANSLATIONS[language].items():
        assert code in ENGLISH or code.startswith(("name:", "length_", "mode_")), code
        assert 1 <= len(words) <= (32 if code.startswith("name:") else 100), code


async def test_any_name_can_be_translated() -> None:
    languages = Languages({"de": {"name:count": "anzahl", "option_count": "wie viele"}})

    async def german(text: app_commands.locale_str, where: app_commands.TranslationContextLocation) -> str | None:
        context = app_commands.TranslationContext(where, None)  # type: ignore[call-overload] # the data is not looked at
        return await languages.translate(text, discord.Locale.german, context)

    location = app_commands.TranslationContextLocation
    count = app_commands.locale_str("count")
    assert await german(count, location.parameter_name) == "anzahl"
    assert await german(count, location.command_name) == "anzahl"
    assert await german(count, location.choice_name) is None
    described = app_commands.locale_str("how many", code="option_count")
    assert await german(described, location.parameter_description) == "wie viele"
    assert await german(app_commands.locale_str("size"), location.parameter_name) is None
