"""Words on the way to Slack and back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chat.slack import blocks, review, text
from bot.conduct import HARD, Case, Item, ItemKind, ItemState
from bot.model import ImageRequest
from bot.wording import RESULT, Button
from tests import factories
from tests.standins.slack import controls_in
from tests.standins.slack.validate import problems

WORDS = st.text(st.characters() | st.sampled_from("<>&;!@#|a lt gt amp"), max_size=60)


@pytest.mark.parametrize(
    ("said", "wire"),
    [
        ("<!channel> & <http://evil|ok>", "&lt;!channel&gt; &amp; &lt;http://evil|ok&gt;"),
        ("&lt;", "&amp;lt;"),
        ("*bold* `code` @here", "*bold* `code` @here"),
    ],
)
def test_s02_exactly_three_characters_are_escaped(said: str, wire: str) -> None:
    assert text.escape(said) == wire


@given(WORDS)
def test_s02_nothing_escaped_is_a_mention_a_broadcast_or_a_link(words: str) -> None:
    assert controls_in(text.escape(words)) == []


@given(WORDS)
def test_s40_what_slack_escaped_comes_back_as_it_was_typed(words: str) -> None:
    assert text.unescape(text.escape(words)) == words


@pytest.mark.parametrize(
    ("wire", "typed"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("&amp;lt;!channel&amp;gt;", "&lt;!channel&gt;"),
        ("&amp;amp;lt;", "&amp;lt;"),
        ("for <@U012AB|ann> in <#C1|general>", "for @ann in #general"),
        ("for <@U012AB> in <#C1>", "for @U012AB in #C1"),
        ("<!here> <!subteam^S1|@team> <!date^1^{date}|then>", "@here @team then"),
        ("<https://x.org/a?b=1&amp;c=2|x.org> <https://y.org>", "x.org https://y.org"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("<mailto:a@b.c|a@b.c>", "a@b.c"),
    ],
)
def test_s40_what_slack_sends_is_unescaped_once(wire: str, typed: str) -> None:
    assert text.unescape(wire) == typed


def test_mentions_become_keys_for_moderators() -> None:
    assert text.with_keys("ban <@U2|bob> a &lt;b&gt; <@W3>") == "ban slack:user:U2 a <b> slack:user:W3"


def test_only_the_bots_own_mention_goes() -> None:
    assert text.without_mention("<@UBOT>: draw <@U2> <@UBOT>", "UBOT") == "draw <@U2> <@UBOT>"


@given(WORDS, st.sampled_from(["", "Held."]))
def test_s02_a_request_message_parses_nothing_that_a_person_wrote(words: str, held: str) -> None:
    asked = ImageRequest(f"{words}<!channel>")
    buttons = blocks.row("a" * 32, (Button.CANCEL,))
    fallback, content = blocks.request("U1", asked, "Waiting", buttons, instead=held)
    assert controls_in(fallback) == []
    for block in content:
        if block["type"] == "section":
            assert block["text"]["type"] == "plain_text"
    if held:
        assert "channel" not in fallback + str(content)


@given(st.text(max_size=40), st.integers(1, 2000))
def test_messages_keep_slacks_limits_however_long_the_prompt_is(words: str, times: int) -> None:
    asked = ImageRequest((f"{words}\n" * times)[:2000] + "x")
    fallback, content = blocks.request("U1", asked, "Waiting", blocks.row("a" * 32, RESULT))
    assert problems("chat.postMessage", {"channel": "C1", "text": fallback, "blocks": content}) == []
    assert len(text.alt_text(asked.prompt)) <= 1000


@pytest.mark.parametrize("state", [ItemState.OPEN, ItemState.REJECTED])
def test_words_of_the_hard_category_are_in_no_review_channel(state: ItemState) -> None:
    job = factories.job(prompt="vile words")
    job = replace(job, request=replace(job.request, negative_prompt="vile too"))
    item = Item("i" * 32, "slack:T1", ItemKind.REQUEST, job.id, "slack:user:U1", 0.0, HARD)
    item = replace(item, state=state, original="vile")
    said, content = review.case_blocks(Case(item, job))
    assert "vile" not in said + str(content)
    assert "Only an owner may look" in str(content)
    shown, content = review.case_blocks(Case(replace(item, category=""), job))
    assert "vile words" in shown
    assert "vile too" in str(content)
