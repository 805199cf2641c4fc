"""From imagine.toml to backends and the pictures' shelf. What it does not name is not imported."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

from adapters.images.shelf import DiskShelf, Shelf
from bot.errors import SettingsError
from bot.model import Problem
from bot.ports import Backend
from bot.settings import BackendSettings, DiffusersOptions, HiveOptions, ImagePipelineOptions, Secret, StoreSettings

if TYPE_CHECKING:
    from adapters.backends.limits import Limiter

def build_backend(settings: BackendSettings, limiter: "Limiter | None" = None) -> Backend:
    """``limiter``: where turns of the hosted ones' keys are taken; None: in this process."""
    match settings.kind:
        case "sketch":
            from adapters.backends.sketch import SketchBackend

            return SketchBackend(settings.name, timeout_seconds=settings.timeout_seconds)
        case "diffusers":
            return _diffusers(settings)
        case "ray":
            return _ray(settings)
        case "ovh" | "dataoorts" | "hive" | "imagepipeline":
            return _provider(settings, settings.kind, limiter)
        case _:
            assert_never(settings.kind)


def _provider(
    settings: BackendSettings, kind: Literal["ovh", "dataoorts", "hive", "imagepipeline"], limiter: "Limiter | None"
) -> Backend:
    match kind:
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
        case _:
            assert_never(kind)


def build_shelf(store: StoreSettings) -> Shelf:
    """Raises SettingsError where a bucket is named and its client is not installed, OSError for the folder."""
    name, prefix = store.bucket
    if not name:
        return DiskShelf(Path(store.images))
    try:
        from adapters.images.s3 import Bucket, S3Shelf
    except ImportError as error:
        raise SettingsError([Problem("images_no_s3", {"name": error.name})]) from None
    key, secret, token = (_revealed(each) for each in (store.images_key, store.images_secret, store.images_token))
    return S3Shelf(Bucket(name, prefix, store.images_endpoint, store.images_region, key, secret, token))


def _revealed(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""


def _diffusers(settings: BackendSettings) -> Backend:
    from adapters.backends.diffusers.backend import DiffusersBackend, DiffusersConfig

    assert isinstance(settings.options, DiffusersOptions)
    config = DiffusersConfig(**_plainly(settings.options), timeout_seconds=settings.timeout_seconds)
    return DiffusersBackend(settings.name, config)


def _ray(settings: BackendSettings) -> Backend:
    from adapters.backends.ray.backend import URL, RayBackend

    return RayBackend(
        settings.name,
        url=settings.url or URL,
        token=_revealed(settings.key),
        timeout_seconds=settings.timeout_seconds,
        price_per_image=settings.price_per_image or 0.0,
    )


def _plainly(options: DiffusersOptions) -> dict[str, Any]:
    """By field; unlike `asdict`, which would take the sizes apart too."""
    return {each.name: getattr(options, each.name) for each in fields(options)}


def _hosted(settings: BackendSettings, limiter: "Limiter | None") -> dict[str, Any]:
    """What every hosted provider takes; what the file leaves out keeps the provider's own default."""
    given = {
        "name": settings.name,
        "key": _revealed(settings.key),
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
