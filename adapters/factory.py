"""From a `[backends.NAME]` table to the backend. Each kind is imported only when a table names it."""

from dataclasses import asdict, fields
from typing import Any, Literal, assert_never

from bot.ports import Backend
from bot.settings import BackendSettings, DiffusersOptions, HiveOptions, ImagePipelineOptions


def build_backend(settings: BackendSettings) -> Backend:
    match settings.kind:
        case "sketch":
            from adapters.backends.sketch import SketchBackend

            return SketchBackend(settings.name)
        case "diffusers":
            return _diffusers(settings)
        case "ray":
            return _ray(settings)
        case "ovh" | "dataoorts" | "hive" | "imagepipeline":
            return _provider(settings, settings.kind)
        case _:
            assert_never(settings.kind)


def _provider(settings: BackendSettings, kind: Literal["ovh", "dataoorts", "hive", "imagepipeline"]) -> Backend:
    match kind:
        case "ovh":
            from adapters.backends.ovh import Ovh

            return Ovh(**_hosted(settings))
        case "dataoorts":
            from adapters.backends.dataoorts import Dataoorts

            return Dataoorts(**_hosted(settings))
        case "hive":
            from adapters.backends.hive import Hive

            assert settings.options is None or isinstance(settings.options, HiveOptions)
            return Hive(**_hosted(settings), **_fetching(settings), **_said(settings.options))
        case "imagepipeline":
            from adapters.backends.imagepipeline import ImagePipeline

            assert settings.options is None or isinstance(settings.options, ImagePipelineOptions)
            return ImagePipeline(**_hosted(settings), **_fetching(settings), **_said(settings.options))
        case _:
            assert_never(kind)


def _diffusers(settings: BackendSettings) -> Backend:
    from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig

    assert isinstance(settings.options, DiffusersOptions)
    options = {field.name: getattr(settings.options, field.name) for field in fields(settings.options)}
    return DiffusersBackend(settings.name, DiffusersConfig(**options, timeout_seconds=settings.timeout_seconds))


def _ray(settings: BackendSettings) -> Backend:
    from adapters.backends.ray.backend import URL, RayBackend

    return RayBackend(
        settings.name,
        url=settings.url or URL,
        token=settings.key.reveal() if settings.key else "",
        timeout_seconds=settings.timeout_seconds,
        price_per_image=settings.price_per_image or 0.0,
    )


def _hosted(settings: BackendSettings) -> dict[str, Any]:
    """What every hosted provider takes; what the file leaves out keeps the provider's own default."""
    given = {
        "name": settings.name,
        "key": settings.key.reveal() if settings.key else "",
        "timeout_seconds": settings.timeout_seconds,
        "url": settings.url or None,
        "price_per_image": settings.price_per_image,
        "key_env": settings.key_env or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _fetching(settings: BackendSettings) -> dict[str, Any]:
    return {"image_hosts": settings.image_hosts}


def _said(options: HiveOptions | ImagePipelineOptions | None) -> dict[str, Any]:
    """The options that were set; None and empty are left out of the provider's body."""
    fields = asdict(options) if options else {}
    return {name: value for name, value in fields.items() if value is not None and value != ""}
