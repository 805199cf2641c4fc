"""The moderation page as moderators use it, in a real browser, and as attackers would, without one."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import FloatRect, Locator, Page, expect

from adapters.chat.web.sessions import Visitor
from adapters.chat.web.speaking import Speaker
from adapters.login import link
from adapters.tokens import new_token
from bot.conduct import ItemState
from bot.model import JobState, Origin, Person, Place
from bot.replies import say
from bot.settings import ModerationSettings
from tests import factories
from tests.e2e.conftest import Open
from tests.house import open_house
from tests.web import Site, open_moderated_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANN = Person("web:user:00000000000000000001", "Ann")
ROOM = Place("web", "room")
EVIL = "<img src=x onerror=alert(1)>\"'{{7*7}}</script>"


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_moderated_site(tmp_path) as opened:
        yield opened


async def login(site: Site, name: str = "operator") -> str:
    token, digest = new_token()
    now = site.house.core.clock.now()
    await site.house.store.add_login("link", digest, name, now + 900, now)
    return link(site.url, token)


async def ask(site: Site, text: str, person: Person = ANN, place: Place = ROOM) -> str:
    ticket = await site.house.studio.submit(Origin(person, place), text, factories.job().key)
    await site.house.studio.acknowledged(ticket.job.id, {})
    return ticket.job.id


async def state_of(site: Site, job_id: str) -> JobState:
    job = await site.house.store.job(job_id)
    assert job is not None
    return job.state


def card(page: Page, words: str) -> Locator:
    return page.get_by_role("article").filter(has_text=words)


async def test_a_held_request_is_approved_and_drawn(site: Site, open_page: Open) -> None:
    job_id = await ask(site, "a castle --no moat")
    page = await open_page(await login(site))
    assert page.url.endswith("/moderation")
    held = card(page, "a castle")
    await expect(held).to_contain_text("moat")
    await expect(held).to_contain_text("Rule held-1")
    await held.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("status").first).to_contain_text("is approved")
    await expect(held).to_have_count(0)
    assert (await site.house.settled(job_id)).state is JobState.DELIVERED


async def test_who_asked_reads_that_the_request_was_let_through(site: Site, open_page: Open) -> None:
    ann, operator = await open_page(site.url), await open_page(await login(site))
    await ann.get_by_role("textbox", name="Message").fill("/imagine a castle")
    await ann.keyboard.press("Enter")
    await expect(card(ann, "Your request waits for a moderator")).to_be_visible()
    await operator.reload()
    await card(operator, "a castle").get_by_role("button", name="Approve", exact=True).click()
    await expect(card(ann, "Your request waited for a moderator, who let it through: a castle")).to_be_visible()
    await expect(card(ann, "Your request waits")).to_have_count(0)
    await expect(ann.get_by_role("img", name="a castle")).to_be_visible()


async def test_a_report_on_a_picture_that_was_deleted_since_says_so(site: Site, open_page: Open) -> None:
    job_id = await ask(site, "a fox")
    await site.house.settled(job_id)
    await site.house.moderators.report(Person("web:user:00000000000000000002"), ROOM, job_id, 0, "rude")
    page = await open_page(await login(site))
    await expect(card(page, "a fox").get_by_role("img")).to_have_count(1)
    await expect(card(page, "a fox")).not_to_contain_text("gone")
    await site.house.studio.delete(ANN, ROOM, job_id)
    await page.reload()
    await expect(card(page, "a fox")).to_contain_text("The picture is gone: it was deleted meanwhile.")


async def test_j_selects_the_first_item_of_a_page_just_opened(site: Site, open_page: Open) -> None:
    for number in range(2):
        await ask(site, f"a castle number {number}")
    page = await open_page(await login(site))
    await page.keyboard.press("r")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.keyboard.press("j")
    await expect(card(page, "number 0")).to_be_focused()
    await page.keyboard.press("r")
    form = page.get_by_role("dialog")
    await expect(form.get_by_role("textbox")).to_be_focused()
    await page.keyboard.type("jar")
    await expect(form.get_by_role("textbox")).to_have_value("jar")


async def test_on_a_phone_the_log_says_what_was_done_without_scrolling(site: Site, open_page: Open) -> None:
    page = await open_page(await login(site), viewport={"width": 390, "height": 844})
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Paused: no new requests are taken.").first).to_be_visible()
    await page.get_by_role("link", name="Audit log").click()
    row = page.get_by_role("row").filter(has_text="operator").first
    for words in ("pause", "operator"):
        await expect(row.get_by_role("cell").filter(has_text=words).first).to_be_in_viewport(ratio=1)
    assert await page.locator(".scroll").evaluate("box => box.scrollWidth <= box.clientWidth")


@pytest.mark.parametrize("view", ["Rules", "Settings"])
async def test_the_fields_of_a_form_are_in_line(site: Site, open_page: Open, view: str) -> None:
    page = await open_page(await login(site), viewport={"width": 1280, "height": 800})
    await page.get_by_role("link", name=view).click()
    fields = page.locator(".fields").first.locator("input, select")
    tops = [box["y"] for field in await fields.all() if (box := await field.bounding_box())]
    labels = await page.locator(".fields").first.locator("label").evaluate_all(
        "labels => labels.map((each) => each.getBoundingClientRect().top)"
    )
    assert len(tops) > 1
    assert max(tops) - min(tops) < 1
    assert max(labels) - min(labels) < 1


async def test_reject_opens_a_form_with_templates_and_needs_a_reason(site: Site, open_page: Open) -> None:
    job_id = await ask(site, "a castle")
    page = await open_page(await login(site))
    await card(page, "a castle").get_by_role("button", name="Reject", exact=True).click()
    form = page.get_by_role("dialog")
    await form.get_by_role("button", name="Please leave out violence and gore.").click()
    await form.get_by_role("textbox").press("End")
    await form.get_by_role("textbox").type(" Thanks.")
    await form.get_by_role("button", name="Reject", exact=True).click()
    await expect(form).to_be_hidden()
    job = await site.house.settled(job_id)
    assert job.state is JobState.REJECTED
    assert job.reason is not None
    assert job.reason.values["reason"] == "Please leave out violence and gore. Thanks."


async def test_the_queue_works_with_the_keyboard_alone(site: Site, open_page: Open) -> None:
    jobs = [await ask(site, f"a castle number {number}") for number in range(3)]
    page = await open_page(await login(site))
    await page.get_by_role("article").first.focus()
    await page.keyboard.press("j")
    await expect(card(page, "number 1")).to_be_focused()
    await page.keyboard.press("e")
    box = page.get_by_role("dialog").get_by_role("textbox", name="Prompt")
    await expect(box).to_have_value("a castle number 1")
    await box.fill("a small house")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(card(page, "number 1")).to_have_count(0)
    await page.keyboard.press("c")
    await expect(card(page, "number 0")).to_contain_text("You are handling this.")
    await page.keyboard.press("a")
    await expect(page.get_by_role("article")).to_have_count(1)
    await page.keyboard.press("r")
    await page.keyboard.type("no")
    await page.keyboard.press("Tab")
    await page.get_by_role("dialog").get_by_role("button", name="Reject", exact=True).press("Enter")
    await expect(page.get_by_text("Nothing waits for a decision.")).to_be_visible()
    assert (await site.house.settled(jobs[1])).request.prompt == "a small house"
    assert [(await site.house.settled(job)).state for job in jobs] == [
        JobState.DELIVERED,
        JobState.DELIVERED,
        JobState.REJECTED,
    ]


async def test_f75_a_second_moderator_reads_who_decided_first(site: Site, open_page: Open) -> None:
    await ask(site, "a castle")
    first, second = await open_page(await login(site, "one")), await open_page(await login(site, "two"))
    await card(first, "a castle").get_by_role("button", name="Claim").click()
    await card(second, "a castle").get_by_role("button", name="Approve", exact=True).click()
    await expect(second.get_by_role("alert").first).to_contain_text(re.compile("^.?one.? is handling this"))
    await card(first, "a castle").get_by_role("button", name="Approve", exact=True).click()
    await expect(card(second, "a castle")).to_have_count(0, timeout=12_000)


async def test_a_reported_picture_is_blurred_until_it_is_shown(site: Site, open_page: Open) -> None:
    job_id = await ask(site, "a fox --size 96x64")
    await site.house.settled(job_id)
    await site.house.moderators.report(Person("web:user:00000000000000000002"), ROOM, job_id, 0, EVIL)
    page = await open_page(await login(site))
    item = card(page, "a fox")
    await expect(item).to_contain_text(EVIL)
    picture = item.get_by_role("img")
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    assert "blur" in await picture.evaluate("image => getComputedStyle(image).filter")
    await item.get_by_role("button", name="Show pictures").click()
    assert await picture.evaluate("image => getComputedStyle(image).filter") == "none"
    await item.get_by_role("button", name="Reject, it goes").click()
    form = page.get_by_role("dialog")
    await form.get_by_role("textbox").fill("rude")
    await form.get_by_role("button", name="Reject", exact=True).click()
    await expect(item).to_have_count(0)
    assert (await site.house.store.pictures_of(job_id))[0].hidden


async def test_rules_are_tested_tried_on_the_past_saved_changed_and_removed(site: Site, open_page: Open) -> None:
    await ask(site, "a silver spoon")
    page = await open_page(await login(site))
    await page.get_by_role("link", name="Rules").click()
    form = page.locator('[data-form="rule"]')
    await form.get_by_label("Words or expressions").fill("re:(?=x)")
    await form.get_by_role("button", name="Save rule").click()
    await expect(page.get_by_role("alert").first).to_contain_text("looks ahead or behind")
    await form.get_by_label("Words or expressions").fill("spoon\nfork")
    await form.get_by_label("Name").fill("cutlery")
    await form.get_by_label("Message to the person").fill("No cutlery.")
    await form.get_by_role("button", name="Try on the last week").click()
    await expect(form.get_by_role("status")).to_contain_text("Of 1 requests of the last seven days, 1 would")
    await form.get_by_role("button", name="Save rule").click()
    saved = page.locator('[data-rule="cutlery"]')
    await expect(saved).to_contain_text("spoon")
    testing = page.locator('[data-form="test"]')
    await testing.get_by_label("Prompt").fill("a s p o o n")
    await testing.get_by_role("button", name="Test").click()
    await expect(testing.get_by_role("status")).to_contain_text("cutlery would block: spoon")
    await saved.get_by_role("button", name="Change").click()
    await expect(form.get_by_label("Words or expressions")).to_have_value("spoon\nfork")
    await form.get_by_label("dry run: only count").check()
    await form.get_by_role("button", name="Save rule").click()
    await expect(saved).to_contain_text("v2")
    await saved.get_by_role("button", name="Remove").click()
    await expect(saved).to_have_count(0)


async def test_lists_go_out_and_in_and_the_starter_policy_is_one_click(
    site: Site, open_page: Open, tmp_path: Path
) -> None:
    page = await open_page(await login(site))
    await page.get_by_role("link", name="Rules").click()
    await page.get_by_role("button", name="Add the starter policy").click()
    await expect(page.get_by_role("status").first).to_contain_text("Rules added or changed: 10.")
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Export as CSV").click()
    exported = Path(await (await started.value).path()).read_text()
    assert exported.count("starter-") == 10
    assert "held-1" not in exported
    form = page.locator('[data-form="import"]')
    file = tmp_path / "words.txt"
    file.write_text("spoon*\nfork\n")
    await form.get_by_label("From a file").set_input_files(file)
    await expect(form.get_by_label("The list", exact=True)).to_have_value("spoon*\nfork\n")
    await form.get_by_label("Name of").fill("cutlery")
    await form.get_by_role("button", name="Import").click()
    await expect(page.locator('[data-rule="cutlery"]')).to_contain_text("spoon*")
    await form.get_by_label("The list", exact=True).fill(exported + "x,shout,y\n")
    await form.get_by_role("button", name="Import").click()
    await expect(page.get_by_role("alert").first).to_contain_text("In line")
    await form.get_by_label("The list", exact=True).fill(exported)
    await form.get_by_role("button", name="Import").click()
    await expect(page.locator('[data-rule="starter-gore"]')).to_contain_text("v2")


async def test_f77_people_are_banned_and_lifted_and_the_log_says_so(site: Site, open_page: Open) -> None:
    job_id = await ask(site, "a castle")
    page = await open_page(await login(site))
    await card(page, "a castle").get_by_role("link", name=ANN.key).click()
    form = page.locator('[data-form="person"]')
    await form.get_by_label("Reason").fill("=spam")
    await form.get_by_role("button", name="Ban").click()
    sanction = page.locator("#record").get_by_role("listitem")
    await expect(sanction).to_contain_text(re.compile("^ban · without end · .?operator.? · .?=spam"))
    assert await state_of(site, job_id) is JobState.CANCELLED
    await form.get_by_role("button", name="Time out").click()
    await expect(page.get_by_role("alert").first).to_contain_text("Say for how long")
    await form.get_by_role("button", name="Lift").click()
    await expect(page.get_by_text("ban · lifted")).to_be_visible()
    await page.get_by_role("link", name="Audit log").click()
    await expect(page.get_by_role("row").filter(has_text="lift")).to_contain_text(ANN.key)


async def test_people_are_found_by_name_those_under_sanctions_first_with_the_keyboard(
    site: Site, open_page: Open
) -> None:
    moderators, operator = site.house.moderators, Person("web:operator:night", groups=("web:operators",))
    guild = Place("discord:42", "7")
    for number, name in enumerate(("Ada", "Bea", "Cem", "Dee")):
        await ask(site, "a fox", Person(f"discord:user:{number}", name), guild)
    await ask(site, "a fox", Person("discord:user:9", "Stranger"), Place("discord:43", "7"))
    await moderators.timeout(operator, guild, Person("discord:user:2"), "calm down", 3600)
    await moderators.ban(operator, guild, Person("discord:user:77"), "spam")
    page = await open_page(await login(site))
    await page.goto(f"{site.url}/moderation?tenant=discord:42&view=people")
    entries = page.locator(".people a")
    await expect(entries).to_have_count(5)
    await expect(page.get_by_text("Stranger")).to_have_count(0)
    assert ["banned" in text or "timed out" in text for text in await entries.all_inner_texts()] == [1, 1, 0, 0, 0]
    await entries.first.focus()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(entries.nth(2)).to_be_focused()
    await page.keyboard.press("k")
    await expect(entries.nth(1)).to_be_focused()
    await page.get_by_role("searchbox", name="Find a person").fill("CE")
    await page.keyboard.press("Enter")
    await expect(entries).to_have_count(1)
    await expect(page.locator("#record")).to_contain_text("calm down")
    await expect(page.get_by_label("Person", exact=True)).to_have_value("discord:user:2")
    await page.locator('[data-form="person"]').get_by_role("button", name="Lift").click()
    await expect(page.locator("#record")).to_contain_text("timeout · lifted")
    await page.get_by_role("searchbox").fill("555")
    await page.keyboard.press("Enter")
    await expect(page.locator("#record")).to_contain_text("discord:user:555")


async def test_the_queue_names_people_where_their_platform_did(site: Site, open_page: Open) -> None:
    bob = Person("web:user:00000000000000000002", "Bob")
    job_id = await ask(site, "a fox --count 2")
    await ask(site, "a castle", bob)
    assert (await site.house.settled(job_id, 20)).state is JobState.DELIVERED
    await site.house.moderators.report(bob, ROOM, job_id, None, "rude")
    page = await open_page(await login(site))
    reported = page.locator('[data-kind="report"]')
    await expect(reported).to_have_count(1)
    await expect(reported.locator("header")).to_contain_text("Ann")
    await expect(reported.get_by_role("list")).to_contain_text(re.compile(rf"Bob.? \({bob.key}\): .?rude"))
    await expect(reported.get_by_role("img")).to_have_count(2)


async def test_the_mode_is_set_and_the_community_paused(site: Site, open_page: Open) -> None:
    page = await open_page(await login(site))
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_role("combobox", name="Mode").select_option("closed")
    await page.get_by_role("button", name="Set mode").click()
    await expect(page.get_by_text("This community is in mode closed.")).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Paused: no new requests are taken.").first).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_text("Requests are taken.").first).to_be_visible()


async def test_s35_what_people_wrote_is_text_on_every_view(site: Site, open_page: Open) -> None:
    evil = Person("web:user:00000000000000000003", EVIL)
    await ask(site, f"a castle {EVIL}", evil)
    page = await open_page(await login(site))
    await expect(card(page, "a castle")).to_contain_text(EVIL)
    await card(page, "a castle").get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value(f"a castle {EVIL}")
    await page.keyboard.press("Escape")
    await card(page, "a castle").get_by_role("button", name="Reject", exact=True).click()
    await page.get_by_role("dialog").get_by_role("textbox").fill(EVIL)
    await page.get_by_role("dialog").get_by_role("button", name="Reject", exact=True).click()
    await expect(page.get_by_role("article")).to_have_count(0)
    await page.get_by_role("link", name="Audit log").click()
    await expect(page.get_by_role("cell", name=EVIL).last).to_be_visible()
    await page.goto(f"{site.url}/moderation?view=people&person=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    await expect(page.get_by_label("Person", exact=True)).to_have_value('"><script>alert(1)</script>')


@pytest.mark.parametrize("width", [390, 1280])
async def test_no_view_scrolls_sideways(site: Site, open_page: Open, width: int) -> None:
    await ask(site, f"a castle {'w' * 300}")
    page = await open_page(await login(site), viewport={"width": width, "height": 800})
    for view in ("Queue", "Rules", "People", "Settings", "Audit log"):
        await page.get_by_role("link", name=view).click()
        await expect(page.get_by_role("link", name=view)).to_have_attribute("aria-current", "page")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


async def boxes(page: Page) -> dict[str, FloatRect]:
    """Where the header's controls are."""
    top = page.get_by_role("banner")
    controls = {
        "title": top.get_by_role("heading"),
        "operators": top.get_by_role("link", name=say("operators_title")),
        "leave": top.get_by_role("button", name=say("moderation_leave")),
    }
    found = {name: await control.bounding_box() for name, control in controls.items()}
    return {name: box for name, box in found.items() if box is not None}


