"""For tests: this process's logging, taken over for a while and given back."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from adapters import observe
from adapters.observe import Redactor


@contextmanager
def taken_over(redactor: Redactor, **options: Any) -> Iterator[io.StringIO]:
    """Yields the stream that everything is written to."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    try:
        observe.configure(redactor, stream=stream, **options)
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook, threading.excepthook = hooks
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]
