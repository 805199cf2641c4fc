"""The page itself: keyboard, screen reader, contrast, phones, long histories, hostile words."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from bot.model import Message
from tests.e2e.conftest import Open
from tests.e2e.test_web_room import article, box, send
from tests.e2e.test_web_security import PAYLOADS
from tests.house import open_house
from tests.web import PatientBackend, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

CONTRAST = """() => {
  const linear = (v) => v / 255 <= .04045 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility({ visibilityProperty: true }) || element.closest(".unseen")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parse(style.color)), luminance(ground(element))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    const name = `${element.tagName} ${element.className} ${element.textContent.slice(0, 30)}`;
    if (ratio < 4.5 && !element.disabled) low.push(`${name} ${ratio.toFixed(2)}`);
  }
  return low;
}"""

SMALL = """() => [...document.querySelectorAll("button, a[href], input, select, textarea, li[role]")]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width)
  .filter((e) => Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height) < 24)
  .map((e) => e.outerHTML.slice(0, 120))"""

WIDE = """() => [...document.querySelectorAll("html, #room, dialog[open]")]
  .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.tagName + e.id + e.scrollWidth)"""


@pytest.fixture
def backend() -> PatientBackend:
    made = PatientBackend()
    made.go.set()
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path, backend: PatientBackend) -> AsyncIterator[Site]:
    async with open_house(tmp_path, [backend]) as house, open_site(house) as opened:
        yield opened


async def is_fit(page: Page) -> None:
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate(SMALL) == []
    assert await page.evaluate(WIDE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("shape", ["desk", "phone"])
async def test_every_state_has_contrast_targets_and_room(
    site: Site, open_page: Open, backend: PatientBackend, scheme: str, shape: str
) -> None:
    screen = PHONE if shape == "phone" else {"viewport": {"width": 1280, "height": 800}}
    page = await open_page(site.url, color_scheme=scheme, **screen)
    await is_fit(page)
    await page.get_by_role("button", name="Help").click()
    await is_fit(page)
    await page.keyboard.press("Escape")
    await box(page).fill("/imagine a fox --")
    await expect(page.get_by_role("option")).to_have_count(8)
    await is_fit(page)
    await send(page, f"/imagine {'Donaudampfschifffahrtsgesellschaft' * 6} --count 3 --ar 16:9")
    await expect(article(page, "Donau").get_by_role("img")).to_have_count(3)
    await send(page, f"/imagine a fox --{'x' * 300} 5")
    await expect(article(page, "There is no option")).to_be_visible()
    backend.go.clear()
    await send(page, "/imagine a whale --count 2")
    await expect(article(page, "a whale")).to_contain_text("Drawing")
    await is_fit(page)
    backend.go.set()
    await expect(article(page, "a whale").get_by_role("button", name="Vary")).to_be_visible()
    for name in ("Vary", "Report"):
        await article(page, "a whale").get_by_role("button", name=name).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await is_fit(page)
        await page.get_by_role("dialog").get_by_role("button", name="Close").click()


async def test_the_keyboard_reaches_everything(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    await expect(box(page)).to_be_focused()
    await page.keyboard.type("/imagine a stork --co")
    await page.keyboard.press("Tab")
    await page.keyboard.type("2")
    await page.keyboard.press("Enter")
    request = article(page, "a stork")
    await expect(request.get_by_role("img")).to_have_count(2)
    reached = set()
    for _ in range(12):
        await page.keyboard.press("Shift+Tab")
        reached.add(await page.evaluate("document.activeElement.textContent.trim()"))
    assert {"Again", "Vary", "Report", "Delete", "Help"} <= reached
    await request.get_by_role("link", name="Picture 1 of 2").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(request.get_by_role("link", name="Picture 1 of 2").first).to_be_focused()


async def test_completion_offers_commands_options_ranges_and_values(site: Site, open_page: Open) -> None:
    page = await open_page(site.url)
    choices = page.get_by_role("option")
    await box(page).press_sequentially("/im")
    await expect(choices).to_have_count(5)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(box(page)).to_have_value("/imagine ")
    await box(page).press_sequentially("an owl --ste")
    await expect(choices).to_have_count(1)
    await expect(choices).to_contain_text("1 to 100")
    await page.keyboard.press("Tab")
    await box(page).press_sequentially("20 —back")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(box(page)).to_have_value("/imagine an owl --steps 20 --backend sketch ")
    await box(page).press_sequentially("--")
    await page.keyboard.press("Escape")
    await expect(choices).to_have_count(0)
    assert "--steps" not in await page.locator("#choices").inner_text()


async def test_a_screen_reader_hears_of_messages_and_of_ones_own_pictures(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    backend.go.clear()
    page = await open_page(site.url)
    log = page.get_by_role("log")
    await expect(log).to_have_attribute("aria-live", "polite")
    await send(page, "/imagine a heron")
    bar = article(page, "a heron").get_by_role("progressbar", name="Progress of a heron")
    await expect(bar).to_be_visible()
    backend.go.set()
    await expect(page.locator("#status")).to_have_text("Your picture is ready: /imagine a heron")


async def test_a_thousand_messages_come_as_one_scrolls(site: Site, open_page: Open) -> None:
    for number in range(1000):
        await site.house.store.say(Message(0, "web:user:ann", "Ann", f"message {number}.", 1_790_000_000.0 + number))
    page = await open_page(site.url)
    assert await page.get_by_role("article").count() == 30
    await expect(page.get_by_text("message 999.")).to_be_in_viewport()
    size = await page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize")
    assert size < 60_000
    for _ in range(3):
        before = await page.get_by_role("article").count()
        await page.locator("#room").hover()
        await page.mouse.wheel(0, -100_000)
        await expect(page.get_by_role("article").nth(before)).to_be_attached()
        assert await page.locator("#room").evaluate("room => room.scrollTop") > 0
    numbers = [int(text.split()[-1][:-1]) for text in await page.locator(".text").all_inner_texts()]
    assert numbers == list(range(numbers[0], 1000))
    assert len(numbers) >= 120


async def test_one_who_reads_above_is_not_dragged_down(site: Site, open_page: Open) -> None:
    for number in range(40):
        await site.house.store.say(Message(0, "web:user:ann", "Ann", f"message {number}.", 1_790_000_000.0))
    reader, writer = await open_page(site.url), await open_page(site.url)
    await reader.locator("#room").hover()
    await reader.mouse.wheel(0, -900)
    await reader.wait_for_timeout(300)
    before = await reader.locator("#room").evaluate("room => room.scrollTop")
    await send(writer, "something new")
    await expect(reader.get_by_role("button", name="New messages")).to_be_visible()
    assert await reader.locator("#room").evaluate("room => room.scrollTop") == before
    await reader.get_by_role("button", name="New messages").click()
    await expect(reader.get_by_text("something new")).to_be_in_viewport()


async def test_s35_hostile_words_are_words_in_a_real_browser(site: Site, open_page: Open) -> None:
    ann, ben = await open_page(site.url), await open_page(site.url)
    for page in (ann, ben):
        await page.evaluate("() => { window.alert = () => { throw new Error('scripted') } }")
    elements = await ben.locator("script, style, img, svg, iframe").count()
    for words in PAYLOADS:
        await send(ann, words)
    last = next(words for words in PAYLOADS if "evil.example" in words)
    await expect(ben.get_by_text(last, exact=True)).to_be_visible()
    await expect(ben.get_by_text("<script>alert(1)</script>", exact=True)).to_be_visible()
    await ben.reload()
    await expect(ben.get_by_text(last, exact=True)).to_be_visible()
    assert await ben.locator("script, style, img, svg, iframe").count() == elements
    assert await ben.locator("#log a").count() == 0


async def test_the_first_load_is_small_and_the_page_paints_alone(site: Site, open_page: Open) -> None:
    page = await open_page("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site.url)))
    await page.goto(site.url)
    await expect(page.get_by_role("heading", name="What shall I draw?")).to_be_visible()
    await page.wait_for_timeout(300)
    assert len(asked) <= 8, asked
    loaded = await page.evaluate("performance.getEntriesByType('resource').map((e) => e.renderBlockingStatus)")
    assert loaded
    assert "blocking" not in loaded


async def test_it_works_where_there_is_no_script_to_the_point_of_reading(site: Site, open_page: Open) -> None:
    await site.house.store.say(Message(0, "web:user:ann", "Ann", "hello there", 1_790_000_000.0))
    page = await open_page(site.url, java_script_enabled=False)
    await expect(article(page, "hello there")).to_be_visible()


async def test_ten_waiting_pictures_leave_the_progress_in_sight(
    site: Site, open_page: Open, backend: PatientBackend
) -> None:
    backend.go.clear()
    page = await open_page(site.url, viewport={"width": 1200, "height": 850})
    await send(page, "/imagine ten swans --count 10")
    await expect(article(page, "ten swans").locator(".place")).to_have_count(10)
    await expect(article(page, "ten swans").get_by_role("progressbar")).to_be_in_viewport()
    await expect(article(page, "ten swans").locator(".place").last).to_be_in_viewport()
    backend.go.set()


async def test_help_can_always_be_closed_and_keys_are_for_keyboards(site: Site, open_page: Open) -> None:
    for options, keys in (({"viewport": {"width": 1200, "height": 850}}, True), (PHONE, False)):
        page = await open_page(site.url, **options)
        await page.get_by_role("button", name="Help").click()
        await expect(page.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
        await expect(page.get_by_text("Shift and Enter")).to_be_visible(visible=keys)
        await page.get_by_role("button", name="Close").click()
        await expect(page.get_by_role("dialog")).to_be_hidden()


NOTICES = """() => {
  window.shown = [];
  const notice = document.getElementById("problem");
  const note = () => notice.hidden || shown.push(`${notice.className} ${notice.textContent}`);
  new MutationObserver(note).observe(notice, { attributes: true, childList: true });
}"""


async def test_the_thanks_for_a_report_go_away_by_themselves(site: Site, open_page: Open) -> None:
    ann, ben = await open_page(site.url), await open_page(site.url)
    await send(ann, "/imagine a crow")
    await expect(article(ben, "a crow").get_by_role("img")).to_be_visible()
    notice, form = ben.locator("#problem"), ben.get_by_role("dialog")
    await ben.evaluate(NOTICES)
    await ben.clock.install()
    await article(ben, "a crow").get_by_role("button", name="Report").click()
    await form.get_by_label("What is wrong").fill("not a crow")
    await form.get_by_role("button", name="Report").click()
    await expect(form).to_be_hidden(timeout=20_000)
    await expect(notice).to_have_text("Thank you. A moderator will see your report.", timeout=20_000)
    assert "good Thank you. A moderator will see your report." in await ben.evaluate("shown")
    await article(ben, "a crow").get_by_role("button", name="Vary").click()
    await expect(notice).to_be_hidden()
    await form.get_by_role("button", name="Close").click()
    await article(ben, "a crow").get_by_role("button", name="Report").click()
    await form.get_by_label("What is wrong").fill("still not a crow")
    await form.get_by_role("button", name="Report").click()
    await expect(notice).to_have_text("You reported this before.", timeout=20_000)
    await ben.clock.fast_forward(6_000)
    await expect(notice).to_be_hidden(timeout=20_000)


async def test_small_pictures_are_shown_large_and_sharp_alone_and_among_others(site: Site, open_page: Open) -> None:
    page = await open_page(site.url, viewport={"width": 1200, "height": 850})
    for count in (1, 2):
        await send(page, f"/imagine {count} owls --size 128x96 --count {count}")
        picture = article(page, f"{count} owls").get_by_role("img").first
        await expect(picture).to_be_visible()
        box_of = await picture.bounding_box()
        assert box_of is not None
        assert box_of["width"] >= 300
        assert abs(box_of["width"] / box_of["height"] - 128 / 96) < 0.02
        assert await picture.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    await picture.click()
    large = await page.get_by_role("dialog").get_by_role("img").bounding_box()
    assert large is not None
    assert round(large["width"]) == 512
