"""Whether two pictures look alike, by 64-bit difference hashes as hexadecimal digits. "" is no hash: a flat picture."""

from collections.abc import Iterable

NEAR = 10  #: bits of 64 that may differ; unrelated pictures differ in 32 of them


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def is_blocked(likeness: str, blocked: Iterable[str]) -> bool:
    return likeness != "" and any(distance(likeness, each) <= NEAR for each in blocked)
