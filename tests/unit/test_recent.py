from bot.moderation.commands import duration, lasting
from bot.recent import Lately, Newest


def test_what_happened_lately_happens_again_until_its_time_is_over() -> None:
    pressed = Lately(3.0)
    assert [pressed.again("a", 0.0), pressed.again("a", 2.9), pressed.again("b", 2.9)] == [False, True, False]
    assert [pressed.again("a", 3.1), pressed.again("b", 5.0)] == [False, True]


def test_of_too_many_values_those_that_were_kept_longest_ago_go() -> None:
    kept = Newest[int](2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        kept.keep(key, value)
    assert dict(kept) == {"a": 3, "c": 4}


def test_a_time_as_it_is_shown_is_read_back() -> None:
    for seconds in (1.0, 59.0, 60.0, 90.0, 3600.0, 86_400.0, 604_800.0):
        assert duration(lasting(seconds)) == seconds
    assert lasting(0.0) == ""
