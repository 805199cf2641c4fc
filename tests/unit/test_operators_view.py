"""What the operators' page says of money, ranges and mishaps."""

import math
from dataclasses import replace

from adapters.chat.web import operators_view, pages
from bot.model import Breaker, Capabilities, Range, Size
from bot.programs import Trouble

NOW = 1_790_000_000.0
BASE = Capabilities(default_size=Size(64, 64))
OPEN = Breaker("b", 0, 0.0, "", 0)


def money(offered: Capabilities, spent: float = 0.0, cap: float = 0.0) -> str:
    return operators_view.backend("b", OPEN, None, 0, offered, spent, cap, NOW).money


def test_only_what_charges_nobody_is_free() -> None:
    assert money(BASE) == "free"
    assert money(replace(BASE, charges=True), cap=5) == "price not set"
    assert money(replace(BASE, charges=True, price_per_image=0.01), spent=0.5) == "$0.50"
    assert money(replace(BASE, charges=True, price_per_image=0.01), spent=0.5, cap=5) == "$0.50 of $5.00"


def test_what_went_wrong_again_and_again_stands_there_once_with_its_newest_time() -> None:
    met = [Trouble(NOW - n, "store_error", {"detail": "disk I/O error"}) for n in range(40)]
    met += [Trouble(NOW - 60, "store_error", {"detail": "locked"})]
    shown = operators_view.mishaps([], met, 3)
    assert [each.words.endswith("(40 times)") for each in shown] == [True, False]
    assert shown[0].at.startswith("2026-09-")


def test_a_closed_backend_says_for_how_long() -> None:
    closed = Breaker("b", 3, math.inf, "no key", 1)
    assert "no key" in operators_view.backend("b", closed, None, 0, BASE, 0, 0, NOW).state


def test_the_range_of_sizes_is_that_of_who_draws_any_size() -> None:
    free, listed = replace(BASE, side=Range(64, 2048)), replace(BASE, sizes=(Size(768, 1344), Size(1024, 1024)))
    assert pages._sides([free, listed]) == "64x64 to 2048x2048"
    assert pages._sides([listed]) == "768x1344 to 1024x1024"
