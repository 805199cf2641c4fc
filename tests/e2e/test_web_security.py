"""What the room's server refuses, over real sockets."""

import asyncio
import contextlib
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from adapters.chat.web.hub import MOST_PAGES
from adapters.chat.web.names import handle_of
from adapters.chat.web.sessions import COOKIE, ROOM, Seals, Visitor, cookie_name
from adapters.login import link
from adapters.tokens import new_token
from bot.model import FINAL_STATES, Job, JobState, Person
from bot.settings import ModerationSettings
from tests import factories
from tests.fakes import FakeBackend
from tests.house import open_house
from tests.web import SECRET, Client, Site, client, found, open_site

FOREIGN = "https://evil.example"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_house(tmp_path) as house, open_site(house) as opened:
        yield opened


async def drawn(person: Client, site: Site, words: str = "/imagine a fox") -> str:
    """Asks, and waits for the end. Returns the job's id."""
    await person.say(words)
    key = f"web:user:{person.cookie.partition('.')[0]}"
    [job, *_] = await site.house.store.jobs_of(key, 10)
    await site.house.settled(job.id)
    return job.id


async def picture_link(person: Client) -> str:
    return found(r'<a class="enlarge" href="([^"]+)"', await person.page()).replace("&amp;", "&")


# -- S36: forged posts, framing, rebinding


async def test_s36_only_known_hosts_are_answered(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url) as http:
        for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8080", "localhost@evil.example", "[::1"):
            assert (await http.get("/", headers={"host": host})).status_code == 400, host
        for host in ("127.0.0.1", "localhost:9", "LOCALHOST", f"127.0.0.1:{site.port}"):
            assert (await http.get("/", headers={"host": host})).status_code == 200, host
        assert (await http.get("/healthz", headers={"host": "probe"})).status_code == 200


async def test_an_address_that_is_nowhere_is_a_page_for_browsers_and_a_line_for_programs(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url) as http:
        page = await http.get("/nowhere", headers={"accept": "text/html,*/*"})
        assert page.status_code == 404
        assert 'href="/gallery"' in page.text
        line = await http.get("/nowhere", headers={"accept": "*/*"})
        assert (line.status_code, line.headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert (await http.post("/", headers={"accept": "text/html"})).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": FOREIGN},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-imagine-token": ""},
        {"x-imagine-token": "0" * 40},
    ],
)
async def test_s36_a_post_from_elsewhere_says_nothing(site: Site, headers: dict[str, str]) -> None:
    async with client(site) as ann:
        answer = await ann.post("/room/messages", {"text": "hello"}, headers=headers)
        assert answer.status_code == 403
        assert "hello" not in await ann.page()


async def test_s36_a_token_of_another_session_is_refused(site: Site) -> None:
    async with client(site) as ann, client(site) as ben:
        ann.token = ben.token
        assert (await ann.say("hello")).status_code == 403


async def test_s36_a_form_of_another_site_cannot_be_a_post_of_ours(site: Site) -> None:
    async with client(site) as ann:
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
            answer = await ann.http.post("/room/messages", content=b"text=hello", headers={"content-type": kind})
            assert answer.status_code == 403


async def test_s36_pages_cannot_be_framed_and_the_cookie_stays_here(site: Site) -> None:
    async with client(site, arrived=False) as ann:
        page = await ann.arrive()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_a_link_from_elsewhere_keeps_ones_session(site: Site) -> None:
    """A strict cookie does not come along with such a click, so no new session is begun for it."""
    async with client(site, arrived=False) as ann:
        page = await ann.http.get("/", headers={"sec-fetch-site": "cross-site"})
        assert "set-cookie" not in page.headers
        assert 'http-equiv="refresh"' in page.text


# -- S37: whose session


async def test_s37_a_made_up_cookie_begins_a_session_of_its_own(site: Site) -> None:
    known = Seals(SECRET).cookie(Visitor("a" * 20))
    for cookie in ("a" * 20, f"{'a' * 20}.{'0' * 40}", known[:-1] + "x", "x" * 5000):
        async with httpx.AsyncClient(base_url=site.url, cookies={cookie_name(COOKIE, site.url): cookie}) as http:
            page = await http.get("/")
            assert "a" * 20 not in page.headers["set-cookie"]


