"""Pixels to files: a quick PNG for a picture, which the picture store encodes anew, a tiny WebP for a preview."""

import io
from typing import Any

from PIL import Image

PREVIEW_SIDE = 128  #: pixels, about


def png(pixels: Any) -> bytes:
    """``pixels`` is (height, width, 3), 8 bits."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def preview(pixels: Any) -> bytes:
    small = Image.fromarray(pixels)
    factor = max(1, round(PREVIEW_SIDE / max(small.size)))
    larger = small.resize((small.width * factor, small.height * factor), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    larger.save(file, "WEBP", quality=60, method=0)
    return file.getvalue()
