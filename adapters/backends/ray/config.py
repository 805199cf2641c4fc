"""What an operator says to `serve run` or in a Serve config's `args`: the local engine's settings and the cluster's.

The engine's are those of `kind = "diffusers"` in imagine.toml, read by the same rules. Knows no ray.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from adapters.backends.diffusers.config import DiffusersConfig
from bot.errors import SettingsError
from bot.model import Problem
from bot.settings.spec import BACKEND, OPTIONS, Key
from bot.settings.values import Number, Whole, Wrong


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    min_replicas: int = 1
    max_replicas: int = 1
    gpus: float = 1.0  #: a replica
    cpus: float = 1.0  #: a replica
    waiting: float = 8.0  #: requests a replica, drawn or in line, beyond which another replica is started
    upscale_seconds: float = 10.0  #: for which that has to be so
    downscale_seconds: float = 600.0  #: with less to do, before a replica goes


KEYS = (
    Key("min_replicas", Whole(0, 1000), "always there"),
    Key("max_replicas", Whole(1, 1000), "at most"),
    Key("gpus", Number(0, 64), "a replica"),
    Key("cpus", Number(0, 1024), "a replica"),
    Key("waiting", Number(0.1, 1000), "requests a replica, drawn or in line, beyond which another is started"),
    Key("upscale_seconds", Number(0, 86_400), "for which that has to be so"),
    Key("downscale_seconds", Number(0, 86_400), "with less to do, before a replica goes"),
)
_TIMEOUT = tuple(key for key in BACKEND if key.name == "timeout_seconds")


def read(arguments: Mapping[str, object]) -> tuple[DiffusersConfig, ClusterConfig]:
    """Raises SettingsError with everything that is wrong. On a command line every value is text, numbers too."""
    known = {key.name: key for key in (*OPTIONS["diffusers"], *_TIMEOUT, *KEYS)}
    findings, values = [], {}
    for name, raw in arguments.items():
        if name not in known:
            findings.append(Problem("settings_unknown", {"where": name}))
            continue
        try:
            values[name] = _value(known[name], raw)
        except Wrong as wrong:
            findings += [Problem(fault.code, {**fault.values, "where": name}) for fault in wrong.faults]
    if "model" not in arguments:
        findings.append(Problem("settings_required", {"where": "args", "name": "model", "help": known["model"].help}))
    if findings:
        raise SettingsError(findings)
    mine = {field.name: values.pop(field.name) for field in fields(ClusterConfig) if field.name in values}
    return DiffusersConfig(**values), _in_order(ClusterConfig(**mine))


def _value(key: Key, raw: object) -> Any:
    """Raises Wrong."""
    try:
        return key.value.read(raw)
    except Wrong:
        if not isinstance(raw, str):
            raise
        try:
            plain = json.loads(raw)
        except ValueError:
            plain = raw
        return key.value.read(plain)


def _in_order(cluster: ClusterConfig) -> ClusterConfig:
    if cluster.min_replicas > cluster.max_replicas:
        raise SettingsError([Problem("ray_replicas", {"low": cluster.min_replicas, "high": cluster.max_replicas})])
    return cluster
