"""When a call that shares a provider's rate may go out: GCRA, one time stamp a key, no burst. Pure.

All times are seconds of one clock, the same for everybody who uses the key. Calls are spaced, never bunched, so that
no window of a second holds more of them than the provider allows.
"""

from dataclasses import dataclass, replace

LONGEST_WAIT = 60.0  #: seconds; whoever is more patient than that is not believed
LONGEST_PAUSE = 3600.0  #: seconds, whatever a provider says


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of one key."""

    next_at: float = 0.0  #: no turn before this is free
    paused_until: float = 0.0  #: the provider said so


def turn(pace: Pace, now: float, interval: float, patience: float) -> tuple[float, Pace]:
    """When the next turn is, and what is known once it is taken: nothing new where it is beyond ``patience`` seconds.

    ``interval`` 0: the key has no rate that is known of, only pauses count.
    """
    pace = believable(pace, now)
    if not interval:
        return max(now, pace.paused_until), pace
    at = max(now, pace.next_at, pace.paused_until)
    return at, pace if at > now + min(patience, LONGEST_WAIT) else replace(pace, next_at=at + interval)


def told(wait: float, patience: float, *, taken: bool) -> float:
    """The wait as a caller is told it: what was not taken is never within patience, though time went by meanwhile."""
    return wait if taken else max(wait, patience + 0.001)


def paused(pace: Pace, now: float, seconds: float) -> Pace:
    """A pause is never shortened by a later one."""
    until = now + min(seconds, LONGEST_PAUSE)
    return replace(pace, paused_until=max(believable(pace, now).paused_until, until))


def believable(pace: Pace, now: float) -> Pace:
    """Without stamps further ahead than any rule can put them: the clock was set back meanwhile (row F69)."""
    return Pace(
        pace.next_at if pace.next_at <= now + 2 * LONGEST_WAIT else 0.0,
        pace.paused_until if pace.paused_until <= now + LONGEST_PAUSE else 0.0,
    )