async def test_the_header_is_one_line_on_a_phone_and_nothing_in_it_wraps_or_overlaps(
    site: Site, open_page: Open
) -> None:
    entrance = await login(site, "a night operator with a long name")
    page = await open_page(entrance, viewport={"width": 1280, "height": 800})
    wide = await boxes(page)
    await page.set_viewport_size({"width": 390, "height": 844})
    narrow = await boxes(page)
    assert set(narrow) == {"title", "operators", "leave"}
    for name, box in narrow.items():
        assert abs(box["height"] - wide[name]["height"]) < 1, f"{name} has more lines than on a wide screen"
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= 390, name
    middles = [box["y"] + box["height"] / 2 for box in narrow.values()]
    assert max(middles) - min(middles) < 2
    in_order = sorted(narrow.values(), key=lambda box: box["x"])
    assert all(one["x"] + one["width"] <= other["x"] for one, other in itertools.pairwise(in_order))


# ---------------------------------------------------------------- without a browser


async def test_s26_imagine_mod_in_the_room_answers_moderators_only(tmp_path: Path) -> None:
    visitor, other = Visitor("a" * 20), Visitor("b" * 20)
    rules = ModerationSettings(moderators=(visitor.key,))
    async with open_house(tmp_path, moderation=rules) as house:
        speaker = Speaker(house.store, house.studio, house.moderators, house.core.clock)
        for who in (visitor, other):
            await speaker.hear(who, "/imagine-mod pause", "first-post")
        answers = [message.text for message in await house.store.messages_after(0, 10)]
        assert answers == [say("mod_paused"), say("web_moderators")]