async def test_two_bots_on_one_host_leave_each_others_sessions_alone(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path / "a") as a,
        open_house(tmp_path / "b") as b,
        open_site(a, working=False) as one,
        open_site(b, working=False, secret=b"another") as other,
        httpx.AsyncClient(follow_redirects=True) as browser,
    ):
        sites = (one, other)
        seen = [found('data-me="([^"]*)"', (await browser.get(site.url)).text) for site in (*sites, *sites)]
        assert seen[:2] == seen[2:]
        for site in sites:
            token, digest = new_token()
            now = site.house.core.clock.now()
            await site.house.store.add_login("link", digest, "operator", now + 900, now)
            await browser.get(link(site.url, token))
        assert [(await browser.get(f"{site.url}/moderation")).status_code for site in sites] == [200, 200]


async def test_who_came_before_sessions_were_named_after_the_bot_stays_who_they_are(site: Site) -> None:
    ann = Visitor("a" * 20)
    async with httpx.AsyncClient(base_url=site.url, cookies={COOKIE: Seals(SECRET).cookie(ann)}) as http:
        page = await http.get("/")
    assert f'data-me="{handle_of(ann.key)}"' in page.text
    assert f"{cookie_name(COOKIE, site.url)}={ann.id}." in page.headers["set-cookie"]


async def test_s37_without_a_session_there_are_no_events_and_no_older_messages(site: Site) -> None:
    async with client(site, arrived=False) as nobody:
        for path in ("/room/events?since=0.0", "/room/older?before=9", "/room/jobs/1/request"):
            assert (await nobody.http.get(path)).status_code == 403


# -- S38: pictures


async def test_s38_a_picture_needs_its_seal_and_a_session(site: Site) -> None:
    async with client(site) as ann, client(site, arrived=False) as nobody:
        job = await drawn(ann, site)
        link = await picture_link(ann)
        shown = await ann.http.get(link)
        assert shown.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(shown.content)).size == (64, 64)
        assert (await nobody.http.get(link)).status_code == 404
        path, _, query = link.partition("?")
        made_up = f"until=99999999999&seal={'0' * 40}"
        endless = f"{path}{'9' * 5000}"
        for other in (path, f"{path}?{made_up}", f"{endless}?{made_up}", link[:-1] + "x", link.replace("/0?", "/1?")):
            assert (await ann.http.get(other)).status_code == 404
        assert (await ann.http.get(f"/room/jobs/{job}/previews/0?{query}")).status_code == 404


async def test_s38_a_seal_of_another_tenant_opens_nothing_here(site: Site) -> None:
    async with client(site) as ann:
        job = await drawn(ann, site)
        link = Seals(SECRET).link("discord:42", f"/room/jobs/{job}/pictures/0", time.time())
        assert (await ann.http.get(link)).status_code == 404


async def test_s38_a_job_of_another_platform_is_not_there(site: Site) -> None:
    origin = factories.origin("eve", tenant="discord:42", platform="discord")
    ticket = await site.house.studio.submit(origin, "a secret plan", "discord-1")
    async with client(site) as ann:
        for act in ("again", "cancel", "delete", "report", "vary"):
            answer = await ann.post(f"/room/jobs/{ticket.job.id}/{act}", {"prompt": "a fox"})
            if act != "vary":
                assert "does not exist here" in answer.json()["problem"], act
        assert (await ann.http.get(f"/room/jobs/{ticket.job.id}/request")).status_code == 404
        link = Seals(SECRET).link("web", f"/room/jobs/{ticket.job.id}/pictures/0", time.time())
        assert (await ann.http.get(link)).status_code == 404


async def test_s38_private_answers_reach_their_person_alone(site: Site) -> None:
    async with client(site) as ann, client(site) as ben:
        await ann.say("/imagine a fox --nonsense 5")
        assert "--nonsense" in (await ann.page()).replace("</span>", "").replace('<span class="option">', "")
        assert "nonsense" not in await ben.page()
        assert "nonsense" not in (await ben.http.get("/room/older?before=999")).text
        stream = await first_events(ben)
        assert "nonsense" not in stream


async def first_events(person: Client) -> str:
    async with person.http.stream("GET", "/room/events", params={"since": "0.0"}) as stream:
        async for text in stream.aiter_text():
            if "event: here" in text:
                return text
    raise AssertionError("the stream ended")


