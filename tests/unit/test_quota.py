import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Limits, Person, Place, QuotaSettings, Tier
from bot.quota import day_left, day_of, limits_of, reset_hours

GUILD = Place("discord:42", "7")
SUPPORTER = Tier("supporter", weight=2.0, images_per_day=200, members=("discord:role:123", "slack:group:S03"))
PATRON = Tier("patron", weight=1.5, images_per_day=100, running=3, waiting=0, members=("discord:user:1",))
NEWCOMER = Tier("newcomer", weight=0.5, images_per_day=5, members=("discord:role:9",))
SETTINGS = QuotaSettings(tiers=(SUPPORTER, PATRON, NEWCOMER), guilds={"discord:42": 2000})
DAY = 86_400


def limits(*groups: str, key: str = "discord:user:2") -> Limits:
    return limits_of(Person(key, groups=groups), GUILD, SETTINGS)


def test_without_a_tier_the_limits_are_everybodys() -> None:
    assert limits() == Limits(50, 1, 5, 1.0, 2000)
    assert limits_of(Person("slack:user:U1"), Place("slack:T1", "C1"), QuotaSettings()) == Limits()


def test_a_tier_reaches_its_roles_groups_and_people() -> None:
    assert limits("discord:role:123") == Limits(200, 1, 5, 2.0, 2000)
    assert limits("slack:group:S03") == limits("discord:role:123")
    assert limits(key="discord:user:1") == Limits(100, 3, 0, 1.5, 2000)


def test_of_several_tiers_the_best_of_each_key_counts() -> None:
    assert limits("discord:role:123", "discord:role:9", key="discord:user:1") == Limits(200, 3, 0, 2.0, 2000)


def test_a_tier_can_allow_less_than_everybody_has() -> None:
    assert limits("discord:role:9") == Limits(5, 1, 5, 0.5, 2000)


def test_unlimited_wins_over_any_number() -> None:
    tiers = Tier("a", images_per_day=10**9, members=("p",)), Tier("b", images_per_day=0, members=("p",))
    assert limits_of(Person("p"), GUILD, QuotaSettings(tiers=tiers)).images_per_day == 0
    assert day_left(0, 10**9) is None


@given(st.lists(st.none() | st.integers(0, 1000), min_size=1), st.none() | st.integers(0, 1000))
def test_another_tier_never_takes_anything_away(said: list[int | None], more: int | None) -> None:
    def allowed(numbers: list[int | None]) -> float:
        tiers = tuple(Tier(str(i), images_per_day=number, members=("p",)) for i, number in enumerate(numbers))
        return limits_of(Person("p"), GUILD, QuotaSettings(tiers=tiers)).images_per_day or float("inf")

    if any(number is not None for number in said):
        assert allowed([*said, more]) >= allowed(said)


@pytest.mark.parametrize(
    ("now", "day", "hours"),
    [(0.0, 0, 24), (1.0, 0, 24), (3600.0, 0, 23), (DAY - 1.0, 0, 1), (float(DAY), 1, 24), (DAY * 1.5, 1, 12)],
)
def test_days_are_utc_and_end_within_whole_hours(now: float, day: int, hours: int) -> None:
    assert day_of(now) == day
    assert reset_hours(now) == hours


def test_what_is_left_of_a_day_is_never_negative() -> None:
    assert day_left(50, 48) == 2
    assert day_left(50, 60) == 0
