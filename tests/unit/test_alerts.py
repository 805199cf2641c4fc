"""The alert rules speak of metrics that this program has, with labels that they have."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.observe import EVENTS, metrics
from bot.model import JobState

FILE = Path(__file__).parents[2] / "deploy" / "prometheus-alerts.yaml"
RULES: list[dict[str, Any]] = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
OF_PROMETHEUS = {"up": {"job", "instance"}}


def series() -> dict[str, set[str]]:
    """Every series of the exposition by its name, and its labels."""
    found = dict(OF_PROMETHEUS)
    for name, (_, labels) in metrics.COUNTERS.items():
        found[f"{name}_total"] = set(labels)
    for name, (_, labels) in metrics.GAUGES.items():
        found[name] = set(labels)
    for name, (_, labels, _) in metrics.HISTOGRAMS.items():
        found |= {f"{name}_{part}": set(labels) for part in ("sum", "count")}
        found[f"{name}_bucket"] = {*labels, "le"}
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_whole_and_its_metrics_exist(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Imagine[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"[1-9]\d*[mh]", rule.get("for", "1m"))
    expression = rule["expr"]
    assert expression.count("(") == expression.count(")")
    known = series()
    used = re.findall(r"\b(?:imagine_\w+|up)\b(?:\{([^}]*)\})?", expression)
    names = re.findall(r"\b(imagine_\w+|up)\b", expression)
    assert names
    for name, matchers in zip(names, used, strict=True):
        assert name in known
        assert set(re.findall(r"(\w+)=", matchers)) <= known[name] | {"instance", "job"}
    labels = set.union(*(known[name] for name in names)) | {"instance"}
    grouped = {each for group in re.findall(r"by \(([^)]*)\)", expression) for each in group.split(", ")}
    assert grouped <= labels
    said = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert said <= (grouped or {"instance", "job"})


def test_the_states_that_alerts_name_are_states() -> None:
    named = [each for rule in RULES for each in re.findall(r'state=~?"([^"]*)"', rule["expr"])]
    assert {state for each in named for state in each.split("|")} <= {state.value for state in JobState}


def test_every_metric_of_an_alert_is_moved_by_the_program() -> None:
    """By an event that some code emits, or by a gauge that is set."""
    root = Path(__file__).parents[2]
    sources = "".join(file.read_text() for part in ("bot", "adapters") for file in (root / part).rglob("*.py"))
    emitted = set(re.findall(r'event\(\s*"(\w+)"', sources))
    moved = {sample.metric for name, event in EVENTS.items() if name in emitted for sample in event.samples}
    used = {name for rule in RULES for name in re.findall(r"\bimagine_\w+", rule["expr"])}
    plain = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in used}
    assert plain <= moved | set(metrics.GAUGES)


def test_names_are_unique() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
