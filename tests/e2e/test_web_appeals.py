"""Appeals in the web room: wherever a person is told of a decision, with one button, once, into the same queue."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from bot.conduct import Action, Case, ItemKind, Rule
from bot.judging import OPERATORS
from bot.model import JobState, Person, Place
from tests.e2e.conftest import Open
from tests.web import Site, client, open_moderated_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOD = Person("web:operator:mod", "mod", (OPERATORS,))
OTHER_MOD = Person("web:operator:other", "other", (OPERATORS,))
STAFF = Place("web", "moderation")
"""Where moderators of the room act from."""


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_moderated_site(tmp_path) as opened:
        yield opened


async def cases(site: Site, number: int = 1) -> list[Case]:
    """Once there are so many."""
    async with asyncio.timeout(20):
        while len(found := await site.house.moderators.cases(MOD, STAFF)) < number:
            await asyncio.sleep(0.02)
        return found


async def say(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="Message").fill(text)
    await page.get_by_role("button", name="Send", exact=True).click()


def told(page: Page, words: str) -> Locator:
    return page.get_by_role("article").filter(has_text=words)


async def appeal(page: Page, words: str, why: str = "It is a sand castle.") -> None:
    await told(page, words).get_by_role("button", name="Appeal").click()
    form = page.get_by_role("dialog")
    await expect(form).to_contain_text(words)
    await form.get_by_role("textbox").fill(why)
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_be_hidden()


async def test_a_rejected_request_is_appealed_and_the_outcome_is_told(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await say(page, "/imagine a castle")
    held = (await cases(site))[0]
    await expect(told(page, "Your request waits for a moderator, and nothing is spent")).to_be_visible()
    await site.house.moderators.reject(MOD, STAFF, held.item.id, "No war, please.")
    await expect(told(page, "Your request waited for a moderator: a castle")).to_be_visible()
    await expect(told(page, "Your request waits")).to_have_count(0)
    await appeal(page, "No war, please.")
    await expect(told(page, "No war, please.")).to_contain_text("You appealed. A moderator will look at it again.")
    await expect(told(page, "No war, please.").get_by_role("button", name="Appeal")).to_have_count(0)
    case = (await cases(site))[0]
    assert (case.item.kind, case.item.decision) == (ItemKind.APPEAL, held.item.id)
    assert case.item.words == "It is a sand castle."
    assert not case.preferred
    assert (await site.house.moderators.cases(OTHER_MOD, STAFF))[0].preferred
    await site.house.moderators.approve(OTHER_MOD, STAFF, case.item.id)
    await expect(told(page, "Your appeal was accepted")).to_have_count(1)
    await page.reload()
    await expect(told(page, "No war, please.")).to_contain_text("the decision was taken back")


async def test_a_lost_appeal_is_told_with_its_reason_and_cannot_be_appealed(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await say(page, "/imagine a castle")
    await site.house.moderators.reject(MOD, STAFF, (await cases(site))[0].item.id, "No war.")
    await appeal(page, "No war.")
    await site.house.moderators.reject(OTHER_MOD, STAFF, (await cases(site))[0].item.id, "It has cannons.")
    lost = told(page, "Your appeal was not accepted: It has cannons.")
    await expect(lost).to_have_count(1)
    await expect(page.get_by_role("button", name="Appeal")).to_have_count(0)


async def test_a_ban_is_told_and_appealed_and_so_is_what_it_refuses(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await say(page, "/imagine a fox")
    await expect(page.locator("figure.shot")).to_have_count(1)
    me = (await site.house.store.people_of_day(int(site.house.core.clock.now() // 86400), 10))[0].key
    await site.house.moderators.ban(MOD, STAFF, Person(me), "spam")
    notice = told(page, "You are banned from the bot in this community: spam")
    await expect(notice.get_by_role("button", name="Appeal")).to_have_count(1)
    await page.get_by_role("button", name="Again").click()
    toast = page.locator("#problem")
    await expect(toast.get_by_role("button", name="Appeal")).to_be_visible()
    await toast.get_by_role("button", name="Appeal").click()
    form = page.get_by_role("dialog")
    await form.get_by_role("textbox").fill("It was my sister.")
    await form.get_by_role("button", name="Send").click()
    await expect(notice).to_contain_text("You appealed.")
    await site.house.moderators.approve(OTHER_MOD, STAFF, (await cases(site))[0].item.id)
    await expect(told(page, "Your time-out or ban was lifted")).to_have_count(1)


async def test_a_strike_of_a_rule_is_told_where_it_is_given_and_appealed(site: Site, open_page: Open) -> None:
    rule = Rule("bad", "", ("badword",), action=Action.TIMEOUT)
    await site.house.moderators.add_rule(MOD, STAFF, rule)
    page = await open_page(site.url)
    await say(page, "/imagine a badword")
    refused = told(page, "goes against the rule bad")
    await expect(refused).to_contain_text("You were warned")
    await expect(refused.get_by_role("button", name="Appeal")).to_have_count(1)


async def test_a_picture_that_was_taken_down_is_told_and_comes_back_by_appeal(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await say(page, "/imagine a fox")
    await expect(page.locator("figure.shot")).to_have_count(1)
    job_id = await page.locator(".thread").get_attribute("data-job")
    assert job_id is not None
    bob = Person("web:user:00000000000000000002")
    await site.house.moderators.report(bob, STAFF, job_id, None, "rude")
    await expect(page.locator(".hidden-picture")).to_have_count(1)
    await expect(page.get_by_role("button", name="Appeal")).to_have_count(0)
    await site.house.moderators.reject(MOD, STAFF, (await cases(site))[0].item.id, "Rude indeed.")
    await appeal(page, "took down a picture of yours after a report: Rude indeed.")
    await site.house.moderators.approve(OTHER_MOD, STAFF, (await cases(site))[0].item.id)
    await expect(page.locator("figure.shot")).to_have_count(1)


async def test_s23_nobody_sees_or_appeals_a_decision_about_somebody_else(site: Site) -> None:
    async with client(site) as ann, client(site) as bob:
        await ann.say("/imagine a castle")
        held = (await cases(site))[0]
        await site.house.moderators.reject(MOD, STAFF, held.item.id, "No war.")
        assert (await site.house.settled(held.item.job_id, 20)).state is JobState.REJECTED
        assert held.item.id not in await bob.page()
        assert held.item.id in await ann.page()
        tried = await bob.post("/room/appeals", {"decision": held.item.id, "reason": "please"})
        assert tried.json()["problem"] == "Only the person concerned can appeal."
        for decision in ("", "nothing", "0" * 32):
            refused = await ann.post("/room/appeals", {"decision": decision, "reason": "please"})
            assert refused.json()["problem"] == "There is no such decision about you here."
        assert (await ann.post("/room/appeals", {"decision": 7})).status_code == 400
        assert await site.house.moderators.cases(MOD, STAFF) == []


async def test_s25_fifty_clicks_are_one_appeal(site: Site) -> None:
    async with client(site) as ann:
        await ann.say("/imagine a castle")
        held = (await cases(site))[0]
        await site.house.moderators.reject(MOD, STAFF, held.item.id, "No war.")
        body = {"decision": held.item.id, "reason": "please"}
        answers = await asyncio.gather(*(ann.post("/room/appeals", body) for _ in range(50)))
        assert sum("said" in answer.json() for answer in answers) == 1
        others = {answer.json().get("problem") for answer in answers} - {None}
        assert others == {"You have already appealed against this decision."}
        assert len(await site.house.moderators.cases(MOD, STAFF)) == 1
