"""People with real browsers, and the stand-in of Slack.

A test that leaves an error in a console, or sends Slack what it would refuse, fails.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright

from adapters import demo
from adapters.factory import build_backend
from bot.ports import Backend
from tests import browser as browsers
from tests.standins.slack import SlackStandIn

Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = browsers.find()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: run python -m tests.browser")
        pytest.skip("no Chromium: run python -m tests.browser")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    async with SlackStandIn() as standing:
        yield standing
        assert standing.problems == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo_model() -> AsyncIterator[Backend]:
    """The demo model in its own process, loaded once for all tests of this process."""
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    settings = demo.demo(model=True).backend
    assert settings is not None
    made = build_backend(settings)
    assert await made.probe() == ""
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(chromium: Browser) -> AsyncIterator[Open]:
    """Opens an address as a new person: a browser context of their own."""
    contexts = []
    errors: list[str] = []

    def watch(page: Page) -> None:
        def heard(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and "net::ERR_" not in message.text and "403" not in message.text:
                errors.append(message.text)

        def failed(error: Error) -> None:
            errors.append(str(error))

        page.on("console", heard)
        page.on("pageerror", failed)

    async def opened(url: str, **options: Any) -> Page:
        context = await chromium.new_context(**options)
        context.set_default_timeout(8000)
        context.on("page", watch)
        contexts.append(context)
        page = await context.new_page()
        await page.goto(url)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert errors == []
