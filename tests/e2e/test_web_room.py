"""The room as people use it, in a real browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Dialog, Locator, Page, Route, expect

from bot.errors import Broken
from bot.model import JobState, QuotaSettings
from tests.e2e.conftest import Open
from tests.house import open_house
from tests.web import PatientBackend, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def backend() -> PatientBackend:
    made = PatientBackend()
    made.go.set()
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path, backend: PatientBackend) -> AsyncIterator[Site]:
    quota = QuotaSettings(images_per_day=0, running=1, waiting=0)
    async with open_house(tmp_path, [backend], quota) as house, open_site(house) as opened:
        yield opened


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


async def send(page: Page, text: str) -> None:
    await box(page).fill(text)
    await page.get_by_role("button", name="Send", exact=True).click()


def article(page: Page, words: str) -> Locator:
    return page.get_by_role("article").filter(has_text=words).last


async def test_words_become_pictures_under_the_message(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a red fox in snow --count 2 --size 96x64 --seed 5")
    request = article(page, "a red fox")
    await expect(request.get_by_role("img")).to_have_count(2)
    for picture in await request.get_by_role("img").all():
        assert "a red fox in snow" in (await picture.get_attribute("alt") or "")
        assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    await expect(request).to_contain_text("96 × 64 · seeds 5 to 6 · drawn by sketch")
    for name in ("Again", "Vary", "Report", "Delete"):
        await expect(request.get_by_role("button", name=name, exact=True)).to_be_visible()
    await expect(request.get_by_role("progressbar")).to_have_count(0)


async def test_while_it_waits_and_is_drawn_one_sees_place_time_progress_and_previews(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    backend.go.clear()
    page = await open_page(site.url)
    await send(page, "/imagine a castle")
    first = article(page, "a castle")
    await expect(first).to_contain_text("Drawing, step 2 of 8")
    bar = first.get_by_role("progressbar")
    assert await bar.evaluate("bar => [bar.value, bar.max]") == [2, 8]
    preview = first.locator(".place img")
    await expect(preview).to_be_visible()
    assert await preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    await send(page, "/imagine a boat")
    second = article(page, "a boat")
    await expect(second).to_contain_text("Number 1 in the queue")
    await expect(second.get_by_role("progressbar")).to_be_visible()
    await expect(second.locator(".eta")).to_have_text(re.compile(r"about \d+ s|any moment"))
    backend.go.set()
    await expect(second.get_by_role("img", name="a boat")).to_be_visible()


async def test_the_eta_counts_down_by_itself(site: Site, open_page: Open, backend: PatientBackend) -> None:
    backend.go.clear()
    page = await open_page(site.url)
    await send(page, "/imagine a slow castle --steps 100 --count 10 --size 512x512")
    await expect(article(page, "a slow castle")).to_contain_text("Drawing, step 2 of 8")
    eta = article(page, "a slow castle").locator(".eta")
    await expect(eta).to_have_text(re.compile(r"about \d+ s"))
    shown = await eta.inner_text()
    await expect(eta).not_to_have_text(shown)
    assert seconds(await eta.inner_text()) < seconds(shown)


def seconds(eta: str) -> int:
    return int(re.sub(r"\D", "", eta))


async def test_two_people_share_the_room_and_errors_stay_private(site: Site, open_page: Open) -> None:
    ann, ben = await open_page(site.url), await open_page(site.url)
    await send(ann, "/imagine a fox --stepz 5")
    await expect(article(ann, "There is no option --stepz")).to_contain_text("Only you see this")
    await send(ann, "/imagine an owl")
    await expect(article(ben, "an owl").get_by_role("img")).to_be_visible()
    await expect(ben.get_by_text("stepz")).to_have_count(0)
    await ben.reload()
    await expect(article(ben, "an owl").get_by_role("img")).to_be_visible()
    await expect(ben.get_by_text("stepz")).to_have_count(0)
    await expect(article(ben, "an owl").get_by_role("button", name="Delete")).to_be_hidden()
    await expect(article(ann, "an owl").get_by_role("button", name="Delete")).to_be_visible()


async def test_the_corrected_command_is_ready_to_send(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a fox --steps 4000 --szie 64x64")
    answer = article(page, "--szie")
    await expect(answer.locator("code")).to_have_text("/imagine a fox --size 64x64 --steps 100")
    await expect(box(page)).to_have_value("/imagine a fox --steps 4000 --szie 64x64")
    await answer.get_by_role("button", name="Edit").click()
    await expect(box(page)).to_have_value("/imagine a fox --size 64x64 --steps 100")
    await box(page).fill("")
    await answer.get_by_role("button", name="Use this").click()
    await expect(article(page, "--steps 100").get_by_role("img")).to_be_visible()


async def test_a_misspelt_command_gets_a_did_you_mean_and_can_be_sent_as_meant(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await send(page, "/imagin an otter")
    answer = article(page, "Did you mean /imagine?")
    await expect(answer.locator("code")).to_have_text("/imagine an otter")
    await answer.get_by_role("button", name="Use this").click()
    await expect(article(page, "an otter").get_by_role("img")).to_be_visible()
    await send(page, "/frobnicate")
    await expect(article(page, "There is no command /frobnicate")).to_contain_text("/imagine-status")


async def test_plain_words_are_said_and_hinted_at(site: Site, open_page: Open) -> None:
    ann, ben = await open_page(site.url), await open_page(site.url)
    await send(ann, "a fox, please")
    await expect(article(ben, "a fox, please")).to_be_visible()
    await expect(article(ann, "begin with /imagine").locator("code")).to_have_text("/imagine a fox, please")
    await expect(ben.get_by_text("begin with /imagine")).to_have_count(0)
    await send(ann, "hello all")
    await send(ann, "how are you?")
    await expect(article(ben, "how are you?")).to_be_visible()
    await ann.reload()
    await expect(ann.get_by_text("begin with /imagine")).to_have_count(1)


@pytest.mark.parametrize("words", ["/help", "/imagine help", "/Imagine  HELP "])
async def test_help_that_is_typed_opens_as_by_its_button(site: Site, open_page: Open, words: str) -> None:
    page = await open_page(site.url)
    await send(page, words)
    await expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    await expect(box(page)).to_have_value("")
    await expect(page.get_by_role("article")).to_have_count(0)


async def test_back_closes_a_dialog_and_stays_on_the_page(site: Site, open_page: Open) -> None:
    page = await open_page(f"{site.url}/gallery")
    await page.goto(site.url)
    helping = page.get_by_role("dialog", name="Help")
    for _ in range(2):
        await page.get_by_role("button", name="Help").click()
        await expect(helping).to_be_visible()
        await page.go_back()
        await expect(helping).to_be_hidden()
        await page.get_by_role("button", name="Help").click()
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Help").click()
        await page.get_by_role("button", name="Close").click()
        await expect(helping).to_be_hidden()
    await expect(box(page)).to_be_visible()
    await page.wait_for_function("!history.state?.dialog")
    await page.go_back()
    assert page.url.endswith("/gallery")


async def test_what_is_typed_while_the_bot_is_away_stays_in_sight_until_it_went_out(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    backend.go.clear()
    page = await open_page(site.url)
    await send(page, "/imagine a slow castle --steps 100 --count 10 --size 512x512")
    eta = article(page, "a slow castle").locator(".eta")
    await expect(eta).to_have_text(re.compile(r"about \d+ s"))
    await site.end()
    await send(page, "are you there?")
    unsent = page.locator("#unsent")
    await expect(unsent).to_contain_text("are you there?")
    await expect(unsent).to_contain_text("Not sent yet: it goes out when the connection is back.")
    await expect(page.get_by_text("The connection is lost")).to_be_visible()
    shown = await eta.inner_text()
    await asyncio.sleep(2.5)
    assert await eta.inner_text() == shown
    await site.start()
    await expect(article(page, "are you there?")).to_be_visible(timeout=15_000)
    await expect(unsent).to_have_text("")
    await expect(page.get_by_text("The connection is lost")).to_be_hidden()
    backend.go.set()


async def test_the_examples_of_the_first_screen_work(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    examples = page.locator("#welcome [data-example]")
    await expect(examples).to_have_count(3)
    for example in await examples.all():
        site.house.studio.check(await example.inner_text())
    await examples.first.click()
    await expect(box(page)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(article(page, "a red fox in snow").get_by_role("img")).to_be_visible()
    await expect(page.locator("#welcome")).to_be_hidden()


async def test_again_draws_the_same_words_with_a_new_seed(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a hare --seed 5")
    await article(page, "a hare").get_by_role("button", name="Again").click()
    await expect(page.get_by_role("article")).to_have_count(2)
    await expect(page.get_by_role("img", name="a hare")).to_have_count(2)
    assert [drawing.prompt for drawing in backend.drawn] == ["a hare", "a hare"]
    assert backend.drawn[0].seed == 5 != backend.drawn[1].seed


async def test_vary_opens_a_form_with_the_request_filled_in(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a hare --no grass --ar 3:2 --guidance 7.5")
    await article(page, "a hare").get_by_role("button", name="Vary").click()
    form = page.get_by_role("dialog")
    await expect(form.get_by_label("Prompt", exact=True)).to_have_value("a hare")
    await expect(form.get_by_label("Negative prompt")).to_have_value("grass")
    await expect(form.get_by_label("Size or ratio")).to_have_value("3:2")
    await expect(form.get_by_label("Guidance")).to_have_value("7.5")
    await form.get_by_label("Prompt", exact=True).fill("a hare at night")
    await form.get_by_label("Steps").fill("many")
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("alert")).to_contain_text("steps takes a whole number")
    await form.get_by_label("Steps").fill("7")
    await form.get_by_role("button", name="Send").click()
    await expect(article(page, "a hare at night").get_by_role("img")).to_be_visible()
    assert (backend.drawn[-1].prompt, backend.drawn[-1].steps) == ("a hare at night", 7)


async def test_cancel_ends_what_waits_and_what_is_drawn(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    backend.go.clear()
    page = await open_page(site.url)
    await send(page, "/imagine a whale")
    await expect(article(page, "a whale")).to_contain_text("Drawing")
    await send(page, "/imagine a shark")
    await article(page, "a shark").get_by_role("button", name="Cancel").click()
    await expect(article(page, "a shark")).to_contain_text("Cancelled")
    await article(page, "a whale").get_by_role("button", name="Cancel").click()
    await expect(article(page, "a whale")).to_contain_text("Cancelled")
    assert backend.running == 0


async def answer(page: Page, *, yes: bool) -> None:
    """Says so to the next question that the page asks."""

    async def decide(asked: Dialog) -> None:
        await (asked.accept() if yes else asked.dismiss())

    page.once("dialog", decide)


async def test_delete_takes_the_pictures_from_every_page_and_the_disk(site: Site, open_page: Open) -> None:
    ann, ben = await open_page(site.url), await open_page(site.url)
    await send(ann, "/imagine a crab")
    await expect(article(ben, "a crab").get_by_role("img")).to_be_visible()
    address = await article(ben, "a crab").get_by_role("img").get_attribute("src")
    delete = article(ann, "a crab").get_by_role("button", name="Delete")
    await answer(ann, yes=False)
    await delete.press("Enter")
    await expect(delete).to_be_enabled()
    [job] = await site.house.store.jobs_of(f"web:user:{await session_of(ann)}", 1)
    assert not any(picture.deleted for picture in await site.house.store.pictures_of(job.id))
    await answer(ann, yes=True)
    await delete.press("Enter")
    await expect(article(ben, "a crab")).to_contain_text("The pictures were deleted.")
    await expect(article(ann, "a crab").get_by_role("img")).to_have_count(0)
    assert (await ben.request.get(f"{site.url}{address}")).status == 404
    assert not list((site.house.folder / "images").rglob("*.png"))


async def test_a_report_is_stored_once_for_each_person_and_picture(site: Site, open_page: Open) -> None:
    ann, ben = await open_page(site.url), await open_page(site.url)
    await send(ann, "/imagine a crow --count 3")
    for said in ("Thank you", "You reported this before"):
        await article(ben, "a crow").get_by_role("button", name="Report").click()
        form = ben.get_by_role("dialog")
        await form.get_by_role("radio", name="Picture 2 of 3").check()
        await form.get_by_label("What is wrong with it?").fill("too dark")
        await form.get_by_role("button", name="Report").click()
        await expect(ben.locator("#problem")).to_contain_text(said)
    [job] = await site.house.store.jobs_of(f"web:user:{await session_of(ann)}", 5)
    stored = [await site.house.store.reports_on("web", job.id, index) for index in range(3)]
    assert [[report.reason for report in each] for each in stored] == [[], ["too dark"], []]


async def test_pictures_enlarge_and_download(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a toad --count 2 --size 96x64")
    await article(page, "a toad").get_by_role("link", name="Picture 1 of 2", exact=False).first.click()
    viewer = page.get_by_role("dialog")
    await expect(viewer.get_by_role("img", name="Picture 1 of 2: a toad")).to_be_visible()
    await page.keyboard.press("ArrowRight")
    await expect(viewer.get_by_role("img", name="Picture 2 of 2: a toad")).to_be_visible()
    async with page.expect_download() as started:
        await viewer.get_by_role("link", name="Download").click()
    saved = Path(await (await started.value).path())
    assert saved.read_bytes().startswith(b"\x89PNG")
    assert (await started.value).suggested_filename.endswith("-2.png")
    await page.keyboard.press("Escape")
    await expect(viewer).to_be_hidden()


async def test_a_failure_is_told_in_the_thread_and_can_be_asked_again(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    backend.plan = [Broken("no such model")]
    page = await open_page(site.url)
    await send(page, "/imagine a newt")
    request = article(page, "a newt")
    await expect(request).to_contain_text("Your quota was returned")
    await expect(request).not_to_contain_text("no such model")
    await request.get_by_role("button", name="Again").click()
    await expect(page.get_by_role("img", name="a newt")).to_be_visible()


async def test_status_and_history_are_told_privately(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a wren --count 2")
    await expect(article(page, "a wren").get_by_role("img")).to_have_count(2)
    await send(page, "/imagine a tern --count 1")
    await expect(article(page, "a tern").get_by_role("img")).to_have_count(1)
    await send(page, "/imagine-history")
    told = page.get_by_role("article").filter(has_text="Only you see this")
    await expect(told).to_have_count(3)
    await expect(told.nth(0).get_by_role("link", name="/gallery")).to_be_visible()
    await expect(told.nth(1)).to_contain_text("/imagine a wren --count 2")
    await expect(told.nth(1).get_by_role("img")).to_have_count(2)
    await expect(told.nth(1).get_by_role("button", name="Delete")).to_be_visible()
    await told.nth(2).get_by_role("button", name="Again").click()
    await expect(page.get_by_role("article").filter(has_text="a tern")).to_have_count(3)
    await expect(article(page, "a tern").get_by_role("img")).to_have_count(1)
    backend.go.clear()
    await send(page, "/imagine a finch")
    await expect(article(page, "a finch")).to_contain_text("Drawing")
    await send(page, "/imagine-status")
    await expect(article(page, "Only you see this")).to_contain_text(re.compile("a finch.? · Starting to draw"))
    backend.go.set()


async def test_forget_asks_first_and_then_takes_everything_from_every_page(site: Site, open_page: Open) -> None:
    ann, ben = await open_page(site.url), await open_page(site.url)
    await send(ann, "/imagine a mole")
    await send(ben, "/imagine a vole")
    await expect(article(ben, "a mole").get_by_role("img")).to_be_visible()
    await expect(article(ann, "a vole").get_by_role("img")).to_be_visible()
    await answer(ann, yes=False)
    await send(ann, "/imagine-forget")
    await expect(box(ann)).to_have_value("/imagine-forget")
    await expect(article(ann, "a mole").get_by_role("img")).to_be_visible()
    await answer(ann, yes=True)
    await ann.get_by_role("button", name="Send", exact=True).click()
    await expect(ben.get_by_role("article").filter(has_text="a mole")).to_have_count(0)
    await expect(article(ann, "is deleted")).to_be_visible()
    await expect(article(ben, "a vole").get_by_role("img")).to_be_visible()
    await ann.reload()
    await expect(ann.get_by_role("article").filter(has_text="a mole")).to_have_count(0)


async def test_a_second_tab_and_a_reload_show_the_same_and_double_nothing(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    backend.go.clear()
    page = await open_page(site.url)
    await send(page, "/imagine a seal")
    await expect(article(page, "a seal")).to_contain_text("Drawing")
    second = await page.context.new_page()
    await second.goto(site.url)
    await page.reload()
    backend.go.set()
    for tab in (page, second):
        await expect(article(tab, "a seal").get_by_role("img")).to_be_visible()
        await expect(tab.get_by_role("article")).to_have_count(1)
        await expect(article(tab, "a seal").get_by_role("button", name="Delete")).to_be_visible()
    assert len(backend.drawn) == 1


async def test_a_lost_connection_and_a_restart_lose_nothing_and_double_nothing(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    page, other = await open_page(site.url), await open_page(site.url)
    await send(page, "/imagine a swan")
    await expect(article(page, "a swan").get_by_role("img")).to_be_visible()
    await site.end()
    await send(page, "/imagine a duck")
    await expect(page.get_by_text("The connection is lost")).to_be_visible()
    await asyncio.sleep(1)
    await site.start()
    for each in (page, other):
        await expect(article(each, "a duck").get_by_role("img")).to_be_visible(timeout=15000)
        await expect(each.get_by_role("article")).to_have_count(2)
    await expect(page.get_by_text("The connection is lost")).to_be_hidden()
    assert [drawing.prompt for drawing in backend.drawn] == ["a swan", "a duck"]


async def test_an_answer_that_got_lost_is_asked_for_again_and_counts_once(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    page = await open_page(site.url)
    lost = 0

    async def lose_the_first_answer(route: Route) -> None:
        nonlocal lost
        lost += 1
        await route.fetch()
        await (route.abort() if lost == 1 else route.continue_())

    await page.route("**/room/messages", lose_the_first_answer)
    await send(page, "/imagine a goat")
    await expect(article(page, "a goat").get_by_role("img")).to_be_visible()
    while lost < 2:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    await expect(page.get_by_role("article")).to_have_count(1)
    assert len(backend.drawn) == 1


async def test_a_page_whose_session_was_replaced_sends_its_words_as_the_new_one(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await page.context.clear_cookies()
    other = await page.context.new_page()
    await other.goto(site.url)
    await page.evaluate("document.querySelector('#message').value = '/imagine a gull'")
    await page.locator("#composer .main").click()
    await expect(article(page, "a gull").get_by_role("img")).to_be_visible()
    await expect(other.get_by_role("article")).to_have_count(1)


async def test_s25_a_storm_of_clicks_has_one_effect(site: Site, open_page: Open, backend: PatientBackend) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a mouse")
    request = article(page, "a mouse")
    again = request.get_by_role("button", name="Again")
    await again.evaluate("button => { for (let i = 0; i < 50; i++) button.click(); }")
    await expect(page.get_by_role("img", name="a mouse")).to_have_count(2)
    await asyncio.sleep(0.5)
    assert len(backend.drawn) == 2


async def test_s24_a_button_of_a_request_that_is_gone_says_so(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a moth")
    request = article(page, "a moth")
    await expect(request.get_by_role("img")).to_be_visible()
    await request.locator(".thread").evaluate("thread => thread.dataset.job = '0'.repeat(32)")
    await request.get_by_role("button", name="Again").click()
    await expect(page.locator("#problem")).to_contain_text("does not exist here any more")


async def test_every_state_is_final_in_the_store_when_the_page_says_so(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    page = await open_page(site.url)
    await send(page, "/imagine a lynx")
    await expect(article(page, "a lynx").get_by_role("img")).to_be_visible()
    [job] = await site.house.store.jobs_of(f"web:user:{await session_of(page)}", 5)
    assert job.state is JobState.DELIVERED


async def session_of(page: Page) -> str:
    [cookie] = await page.context.cookies()
    return cookie["value"].partition(".")[0]
