"""What a program hears when there are no pictures: OpenAI's error shape, and the status that says what to do next."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from starlette.responses import Response

from bot.errors import Refused
from bot.model import Job, JobState, Problem
from bot.replies import problem, say

FIELDS = {"count": "n", "backend": "model", "no": "negative_prompt", "ar": "size"}
"""Where the body's names differ from those of the options."""

WORDS = {"backend_unknown": "api_model_unknown", "backend_misspelt": "api_model_misspelt"}
"""Sentences about what a program calls otherwise."""

NO_RETRY = {"x-should-retry": "false"}
"""The official client asks again by itself after 409, 429 and 5xx, unless this says no."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. ``limits`` are both ends of the range where there is one."""

    message: str
    code: str
    param: str | None = None
    limits: tuple[float, float] | None = None
    decision: str = ""  #: what POST /v1/appeals takes

    def plain(self) -> dict[str, object]:
        found: dict[str, object] = {"message": self.message, "code": self.code, "param": self.param}
        found |= {"decision": self.decision} if self.decision else {}
        return found | ({"minimum": self.limits[0], "maximum": self.limits[1]} if self.limits else {})


@dataclass(frozen=True)
class ApiError(Exception):
    status: int
    findings: tuple[Finding, ...]
    kind: str = "invalid_request_error"
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        first = self.findings[0]
        error = first.plain() | {
            "message": "\n".join(finding.message for finding in self.findings),
            "type": self.kind,
        }
        others = {"details": [finding.plain() for finding in self.findings]} if len(self.findings) > 1 else {}
        return {"error": error | others}

    def response(self) -> Response:
        # ASCII throughout: a name in a body may be half a pair of surrogates
        return Response(json.dumps(self.body()), self.status, dict(self.headers), "application/json")


def bad(code: str, param: str | None = None, **values: object) -> ApiError:
    return ApiError(400, (Finding(say(code, **values), code.removeprefix("api_"), param),))


def unauthorised() -> ApiError:
    finding = Finding(say("api_no_key"), "invalid_api_key")
    return ApiError(401, (finding,), "authentication_error", {"www-authenticate": 'Bearer realm="imagine-bot"'})


def missing(param: str | None = None) -> ApiError:
    return ApiError(404, (Finding(say("api_not_found"), "not_found", param),))


def unavailable(code: str, retry_after: int, **values: object) -> ApiError:
    finding = Finding(say(code, **values), code)
    return ApiError(503, (finding,), "server_error", {"retry-after": str(retry_after)})


# -- from the core


def of_refusal(refused: Refused, day_left: int) -> ApiError:
    """``day_left``: seconds until the UTC day ends, for what a day's allowance refused."""
    findings = tuple(_finding(each) for each in refused.problems)
    first = refused.problems[0]
    match first.code:
        case "quota_day" | "quota_tenant_day":
            headers = {"retry-after": str(day_left), **NO_RETRY}
            return ApiError(429, _coded(findings, "insufficient_quota"), "insufficient_quota", headers)
        case "quota_waiting":
            return ApiError(429, _coded(findings, "rate_limit_exceeded"), "rate_limit_error", {"retry-after": "5"})
        case "unknown_request" | "appeal_unknown" | "appeal_not_yours":
            return ApiError(404, findings)
    if first.code in _UNAVAILABLE:
        seconds = first.values.get("seconds", _UNAVAILABLE[first.code])
        return ApiError(503, findings, "server_error", {"retry-after": str(seconds)})
    if first.code.startswith(("blocked_", "held_")):
        return refused_by_moderation(findings)
    again = first.code == "appeal_only_one"
    return ApiError(409 if again else 400, findings, headers=NO_RETRY if again else {})


_UNAVAILABLE = {
    "store_busy": 1,
    "store_full": 60,
    "intake_paused": 30,
    "backends_closed": 15,
    "backends_closed_until_fixed": 60,
}
"""Seconds after which to ask again, where the problem itself names none."""


def of_job(job: Job) -> ApiError:
    """Of one that ended without pictures."""
    reason = job.reason or Problem("failed_broken")
    findings = (_finding(reason),)
    if reason.code == "held_for_review":
        return ApiError(403, findings, "permission_error")
    match job.state:
        case JobState.REJECTED:
            return refused_by_moderation(findings)
        case JobState.CANCELLED:
            return ApiError(409, _coded(findings, "cancelled"), headers=NO_RETRY)
    return ApiError(502, findings, "server_error", NO_RETRY)


_PERSONAL = ("blocked_closed", "blocked_banned", "blocked_banned_until", "blocked_timed_out")


def refused_by_moderation(findings: Sequence[Finding]) -> ApiError:
    """A rule's or a provider's no to the words is one code; a no to whoever asks keeps its own."""
    if findings[0].code in _PERSONAL:
        return ApiError(403, tuple(findings), "permission_error")
    if findings[0].code.startswith("held_"):
        return ApiError(403, _coded(findings, "held_for_review"), "permission_error")
    named = tuple(replace(finding, code="content_policy_violation", param="prompt") for finding in findings)
    return ApiError(403, named, "permission_error")


def _coded(findings: Sequence[Finding], code: str) -> tuple[Finding, ...]:
    return tuple(replace(finding, code=code) for finding in findings)


def _finding(found: Problem) -> Finding:
    values = dict(found.values)
    option = str(values.get("option", ""))
    if option:
        values["option"] = FIELDS.get(option, option)
    said = problem(Problem(WORDS.get(found.code, found.code), values))
    decision = str(values.get("decision", ""))
    return Finding(said, found.code, _param(found.code, values), _limits(values), decision)


def _param(code: str, values: Mapping[str, object]) -> str | None:
    if values.get("option"):
        return str(values["option"])
    for start, param in (("prompt_", "prompt"), ("character_", "prompt"), ("backend_prompt", "prompt")):
        if code.startswith(start):
            return param
    named = {"backend_unknown": "model", "backend_misspelt": "model", "backend_none": "model"}
    return named.get(code, "style" if code.startswith("style_") else None)


def _limits(values: Mapping[str, object]) -> tuple[float, float] | None:
    """Problems carry their ends as written."""
    try:
        return _number(values["low"]), _number(values["high"])
    except (KeyError, ValueError):
        return None


def _number(written: object) -> float:
    number = float(str(written))
    return int(number) if number.is_integer() else number
