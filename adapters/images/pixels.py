"""What is done to pixels. The bytes may be hostile: outside of tests all but `sniff` runs in sandbox.py's children."""

import re
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from math import ceil, sqrt
from typing import Literal

from PIL import Image, ImageOps, PngImagePlugin

from bot.errors import DeliveryError, Down

Format = Literal["PNG", "JPEG", "WEBP"]

MAX_PIXELS = 4096 * 4096  # stays below Pillow's own bomb limit of 89 million, so that this check is the one that speaks
MEDIA_TYPES: Mapping[Format, str] = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
PNG_LEVEL = 3  # zlib effort: 6 takes twice as long for 4 % less, 9 thirty times for 20 %
WEBP_SIDE = 16383  # the longest side the format has
LADDER: Sequence[tuple[Format, int]] = (
    *(("WEBP", quality) for quality in (95, 90, 80)),
    *(("JPEG", quality) for quality in (85, 70, 50, 30)),
)
SHEET_CELL = 512
SHEET_GAP = 12
SHEET_PAPER = (24, 24, 28)
DETAILS = ("Steps", "CFG scale", "Seed", "Size", "Model")
DETAIL_KEYS = ("steps", "guidance", "seed", "size", "backend")


def sniff(data: bytes) -> Format | None:
    """The format by its magic bytes alone; no name, no Content-Type (S14)."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def media_type(data: bytes) -> str:
    """Raises Down where the bytes are none of the three formats."""
    return MEDIA_TYPES[_format(data)]


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The one frame of a PNG, JPEG or WebP, as RGB or RGBA. Raises Down for everything else (S14-S17)."""
    kind = _format(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _decoded(data, kind, max_pixels)
    except Down:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, MemoryError and more
        raise _unusable(f"{kind} does not decode: {type(error).__name__}: {error}") from error


def _format(data: bytes) -> Format:
    kind = sniff(data)
    if kind is None:
        raise _unusable(f"not a PNG, JPEG or WebP but {len(data)} bytes beginning {data[:200]!r}")
    return kind


def _unusable(detail: str) -> Down:
    return Down(detail[:400], maybe_charged=True)


def _decoded(data: bytes, kind: Format, max_pixels: int) -> Image.Image:
    with Image.open(BytesIO(data), formats=(kind,)) as image:
        if image.width * image.height > max_pixels:
            raise _unusable(f"{kind} of {image.width}x{image.height} is over the limit of {max_pixels} pixels")
        if getattr(image, "n_frames", 1) != 1:
            raise _unusable(f"{kind} with more than one frame")
    if kind == "PNG":  # load() skips the checksums of the pixel data, verify() does not
        with Image.open(BytesIO(data), formats=(kind,)) as image:
            image.verify()
    with Image.open(BytesIO(data), formats=(kind,)) as image:
        image.load()
        return _plain(image)


def _plain(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is really transparent; upright; nothing but pixels."""
    if image.mode.startswith("I"):  # 16 bits a sample, which convert() would clip instead of scale
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    upright = ImageOps.exif_transpose(image)
    clear = upright.has_transparency_data
    plain = upright.convert("RGBA" if clear else "RGB")
    if clear and plain.getchannel("A").getextrema() == (255, 255):
        plain = plain.convert("RGB")
    plain.info.clear()
    return plain


def reencode(image: Image.Image, settings: Mapping[str, str] | None = None) -> bytes:
    """PNG from the pixels alone (S18). ``settings`` None: no metadata; see `parameters` for what is written."""
    info = None
    if settings:
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", parameters(settings))
    return _encoded(image, "PNG", compress_level=PNG_LEVEL, pnginfo=info)


def parameters(settings: Mapping[str, str]) -> str:
    """The text that image tools write into PNG files. Only the keys named here are ever read from ``settings``:

    prompt, negative_prompt, steps, guidance, seed, size, backend.
    """
    lines = [_line(settings.get("prompt", ""))]
    if settings.get("negative_prompt"):
        lines.append(f"Negative prompt: {_line(settings['negative_prompt'])}")
    named = zip(DETAILS, DETAIL_KEYS, strict=True)
    details = [f"{label}: {_value(settings[key])}" for label, key in named if settings.get(key)]
    if details:
        lines.append(", ".join(details))
    return "\n".join(lines)


def _line(text: str) -> str:
    """One line: a prompt must not be able to write the lines that follow it."""
    return re.sub(r"[\x00-\x20\x7f\x85\u2028\u2029]+", " ", text).strip()


def _value(text: str) -> str:
    return _line(text).replace(",", " ")


def _encoded(image: Image.Image, kind: Format, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def thumbnail(image: Image.Image, side: int) -> bytes:
    """WebP that fits into a square of ``side`` pixels; never enlarged."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _encoded(small, "WEBP", quality=82, method=4)


def contact_sheet(images: Sequence[Image.Image], cell: int = SHEET_CELL) -> bytes:
    """All ``images`` on one WebP, row by row in cells of ``cell`` pixels, each whole."""
    columns = ceil(sqrt(len(images)))
    rows = ceil(len(images) / columns)
    pitch = cell + SHEET_GAP
    sheet = Image.new("RGB", (columns * pitch + SHEET_GAP, rows * pitch + SHEET_GAP), SHEET_PAPER)
    for index, image in enumerate(images):
        small = ImageOps.contain(image, (cell, cell), Image.Resampling.LANCZOS)
        left = SHEET_GAP + index % columns * pitch + (cell - small.width) // 2
        top = SHEET_GAP + index // columns * pitch + (cell - small.height) // 2
        sheet.paste(small, (left, top), small if small.mode == "RGBA" else None)
    return _encoded(sheet, "WEBP", quality=85, method=4)


def fit(data: bytes, limit: int, max_pixels: int = MAX_PIXELS) -> tuple[bytes, str, bool]:
    """The same pixels in at most ``limit`` bytes: bytes, media type, and whether they were encoded anew (F48).

    Raises DeliveryError where not even the lowest rung fits; the size in pixels is never touched.
    """
    if len(data) <= limit:
        return data, media_type(data), False
    image = decode(data, max_pixels)
    for kind, quality in LADDER:
        if kind == "WEBP" and max(image.size) > WEBP_SIDE:
            continue
        source = _opaque(image) if kind == "JPEG" else image
        smaller = _encoded(source, kind, quality=quality)
        if len(smaller) <= limit:
            return smaller, MEDIA_TYPES[kind], True
    raise DeliveryError(f"a picture of {image.width}x{image.height} does not fit into {limit} bytes")


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper
