"""Draws one picture, step by step. Blocking; made to be called from a thread."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from math import sqrt

from PIL import Image, ImageDraw, ImageFont

from adapters.backends.sketch.canvas import Canvas
from adapters.backends.sketch.compose import composition, setting
from adapters.backends.sketch.stage import Stage, tone_of
from adapters.backends.sketch.words import understand

MOST_CANVAS = 6_000_000  # pixels drawn on before the picture is reduced
NOTICE = "sketch: a drawing program, no image model"  # the built-in font has no dash and no ellipsis
PREVIEW_SIDE = 256


@dataclass(frozen=True, slots=True)
class Sheet:
    """What to paint: everything that the picture depends on."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    seed: int


class Painter:
    """`step` draws one step's share of the work; after the last one `picture` is there."""

    def __init__(self, sheet: Sheet) -> None:
        idea = understand(sheet.prompt, sheet.negative_prompt)
        scene, time = setting(idea)
        scale = min(2.0, max(1.0, sqrt(MOST_CANVAS / (sheet.width * sheet.height))))
        canvas = Canvas(sheet.width, sheet.height, scale, tone_of(idea, sheet.guidance))
        stage = Stage(canvas, idea, sheet.seed, 0.45 + 0.0275 * sheet.steps, scene, time)
        self._sheet = sheet
        self._canvas = canvas
        self._work = composition(stage, sheet.prompt, sheet.guidance)
        self._done = 0

    def step(self, number: int, stopped: Callable[[], bool] = lambda: False) -> None:
        """``number`` from 1 to the sheet's steps. Ends early once ``stopped`` says so."""
        until = len(self._work) * number // self._sheet.steps
        while self._done < until and not stopped():
            self._work[self._done]()
            self._done += 1

    def picture(self) -> bytes:
        """PNG in full size, with the notice on it."""
        image = self._canvas.finished()
        _notice(image, self._sheet.prompt)
        out = BytesIO()
        image.save(out, "PNG", compress_level=1)
        return out.getvalue()

    def preview(self) -> bytes:
        small = self._canvas.image.copy()
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR)
        out = BytesIO()
        small.save(out, "WEBP", quality=70, method=0)
        return out.getvalue()


def paint(sheet: Sheet) -> bytes:
    painter = Painter(sheet)
    for number in range(1, sheet.steps + 1):
        painter.step(number)
    return painter.picture()


def _notice(image: Image.Image, prompt: str) -> None:
    """A strip along the foot that says what this is, and the prompt as far as there is room."""
    size = min(22, max(8, round(min(image.size) * 0.021)))
    high = round(size * 1.9)
    shade = image.crop((0, image.height - high, image.width, image.height))
    image.paste(Image.blend(shade, Image.new("RGB", shade.size, "#10121c"), 0.62), (0, image.height - high))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    middle = image.height - high / 2
    room = image.width - 2 * size
    for text, paint in _captions(prompt):
        if draw.textlength(text, font) <= room:
            draw.text((size, middle), text, paint, font, "lm")
            return


def _captions(prompt: str) -> Iterator[tuple[str, str]]:
    """From the longest to the shortest."""
    shown = " ".join("".join(letter for letter in prompt if _drawable(letter)).split())
    pale = "#e8eaf0"
    if shown:
        yield f"{NOTICE}   ·   {shown}", pale
    for length in range(min(len(shown), 200) - 1, 7, -1):
        yield f"{NOTICE}   ·   {shown[:length].rstrip()}...", pale
    yield NOTICE, pale
    yield "sketch", pale


def _drawable(letter: str) -> bool:
    """The built-in font has Latin letters only."""
    return ord(letter) < 0x180 and unicodedata.category(letter)[0] in "LNPSZ"
