"""Who a browser is and which links hold."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.chat.web.hub import Cursor, encode, event
from adapters.chat.web.names import handle_of, name_of
from adapters.chat.web.sessions import LINK_SECONDS, Seals, Visitor

SEALS = Seals(b"one secret")
ANN, BEN = Visitor("a" * 20), Visitor("b" * 20)
PATH = "/room/jobs/1/pictures/0"


def parts(link: str) -> tuple[str, str]:
    query = dict(pair.split("=") for pair in link.partition("?")[2].split("&"))
    return query["until"], query["seal"]


def test_a_cookie_of_ours_is_known_again() -> None:
    assert SEALS.visitor(SEALS.cookie(ANN)) == ANN


@given(st.text())
def test_s37_no_other_cookie_makes_a_session(cookie: str) -> None:
    assert SEALS.visitor(cookie) is None


def test_s37_another_secrets_cookie_makes_no_session() -> None:
    assert SEALS.visitor(Seals(b"another").cookie(ANN)) is None


def test_s36_a_token_holds_for_its_session_alone() -> None:
    assert SEALS.is_token(ANN, SEALS.token(ANN))
    assert not SEALS.is_token(BEN, SEALS.token(ANN))
    assert not SEALS.is_token(ANN, SEALS.cookie(ANN).partition(".")[2])


def test_s38_a_link_holds_for_its_tenant_and_path_until_it_expires() -> None:
    until, seal = parts(SEALS.link("web", PATH, 1000.0))
    assert SEALS.is_link("web", PATH, until, seal, 1000.0 + LINK_SECONDS)
    assert not SEALS.is_link("web", PATH, until, seal, 1000.0 + 2 * LINK_SECONDS)
    assert not SEALS.is_link("discord:42", PATH, until, seal, 1000.0)
    assert not SEALS.is_link("web", "/room/jobs/2/pictures/0", until, seal, 1000.0)
    assert not SEALS.is_link("web", PATH, str(int(until) + LINK_SECONDS), seal, 1000.0)


@given(st.text(), st.text())
def test_s38_no_made_up_seal_opens_a_picture(until: str, seal: str) -> None:
    assert not SEALS.is_link("web", PATH, until, seal, 1000.0)


def test_a_link_stays_the_same_for_a_while_so_that_browsers_keep_the_picture() -> None:
    assert SEALS.link("web", PATH, 1000.0) == SEALS.link("web", PATH, 1000.0 + LINK_SECONDS / 2)


@given(st.text())
def test_a_name_is_two_words_and_a_handle_gives_no_key_away(person: str) -> None:
    assert len(name_of(person).split()) == 2
    assert name_of(person) == name_of(person)
    assert handle_of(f"web:user:{ANN.id}") not in ANN.key


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_cursor_reads_back(said: int, changed: int) -> None:
    assert Cursor.parse(str(Cursor(said, changed))) == Cursor(said, changed)


@given(st.text())
def test_any_other_cursor_is_none_or_a_cursor(text: str) -> None:
    read = Cursor.parse(text)
    assert read is None or str(read.said) == text.partition(".")[0].lstrip("0") or read.said == 0


@given(st.text(), st.text())
def test_an_event_is_one_line_whatever_it_holds(words: str, other: str) -> None:
    block = encode([event("article", html=words), event("article", html=other)], "", Cursor(1, 2)).decode(
        errors="surrogatepass"
    )
    lines = block.split("\n")
    assert [line.partition(":")[0] for line in lines] == ["event", "data", "", "event", "data", "id", "", ""]
    assert "\r" not in block


def test_a_private_event_goes_to_its_person_alone() -> None:
    events = [event("article", "web:user:ann", html="secret")]
    assert encode(events, "web:user:ben", Cursor(1, 1)) == b""
    assert b"secret" in encode(events, "web:user:ann", Cursor(1, 1))
