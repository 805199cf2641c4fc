"""The size a backend draws where a person asked for one it may not have. Pure."""

import math
from collections.abc import Iterable

from bot.model import Capabilities, Ratio, Size

USUAL = (Size(512, 512), Size(768, 768), Size(1024, 1024), Size(1280, 720), Size(720, 1280))


def offered(backends: Iterable[Capabilities]) -> tuple[Size, ...]:
    """To choose from: what some backend has exactly, its default and listed sizes first."""
    offers = tuple(backends)
    wanted = [size for each in offers for size in (each.default_size, *each.sizes)] + list(USUAL)
    exact = (size for size in wanted if any(settle_size(size, each) == (size, True) for each in offers))
    return tuple(dict.fromkeys(exact))


def settle_size(wanted: Size | Ratio | None, capabilities: Capabilities) -> tuple[Size, bool]:
    """The nearest size by aspect, then by area, and whether it is what was asked for.

    A ratio is drawn at about the default size's area.
    """
    if wanted is None:
        return capabilities.default_size, True
    size = _listed(wanted, capabilities) if capabilities.sizes else _in_range(wanted, capabilities)
    if isinstance(wanted, Size):
        return size, size == wanted
    return size, size.width * wanted.height == size.height * wanted.width


def _listed(wanted: Size | Ratio, capabilities: Capabilities) -> Size:
    area = wanted.pixels if isinstance(wanted, Size) else capabilities.default_size.pixels
    aspect = wanted.width / wanted.height

    def distance(size: Size) -> tuple[float, float]:
        return abs(math.log(size.width / size.height / aspect)), abs(math.log(size.pixels / area))

    return min(capabilities.sizes, key=distance)


def _in_range(wanted: Size | Ratio, capabilities: Capabilities) -> Size:
    if isinstance(wanted, Size):
        return wanted if _has(wanted, capabilities) else _scaled(wanted.width, wanted.height, capabilities)
    area = min(capabilities.default_size.pixels, capabilities.max_pixels)
    width = math.sqrt(area * wanted.width / wanted.height)
    rounded = _scaled(width, area / width, capabilities)
    exact = _of_exact_ratio(wanted, rounded.pixels, capabilities)
    return exact if exact and rounded.pixels / 2 <= exact.pixels <= rounded.pixels * 2 else rounded


def _has(size: Size, capabilities: Capabilities) -> bool:
    step = capabilities.side_step
    sides = (size.width, size.height)
    return size.pixels <= capabilities.max_pixels and all(
        side in capabilities.side and side % step == 0 for side in sides
    )


def _sides(capabilities: Capabilities) -> tuple[int, int]:
    """The shortest and the longest side that are multiples of the step."""
    step = capabilities.side_step
    return math.ceil(capabilities.side.low / step) * step, int(capabilities.side.high // step) * step


def _scaled(width: float, height: float, capabilities: Capabilities) -> Size:
    """Scaled into the limits, then each side rounded to the step; very long shapes become less so."""
    low, high = _sides(capabilities)
    step = capabilities.side_step
    scale = min(1.0, high / max(width, height), math.sqrt(capabilities.max_pixels / (width * height)))
    if scale == 1.0:
        scale = max(1.0, low / min(width, height))
    short, long = sorted(min(max(round(side * scale / step) * step, low), high) for side in (width, height))
    long = max(short, min(long, capabilities.max_pixels // short // step * step))
    return Size(long, short) if width >= height else Size(short, long)


def _of_exact_ratio(ratio: Ratio, area: int, capabilities: Capabilities) -> Size | None:
    """The size of exactly this ratio whose area is nearest, if the step and the limits allow any."""
    low, high = _sides(capabilities)
    step = capabilities.side_step
    common = math.gcd(ratio.width, ratio.height)
    width, height = ratio.width // common, ratio.height // common
    unit = math.lcm(step // math.gcd(step, width), step // math.gcd(step, height))
    width, height = width * unit, height * unit
    fewest = math.ceil(low / min(width, height))
    most = min(high // max(width, height), math.isqrt(capabilities.max_pixels // (width * height)))
    if fewest > most:
        return None
    ideal = math.sqrt(area / (width * height))
    times = min(max(round(ideal), fewest, 1), most)
    return Size(width * times, height * times)
