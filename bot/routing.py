"""Which backends can do a request, which of them does it, and as what. Pure."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from bot.errors import Refused
from bot.model import Capabilities, Drawing, ImageRequest, Problem, Range, Size, Style
from bot.options import nearest, plain
from bot.sizes import settle_size

SEEDS = 2**31 - 10  #: the bot draws seeds from 0 to below this, so that ten in a row suit every backend's range

NO_STYLE = "none"
"""As a request's style: none, whatever the default of its person or channel is."""

NO_STYLES: Mapping[str, Style] = {}


# -- can it be done


def fits(
    request: ImageRequest, capabilities: Capabilities, name: str, style: Style | None = None
) -> tuple[Problem, ...]:
    """Why the backend ``name`` cannot do it as asked; a size is never a reason."""
    numbers = _number_problems(request, capabilities)
    words = _word_problems(request, capabilities, style)
    return tuple(Problem(code, {"backend": name, **values}) for code, values in (*numbers, *words))


Flaw = tuple[str, Mapping[str, object]]


def _number_problems(request: ImageRequest, capabilities: Capabilities) -> Iterator[Flaw]:
    last = request.count - 1
    seeds = capabilities.seed and Range(capabilities.seed.low, capabilities.seed.high - last)
    ranges = {"steps": capabilities.steps, "guidance": capabilities.guidance, "seed": seeds}
    for option, offered in ranges.items():
        value = getattr(request, option)
        if value is None:
            continue
        if offered is None:
            yield "backend_without", {"option": option}
        elif value not in offered:
            yield "backend_range", {"option": option, "low": plain(offered.low), "high": plain(offered.high)}


def _word_problems(request: ImageRequest, capabilities: Capabilities, style: Style | None) -> Iterator[Flaw]:
    prompt, negative = styled(request, style)
    if len(prompt) < capabilities.min_prompt:
        yield "backend_prompt_short", {"limit": capabilities.min_prompt}
    yield from _length_problems("prompt", prompt, capabilities)
    if request.negative_prompt and not capabilities.negative_prompt:
        yield "backend_without", {"option": "negative_prompt"}
    elif negative:
        yield from _length_problems("negative_prompt", negative, capabilities)


def _length_problems(option: str, text: str, capabilities: Capabilities) -> Iterator[Flaw]:
    if len(text) > capabilities.max_prompt:
        yield "backend_characters", {"option": option, "limit": capabilities.max_prompt}
    elif capabilities.max_tokens is not None and estimated_tokens(text) > capabilities.max_tokens:
        yield "backend_tokens", {"option": option, "limit": capabilities.max_tokens}


_TOKENS = re.compile(r"[A-Za-z]+|[0-9]|[^\sA-Za-z0-9]")


def estimated_tokens(text: str) -> int:
    """At least as many tokens as a CLIP tokenizer makes of ordinary words.

    It reads each digit alone; one token of it covers more than three letters of almost any English word, and at
    least one byte of anything.
    """
    return sum(_tokens_of(piece) for piece in _TOKENS.findall(text))


def _tokens_of(piece: str) -> int:
    return math.ceil(len(piece) / 3) if piece.isascii() else len(piece.encode("utf-8", "surrogatepass"))


# -- who does it


def candidates(
    request: ImageRequest,
    backends: Mapping[str, Capabilities],
    order: Sequence[str],
    styles: Mapping[str, Style] = NO_STYLES,
) -> tuple[str, ...]:
    """The backends that can do it, in ``order``; first those that know its subject, of these those with the exact size.

    A backend outside ``order`` is only asked where the request names it. Raises Refused, with every backend's reasons.
    """
    named, problems = _named(request, backends, order)
    unknown_style = style_problems(request.style, styles)
    style = styles.get(request.style or "")
    reasons = {name: fits(request, backends[name], name, style) for name in named}
    able = [name for name in named if not reasons[name]]
    if named and not able:
        problems = [Problem("no_backend"), *(reason for each in reasons.values() for reason in each)]
    if problems or unknown_style:
        raise Refused(*problems, *unknown_style)
    return tuple(sorted(able, key=lambda name: _misfit(request, style, backends[name])))


def objections(
    request: ImageRequest,
    backends: Mapping[str, Capabilities],
    order: Sequence[str],
    styles: Mapping[str, Style] = NO_STYLES,
) -> tuple[Problem, ...]:
    """What `candidates` would refuse."""
    try:
        candidates(request, backends, order, styles)
    except Refused as refused:
        return refused.problems
    return ()


def _named(
    request: ImageRequest, backends: Mapping[str, Capabilities], order: Sequence[str]
) -> tuple[list[str], list[Problem]]:
    if request.backend is None:
        named = [name for name in order if name in backends]
        return named, [] if named else [Problem("no_backend")]
    unknown = _unknown("backend", request.backend, backends)
    return ([], unknown) if unknown else ([request.backend], [])


