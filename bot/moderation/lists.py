"""Rules as lists: out as CSV and in again, word lists of others, and a policy to start from. Pure.

The CSV has a row for each rule; patterns and exceptions stand one a line in their cell. A cell that a spreadsheet would
take for a formula has an apostrophe before it (row S34), which is taken off again.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from bot.conduct import Action, Rule, Target
from bot.errors import Refused
from bot.model import Problem
from bot.moderation.audit import FORMULA, inert
from bot.moderation.commands import COLUMNS, exempt, rule_from, rule_id

MAX_RULES = 200
MAX_TEXT = 200_000  #: characters


def to_csv(rules: Iterable[Rule]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([inert(cell) for cell in _cells(rule)] for rule in rules)
    return out.getvalue()


def _cells(rule: Rule) -> list[str]:
    marks = ["yes" if on else "" for on in (rule.all_of, rule.dry_run, rule.spoiler)]
    lasting = f"{rule.timeout_seconds:.0f}s" if rule.timeout_seconds else ""
    lists = ["\n".join(rule.patterns), "\n".join(rule.allow)]
    words = [exempt(rule), rule.target.value, rule.category, rule.message, lasting]
    return [rule.id, rule.action.name.lower(), *lists, *words, *marks]


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip(" ").startswith(FORMULA) else cell


def read(text: str, action: Action, name: str) -> list[Rule]:
    """Rules of our own CSV, or one rule ``name`` that does ``action`` of anybody's word list.

    A CSV is what begins with a header that has ``patterns``; all else is a pattern a line, as it stands there. Raises
    Refused with what is wrong, and where.
    """
    if len(text) > MAX_TEXT:
        raise Refused(Problem("list_too_long", {"limit": MAX_TEXT}))
    text = text.lstrip("\ufeff")
    lines = _lines(text)
    if lines and "patterns" in _header(lines[0]):
        rows = _rows(text)
        return list(_ours(_header(lines[0]), rows[1:]))
    kept = tuple(line for line in lines if not line.startswith("#"))
    if not kept:
        raise Refused(Problem("list_empty"))
    return [Rule(id=rule_id(name.strip() or "list"), tenant="", patterns=kept, action=action)]


def _header(line: str) -> list[str]:
    """Nothing where it is none."""
    try:
        return [cell.strip().lower() for cells in csv.reader([line], strict=True) for cell in cells]
    except csv.Error:
        return []


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise Refused(Problem("list_unreadable", {"line": reader.line_num, "detail": str(error)})) from None


def _ours(header: Sequence[str], rows: Sequence[tuple[int, list[str]]]) -> Iterator[Rule]:
    unknown = sorted(set(header) - set(COLUMNS))
    if unknown:
        raise Refused(Problem("list_column", {"column": unknown[0][:40], "columns": ", ".join(COLUMNS)}))
    if len(rows) > MAX_RULES:
        raise Refused(Problem("list_too_many", {"limit": MAX_RULES}))
    for line, cells in rows:
        said = dict(zip(header, map(_plain, cells), strict=False))
        try:
            yield rule_from(said, _lines)
        except Refused as refused:
            raise Refused(Problem("list_line", {"line": line}), *refused.problems) from None


def _lines(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in cell.splitlines() if line.strip()))


# -- a policy to start from: people look at what is doubtful, and little is refused outright


def _starter(name: str, action: Action, *patterns: str, category: str, message: str, all_of: bool = False) -> Rule:
    return Rule(
        id=f"starter-{name}", tenant="", patterns=patterns, action=action, all_of=all_of, target=Target.PROMPT,
        category=category, message=message,
    )  # fmt: skip


_SEXUAL = "nude|nudes|naked|nsfw|porn*|hentai|erotic|topless|undressed|lingerie"
STARTER = (
    _starter(
        "sexual", Action.HOLD, "nude", "nudes", "naked", "nsfw", "porn*", "hentai", "topless", "genital*",
        category="sexual", message="A moderator looks at nudity first.",
    ),
    _starter(
        "real-people", Action.BLOCK, _SEXUAL, "celebrity|actress|actor|politician|president|deepfake|my teacher|my ex",
        all_of=True, category="likeness", message="No sexual pictures of real people.",
    ),
    _starter(
        "gore", Action.HOLD, "gore", "gory", "dismember*", "behead*", "decapitat*", "disembowel*", "mutilat*",
        category="violence", message="A moderator looks at gore first.",
    ),
    _starter(
        "self-harm", Action.HOLD, "suicide", "self harm", "self harming", "hanging himself", "hanging herself",
        category="self-harm", message="If you are not well, please talk to somebody you trust.",
    ),
    _starter(
        "hate", Action.HOLD, "swastika*", "hakenkreuz", "ku klux klan", "nazi salute", "hitler salute",
        category="hate", message="A moderator looks at hate symbols first.",
    ),
    _starter(
        "terror", Action.HOLD, "isis|daesh|al qaeda|terrorist*", "flag|banner|recruit*|propaganda|poster", all_of=True,
        category="terror", message="No propaganda for terror.",
    ),
    _starter(
        "shooting", Action.HOLD, "school|classroom|church|mosque|synagogue", "shooting|shooter|massacre", all_of=True,
        category="violence", message="A moderator looks at massacres first.",
    ),
    _starter(
        "forgery", Action.BLOCK, "fake|forged|counterfeit", "passport*|id card|driving licence|banknote*",
        all_of=True, category="forgery", message="No forged papers or money.",
    ),
    _starter(
        "links", Action.BLOCK, r"re:(?i)\b(?:discord\.gg|t\.me|bit\.ly)/\w+",
        category="spam", message="No invitations or short links.",
    ),
    _starter(
        "watermarks", Action.FLAG, "shutterstock", "getty images", "istock", "adobe stock",
        category="copying", message="",
    ),
)  # fmt: skip
"""Ten rules that most communities want in some form, to be changed at will."""