async def test_a_deleted_picture_is_gone_for_a_browser_that_kept_it(site: Site) -> None:
    async with client(site) as ann:
        job = await drawn(ann, site)
        link = await picture_link(ann)
        kept = {"if-none-match": (await ann.http.get(link)).headers["etag"]}
        assert (await ann.http.get(link, headers=kept)).status_code == 304
        await ann.post(f"/room/jobs/{job}/delete")
        assert (await ann.http.get(link, headers=kept)).status_code == 404


REVIEWED = ModerationSettings(mode="review-all", moderators=("web:user:mod",))
MODERATOR = Person("web:user:mod", "mod")


async def job_of(person: Client, site: Site) -> Job:
    key = f"web:user:{person.cookie.partition('.')[0]}"
    return (await site.house.store.jobs_of(key, 1))[0]


async def item_of(site: Site, job: Job) -> str:
    [item] = await site.house.store.items_of("web", job.id)
    return item.id


async def test_words_that_no_moderator_has_passed_are_not_in_the_room(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path, moderation=REVIEWED) as house,
        open_site(house) as site,
        client(site) as ann,
        client(site) as ben,
    ):
        await ann.say("/imagine a secret plan")
        assert "A request that a moderator looks at first" in await ben.page()
        assert "secret plan" not in await ben.page()
        assert "Your request waits for a moderator" in await ann.page()
        job = await job_of(ann, site)
        for act in ("again", "request"):
            path = f"/room/jobs/{job.id}/{act}"
            answer = await (ben.post(path) if act == "again" else ben.http.get(path))
            assert "does not exist here" in answer.json()["problem"]
        assert (await ann.http.get(f"/room/jobs/{job.id}/request")).json()["prompt"] == "a secret plan"
        await ann.post(f"/room/jobs/{job.id}/cancel")
        after = await ben.page()
        assert "secret plan" not in after
        assert "A request that was taken back" in after
        assert "not accepted" not in after
        assert "Your request waits" not in await ann.page()


async def test_only_its_author_hears_why_a_request_was_rejected(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path, moderation=REVIEWED) as house,
        open_site(house) as site,
        client(site) as ann,
        client(site) as ben,
    ):
        await ann.say("/imagine a secret plan")
        job = await job_of(ann, site)
        await house.moderators.reject(MODERATOR, ROOM, await item_of(site, job), "too secret")
        await house.settled(job.id)
        assert (await ann.page()).count("too secret") == 1
        assert "too secret" not in await ben.page()
        assert "secret plan" not in await ben.page()
        await ann.say("/imagine a harmless plan")
        job = await job_of(ann, site)
        await house.moderators.approve(MODERATOR, ROOM, await item_of(site, job))
        await house.settled(job.id)
        assert "a harmless plan" in await ben.page()


async def test_a_person_with_very_many_pages_keeps_the_newest(site: Site) -> None:
    async with client(site) as ann, contextlib.AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(ann.http.stream("GET", "/room/events", params={"since": ann.cursor}))
            for _ in range(MOST_PAGES)
        ]
        async with client(site) as more:
            more.http.cookies = ann.http.cookies
            await stack.enter_async_context(more.http.stream("GET", "/room/events", params={"since": ann.cursor}))
            async with asyncio.timeout(60):
                async for _ in streams[0].aiter_raw():
                    pass


# -- S24, S25: buttons


async def test_s24_what_is_not_ones_own_cannot_be_cancelled_or_deleted(site: Site) -> None:
    async with client(site) as ann, client(site) as ben:
        job = await drawn(ann, site)
        for act in ("cancel", "delete"):
            assert "Only the person" in (await ben.post(f"/room/jobs/{job}/{act}")).json()["problem"]
        assert await picture_link(ben)


async def test_s24_an_unknown_button_is_an_answer_not_an_error(site: Site) -> None:
    async with client(site) as ann:
        for job in ("0" * 32, "..", "%00", "a" * 5000, "'; DROP TABLE jobs"):
            answer = await ann.post(f"/room/jobs/{job}/again")
            assert answer.status_code in {200, 404}
        assert (await ann.post(f"/room/jobs/{'0' * 32}/explode")).status_code == 404


