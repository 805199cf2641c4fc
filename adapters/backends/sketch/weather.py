"""What falls, drifts and flashes in front of everything."""

from collections.abc import Callable, Mapping
from functools import partial
from math import cos, pi, sin

from adapters.backends.sketch.colour import mix, oklch
from adapters.backends.sketch.stage import Ops, Stage


def weather(stage: Stage) -> Ops:
    for kind, (draw, pieces) in KINDS.items():
        if kind in stage.idea.weather:
            for piece in range(pieces):
                yield partial(draw, stage, piece)
    if stage.idea.season in ("autumn", "spring"):
        yield partial(_leaves, stage)


def _storm(stage: Stage, piece: int) -> None:
    if piece == 0:
        _lightning(stage)
    if "rain" not in stage.idea.weather:
        _rain(stage, piece)


def _lightning(stage: Stage) -> None:
    luck = stage.luck("lightning")
    x, y = stage.width * luck.uniform(0.2, 0.8), 0.0
    points = [(x, y)]
    while y < stage.height * 0.55:
        x, y = x + stage.side * luck.uniform(-0.05, 0.05), y + stage.side * luck.uniform(0.03, 0.07)
        points.append((x, y))
    stage.canvas.glow(x, stage.height * 0.3, stage.side * 0.5, "#dce4ff", 0.4)
    stage.canvas.line(points, stage.side * 0.012, "#c0d0ff", 120)
    stage.canvas.line(points, stage.side * 0.005, "#ffffff")


def _fog(stage: Stage, index: int) -> None:
    luck = stage.luck(f"fog{index}")
    x, y = stage.width * luck.uniform(0, 1), stage.height * luck.uniform(0.35, 0.95)
    stage.canvas.glow(x, y, stage.width * 0.8, mix(stage.sky()[-1], "#eef0f2", 0.5), 0.62, 0.24)


def _rain(stage: Stage, sheet: int) -> None:
    luck = stage.luck(f"rain{sheet}")
    for _ in range(stage.many(60 * stage.width * stage.height / stage.side**2)):
        x, y = luck.uniform(0, stage.width * 1.1), luck.uniform(-0.05, 1) * stage.height
        fall = stage.side * luck.uniform(0.02, 0.055)
        stage.canvas.line([(x, y), (x - fall * 0.25, y + fall)], stage.side * 0.0024, "#e4f0ff", 130)


def _snow(stage: Stage, sheet: int) -> None:
    luck = stage.luck(f"snow{sheet}")
    for _ in range(stage.many(55 * stage.width * stage.height / stage.side**2)):
        x, y = luck.uniform(0, stage.width), luck.uniform(0, stage.height)
        stage.canvas.dot(x, y, stage.side * luck.uniform(0.0016, 0.0075), "#ffffff", luck.randint(130, 240))


def _firework(stage: Stage, index: int) -> None:
    luck = stage.luck(f"firework{index}")
    x, y, reach = (
        luck.uniform(0.12, 0.88) * stage.width,
        luck.uniform(0.08, 0.36) * stage.height,
        stage.side * luck.uniform(0.08, 0.16),
    )
    paint = oklch(0.78, 0.17, luck.uniform(0, 360))
    stage.canvas.glow(x, y, reach * 1.5, paint, 0.5)
    for ray in range(22):
        turn = 2 * pi * ray / 22
        end = (x + reach * cos(turn), y + reach * sin(turn))
        stage.canvas.line(
            [(x + reach * 0.25 * cos(turn), y + reach * 0.25 * sin(turn)), end], stage.side * 0.003, paint, 210
        )
        stage.canvas.dot(*end, stage.side * 0.004, "#ffffff")


def _leaves(stage: Stage) -> None:
    luck = stage.luck("leaves")
    paints = ("#e0762c", "#d8a030", "#b84a2c") if stage.idea.season == "autumn" else ("#f8c0d0", "#f4a8bc", "#fff0f4")
    for _ in range(stage.many(46)):
        x, y, size = (
            luck.uniform(0, stage.width),
            luck.uniform(0, stage.height),
            stage.side * luck.uniform(0.005, 0.012),
        )
        turn = luck.uniform(0, pi)
        along, across = (cos(turn) * size, sin(turn) * size), (-sin(turn) * size * 0.5, cos(turn) * size * 0.5)
        corners = [
            (x + along[0], y + along[1]),
            (x + across[0], y + across[1]),
            (x - along[0], y - along[1]),
            (x - across[0], y - across[1]),
        ]
        stage.canvas.polygon(corners, luck.choice(paints), alpha=225)


KINDS: Mapping[str, tuple[Callable[[Stage, int], None], int]] = {  # and into how many pieces of work it is split
    "storm": (_storm, 4),
    "fog": (_fog, 7),
    "rain": (_rain, 4),
    "snowfall": (_snow, 4),
    "fireworks": (_firework, 5),
}
