"""The OpenAPI document of this very house: its ranges, backends and styles are those that a request is held to."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.chat.web.api import body
from bot.conduct import LONGEST_APPEAL
from bot.options import LONGEST_TEXT, Option
from bot.replies import say
from bot.routing import NO_STYLE
from bot.studio import Studio

Schema = Mapping[str, Any]

JSON = "application/json"
_ERRORS = {
    400: "A parameter is missing, unknown or out of its range; param names it.",
    401: "No valid key.",
    403: "Moderation refused the request, or would hold it for a moderator (code held_for_review).",
    404: "There is nothing at this address, or no such decision about this key.",
    405: "This address does not take this method.",
    408: "The body did not arrive in time.",
    409: "The request was cancelled, or the decision was appealed against before.",
    410: "The pictures of this Idempotency-Key were deleted.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The Idempotency-Key was used with another body.",
    429: "The quota is used up, or too many requests wait.",
    500: "A bug; the log has more under x-request-id.",
    502: "Every backend that was tried failed.",
    503: "No backend is usable, or the bot is stopping.",
}


def document(studio: Studio, public_url: str) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "imagine-bot", "version": "1", "description": say("web_tagline")},
        "servers": [{"url": public_url.rstrip("/") or "/"}],
        "security": [{"key": []}],
        "paths": {
            "/v1/images/generations": {"post": _generations(studio)},
            "/v1/appeals": {"post": _appeals()},
            "/v1/models": {"get": _models()},
            "/v1/models/{model}": {"get": _model()},
            "/v1/images/{job}/{index}": {"get": _linked()},
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _error(), "Images": _images(), "Model": _described(), "Request": _request(studio)},
        },
    }


# -- operations


def _generations(studio: Studio) -> dict[str, Any]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key with the same body gives the same result, also after a restart.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    }
    done = {
        "description": "The pictures; with stream=true the events image_generation.partial_image and .completed.",
        "content": {JSON: {"schema": _ref("Images")}, "text/event-stream": {"schema": {"type": "string"}}},
    }
    return {
        "operationId": "createImage",
        "summary": "Draws pictures from words",
        "parameters": [key],
        "requestBody": {"required": True, "content": {JSON: {"schema": _ref("Request"), "example": _example(studio)}}},
        "responses": {"200": done, **_failures(400, 401, 403, 408, 409, 410, 413, 415, 422, 429, 500, 502, 503)},
    }


def _example(studio: Studio) -> dict[str, Any]:
    return {"prompt": "a red fox in snow", "n": 1, **({"model": studio.backends()[0]} if studio.backends() else {})}


def _appeals() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    sent = _object(
        {"decision": text | {"pattern": f"^{body.DECISION}$"}, "reason": text | {"maxLength": LONGEST_APPEAL}},
        additionalProperties=False,
    )
    done = {
        "description": "A moderator will look at it again.",
        "content": {JSON: {"schema": _object({"id": {"type": "string"}, "object": {"const": "appeal"}})}},
    }
    return {
        "operationId": "createAppeal",
        "summary": "Appeals, once, against a decision that an error named",
        "requestBody": {"required": True, "content": {JSON: {"schema": sent}}},
        "responses": {"201": done, **_failures(400, 401, 404, 408, 409, 413, 415, 500, 503)},
    }


def _models() -> dict[str, Any]:
    schema = _object({"object": {"const": "list"}, "data": {"type": "array", "items": _ref("Model")}})
    done = {"description": "The backends.", "content": {JSON: {"schema": schema}}}
    return {"operationId": "listModels", "responses": {"200": done, **_failures(401, 500, 503)}}


def _model() -> dict[str, Any]:
    name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    done = {"description": "One backend.", "content": {JSON: {"schema": _ref("Model")}}}
    return {
        "operationId": "retrieveModel",
        "parameters": [name],
        "responses": {"200": done, **_failures(401, 404, 500, 503)},
    }


def _linked() -> dict[str, Any]:
    def needed(name: str, where: str, schema: Schema) -> dict[str, Any]:
        return {"name": name, "in": where, "required": True, "schema": schema}

    done = {"description": "The picture.", "content": {"image/png": {"schema": {"type": "string"}}}}
    return {
        "operationId": "getImage",
        "summary": "A picture by the link that response_format=url gave",
        "security": [],
        "parameters": [
            needed("job", "path", {"type": "string"}),
            needed("index", "path", {"type": "integer", "minimum": 0}),
            needed("until", "query", {"type": "string"}),
            needed("seal", "query", {"type": "string"}),
        ],
        "responses": {"200": done, **_failures(404, 500, 503)},
    }


def _failures(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {"description": _ERRORS[status], "content": {JSON: {"schema": _ref("Error")}}}
        for status in statuses
    }


# -- schemas


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, required: Sequence[str] | None = None, **more: object) -> dict[str, Any]:
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": dict(properties), "required": names, **more}


def _request(studio: Studio) -> dict[str, Any]:
    options = {option.field: option for option in studio.options() if option.name != "ar"}
    styles = studio.styles()
    properties: dict[str, Any] = {
        "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_TEXT,
            "description": "What to draw; it needs at least one letter or digit.",
        },
        "negative_prompt": _maybe("string", option=options["negative_prompt"], maxLength=LONGEST_TEXT),
        "n": _maybe("integer", 1, option=options["count"], **_ends(options["count"])),
        "size": {
            "type": ["string", "null"],
            "pattern": f"^(?:{body.SIZE})$",
            "description": "WIDTHxHEIGHT or a ratio such as 16:9; a size that no backend has goes to the nearest one.",
        },
        "steps": _maybe("integer", option=options["steps"], **_ends(options["steps"])),
        "guidance": _maybe("number", option=options["guidance"], **_ends(options["guidance"])),
        "seed": _maybe("integer", option=options["seed"], **_ends(options["seed"])),
        "model": _choice(studio.backends(), "A backend; left out, the first that can and is usable."),
        "response_format": _choice(body.FORMATS, "b64_json where it is left out."),
        "stream": {"type": ["boolean", "null"], "description": "Partial pictures, then the finished ones, as events."},
        "partial_images": _maybe("integer", minimum=0, maximum=body.MOST_PARTIALS),
        "output_compression": _maybe("integer", minimum=0, maximum=100),
        "user": _maybe("string", maxLength=512),
        "safety_identifier": _maybe("string", maxLength=512),
        **{name: _choice(values, "Taken, and changes nothing.") for name, values in body.OF_OTHERS.items()},
        "style": _choice([*styles, NO_STYLE], say("option_style")),
    }
    return _object(properties, ["prompt"], additionalProperties=False)


def _maybe(kind: str, default: object = None, option: Option | None = None, **more: object) -> dict[str, Any]:
    words = {"description": say(option.summary)} if option else {}
    return {"type": [kind, "null"], **({} if default is None else {"default": default}), **more, **words}


def _ends(option: Option) -> dict[str, float]:
    low, high = option.limits.low, option.limits.high
    return {"minimum": _plain(low), "maximum": _plain(high)}


def _plain(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def _choice(names: Sequence[str], words: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "enum": [*names, None], "description": words}


def _error() -> dict[str, Any]:
    text = {"type": "string"}
    finding = {"message": text, "code": text, "param": {"type": ["string", "null"]}}
    ends = {"minimum": {"type": "number"}, "maximum": {"type": "number"}}
    more = {**ends, "decision": text}
    one = _object({**finding, **more}, list(finding))
    error = _object(
        {**finding, **more, "type": text, "details": {"type": "array", "items": one}}, [*finding, "type"]
    )
    return _object({"error": error})


def _images() -> dict[str, Any]:
    seed = {"type": ["integer", "null"]}
    text = {"type": "string"}
    picture = _object({"seed": seed, "b64_json": text, "url": text}, ["seed"])
    return _object(
        {
            "created": {"type": "integer"},
            "model": text,
            "size": text,
            "output_format": text,
            "background": text,
            "notes": {"type": "array", "items": text},
            "data": {"type": "array", "items": picture, "minItems": 1},
        }
    )


def _described() -> dict[str, Any]:
    text = {"type": "string"}
    return _object(
        {
            "id": text,
            "object": {"const": "model"},
            "created": {"type": "integer"},
            "owned_by": text,
            "available": {"type": "boolean"},
        }
    )