async def test_s25_the_same_post_fifty_times_at_once_asks_once(site: Site) -> None:
    async with client(site) as ann:
        answers = await asyncio.gather(*(ann.say("/imagine a fox", key="the-same-key") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        person = f"web:user:{ann.cookie.partition('.')[0]}"
        assert len(await site.house.store.jobs_of(person, 100)) == 1
        assert len(await site.house.store.messages(person, 2**62, 100)) == 1


async def test_s25_fifty_cancels_cancel_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, [FakeBackend(seconds=30)]) as house, open_site(house) as site, client(site) as ann:
        await ann.say("/imagine a fox")
        person = f"web:user:{ann.cookie.partition('.')[0]}"
        [job] = await house.store.jobs_of(person, 10)
        await asyncio.gather(*(ann.post(f"/room/jobs/{job.id}/cancel") for _ in range(50)))
        ended = await house.settled(job.id)
        assert ended.state is JobState.CANCELLED
        assert (await house.store.usage(person, house.core.day())).images_today == 0


# -- S35, S03, S04: words of people


PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "</textarea></p></article><script>alert(1)</script>",
    "{{ 7 * 7 }} {% raw %} ${7*7} #{7*7}",
    "javascript:alert(1)",
    "</style><style>*{display:none}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x1b]0;title\x07 \x1b[31mred",
    "\u202etxt.exe\u202c \u2066\u200b\ufeff",
    "a\u0301\u0302\u0303\u0304\u0305\u0306",
    "line\r\nevent: reload\r\ndata: {}\r\n\r\n",
    "line\u2028event: reload\u2029data: {}",
    "[a link](http://evil.example) http://evil.example **bold** `code` # heading",
    "@everyone <@1> <!channel>",
    "𝕴𝖒𝖆𝖌𝖎𝖓𝖊 \U000e0041\U000e007f",
    "--no </p><script>alert(1)</script>",
)


async def test_s35_no_words_become_markup(site: Site) -> None:
    async with client(site) as ann, client(site) as ben:
        for words in PAYLOADS:
            await ann.say(words)
            await ann.say(f"/imagine a fox {words}")
            await ann.say(f"/imagine {words} --steps {words}")
        for text in (await ann.page(), await ben.page(), await first_events(ann)):
            body = text.partition("<body")[2] or text
            for markup in ("<script>alert", "<img src=x", "<svg/onload", "<style>*", 'href="http', "href='", "/49 "):
                assert markup not in body, markup


async def test_s35_the_stream_cannot_be_written_into(site: Site) -> None:
    async with client(site) as ann:
        await ann.say("line\r\nevent: reload\r\ndata: {}\r\n\r\n")
        await ann.say("/imagine line\nevent: reload\ndata: {}\n\n")
        assert "\nevent: reload" not in await first_events(ann)


async def test_s04_what_turns_or_hides_text_is_left_out(site: Site) -> None:
    async with client(site) as ann, client(site) as ben:
        await ann.say("/imagine a \u202exof\u202c \u200b\ufeff\u2066fox")
        await drawn(ann, site, "/imagine an o\u0301\u0302\u0303\u0304\u0305wl")
        page = await ben.page()
        assert not {"\u202e", "\u200b", "\ufeff", "\u2066", "\u0303"} & set(page)


async def test_s03_words_never_become_links(site: Site) -> None:
    async with client(site) as ann:
        await drawn(ann, site, "/imagine [a fox](http://evil.example) https://evil.example/x")
        page = await ann.page()
        assert "evil.example" in page
        assert 'href="http' not in page
        assert "href=http" not in page


# -- S19, S31: what is written down