@asynccontextmanager
async def session(site: Site) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A client that came by the link, and its page's token."""
    async with httpx.AsyncClient(base_url=site.url, follow_redirects=True) as client:
        page = await client.get((await login(site)).removeprefix(site.url))
        token = re.search(r'data-token="([^"]*)"', page.text)
        assert token
        yield client, token[1]


async def test_s37_the_link_works_once_and_nothing_opens_without_it(site: Site) -> None:
    address = await login(site)
    async with httpx.AsyncClient(base_url=site.url) as client:
        assert (await client.get("/moderation")).status_code == 401
        assert (await client.get("/moderation/view")).status_code == 401
        assert (await client.get("/moderation/pictures/web/x/0")).status_code == 404
        assert (await client.post("/moderation/act", json={})).status_code == 401
        assert (await client.head(address)).status_code == 204
        assert (await client.get(address, headers={"sec-purpose": "prefetch"})).status_code == 204
        first = await client.get(address)
        assert first.status_code == 303
        cookie = first.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/moderation"))
    async with httpx.AsyncClient(base_url=site.url) as other:
        assert (await other.get(address)).status_code == 403
        for _ in range(30):
            last = await other.get("/moderation/login?token=guess")
        assert last.status_code == 429


async def test_s36_a_forged_post_is_refused(site: Site) -> None:
    sent = {"act": "pause", "tenant": "web", "view": "settings"}
    async with session(site) as (client, token):
        for headers in (
            {},
            {"x-imagine-token": "guess"},
            {"x-imagine-token": token, "origin": "https://evil.example"},
            {"x-imagine-token": token, "sec-fetch-site": "cross-site"},
        ):
            assert (await client.post("/moderation/act", json=sent, headers=headers)).status_code == 403
        for body in (b"[]", b"{", b'{"act": {}}', b"null"):
            answer = await client.post("/moderation/act", content=body, headers={"x-imagine-token": token})
            assert answer.status_code == 400
        assert not (await site.house.store.community("web")).paused
        done = await client.post("/moderation/act", json=sent, headers={"x-imagine-token": token})
        assert done.status_code == 200
        assert (await site.house.store.community("web")).paused


