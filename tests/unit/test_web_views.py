import pytest

from adapters.chat.web import views
from bot.model import ImageRequest
from bot.routing import NO_STYLE
from tests import factories


@pytest.mark.parametrize(("style", "words"), [(NO_STYLE, "no style"), ("noir", "style \u2068noir\u2069")])
def test_a_style_that_was_chosen_is_said_as_in_the_chats(style: str, words: str) -> None:
    job = factories.job(request=ImageRequest("a fox", style=style))
    assert words in views.settings_words(job, [factories.picture()]).split(" · ")
