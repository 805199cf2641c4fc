"""The rules that are there before anybody adds one: those of imagine.toml, and the one that nobody can take away."""

from collections.abc import Sequence
from functools import cache

from bot.conduct import HARD, Action, Rule, Target
from bot.moderation.rules import RuleSet, compile_rules

FIXED = "imagine.toml"
"""The author of rules that are changed there and nowhere else."""

_SEXUAL = (
    "nude|nudes|nudity|naked|nsfw|porn*|hentai|erotic*|sexual*|sexy|sex|topless|bottomless|undressed|genital*|penis"
    "|vagina|vulva|boobs|nipple|nipples|orgasm*|masturbat*|intercourse|blowjob|lingerie|fetish"
)
_MINORS = (
    "child|children|kid|kids|toddler|toddlers|infant|infants|minors|preteen*|pre teen|underage|under age|loli|lolis"
    "|lolicon|shota|shotacon|little girl|little girls|little boy|little boys|young girl|young boy|schoolgirl*"
)
_AGES = r"re:\b(?:[1-9]|1[0-7])\s*-?\s*(?:yo\b|y\s*/?\s*o\b|years?[\s-]*old)"


def hard_rules() -> list[Rule]:
    """Sexual content with minors. Prompts only: people rightly put both into what shall not be seen."""
    return [
        Rule(
            id=f"minors-{number}",
            tenant="",
            patterns=(_SEXUAL, minors),
            all_of=True,
            action=Action.BLOCK,
            target=Target.PROMPT,
            category=HARD,
            author="imagine-bot",
        )
        for number, minors in enumerate((_MINORS, _AGES), start=1)
    ]


@cache
def hard_set() -> RuleSet:
    """A set of its own: no community's rules can crowd it out or break it."""
    return compile_rules(hard_rules())


def configured(tenant: str, blocked: Sequence[str], held: Sequence[str]) -> list[Rule]:
    """The rules of ``[moderation]`` in imagine.toml, one for each entry so that a verdict can name it."""
    lists = (("blocked", Action.BLOCK, blocked), ("held", Action.HOLD, held))
    return [
        Rule(id=f"{name}-{number}", tenant=tenant, patterns=(pattern,), action=action, author=FIXED)
        for name, action, patterns in lists
        for number, pattern in enumerate(patterns, start=1)
    ]
