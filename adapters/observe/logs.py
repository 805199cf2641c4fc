"""Logs: one JSON object a line on stderr, or lines for people with IMAGINE_LOG=console. Everything, the libraries'
own logging included, leaves through one handler and is redacted there.
"""

import json
import logging
import re
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from adapters.observe.redaction import Redactor

LONG_ID = re.compile(r"[0-9a-f]{32}")
CHATTY = (
    "httpx",
    "httpcore",
    "discord",
    "slack_bolt",
    "slack_sdk",
    "aiohttp",
    "uvicorn",
    "asyncio",
    "PIL",
    "urllib3",
    "ray",
)


def configure(
    redactor: Redactor, *, console: bool = False, stream: TextIO = sys.stderr, level: int = logging.INFO
) -> None:
    """Takes over structlog, the standard library's logging, warnings and uncaught exceptions of this process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = _Handler(stream)
    handler.addFilter(_quiet_libraries)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact(redactor),
                *_renderers(console=console, colours=stream.isatty()),
            ],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


@contextmanager
def correlated(correlation: str = "") -> Iterator[str]:
    """Every log line inside carries the id, which is also what a person is told when something failed."""
    name = correlation or secrets.token_hex(4)
    with structlog.contextvars.bound_contextvars(correlation=name):
        yield name


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The default prints the arguments, secrets included, to stderr."""
        kind = sys.exc_info()[0]
        line = {"event": "unloggable", "level": "error", "line": record.lineno, "error": kind.__name__ if kind else ""}
        with suppress(Exception):
            self.stream.write(json.dumps(line) + self.terminator)


def _quiet_libraries(record: logging.LogRecord) -> bool:
    """Httpx logs whole URLs, webhook tokens included, at INFO: whatever level such a logger is set to, not here."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in CHATTY


def _redact(redactor: Redactor) -> Processor:
    def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {redactor.text(str(name)): redactor.named(str(name), value) for name, value in event.items()}

    return redact


def _renderers(*, console: bool, colours: bool) -> list[Processor]:
    if not console:
        return [structlog.processors.JSONRenderer()]
    return [_harmless, _brief, structlog.dev.ConsoleRenderer(colors=colours, repr_native_str=True, pad_event_to=16)]


def _brief(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What fits a line: the time of day, ids by their first letters, no figure beyond use."""
    if event.get("correlation") == event.get("job"):
        event.pop("correlation", None)
    if event.get("logger") == "imagine":
        del event["logger"]
    event["timestamp"] = str(event.get("timestamp", ""))[11:19]
    return {name: _short(value) for name, value in event.items()}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return value[:8] if isinstance(value, str) and LONG_ID.fullmatch(value) else value


def _harmless(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """On a terminal no text moves the cursor, and none but the logger's own begins a line."""
    for name in ("event", "logger"):
        event[name] = _printable(str(event.get(name, "")))
    for name in ("exception", "stack"):
        if name in event:
            event[name] = "\n".join(f"  | {_printable(line)}" for line in str(event[name]).split("\n"))
    return {_printable(name): value for name, value in event.items()}


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt) or error is None:
        return
    logging.getLogger("imagine").critical("uncaught", exc_info=(kind, error, trace))