async def test_s36_no_other_page_frames_it_and_no_script_of_others_runs(site: Site) -> None:
    async with session(site) as (client, _):
        headers = (await client.get("/moderation")).headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


async def test_logging_out_ends_the_session_on_the_server(site: Site) -> None:
    async with session(site) as (client, token):
        kept = dict(client.cookies)
        await client.post("/moderation/logout", json={}, headers={"x-imagine-token": token})
        client.cookies.update(kept)
        assert (await client.get("/moderation")).status_code == 401


async def test_s27_an_item_of_another_community_is_unknown_here(site: Site) -> None:
    there = Place("discord:43", "8")
    await ask(site, "a castle", Person("discord:user:1"), there)
    operator = Person("web:operator:operator", groups=("web:operators",))
    [case] = await site.house.moderators.cases(operator, there)
    sent = {"act": "approve", "tenant": "web", "view": "queue", "item": case.item.id}
    async with session(site) as (client, token):
        headers = {"x-imagine-token": token}
        assert (await client.post("/moderation/act", json=sent, headers=headers)).json()["problem"]
        right = await client.post("/moderation/act", json={**sent, "tenant": "discord:43"}, headers=headers)
        assert "problem" not in right.json()
    item = await site.house.store.item("discord:43", case.item.id)
    assert item is not None
    assert item.state is ItemState.APPROVED


