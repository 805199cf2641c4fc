"""How benches print."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    figure: str
    target: str = ""


def show(title: str, rows: Sequence[Row]) -> None:
    widths = [max(len(getattr(row, name)) for row in rows) for name in ("what", "figure")]
    print(f"\n{title}")
    for row in rows:
        target = f"   target: {row.target}" if row.target else ""
        print(f"  {row.what:<{widths[0]}}   {row.figure:>{widths[1]}}{target}")
