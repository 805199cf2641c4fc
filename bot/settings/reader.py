"""A TOML document against the spec: everything that is wrong at once, each with its place and, where one can be
guessed, what was meant.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot import replies
from bot.errors import SettingsError
from bot.model import Problem, QuotaSettings, Style, Tier
from bot.moderation.rules import flaws, too_many
from bot.moderation.starter import configured
from bot.settings import places, spec
from bot.settings.secret import ReadFile, Secrets
from bot.settings.tables import (
    BackendSettings,
    DiscordSettings,
    ModerationSettings,
    RoutingSettings,
    Settings,
    SlackSettings,
    StoreSettings,
    WebSettings,
)
from bot.settings.values import LONGEST_SHOWN, Fault, Value, Wrong, alike, shown

VARIABLES = (
    "DISCORD_TOKEN",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_CLIENT_ID",
    "SLACK_CLIENT_SECRET",
    "IMAGINE_SECRET",
    "PGPASSWORD",
    *spec.KEY_VARIABLES.values(),
    *spec.TOKEN_VARIABLES.values(),
    *spec.BUCKET_VARIABLES,
)
SECRETIVE = re.compile(r"token|secret|passw|credential|api_?key|^key$", re.IGNORECASE)
SIMPLE: Mapping[str, tuple[spec.Key, ...]] = {
    "store": spec.STORE,
    "web": spec.WEB,
    "discord": spec.DISCORD,
    "slack": spec.SLACK,
    "routing": spec.ROUTING,
    "quota": spec.LIMITS,
    "moderation": spec.MODERATION,
}
_ANY_OPTION = ("kind", *(key.name for keys in spec.OPTIONS.values() for key in keys))


def load(text: str, environ: Mapping[str, str], read_file: ReadFile) -> Settings:
    """Raises SettingsError with every finding. Tokens that are merely missing are `missing_secrets`' business."""
    document = _parse(text.removeprefix("\ufeff"))
    secrets = Secrets(environ, read_file)
    reader = _Reader(document, secrets)
    settings = reader.settings()
    findings = [*_findings(reader.faults, text, document), *secrets.findings]
    if settings.store.postgres and settings.signing is None:
        findings.append(Problem("secret_missing_postgres", {"name": "IMAGINE_SECRET"}))
    if findings:
        raise SettingsError(findings)
    for name in VARIABLES:
        secrets.peek(name)
    return replace(settings, secrets=secrets.all)


def embedded(data: str, port: int, environ: Mapping[str, str], read_file: ReadFile) -> Settings:
    """What `imagine-bot demo` runs on: web chat, a SQLite file and the pictures under ``data``, `sketch` drawing."""
    settings = load("", environ, read_file)
    store = StoreSettings(url=f"sqlite:///{data}/imagine.db", images=f"{data}/images")
    return replace(settings, store=store, web=_with_address(WebSettings(port=port)))


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([Problem("settings_not_toml", {"detail": str(error)})]) from None
    except (ValueError, RecursionError):
        raise SettingsError([Problem("settings_monstrous")]) from None


def _findings(faults: Iterable[Fault], text: str, document: Mapping[str, object]) -> list[Problem]:
    lines = places.lines(text, document)
    return [Problem(fault.code, {**fault.values, "where": _where(fault.path, lines)}) for fault in faults]


def _where(path: places.Path, lines: Mapping[places.Path, int]) -> str:
    place = ""
    for part in path:
        shorter = part if len(part) <= LONGEST_SHOWN else f"{part[:LONGEST_SHOWN]}…"
        bare = re.fullmatch(r"[A-Za-z0-9_-]+|\[[0-9]+\]", part, re.ASCII)
        dot = "." if place and not part.startswith("[") else ""
        place += dot + (shorter if bare else json.dumps(shorter))
    line = places.nearest(lines, path)
    return place if line is None else replies.say("settings_place", place=place, line=line)


def _with_address(web: WebSettings) -> WebSettings:
    return replace(web, public_url=web.public_url or web.address)


def _of_rule(problem: Problem, path: places.Path) -> Fault:
    return Fault("settings_rule", {"problem": replies.problem(problem)}, path)


