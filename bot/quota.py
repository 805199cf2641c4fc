"""What a person may ask for: limits from tiers and tenants, and the UTC day they count in. Pure."""

import math
from collections.abc import Iterable

from bot.model import Limits, Person, Place, QuotaSettings, Tier

_DAY = 86_400  #: seconds
_HOUR = 3_600


def limits_of(person: Person, place: Place, settings: QuotaSettings) -> Limits:
    """The best of what the person's tiers say, each key for itself; what none of them says is as for everybody."""
    tiers = tiers_of(person, settings)
    return Limits(
        images_per_day=_best((tier.images_per_day for tier in tiers), settings.images_per_day),
        running=_best((tier.running for tier in tiers), settings.running),
        waiting=_best((tier.waiting for tier in tiers), settings.waiting),
        weight=max((tier.weight for tier in tiers), default=1.0),
        tenant_images_per_day=settings.guilds.get(place.tenant, 0),
    )


def tiers_of(person: Person, settings: QuotaSettings) -> tuple[Tier, ...]:
    """The tiers that list the person, a role or a group of theirs."""
    keys = {person.key, *person.groups}
    return tuple(tier for tier in settings.tiers if not keys.isdisjoint(tier.members))


def _best(said: Iterable[int | None], otherwise: int) -> int:
    """The highest number, where 0 is unlimited and so the highest of all."""
    numbers = [number for number in said if number is not None]
    if not numbers:
        return otherwise
    return 0 if 0 in numbers else max(numbers)


def day_of(now: float) -> int:
    """The UTC day's number since 1970."""
    return int(now // _DAY)


def day_left(limit: int, used: int) -> int | None:
    """Images left of a day's ``limit``; None: unlimited."""
    return None if limit == 0 else max(limit - used, 0)


def reset_hours(now: float) -> int:
    """Hours until the UTC day ends, rounded up: 1 to 24."""
    return math.ceil((_DAY - now % _DAY) / _HOUR)