async def act(client: httpx.AsyncClient, token: str, name: str, **values: str) -> dict[str, str]:
    sent = {"act": name, "tenant": "web", "view": "queue", **values}
    answer = await client.post("/moderation/act", json=sent, headers={"x-imagine-token": token})
    assert answer.status_code == 200
    return dict(answer.json())


async def test_f75_s25_fifty_clicks_are_one_decision_and_the_others_read_whose_it_was(site: Site) -> None:
    job_id = await ask(site, "a castle")
    [case] = await site.house.moderators.cases(Person("web:operator:x", groups=("web:operators",)), ROOM)
    async with session(site) as (client, token):
        clicks = [act(client, token, ("approve", "reject")[n % 2], item=case.item.id, reason="no") for n in range(50)]
        answers = await asyncio.gather(*clicks)
    assert sum("said" in answer for answer in answers) == 1
    problems = {answer["problem"] for answer in answers if "problem" in answer}
    assert all("This was already" in problem and "operator" in problem for problem in problems)
    assert (await site.house.settled(job_id, 20)).state in {JobState.DELIVERED, JobState.REJECTED}


@pytest.mark.parametrize("item", ["", "0" * 32, "../../etc/passwd", "'; DROP TABLE items; --", "x" * 5000])
async def test_s24_a_stale_or_forged_item_is_answered(site: Site, item: str) -> None:
    async with session(site) as (client, token):
        for name in ("claim", "approve", "reject", "edit"):
            answer = await act(client, token, name, item=item, reason="no", prompt="a house")
            assert answer["problem"] == "This is not in the queue any more."


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("re:fox(?=es)", "looks ahead"), ("re:.*", "nearly every request"), ("*", "holds no word"), ("", "holds no word")],
)
async def test_s08_s09_a_rule_that_cannot_be_is_refused_in_words(site: Site, pattern: str, said: str) -> None:
    rule = {"action": "block", "target": "both", "patterns": pattern, "view": "rules"}
    async with session(site) as (client, token):
        assert said in (await act(client, token, "rule", **rule))["problem"]
        if pattern:
            imported = await act(client, token, "import", action="block", view="rules", list=pattern)
            assert said in imported["problem"]
    assert (await site.house.store.community("web")).rules == ()


async def test_f76_a_rule_that_comes_while_a_request_waits_for_a_moderator_counts_after_the_approval(
    site: Site,
) -> None:
    job_id = await ask(site, "a castle with a spoon")
    [case] = await site.house.moderators.cases(Person("web:operator:x", groups=("web:operators",)), ROOM)
    async with session(site) as (client, token):
        await act(client, token, "rule", action="block", target="both", patterns="spoon", view="rules")
        await act(client, token, "approve", item=case.item.id)
    assert (await site.house.settled(job_id, 20)).state is JobState.REJECTED
