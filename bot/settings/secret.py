"""A value that is never shown, and the places it may come from: the environment, or a file the environment names."""

from collections.abc import Callable, Mapping
from typing import Never

from bot.model import Problem

ReadFile = Callable[[str], tuple[str, int]]
"""A file's text and its permission bits. Raises OSError, ValueError for what is no text."""

READABLE_BY_OTHERS = 0o004


class Secret:
    """Frozen; `reveal` is the only way to the value. Neither repr, format, a copy as a dict nor pickle shows it."""

    __slots__ = ("_value",)

    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError("a secret does not change")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")


class Secrets:
    """Reads the variables that the settings ask for, once each, and remembers what was wrong with them."""

    def __init__(self, environ: Mapping[str, str], read_file: ReadFile) -> None:
        self._environ = environ
        self._read_file = read_file
        self._known: dict[str, Secret | None] = {}
        self.findings: list[Problem] = []

    def get(self, name: str) -> Secret | None:
        """The variable ``name``, or the file that ``name``_FILE names. None: neither is set."""
        if name not in self._known:
            self._known[name] = self._look_up(name)
        return self._known[name]

    def peek(self, name: str) -> None:
        """Learn the variable for redaction only: nothing uses it, so nothing is wrong with it."""
        value = self._environ.get(name, "").strip()
        if name not in self._known and value:
            self._known[name] = Secret(value)

    @property
    def all(self) -> tuple[Secret, ...]:
        return tuple(secret for secret in self._known.values() if secret is not None)

    def _look_up(self, name: str) -> Secret | None:
        value = self._environ.get(name, "").strip()
        path = self._environ.get(f"{name}_FILE", "").strip()
        if value and path:
            self._complain("secret_twice", name)
        elif path:
            value = self._from_file(name, path)
        return Secret(value) if value else None

    def _from_file(self, name: str, path: str) -> str:
        try:
            text, mode = self._read_file(path)
        except (OSError, ValueError):
            self._complain("secret_file_unreadable", name, path=path)
            return ""
        if mode & READABLE_BY_OTHERS:
            self._complain("secret_file_open", name, path=path, mode=f"{mode & 0o777:04o}")
        elif not text.strip():
            self._complain("secret_file_empty", name, path=path)
        return text.strip()

    def _complain(self, code: str, name: str, **values: object) -> None:
        self.findings.append(Problem(code, {"name": name, **values}))
