"""The embedded default: draws with Pillow what the words say. In reading order:

words.py      a prompt -> an `Idea`: what, how many, what colour, where, when, and what not (pure)
stage.py      one picture's light, luck and colours; moods, tints and bans act on every colour
compose.py    who stands where -> the list of drawing work
scenes.py     the fourteen scenes, made of land.py, weather.py; abstract.py where no word is known
figure.py     what the tables of figures hold
animals.py creatures.py wildlife.py nature.py people.py things.py objects.py     about ninety figures
canvas.py     shapes with antialiasing and shading; colour.py OKLab
painter.py    one picture step by step; backend.py makes that a `bot.ports.Backend`
"""

from adapters.backends.sketch.backend import SketchBackend

__all__ = ["SketchBackend"]
