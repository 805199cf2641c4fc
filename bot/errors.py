"""What can go wrong, sorted by what to do next.

ImagineError
├── Refused                 the person reads why; nothing was stored or charged
├── SettingsError           the operator reads every finding; the program does not start
├── Conflict                somebody else was first (a lost lease, a second moderator)
├── StoreError
│   ├── StoreBusy           try again in a moment
│   ├── StoreFull           no space left: intake closes, reading goes on
│   └── StoreBroken         corrupt, read-only, newer schema: an operator must look
├── BackendError
│   ├── Busy                ask again after a while; not a failed attempt
│   ├── Down                not usable now: back off, then the next backend
│   ├── Rejected            its moderation said no: no retry, no other backend
│   └── Broken              the request cannot be done there at all: fail it and tell the operator
└── DeliveryError
    ├── ChatBusy            ask again after a while
    └── ChatGone            the place is gone or closed to us: the fall-backs are used up
"""

from collections.abc import Sequence

from bot.model import Problem, Stage


class ImagineError(Exception):
    pass


class Refused(ImagineError):
    """``problems`` all at once; ``corrected`` is a command that would be accepted, where one can be guessed.

    ``dropped`` are the names of the options that it leaves out.
    """

    def __init__(self, *problems: Problem, corrected: str | None = None, dropped: Sequence[str] = ()) -> None:
        super().__init__(", ".join(problem.code for problem in problems))
        self.problems = problems
        self.corrected = corrected
        self.dropped = tuple(dropped)

    @property
    def decision(self) -> str:
        """What stands behind it and may be appealed against, "" where nothing does."""
        return next((str(each.values["decision"]) for each in self.problems if each.values.get("decision")), "")


class SettingsError(ImagineError):
    """``findings``: everything that is wrong with imagine.toml and the secrets, at once."""

    def __init__(self, findings: Sequence[Problem]) -> None:
        super().__init__(", ".join(finding.code for finding in findings))
        self.findings = tuple(findings)


class Conflict(ImagineError):
    pass


class StoreError(ImagineError):
    pass


class StoreBusy(StoreError):
    pass


class StoreFull(StoreError):
    pass


class StoreBroken(StoreError):
    pass


class BackendError(ImagineError):
    """``detail`` is for the operator's log: it never holds a key, and is never shown to a person."""

    def __init__(self, detail: str, *, maybe_charged: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.maybe_charged = maybe_charged


class Busy(BackendError):
    """``retry_after`` in seconds, None where the backend named none."""

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Down(BackendError):
    """``until_fixed``: a wrong key or no credit; closed for everybody until an operator acts."""

    def __init__(self, detail: str, *, maybe_charged: bool = False, until_fixed: bool = False) -> None:
        super().__init__(detail, maybe_charged=maybe_charged)
        self.until_fixed = until_fixed


class Rejected(BackendError):
    def __init__(self, detail: str, *, stage: Stage = Stage.UNKNOWN) -> None:
        super().__init__(detail)
        self.stage = stage


class Broken(BackendError):
    pass


class DeliveryError(ImagineError):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ChatBusy(DeliveryError):
    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class ChatGone(DeliveryError):
    pass