def style_problems(name: str | None, styles: Mapping[str, Style]) -> list[Problem]:
    return [] if name == NO_STYLE else _unknown("style", name, styles)


def _unknown(option: str, name: str | None, known: Mapping[str, object]) -> list[Problem]:
    if name is None or name in known:
        return []
    if not known:
        return [Problem(f"{option}_none")]
    names = ", ".join(sorted(known))
    close = nearest(name, known)
    if close is None:
        return [Problem(f"{option}_unknown", {"names": names})]
    return [Problem(f"{option}_misspelt", {"names": names, "guess": close})]


def _misfit(request: ImageRequest, style: Style | None, capabilities: Capabilities) -> tuple[bool, bool, int]:
    """Less is better: whether it does not know the subject, whether it has not got the size, how far that is off."""
    size, exact = settle_size(request.size, capabilities)
    off = _quarterings(request.size, size) if isinstance(request.size, Size) else 0
    return not knows_subject(request, style, capabilities), not exact, off


def _quarterings(wanted: Size, size: Size) -> int:
    """How many times one area is four times the other: what is smaller does not outweigh the order."""
    return abs(round(math.log(size.pixels / wanted.pixels, 4)))


_WORDS = re.compile(r"\w+")


def knows_subject(request: ImageRequest, style: Style | None, capabilities: Capabilities) -> bool:
    """Whether the prompt holds one of its words, whole and in any case."""
    known = {word.casefold() for word in capabilities.subjects}
    return not known or not known.isdisjoint(_WORDS.findall(styled(request, style)[0].casefold()))


def _has_size(request: ImageRequest, capabilities: Capabilities) -> bool:
    return settle_size(request.size, capabilities)[1]


def passed_over(
    request: ImageRequest,
    style: Style | None,
    backends: Mapping[str, Capabilities],
    order: Sequence[str],
    chosen: str,
) -> tuple[Problem, ...]:
    """What the reply says of the backends before ``chosen`` that only know other subjects, or have not got the size."""
    if request.backend is not None:
        return ()
    before = [name for name in takewhile(lambda name: name != chosen, order) if name in backends]
    found = (_passed_over(request, style, (name, backends[name]), (chosen, backends[chosen])) for name in before)
    return tuple(problem for problem in found if problem is not None)


Named = tuple[str, Capabilities]


def _passed_over(request: ImageRequest, style: Style | None, passed: Named, chosen: Named) -> Problem | None:
    (name, first), (other, then) = passed, chosen
    if not knows_subject(request, style, then):
        return None
    if not knows_subject(request, style, first):
        return Problem("subject_elsewhere", {"backend": name, "subjects": ", ".join(first.subjects), "other": other})
    if _has_size(request, then) and not _has_size(request, first):
        return Problem("size_elsewhere", {"backend": name, "size": str(request.size), "other": other})
    return None


# -- as what


def styled(request: ImageRequest, style: Style | None) -> tuple[str, str | None]:
    """Prompt and negative prompt as a backend is to read them."""
    if style is None:
        return request.prompt, request.negative_prompt
    negatives = [text for text in (request.negative_prompt, style.negative_prompt) if text]
    return style.prompt.replace("{prompt}", request.prompt), ", ".join(negatives) or None


def drawing(
    request: ImageRequest, style: Style | None, capabilities: Capabilities, seed: int | None
) -> tuple[Drawing, tuple[Problem, ...]]:
    """The request as this backend draws it, and what the reply has to say about that.

    ``seed`` is the bot's own, used where the person named none.
    """
    prompt, negative = styled(request, style)
    size, exact = settle_size(request.size, capabilities)
    notes = [] if exact else [Problem("size_nearest", {"wanted": str(request.size), "size": str(size)})]
    if not knows_subject(request, style, capabilities):
        notes.append(Problem("subject_unknown", {"subjects": ", ".join(capabilities.subjects)}))
    if negative and not capabilities.negative_prompt:
        negative = None
        notes.append(Problem("style_without_negative"))
    drawn = Drawing(
        prompt=prompt,
        size=size,
        count=request.count,
        negative_prompt=negative,
        steps=request.steps,
        guidance=request.guidance,
        seed=_seed_within(seed if request.seed is None else request.seed, request.count, capabilities.seed),
    )
    return drawn, tuple(notes)


def _seed_within(seed: int | None, count: int, offered: Range | None) -> int | None:
    """Unchanged where it and the seeds after it are in the range, else folded into it."""
    if seed is None or offered is None:
        return None
    low, last = int(offered.low), int(offered.high) - count + 1
    return seed if low <= seed <= last else low + (seed - low) % (last - low + 1)
