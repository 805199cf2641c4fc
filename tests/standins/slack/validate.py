"""Checks what the bot sends: argument names against SLACK_METHODS, blocks and views against SLACK_SCHEMA where those
variables name a copy of Slack's own descriptions, and by hand the lengths and counts that the schema leaves out."""

import functools
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from tests.standins.slack.wire import Json

MODERN = {"alt_txt"}
UNLISTED = {"oauth.v2.access"}
ALWAYS = {"team_id"}  #: bolt adds it for org-wide installations
TEXTS = {  #: longest text by the block or element it is in
    "section": 3000, "header": 150, "button": 75, "input": 2000, "modal": 24, "context": 3000, "image": 2000,
}  # fmt: skip
ID = re.compile(r"^[FUWCDGT][A-Z0-9]{2,}$")


@functools.cache
def _methods() -> Json:
    path = os.environ.get("SLACK_METHODS")
    loaded: Json = json.loads(Path(path).read_text()) if path else {}
    return loaded


@functools.cache
def _validator(name: str) -> Draft7Validator | None:
    path = os.environ.get("SLACK_SCHEMA")
    if not path:
        return None
    definitions = json.loads(Path(path).read_text())["definitions"]
    return Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": definitions})


def problems(method: str, arguments: Json) -> list[str]:
    found = [*_argument_problems(method, arguments), *of_blocks(arguments.get("blocks") or ())]
    if "view" in arguments:
        view = arguments["view"]
        found += [*_schema_problems("ModalView", view), *_view_problems(view)]
    if method.startswith("chat.") and arguments.get("blocks") and not arguments.get("text"):
        found.append("blocks without fallback text")
    if len(arguments.get("text") or "") > 4000:
        found.append("text over 4000 characters")
    if len(arguments.get("alt_txt") or "") > 1000:
        found.append("alt_txt_too_large")
    return found


def of_blocks(blocks: Sequence[Json]) -> Iterator[str]:
    for block in blocks:
        yield from (*_schema_problems("KnownBlock", block), *_block_problems(block))
    if len(blocks) > 50:
        yield "more than 50 blocks"


def _argument_problems(method: str, arguments: Json) -> Iterator[str]:
    known = _methods()
    if not known:
        return
    if method in UNLISTED:
        return
    if method not in known:
        yield f"{method} is no known method"
        return
    accepted: Json = known[method]["args"]
    for name in arguments:
        if name not in accepted and name not in MODERN | ALWAYS:
            yield f"{method} has no argument {name}"
    for name, required in accepted.items():
        if required and name not in arguments:
            yield f"{method} lacks {name}"


def _schema_problems(name: str, value: object) -> Iterator[str]:
    validator = _validator(name)
    if validator is None:
        return
    for error in validator.iter_errors(value):
        wanted = value.get("type") if isinstance(value, dict) else None
        yield f"{name}: {_deepest(error, wanted)}"[:400]


def _deepest(error: Any, wanted: object) -> str:
    """Of the alternatives' errors those of the one that was meant."""
    while error.context:
        meant = [each for each in error.context if not (each.validator == "const" and wanted)]
        error = max(meant or error.context, key=lambda each: len(each.absolute_path))
    return f"{'/'.join(map(str, error.absolute_path))}: {error.message}"


def _block_problems(block: Json) -> Iterator[str]:
    kind = block["type"]
    for text in _texts(block):
        if not 1 <= len(text) <= TEXTS.get(kind, 3000):
            yield f"a text of {len(text)} characters in a {kind}"
    if len(block.get("block_id", "")) > 255:
        yield "block_id over 255"
    elements = block.get("elements", [])
    if len(elements) > {"context": 10, "actions": 25}.get(kind, 1000):
        yield f"{len(elements)} elements in a {kind}"
    for element in [*elements, *(block[name] for name in ("accessory", "element") if name in block)]:
        yield from _element_problems(element)


def _texts(block: Json) -> Iterator[str]:
    for name in ("text", "label", "title", "hint"):
        if isinstance(block.get(name), dict):
            yield block[name]["text"]
    if block["type"] == "context":
        yield from (element["text"] for element in block["elements"] if isinstance(element.get("text"), str))


def _element_problems(element: Json) -> Iterator[str]:
    kind = element.get("type")
    if len(element.get("action_id", "")) > 255:
        yield "action_id over 255"
    if kind == "button" and (len(element["text"]["text"]) > 75 or len(element.get("value", "")) > 2000):
        yield "a button's text or value is too long"
    if kind == "plain_text_input":
        limit = element.get("max_length", 3000)
        if len(element.get("initial_value", "")) > limit or limit > 3000:
            yield "an initial value or its limit is too long"
        if len((element.get("placeholder") or {}).get("text", "")) > 150:
            yield "a placeholder over 150"
    if kind == "static_select":
        options = element["options"]
        if not 1 <= len(options) <= 100:
            yield f"{len(options)} options"
        if any(len(option["text"]["text"]) > 75 or len(option["value"]) > 150 for option in options):
            yield "an option's text or value is too long"


def _view_problems(view: Json) -> Iterator[str]:
    if len(view["blocks"]) > 100:
        yield "over 100 blocks in a view"
    for name in ("title", "submit", "close"):
        if name in view and len(view[name]["text"]) > TEXTS["modal"]:
            yield f"a modal's {name} over 24 characters"
    if len(view.get("private_metadata", "")) > 3000:
        yield "private_metadata over 3000"
    if any(block["type"] == "input" for block in view["blocks"]) and "submit" not in view:
        yield "inputs without submit"
    for block in view["blocks"]:
        yield from _block_problems(block)
