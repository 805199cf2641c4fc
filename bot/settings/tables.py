"""The tables of imagine.toml as frozen data. A field's default is the setting's default; one without is required."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from bot.model import QuotaSettings, Size, Style
from bot.settings.secret import Secret


@dataclass(frozen=True, slots=True)
class StoreSettings:
    url: str = "sqlite:///data/imagine.db"
    images: str = "data/images"
    retention_days: int = 30
    metadata: bool = False
    images_endpoint: str = ""  #: empty: Amazon's
    images_region: str = ""  #: empty: as the environment says
    images_key: Secret | None = None  #: None: the machine's role, or what else the storage's client finds by itself
    images_secret: Secret | None = None
    images_token: Secret | None = None

    @property
    def bucket(self) -> tuple[str, str]:
        """Its name, and a prefix that is empty or ends in a slash; ("", "") where the pictures are in a folder."""
        if not self.images.startswith("s3://"):
            return "", ""
        name, _, prefix = self.images.removeprefix("s3://").partition("/")
        return name, prefix and prefix + "/"

    @property
    def folder(self) -> str:
        """Beside the pictures or the database, for what is small and need not last."""
        if not self.bucket[0]:
            return str(PurePath(self.images).parent)
        return str(PurePath(self.sqlite_path).parent) if self.sqlite_path else "data"

    @property
    def postgres(self) -> bool:
        return not self.url.startswith("sqlite:")

    @property
    def sqlite_path(self) -> str:
        """Relative paths have three slashes, absolute ones four: sqlite:////var/lib/imagine/imagine.db."""
        return "" if self.postgres else self.url.removeprefix("sqlite:///")


@dataclass(frozen=True, slots=True)
class WebSettings:
    host: str = "127.0.0.1"
    port: int = 8080
    chat: bool = True
    public_url: str = ""  #: never empty once loaded: `address` where the file names none

    @property
    def address(self) -> str:
        """Where this machine reaches it."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Shards:
    """What one process serves of a bot that is cut into ``count`` parts; both ends included."""

    first: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    api: str = "https://discord.com/api/v10"
    gateway: str = "wss://gateway.discord.gg/"
    guilds: tuple[int, ...] = ()
    reply: Literal["thread", "channel"] = "thread"
    token: Secret | None = None
    shards: Shards | None = None  #: None: all, as many as Discord says


@dataclass(frozen=True, slots=True)
class SlackSettings:
    api: str = "https://slack.com/api/"
    mode: Literal["socket", "http"] = "socket"
    host: str = "0.0.0.0"  # noqa: S104 - Slack calls from outside in http mode, people in installing the app
    port: int = 3000
    bot_token: Secret | None = None
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    client_id: Secret | None = None  #: both: the app is installed by OAuth into any number of workspaces
    client_secret: Secret | None = None

    @property
    def installable(self) -> bool:
        return self.client_id is not None and self.client_secret is not None


@dataclass(frozen=True, slots=True)
class DiffusersOptions:
    model: str
    device: str = "auto"  #: the best there is
    dtype: str = "auto"  #: what suits the device
    scheduler: str = ""  #: empty: the checkpoint's own
    guidance: float | None = None  #: where a request names none; None: what the checkpoint's kind wants
    max_batch: int = 0  #: pictures; 0: as measured
    compile: bool = False
    loras: Mapping[str, str] = field(default_factory=dict)
    sizes: tuple[Size, ...] = ()
    subjects: tuple[str, ...] = ()
    refiner: str = ""
    safety_checker: str = ""
    exact: bool = False  #: a picture's bits never depend on who shares its batch
    stall_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class ImagePipelineOptions:
    """None: as the backend has it; nothing is sent but the model's id."""

    model_id: str | None = None
    refiner: bool | None = None
    scheduler: str | None = None
    safety_checker: bool | None = None
    strength: float | None = None


@dataclass(frozen=True, slots=True)
class HiveOptions:
    """None: not sent."""

    output_format: Literal["png", "jpeg"] | None = None
    output_quality: int | None = None


Options = DiffusersOptions | ImagePipelineOptions | HiveOptions | None
Kind = Literal["sketch", "diffusers", "ovh", "dataoorts", "hive", "imagepipeline", "ray"]


@dataclass(frozen=True, slots=True)
class BackendSettings:
    name: str
    kind: Kind
    price_per_image: float | None = None  #: dollars; None: the price that is built in
    timeout_seconds: float = 120.0
    daily_budget_usd: float = 0.0  #: 0: no cap
    url: str = ""  #: empty: the documented endpoint
    image_hosts: tuple[str, ...] = ()
    key_env: str = ""  #: the variable the key comes from, once loaded
    key: Secret | None = None
    options: Options = None  #: of its kind


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    order: tuple[str, ...] = ()  #: once loaded: every backend where the file names none


@dataclass(frozen=True, slots=True)
class ModerationSettings:
    mode: Literal["open", "new-members", "review-all", "closed"] = "open"
    trusted_after: int = 3
    blocked: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    required_approvals: int = 1
    report_threshold: int = 3
    review_channels: Mapping[str, str] = field(default_factory=dict)  #: tenant -> channel
    picture_check: str = ""  #: a folder in the transformers image-classification format; empty: none
    picture_holds: Mapping[str, float] = field(default_factory=dict)  #: label -> least score
    picture_blocks: Mapping[str, float] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)  #: tenant:channel -> mode
    trusted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: person or group -> categories of holds


@dataclass(frozen=True, slots=True)
class Settings:
    store: StoreSettings
    web: WebSettings
    discord: DiscordSettings | None  #: None: off
    slack: SlackSettings | None
    backends: Mapping[str, BackendSettings]
    routing: RoutingSettings
    quota: QuotaSettings
    styles: Mapping[str, Style]
    moderation: ModerationSettings
    signing: Secret | None = None  #: IMAGINE_SECRET; None: to be made beside the database
    secrets: tuple[Secret, ...] = ()  #: all that were found, for redaction
