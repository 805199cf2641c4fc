"""Checks every request body: against Discord's own OpenAPI description where DISCORD_OPENAPI names a copy, and by hand
for what the description leaves out (documented limits of messages, components and commands)."""

import copy
import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]
COMMAND_NAME = re.compile(r"^[-_'\w]{1,32}$")
#: discord.py's own ways that Discord takes and its description does not know
TOLERATED = {
    "MessageEditRequestPartial": {"tts"},
    "IncomingWebhookUpdateRequestPartial": {"tts"},
    "IncomingWebhookUpdateForInteractionCallbackRequestPartial": {"tts"},
    "ApplicationCommandUpdateRequest": {"nsfw"},
    "RichEmbed": {"flags"},
    "MessageAttachmentRequest": {"url", "proxy_url", "size", "spoiler", "content_type", "height", "width"},
}


class OpenApi:
    def __init__(self, document: Json) -> None:
        self._components = _closed(document["components"]["schemas"])
        self._operations = list(_operations(document))

    def problems(self, method: str, path: str, body: object) -> list[str]:
        """One line each; empty when the body is as described. Raises LookupError for an unknown operation."""
        for wanted, pattern, name in self._operations:
            if wanted == method and pattern.fullmatch(path):
                return [] if name is None else self._errors(name, body)
        raise LookupError(f"{method} {path} is no operation of the API")

    def _errors(self, schema: str, body: object) -> list[str]:
        errors = sorted(self._validator(schema).iter_errors(body), key=lambda error: list(map(str, error.path)))
        return [f"{'/'.join(map(str, error.path))}: {_deepest(error)}"[:500] for error in errors]

    @functools.cache  # noqa: B019 - one instance a process
    def _validator(self, schema: str) -> Draft202012Validator:
        document = json.loads(schema) | {"components": {"schemas": self._components}}
        return Draft202012Validator(document)


def _deepest(error: Any) -> str:
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return str(error.message)


def _operations(document: Json) -> Iterator[tuple[str, re.Pattern[str], str | None]]:
    # fixed paths first, so that .../@original is not taken for a message id
    for path, methods in sorted(document["paths"].items(), key=lambda item: item[0].count("{")):
        pattern = re.compile(re.sub(r"\{[^}]+\}", r"[^/]+", path))
        for method, operation in methods.items():
            if method in ("get", "post", "put", "patch", "delete"):
                content = operation.get("requestBody", {}).get("content", {})
                schema = content.get("application/json", {}).get("schema")
                yield method.upper(), pattern, None if schema is None else json.dumps(schema)