class _Reader:
    """Reads every table, right or not: what is wrong goes to ``faults`` and leaves its default."""

    def __init__(self, document: Mapping[str, Any], secrets: Secrets) -> None:
        self.faults: list[Fault] = []
        self._document = document
        self._secrets = secrets

    def settings(self) -> Settings:
        for name, raw in self._document.items():
            if name not in spec.TABLES:
                self._unknown((name,), raw, spec.TABLES)
        backends = self._backends()
        return Settings(
            store=self._store(),
            web=_with_address(WebSettings(**self._simple("web"))),
            discord=self._discord() if "discord" in self._document else None,
            slack=self._slack() if "slack" in self._document else None,
            backends=backends,
            routing=self._routing(backends),
            quota=self._quota(),
            styles=self._styles(),
            moderation=self._moderation(),
            signing=self._secrets.get("IMAGINE_SECRET"),
        )

    def _store(self) -> StoreSettings:
        store = StoreSettings(**self._simple("store"))
        if not store.bucket[0]:
            return store
        key, secret, token = (self._secrets.get(name) for name in spec.BUCKET_VARIABLES)
        if (key is None) != (secret is None):
            missing = spec.BUCKET_VARIABLES[key is not None]
            self.faults.append(Fault("settings_bucket_half", {"name": missing}, ("store", "images")))
        return replace(store, images_key=key, images_secret=secret, images_token=token)

    def _discord(self) -> DiscordSettings:
        return DiscordSettings(**self._simple("discord"), token=self._secrets.get("DISCORD_TOKEN"))

    def _slack(self) -> SlackSettings:
        return SlackSettings(
            **self._simple("slack"),
            bot_token=self._secrets.get("SLACK_BOT_TOKEN"),
            app_token=self._secrets.get("SLACK_APP_TOKEN"),
            signing_secret=self._secrets.get("SLACK_SIGNING_SECRET"),
            client_id=self._secrets.get("SLACK_CLIENT_ID"),
            client_secret=self._secrets.get("SLACK_CLIENT_SECRET"),
        )

    def _backends(self) -> Mapping[str, BackendSettings]:
        named = self._named(("backends",), self._document.get("backends", {}))
        return {name: self._backend(name, raw) for name, raw in named.items()} or {
            "sketch": BackendSettings("sketch", "sketch")
        }

    def _backend(self, name: str, raw: Mapping[str, Any]) -> BackendSettings:
        path = ("backends", name)
        kind = self._kind(path, raw)
        if kind is None:
            self._keys(path, raw, (*spec.BACKEND, *spec.HOSTED), others=_ANY_OPTION)
            return BackendSettings(name, "sketch")
        own = spec.OPTIONS.get(kind, ())
        values = self._keys(path, raw, spec.backend_keys(kind), required=("model",)) | {"kind": kind}
        options = {key.name: values.pop(key.name) for key in own if key.name in values}
        complete = kind in spec.MAKE and (kind != "diffusers" or "model" in options)
        backend = BackendSettings(name=name, **values, options=spec.MAKE[kind](**options) if complete else None)
        variable = backend.key_env or spec.KEY_VARIABLES.get(kind, "") or spec.TOKEN_VARIABLES.get(kind, "")
        return replace(backend, key_env=variable, key=self._secrets.get(variable) if variable else None)

    def _kind(self, path: places.Path, raw: Mapping[str, Any]) -> str | None:
        """A backend named after a kind is of that kind unless it says otherwise."""
        if "kind" not in raw and path[-1] in spec.KINDS:
            return path[-1]
        if "kind" not in raw:
            self.faults.append(Fault("settings_kind_missing", {"choices": ", ".join(spec.KINDS)}, path))
            return None
        kind: str | None = self._value((*path, "kind"), spec.KIND.value, raw["kind"])
        return kind

    def _routing(self, backends: Mapping[str, BackendSettings]) -> RoutingSettings:
        order: tuple[str, ...] = self._simple("routing").get("order", tuple(backends))
        for name in order:
            if name not in backends:
                like = alike(name, list(backends))
                code = "settings_backend_like" if like else "settings_backend"
                values = {"name": shown(name), "like": like, "known": ", ".join(backends)}
                self.faults.append(Fault(code, values, ("routing", "order")))
        return RoutingSettings(order)

    def _moderation(self) -> ModerationSettings:
        """Its rules are tried: one that cannot be read would send every request to the moderators."""
        found = ModerationSettings(**self._simple("moderation"))
        rules = configured("", found.blocked, found.held)
        for rule in rules:
            table, [pattern] = rule.id.partition("-")[0], rule.patterns
            path = ("moderation", table, f"[{self._document['moderation'][table].index(pattern) + 1}]")
            self.faults += [_of_rule(problem, path) for problem in flaws(rule)]
        self.faults += [_of_rule(problem, ("moderation",)) for problem in too_many(rules)]
        return found

    def _quota(self) -> QuotaSettings:
        raw = self._table(("quota",), self._document.get("quota", {}))
        limits = self._keys(("quota",), raw, spec.LIMITS, others=("tiers", "guilds"))
        tiers = self._named(("quota", "tiers"), raw.get("tiers", {}))
        guilds = self._named(("quota", "guilds"), raw.get("guilds", {}), spec.TENANT)
        return QuotaSettings(
            **limits,
            tiers=tuple(
                Tier(name, **self._keys(("quota", "tiers", name), tier, spec.TIER)) for name, tier in tiers.items()
            ),
            guilds={
                name: self._keys(("quota", "guilds", name), guild, spec.GUILD, required=("images_per_day",)).get(
                    "images_per_day", 0
                )
                for name, guild in guilds.items()
            },
        )

    def _styles(self) -> Mapping[str, Style]:
        named = self._named(("styles",), self._document.get("styles", {}))
        return {name: Style(name, **self._keys(("styles", name), raw, spec.STYLE)) for name, raw in named.items()}

    def _simple(self, name: str) -> dict[str, Any]:
        return self._keys((name,), self._table((name,), self._document.get(name, {})), SIMPLE[name])

    def _table(self, path: places.Path, raw: object) -> Mapping[str, Any]:
        if isinstance(raw, Mapping):
            return raw
        self.faults.append(Fault("settings_table", {"found": shown(raw)}, path))
        return {}

    def _named(self, path: places.Path, raw: object, names: Value = spec.WORD) -> dict[str, Mapping[str, Any]]:
        tables = self._table(path, raw)
        return {
            name: self._table((*path, name), table)
            for name, table in tables.items()
            if self._value((*path, name), names, name) is not None
        }

    def _keys(
        self,
        path: places.Path,
        raw: Mapping[str, Any],
        keys: Sequence[spec.Key],
        *,
        others: Sequence[str] = (),
        required: Sequence[str] = (),
    ) -> dict[str, Any]:
        """The settings that stand there and are right."""
        known = {key.name: key for key in keys}
        values: dict[str, Any] = {}
        for name, value in raw.items():
            if name in known:
                read = self._value((*path, name), known[name].value, value)
                values |= {} if read is None else {name: read}
            elif name not in others:
                self._unknown((*path, name), value, [*known, *others])
        for name in required:
            if name in known and name not in raw:
                self.faults.append(Fault("settings_required", {"name": name, "help": known[name].help}, path))
        return values

    def _value(self, path: places.Path, value: Value, raw: object) -> Any:
        """None where it is wrong."""
        try:
            return value.read(raw)
        except Wrong as wrong:
            self.faults += [fault.under(*path) for fault in wrong.faults]
            return None

    def _unknown(self, path: places.Path, raw: object, known: Sequence[str]) -> None:
        name = path[-1]
        if isinstance(raw, str) and SECRETIVE.search(name):
            self.faults.append(Fault("settings_secret", {"variable": _variable(path, self._document)}, path))
            return
        like = alike(name, list(known)) or next((f"{table}.{name}" for table in SIMPLE if _has(table, name)), "")
        self.faults.append(Fault("settings_unknown_like" if like else "settings_unknown", {"like": like}, path))


def _has(table: str, name: str) -> bool:
    return any(key.name == name for key in SIMPLE[table])


def _variable(path: places.Path, document: Mapping[str, Any]) -> str:
    """The environment variable in which the secret belongs that stands at ``path``."""
    name = path[-1].upper()
    if name in VARIABLES:
        return name
    match path:
        case ("discord", *_):
            return "DISCORD_TOKEN"
        case ("slack", *_):
            return next(
                (f"SLACK_{kind}" for kind in ("SIGNING_SECRET", "APP_TOKEN") if kind[:3] in name), "SLACK_BOT_TOKEN"
            )
        case ("backends", backend, _):
            kind = str(document["backends"][backend].get("kind", backend))
            known = {**spec.KEY_VARIABLES, **spec.TOKEN_VARIABLES}
            return known.get(kind, f"{re.sub('[^A-Z0-9]', '_', backend.upper())}_API_KEY")
        case ("store", _):
            return "PGPASSWORD"
        case _:
            return "IMAGINE_SECRET"
