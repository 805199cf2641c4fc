"""From a `[backends.NAME]` table to the backend. Each kind is imported only when a table names it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, assert_never

from bot.errors import SettingsError
from bot.model import Problem
from bot.ports import Backend
from bot.settings import BackendSettings, DiffusersOptions, HiveOptions, ImagePipelineOptions

if TYPE_CHECKING:
    from adapters.backends.limits import Limiter


def build_backend(settings: BackendSettings, limiter: "Limiter | None" = None) -> Backend:
    """``limiter``: where turns of the hosted ones' keys are taken; None: in this process.

    Raises SettingsError for a kind that this version cannot open.
    """
    match settings.kind:
        case "sketch":
            from adapters.backends.sketch import SketchBackend

            return SketchBackend(settings.name, timeout_seconds=settings.timeout_seconds)
        case "ovh":
            from adapters.backends.ovh import Ovh

            return Ovh(**_hosted(settings, limiter))
        case "dataoorts":
            from adapters.backends.dataoorts import Dataoorts

            return Dataoorts(**_hosted(settings, limiter))
        case "hive":
            from adapters.backends.hive import Hive

            assert settings.options is None or isinstance(settings.options, HiveOptions)
            return Hive(**_hosted(settings, limiter), **_fetching(settings), **_said(settings.options))
        case "imagepipeline":
            from adapters.backends.imagepipeline import ImagePipeline

            assert settings.options is None or isinstance(settings.options, ImagePipelineOptions)
            return ImagePipeline(**_hosted(settings, limiter), **_fetching(settings), **_said(settings.options))
        case "diffusers":
            from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig

            assert isinstance(settings.options, DiffusersOptions)
            config = DiffusersConfig(**asdict(settings.options), timeout_seconds=settings.timeout_seconds)
            return DiffusersBackend(settings.name, config)
        case "ray":
            raise SettingsError([Problem("ray_not_yet", {"name": settings.name})])
        case _:
            assert_never(settings.kind)


def _hosted(settings: BackendSettings, limiter: "Limiter | None") -> dict[str, Any]:
    """What every hosted provider takes; what the file leaves out keeps the provider's own default."""
    given = {
        "name": settings.name,
        "key": settings.key.reveal() if settings.key else "",
        "timeout_seconds": settings.timeout_seconds,
        "url": settings.url or None,
        "price_per_image": settings.price_per_image,
        "key_env": settings.key_env or None,
        "limiter": limiter,
    }
    return {name: value for name, value in given.items() if value is not None}


def _fetching(settings: BackendSettings) -> dict[str, Any]:
    return {"image_hosts": settings.image_hosts}


def _said(options: HiveOptions | ImagePipelineOptions | None) -> dict[str, Any]:
    """The options that were set; None and empty are left out of the provider's body."""
    fields = asdict(options) if options else {}
    return {name: value for name, value in fields.items() if value is not None and value != ""}
