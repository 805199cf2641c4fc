"""What harmless requests look like: a rule that meets a fifth of them catches everything, and is refused."""

PROMPTS = (
    "a red fox in fresh snow, soft morning light",
    "portrait of an old fisherman, oil painting",
    "Cat sleeping on a windowsill!",
    "isometric city at night, neon signs, rain",
    "watercolour of mountains and a lake",
    "3d render of a glass teapot, 8k, studio lighting",
    "cute robot watering plants",
    "the castle of the queen; dark clouds",
    "1girl, solo, looking at viewer, cherry blossom",
    "an astronaut riding a horse",
    "bowl of ramen (top view:1.2), food photography",
    "logo for a bakery",
    "un chat noir sur un toit de Paris",
    "una playa al atardecer con palmeras",
    "ein Haus am Meer im Herbst",
    "красная лиса в снегу",
    "桜の下の猫",
    "夕日下的长城",
    "고양이가 책을 읽는다",
    "قطة تنام على كرسي",
    "बारिश में एक मोर",
    "sunset — golden hour",
    "vintage car, 1965, film grain",
    "dragon breathing fire over a village",
    "pixel art sprite sheet of a knight",
    "macro photo of a bee on lavender",
    "map of an imaginary island",
    "hoodie with a whale print",
    "owl",
    "abstract shapes, blue and yellow",
    "a dog and his boy walking home",
    "cyberpunk street market with people",
    "minimalist poster: jazz festival",
    "steam train crossing a viaduct",
    "fairy garden under mushrooms",
    "still life with lemons, Dutch master style",
    "forest path in fog --ar 16:9",
    "surfing penguin",
    "medieval map & compass",
    "two friends drinking tea in Kyoto",
    "🦊❄️",
)

_BACKWARDS = """
    animal decaf deliver denier denim depot desserts devil diaper drawer drawers gateman keels knits lager leper lever
    loops sloop looter parts peels rebut recap redraw remit smart snaps snips snoops spoons sports sprat stops star
    steel straw swap tides tips debut gulps sways mined murder redips repot dessert stink spots decal lives
"""
BOTH_WAYS = frozenset(word[::step] for word in _BACKWARDS.split() for step in (1, -1))
"""Words that are another word when read backwards: a rule with one of them does not look at reversed text."""