def _closed(schemas: Json) -> Json:
    closed: Json = {}
    for name, schema in copy.deepcopy(schemas).items():
        _close(schema, TOLERATED.get(name, set()))
        closed[name] = schema
    closed["SnowflakeType"] = {"anyOf": [{"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}, {"type": "integer"}]}
    return closed


def _close(schema: object, more: set[str]) -> None:
    """Unknown keys are errors, and integers may come as digits: Discord takes both forms of a number."""
    if isinstance(schema, list):
        for part in schema:
            _close(part, set())
    if not isinstance(schema, dict):
        return
    if "properties" in schema and "additionalProperties" not in schema:
        schema["properties"] |= dict.fromkeys(more, True)
        schema["additionalProperties"] = False
    kinds = schema.get("type")
    if kinds == ["integer", "null"] and "enum" not in schema and schema.get("maximum", 0) > 2**53:
        schema["type"] = ["integer", "null", "string"]
    for part in list(schema.values()):
        _close(part, set())


@functools.cache
def openapi() -> OpenApi | None:
    name = os.environ.get("DISCORD_OPENAPI")
    return OpenApi(json.loads(Path(name).read_text(encoding="utf-8"))) if name else None


def problems(method: str, path: str, body: object) -> list[str]:
    """Everything wrong with a request, ``path`` as below the API's base."""
    found: list[str] = []
    description = openapi()
    if description is not None:
        found += description.problems(method, path, body)
    if path.endswith("/commands") and isinstance(body, list):
        found += _commands(body)
    elif path.endswith("/callback") and isinstance(body, dict):
        found += _callback(body)
    elif "/messages" in path and not path.endswith("/threads") and isinstance(body, dict):
        found += message(body)
    return found


def message(body: Json) -> list[str]:
    """A message's content limits (resources/message, components/reference)."""
    found = []
    if len(body.get("content") or "") > 2000:
        found.append("content: Must be 2000 or fewer in length.")
    total = sum(_embed_length(embed) for embed in body.get("embeds") or [])
    if total > 6000:
        found.append("embeds: more than 6000 characters")
    if len(body.get("attachments") or []) > 10:
        found.append("attachments: more than 10")
    if body.get("allowed_mentions") is None and body.get("content"):
        found.append("allowed_mentions: not given, so the text may ping")  # our own house rule, on every send and edit
    return found + _components(body.get("components") or [])


def _embed_length(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    fields = [text for item in embed.get("fields", []) for text in (item.get("name"), item.get("value"))]
    return sum(len(text or "") for text in texts + fields)


def _walk(components: list[Json]) -> Iterator[Json]:
    for component in components:
        yield component
        yield from _walk(component.get("components") or [])
        if inner := component.get("component"):
            yield from _walk([inner])


def _components(components: list[Json]) -> list[str]:
    found = []
    every = list(_walk(components))
    ids = [component["custom_id"] for component in every if "custom_id" in component]
    if len(ids) != len(set(ids)):
        found.append("components: duplicate custom_id")
    if len(every) > 40:
        found.append("components: more than 40")
    rows = [component for component in components if component.get("type") == 1]
    if len(rows) > 5 or any(len(row["components"]) > 5 for row in rows):
        found.append("components: more than 5 rows, or 5 buttons in a row")
    found += [f"custom_id: {custom_id!r} is not 1 to 100 long" for custom_id in ids if not 1 <= len(custom_id) <= 100]
    return found


def _callback(body: Json) -> list[str]:
    data = body.get("data") or {}
    kind = body["type"]
    if kind in (4, 7):
        return message(data)
    if kind == 8:
        return _choices(data.get("choices", []))
    if kind == 9:
        return _components(data["components"]) + (["modal: more than 5 parts"] if len(data["components"]) > 5 else [])
    if kind == 5 and data.get("flags", 0) & ~64:
        return ["flags: a deferral takes only EPHEMERAL"]
    return []


def _choices(choices: list[Json]) -> list[str]:
    found = ["choices: more than 25"] if len(choices) > 25 else []
    long = [each for each in choices if not 1 <= len(each["name"]) <= 100 or len(str(each["value"])) > 100]
    return found + [f"choices: {choice['name']!r} is not 1 to 100 long" for choice in long]


def _commands(commands: list[Json]) -> list[str]:
    found = []
    for kind, most in ((1, 100), (2, 15), (3, 15)):
        if sum(command.get("type", 1) == kind for command in commands) > most:
            found.append(f"more than {most} commands of type {kind}")
    names = [(command.get("type", 1), command["name"]) for command in commands]
    if len(names) != len(set(names)):
        found.append("two commands of one name")
    for command in commands:
        found += _command(command)
    return found


def _command(command: Json) -> list[str]:
    name = command["name"]
    found = []
    if command.get("type", 1) == 1:
        found += _names(name, name, command.get("name_localizations"))
        if not 1 <= len(command.get("description") or "") <= 100:
            found.append(f"{name}: description is not 1 to 100 long")
        found += _options(name, command.get("options") or [])
    if _length(command) > 8000:
        found.append(f"{name}: more than 8000 characters")
    return found


def _names(where: str, name: str, localised: dict[str, str] | None) -> list[str]:
    every = [name, *(localised or {}).values()]
    return [f"{where}: {text!r} is no name" for text in every if not COMMAND_NAME.match(text) or text != text.lower()]


def _options(where: str, options: list[Json]) -> list[str]:
    found = []
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        found.append(f"{where}: a required option after an optional one")
    if len(options) > 25:
        found.append(f"{where}: more than 25 options")
    for option in options:
        place = f"{where}.{option['name']}"
        found += _names(place, option["name"], option.get("name_localizations"))
        found += _choices(option.get("choices") or [])
        if option.get("choices") and option.get("autocomplete"):
            found.append(f"{place}: choices and autocomplete exclude each other")
        found += _options(place, option.get("options") or [])
    return found


def _length(part: Json) -> int:
    """Names, descriptions and values, the longest translation counted."""
    total = 0
    for key in ("name", "description"):
        texts = [part.get(key) or "", *(part.get(f"{key}_localizations") or {}).values()]
        total += max(map(len, texts))
    total += sum(len(choice["name"]) + len(str(choice["value"])) for choice in part.get("choices") or [])
    return total + sum(_length(option) for option in part.get("options") or [])