async def test_s19_no_cookie_token_or_secret_reaches_log_or_answer(
    site: Site, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    async with client(site) as ann:
        await drawn(ann, site)
        await ann.http.get(await picture_link(ann))
        await ann.post("/room/jobs/x/again", headers={"x-imagine-token": "wrong"})
        page = await ann.page()
        secrets = [ann.cookie, ann.cookie.partition(".")[2], SECRET.decode()]
        token = ann.token
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    written = "\n".join(ours) + "".join(capfd.readouterr()) + repr(site.house.recorder.events)
    database = b"".join(file.read_bytes() for file in site.house.folder.glob("imagine.db*"))
    for secret in (*secrets, token):
        assert secret not in written
        assert secret.encode() not in database
    assert not any(secret in page for secret in secrets)


async def test_s31_words_of_people_are_not_logged(site: Site) -> None:
    async with client(site) as ann:
        await ann.say('hello\n{"event": "forged"}\x1b[31m')
        await drawn(ann, site, "/imagine a fox\nforged line")
    assert "forged" not in repr(site.house.recorder.events)


# -- sizes and shapes


async def test_a_body_that_is_too_large_is_refused_whether_announced_or_not(site: Site) -> None:
    async with client(site) as ann:
        assert (await ann.say("x" * 70_000)).status_code == 413

        async def dripping() -> AsyncIterator[bytes]:
            yield b'{"key": "12345678", "text": "'
            for _ in range(100):
                yield b"x" * 1000
            yield b'"}'

        headers = {"x-imagine-token": ann.token, "content-type": "application/json"}
        with contextlib.suppress(httpx.RemoteProtocolError, httpx.WriteError, httpx.ReadError):
            answer = await ann.http.post("/room/messages", content=dripping(), headers=headers)
            assert answer.status_code == 413
        assert "xxx" not in await ann.page()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = ("messages", "jobs/1/vary", "jobs/1/again", "jobs/1/report", "jobs/1/cancel", "jobs/1/delete")


async def test_no_body_breaks_the_server(site: Site) -> None:
    async with client(site) as ann:
        bodies: list[dict[str, object]] = []

        @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
        @given(st.dictionaries(st.sampled_from(["text", "prompt", "size", "reason", "picture", "count"]), JSON))
        def collect(body: dict[str, object]) -> None:
            bodies.append(body)

        collect()
        for number, body in enumerate(bodies):
            answer = await ann.post(f"/room/{PATHS[number % len(PATHS)]}", body)
            assert answer.status_code in {200, 400}, body
        for raw in (b"", b"[]", b"null", b"{" * 5000, b"\xff", b'{"key": 1}', b'{"key": "short"}', b'"\\ud800"'):
            headers = {"x-imagine-token": ann.token, "content-type": "application/json"}
            assert (await ann.http.post("/room/messages", content=raw, headers=headers)).status_code == 400


async def test_lone_surrogates_and_nul_are_refused_or_dropped(site: Site) -> None:
    async with client(site) as ann:
        job = await drawn(ann, site)
        headers = {"x-imagine-token": ann.token, "content-type": "application/json"}
        for path, name in (("messages", "text"), (f"jobs/{job}/report", "reason"), (f"jobs/{job}/vary", "prompt")):
            raw = f'{{"key": "surrogate-{name}", "{name}": "/imagine a \\ud800 fox \\u0000"}}'
            assert (await ann.http.post(f"/room/{path}", content=raw, headers=headers)).status_code == 200
        assert (await ann.http.get("/")).status_code == 200


async def test_stopping_ends_open_streams_and_the_server_at_once(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path) as house,
        open_site(house, working=False) as site,
        client(site) as ann,
        ann.http.stream("GET", "/room/events", params={"since": ann.cursor}) as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        began = time.monotonic()
        await site.end()
        assert time.monotonic() - began < 20
        with contextlib.suppress(httpx.RemoteProtocolError):
            async for _ in lines:
                pass


async def test_a_cut_off_page_catches_up_from_where_it_was(site: Site) -> None:
    async with client(site) as ann, client(site) as ben:
        await ann.say("one")
        await ann.arrive()
        await ben.say("two")
        await drawn(ben, site)
        async with ann.http.stream(
            "GET", "/room/events", headers={"last-event-id": ann.cursor}, params={"since": "0.0"}
        ) as stream:
            text = ""
            async for piece in stream.aiter_text():
                text += piece
                if "event: here" in text:
                    break
        assert "two" in text
        assert '\\"text\\">one' not in text
        assert text.count("a fox") >= 1


async def test_a_request_that_a_crash_caught_unacknowledged_is_taken_when_the_page_asks_again(site: Site) -> None:
    async with client(site) as ann:
        visitor = Visitor(ann.cookie.partition(".")[0])
        ticket = await site.house.studio.submit(visitor.origin, "/imagine a fox", f"{visitor.key}:the-same-key")
        await site.house.studio.unacknowledged(ticket.job.id)
        await ann.say("/imagine a fox", key="the-same-key")
        jobs = await site.house.store.jobs_of(visitor.key, 10)
        ended = [await site.house.settled(job.id) for job in jobs if job.state not in FINAL_STATES] or jobs
        assert [job.state for job in ended if job.id != ticket.job.id] == [JobState.DELIVERED]
