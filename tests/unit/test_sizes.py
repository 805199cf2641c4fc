import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Capabilities, Range, Ratio, Size
from bot.sizes import settle_size

SQUARE = Size(1024, 1024)
OVH = Capabilities(SQUARE, sizes=(SQUARE,))
HIVE = Capabilities(SQUARE, sizes=(SQUARE, Size(1344, 768), Size(1280, 960), Size(960, 1280), Size(768, 1344)))
DATAOORTS = Capabilities(SQUARE, side=Range(256, 2048))
PIPELINE = Capabilities(Size(768, 768), side=Range(64, 768), side_step=8)
LOCAL = Capabilities(SQUARE, side=Range(64, 2048), side_step=8, max_pixels=2048 * 1024)


@pytest.mark.parametrize(
    ("wanted", "capabilities", "size", "exact"),
    [
        (None, HIVE, SQUARE, True),
        (Size(1280, 960), HIVE, Size(1280, 960), True),
        (Size(640, 480), HIVE, Size(1280, 960), False),
        (Size(1920, 1080), HIVE, Size(1344, 768), False),
        (Size(1080, 1920), HIVE, Size(768, 1344), False),
        (Ratio(4, 3), HIVE, Size(1280, 960), True),
        (Ratio(16, 9), HIVE, Size(1344, 768), False),
        (Ratio(16, 9), OVH, SQUARE, False),
        (Size(300, 301), DATAOORTS, Size(300, 301), True),
        (Size(100, 100), DATAOORTS, Size(256, 256), False),
        (Size(100, 200), DATAOORTS, Size(256, 512), False),
        (Size(4096, 2048), DATAOORTS, Size(2048, 1024), False),
        (Size(16384, 1), DATAOORTS, Size(2048, 256), False),
        (Size(1000, 1001), LOCAL, Size(1000, 1000), False),
        (Size(2048, 2048), LOCAL, Size(1448, 1448), False),
        (Ratio(16, 9), LOCAL, Size(1408, 792), True),
        (Ratio(9, 16), LOCAL, Size(792, 1408), True),
        (Ratio(1024, 1024), LOCAL, SQUARE, True),
        (Ratio(2, 1), PIPELINE, Size(768, 384), True),
        (Ratio(1023, 1000), LOCAL, Size(1032, 1016), False),
    ],
)
def test_a_size_goes_to_the_nearest_by_aspect_then_by_area(
    wanted: Size | Ratio | None, capabilities: Capabilities, size: Size, exact: bool
) -> None:
    assert settle_size(wanted, capabilities) == (size, exact)


def test_of_one_aspect_the_nearest_area_is_taken() -> None:
    sizes = Capabilities(SQUARE, sizes=(Size(256, 256), Size(512, 512), SQUARE))
    assert settle_size(Size(600, 600), sizes) == (Size(512, 512), False)
    assert settle_size(Ratio(1, 1), sizes) == (SQUARE, True)


WANTED = st.builds(Size, st.integers(1, 16384), st.integers(1, 16384)) | st.builds(
    Ratio, st.integers(1, 16384), st.integers(1, 16384)
)


@given(WANTED, st.sampled_from([HIVE, OVH, DATAOORTS, PIPELINE, LOCAL]))
def test_every_size_settled_is_one_that_the_backend_has(wanted: Size | Ratio, capabilities: Capabilities) -> None:
    size, exact = settle_size(wanted, capabilities)
    if capabilities.sizes:
        assert size in capabilities.sizes
    else:
        assert size.width in capabilities.side
        assert size.height in capabilities.side
        assert size.width % capabilities.side_step == size.height % capabilities.side_step == 0
        assert size.pixels <= capabilities.max_pixels
    assert settle_size(size, capabilities) == (size, True)
    if exact:
        assert math.isclose(size.width / size.height, wanted.width / wanted.height)
