"""What the words of a request mean to the sketch. Pure: text in, an `Idea` out; nothing is random."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.backends.sketch.colour import Colour, rgb


def _table(text: str) -> Mapping[str, str]:
    """Lines "meaning: word word ..." turned round: each word to its meaning, which is itself a word for it."""
    meanings = {}
    for line in text.split("\n"):
        meaning, _, words = line.partition(":")
        meanings.update({word: meaning.strip() for word in [meaning.strip(), *words.split()] if word})
    return meanings


SUBJECTS = _table("""fox: vixen
cat: kitten kitty tabby
dog: puppy hound corgi retriever
wolf: coyote husky
rabbit: bunny hare
bear: grizzly
panda:
mouse: rat hamster
tiger:
lion:
frog: toad
horse: pony stallion mare
unicorn:
zebra:
cow: bull ox cattle
sheep: lamb goat
deer: stag elk moose reindeer
elephant: mammoth
giraffe:
pig: boar piglet
camel:
bird: sparrow robin finch eagle hawk crow raven parrot swallow seagull gull dove phoenix
owl:
penguin:
duck: swan goose duckling
chicken: hen rooster
fish: goldfish koi salmon trout
shark:
whale: orca
dolphin:
octopus: squid kraken
jellyfish: medusa
turtle: tortoise
crab: lobster
butterfly: moth
bee: wasp bumblebee
ladybug: ladybird beetle
snake: serpent viper python
dragon: wyvern
dinosaur: dino rex
tree: oak maple birch willow bonsai
pine: fir spruce conifer
palm:
cactus:
flower: rose tulip daisy lily poppy lotus blossom
sunflower:
mushroom: toadstool fungus
rock: stone boulder
bush: shrub hedge
moon: crescent
sun:
star:
planet: saturn jupiter mars
cloud:
rainbow:
comet: meteor asteroid
volcano:
house: cottage cabin hut home barn
castle: palace fortress
tower: skyscraper
lighthouse:
windmill: mill
church: cathedral chapel
temple: pagoda shrine
tent: camp
bridge:
boat: sailboat sail yacht canoe
ship: galleon vessel frigate
submarine:
car: automobile taxi cab
truck: lorry bus van
train: locomotive tram
bicycle: bike
airplane: plane aeroplane jet aircraft
rocket: spaceship spacecraft shuttle
ufo: saucer
balloon:
kite:
umbrella: parasol
lantern: lamp streetlight
candle:
book: books
cup: mug coffee tea teacup
teapot: kettle
apple: fruit cherry peach
cake: cupcake
pumpkin: jackolantern
chair: armchair sofa throne
table: desk
clock: watch
heart: love
crown:
gift: present
bottle: potion
guitar: violin ukulele
snowman:
robot: android mech cyborg
person: man woman boy girl child kid lady guy human people hero farmer dancer friend
knight: warrior samurai soldier
wizard: witch mage sorcerer
king: queen prince princess
astronaut: cosmonaut spaceman
ghost: spirit phantom spectre
""")

SCENES = _table("""meadow: field grass grassland hill valley countryside farm prairie park lawn village
mountains: mountain alps peak cliff canyon summit highlands
forest: wood woods woodland jungle grove rainforest
sea: ocean wave harbor harbour bay
beach: shore coast island tropical seaside sand
underwater: reef coral seabed aquarium submerged
city: town street skyline urban downtown metropolis cityscape cyberpunk alley
desert: dune sahara savanna savannah
snow: arctic antarctic tundra ice glacier snowy snowfield icy winter frozen polar
space: galaxy cosmos universe nebula orbit cosmic interstellar outer
room: interior indoors kitchen bedroom library cafe office livingroom study still
garden: backyard orchard greenhouse
lake: pond river lagoon fjord
sky: heaven flying
""")

TIMES = _table("""night: midnight nighttime nocturnal starry moonlit moonlight
sunset: dusk evening twilight golden
dawn: sunrise morning daybreak
day: noon midday daylight sunny daytime
""")

WEATHERS = _table("""rain: rainy raining drizzle wet shower
snowfall: snowing snowy blizzard snow snowflake
fog: foggy mist misty haze hazy smoke
storm: stormy thunder lightning thunderstorm tempest
cloudy: overcast
aurora: borealis
fireworks: firework
""")

SEASONS = _table("autumn: fall autumnal\nwinter: wintry\nspring: cherry sakura\nsummer:")

MOODS = _table("""grey: monochrome greyscale grayscale noir
sepia: vintage retro antique
pastel: soft gentle dreamy delicate
vivid: vibrant colourful colorful neon saturated psychedelic
dark: gloomy moody spooky scary creepy gothic
bright: light airy cheerful
""")

NUMBERS = _table("""1: a an one single
2: two pair couple both
3: three few trio some
4: four several
5: five many group crowd
6: six
7: seven flock herd swarm
8: eight
9: nine
10: ten dozen""")

SIZES: Mapping[str, float] = {
    **dict.fromkeys(("tiny", "small", "little", "miniature", "baby"), 0.6),
    **dict.fromkeys(("big", "large", "tall", "great"), 1.25),
    **dict.fromkeys(("huge", "giant", "gigantic", "enormous", "massive", "colossal"), 1.5),
}

_PAIRS = """
red e03a30  crimson b81c38  scarlet e62e1e  pink f48fb4  rose e8648c  magenta d832a8  purple 8444bc
violet 7c50d4  lavender b4a0e4  indigo 4440a8  blue 2e6ae0  navy 20306c  azure 3c9cf0  cyan 2cc4dc
turquoise 30c8b4  teal 168c88  green 38a048  lime 9cd83c  olive 84842c  emerald 14a060  mint 98e0bc
yellow f8d030  gold e8b030  golden e8b030  amber f0a020  orange f07c1e  brown 8a5430  tan d0a878
beige e4d4b0  cream f6ecd0  white f6f6f4  silver c0c6cc  gray 8c9096  grey 8c9096  black 24242a
copper b87040  bronze a07838  ivory f6f0e0  maroon 7c1c2c  coral fa7f64  peach fcb890  ginger d87028
"""
_SPLIT = _PAIRS.split()
COLOURS: Mapping[str, Colour] = {word: rgb(f"#{code}") for word, code in zip(_SPLIT[::2], _SPLIT[1::2], strict=True)}

IRREGULAR = {
    "mice": "mouse", "geese": "goose", "people": "person", "men": "man", "women": "woman", "children": "child",
    "wolves": "wolf", "oxen": "ox", "cacti": "cactus", "octopi": "octopus", "leaves": "leaf", "ladies": "lady",
}  # fmt: skip
COMPOUNDS = {
    ("palm", "tree"): "palm", ("pine", "tree"): "pine", ("apple", "tree"): "tree", ("apple", "flower"): "flower",
    ("apple", "cake"): "cake", ("pumpkin", "lantern"): "pumpkin", ("tower", "house"): "tower",
    ("flower", "bush"): "bush", ("star", "fish"): "star", ("sun", "flower"): "sunflower", ("snake", "dragon"): "dragon",
}  # fmt: skip
NEGATIONS = frozenset({"no", "without", "never", "not"})


@dataclass(frozen=True, slots=True)
class Subject:
    kind: str
    count: int = 1
    colour: Colour | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Idea:
    """``scene``, ``time`` and ``season`` are "" where no word said them."""

    subjects: tuple[Subject, ...] = ()
    scene: str = ""
    time: str = ""
    season: str = ""
    weather: frozenset[str] = frozenset()
    moods: frozenset[str] = frozenset()
    scene_colours: Mapping[str, Colour] = field(default_factory=dict)  #: by scene word: sky, sea, meadow ...
    tints: tuple[Colour, ...] = ()  #: colours that belong to nothing in particular
    unwanted: frozenset[str] = frozenset()  #: meanings the negative prompt names
    unwanted_colours: tuple[Colour, ...] = ()

    @property
    def empty(self) -> bool:
        """No word says what to show: an abstract picture then."""
        return not (self.subjects or self.scene or self.time or self.season or self.weather)


def understand(prompt: str, negative: str | None = None) -> Idea:
    reading = _Reading()
    for word, plural in _words(prompt):
        reading.take(word, plural=plural)
    idea = reading.idea()
    return _without(idea, [word for word, _ in _words(negative or "")])


def _words(text: str) -> Iterator[tuple[str, bool]]:
    for word in re.findall(r"[a-z]+|\d+", text.lower()):
        yield _singular(word)


def _singular(word: str) -> tuple[str, bool]:
    """The word as the tables have it, and whether it was a plural."""
    if _known(word):
        return word, False
    if word in IRREGULAR:
        return IRREGULAR[word], True
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and _known(stem):
            return stem, True
    return word, False


TABLES: Sequence[Mapping[str, object]] = (
    SUBJECTS, SCENES, TIMES, WEATHERS, SEASONS, MOODS, NUMBERS, SIZES, COLOURS,
)  # fmt: skip


def _known(word: str) -> bool:
    return any(word in table for table in TABLES)


class _Reading:
    """Goes through the words once. A colour, number or size waits for the thing it belongs to."""

    def __init__(self) -> None:
        self._subjects: list[Subject] = []
        self._found: dict[str, str] = {}
        self._sets: dict[str, set[str]] = {"weather": set(), "moods": set(), "unwanted": set()}
        self._scene_colours: dict[str, Colour] = {}
        self._tints: list[Colour] = []
        self._colours: list[Colour] = []
        self._count = 0
        self._scale = 1.0
        self._negated = 0
        self._follows = False  #: the word before was a subject

    def take(self, word: str, *, plural: bool) -> None:
        if word in NEGATIONS:
            self._negated = 3
            return
        self._negated = max(0, self._negated - 1)
        if self._negated and _meanings(word):
            self._sets["unwanted"] |= _meanings(word)
            return
        self._qualities(word)
        followed, self._follows = self._follows, False
        self._thing(word, plural=plural, follows=followed)

    def _qualities(self, word: str) -> None:
        if word in COLOURS:
            self._colours.append(COLOURS[word])
        self._count = int(NUMBERS.get(word, self._count))
        if word.isascii() and word.isdigit() and len(word) <= 2:
            self._count = min(12, max(1, int(word)))
        self._scale = SIZES.get(word, self._scale)
        for table, name in ((WEATHERS, "weather"), (MOODS, "moods")):
            if word in table:
                self._sets[name].add(table[word])
        for table, name in ((TIMES, "time"), (SEASONS, "season")):
            if word in table and word not in COLOURS:
                self._found.setdefault(name, table[word])

    def _thing(self, word: str, *, plural: bool, follows: bool) -> None:
        if word in SUBJECTS and word not in ("rose", "coral", "peach"):
            self._subject(SUBJECTS[word], plural=plural, follows=follows)
        elif word in ("rose", "peach") and (plural or len(self._colours) > 1):
            self._colours.pop()
            self._subject(SUBJECTS[word], plural=plural, follows=follows)
        elif word in SCENES:
            if self._colours:
                self._scene_colours[SCENES[word]] = self._colours.pop(0)
            if not (SCENES[word] == "sky" and "scene" in self._found):
                self._found["scene"] = (
                    SCENES[word] if self._found.get("scene", "sky") == "sky" else self._found["scene"]
                )

    def _subject(self, kind: str, *, plural: bool, follows: bool) -> None:
        previous = self._subjects[-1].kind if self._subjects else ""
        if follows and (previous, kind) in COMPOUNDS:
            self._subjects[-1] = replace(self._subjects[-1], kind=COMPOUNDS[previous, kind])
            return
        if previous == kind and not (plural or self._count or self._colours):
            return  # "a cup of tea", "an oak tree"
        if kind == "star" and plural and not (self._count or self._colours):
            self._found.setdefault("time", "night")
            return
        self._follows = True
        count = self._count if self._count > 1 or not plural else 3
        colour = self._colours.pop(0) if self._colours else None
        self._subjects.append(Subject(kind, max(1, count), colour, self._scale))
        self._count, self._scale = 0, 1.0
        self._tints += self._colours
        self._colours = []

    def idea(self) -> Idea:
        return Idea(
            subjects=tuple(self._subjects[:8]),
            scene=self._found.get("scene", ""),
            time=self._found.get("time", ""),
            season=self._found.get("season", ""),
            weather=frozenset(self._sets["weather"] - self._sets["unwanted"]),
            moods=frozenset(self._sets["moods"]),
            scene_colours=self._scene_colours,
            tints=tuple(self._tints + self._colours),
            unwanted=frozenset(self._sets["unwanted"]),
        )


def _meanings(word: str) -> set[str]:
    return {table[word] for table in (SUBJECTS, SCENES, TIMES, WEATHERS, SEASONS, MOODS) if word in table}


def _without(idea: Idea, words: Sequence[str]) -> Idea:
    unwanted = idea.unwanted.union(*map(_meanings, words))
    colours = tuple(COLOURS[word] for word in words if word in COLOURS)
    return replace(
        idea,
        subjects=tuple(subject for subject in idea.subjects if subject.kind not in unwanted),
        scene="" if idea.scene in unwanted else idea.scene,
        time="" if idea.time in unwanted else idea.time,
        season="" if idea.season in unwanted else idea.season,
        weather=idea.weather - unwanted,
        moods=idea.moods - unwanted,
        tints=tuple(tint for tint in idea.tints if tint not in colours),
        scene_colours={name: one for name, one in idea.scene_colours.items() if one not in colours},
        unwanted=unwanted,
        unwanted_colours=colours,
    )
