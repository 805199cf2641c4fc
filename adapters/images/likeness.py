"""A picture's difference hash: what is brighter than its right neighbour, on a grid of 9 by 8."""

import io

from PIL import Image

COLUMNS, ROWS = 9, 8
FLAT = 12  #: grey levels of 255 between the darkest and the brightest cell


def likeness(image: bytes) -> str:
    """16 hexadecimal digits; "" for a picture so flat that its hash would be noise. Raises what Pillow raises."""
    with Image.open(io.BytesIO(image)) as opened:
        cells = opened.convert("L").resize((COLUMNS, ROWS), Image.Resampling.BOX).tobytes()
    if max(cells) - min(cells) < FLAT:
        return ""
    bits = 0
    for row in range(ROWS):
        for column in range(COLUMNS - 1):
            at = row * COLUMNS + column
            bits = bits << 1 | (cells[at] > cells[at + 1])
    return f"{bits:016x}"
