"""Loading a checkpoint. Whatever is wrong with it becomes one `Problem`, whose sentence says what to mend."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoPipelineForText2Image, DiffusionPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline

from adapters.backends.diffusers import schedulers
from adapters.backends.diffusers.checkpoint import Facts, complaint, missing
from adapters.backends.diffusers.config import DiffusersConfig, always_on, preset
from adapters.backends.diffusers.model import NO_MEMORY, Checker, Model, Part
from adapters.backends.diffusers.ports import first_line
from adapters.backends.diffusers.prompts import Encoder
from adapters.backends.diffusers.whole import WholePipeline
from bot.model import Problem

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
STEPPED = (StableDiffusionXLPipeline, StableDiffusionPipeline)
MOST_SHAPES = 256  #: row counts times sizes that one UNet is compiled for
SMALL = 50_000_000  #: parameters of a UNet that has too little to do in a step for threads to share
LCM_GUIDANCE = 8.0  #: of a UNet that takes the guidance as an input, as in its pipeline


class Unloadable(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def load(config: DiffusersConfig) -> tuple[Model | WholePipeline, Facts]:
    """Raises Unloadable."""
    _be_quiet()
    device = _device(config.device)
    dtype = _dtype(config.dtype, device)
    with _explained(config.model):
        pipe = _pipeline(AutoPipelineForText2Image, config.model, dtype)
        _schedule(pipe, config)
        adapters = _loras(pipe, config)
        pipe.to(device)
        if type(pipe) not in STEPPED:
            return _whole(pipe, config)
        _settle_vae(pipe, dtype)
        parts = {"base": _part(pipe, device)}
        if device.type == "cpu" and pipe.unet.num_parameters() < SMALL:
            torch.set_num_threads(1)  # several would mostly wait for each other, for minutes on a busy machine
    if config.refiner:
        with _explained(config.refiner):
            parts["refiner"] = _refiner(config, pipe, device, dtype)
    checker = _checker(pipe, config, device, dtype)
    with _explained(config.model):
        if config.compile:
            _compile(parts.values())
        steps, guidance = _defaults(pipe, config)
        model = Model(
            pipe,
            parts,
            device=device,
            steps=steps,
            guidance=guidance,
            adapters=adapters,
            always=always_on(config),
            checker=checker,
        )
    step = pipe.vae_scale_factor
    return model, Facts(pipe.unet.config.sample_size * step, step)


def _compile(parts: Iterable[Part]) -> None:
    """For each shape anew; unless told otherwise, torch gives up after eight and draws uncompiled from then on."""
    from torch._dynamo import config

    config.recompile_limit = MOST_SHAPES
    config.accumulated_recompile_limit = 4 * MOST_SHAPES
    for part in parts:
        part.unet.compile(dynamic=False)


def _be_quiet() -> None:
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # AssertionError: torch built without CUDA
        raise Unloadable(Problem("engine_no_device", {"device": name})) from error
    return torch.device(name)


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        if name not in DTYPES:
            raise Unloadable(Problem("engine_no_dtype", {"dtype": name, "known": ", ".join(DTYPES)}))
        return DTYPES[name]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Turns whatever the libraries raise while they read ``model`` into Unloadable."""
    try:
        yield
    except Unloadable:
        raise
    except schedulers.UnknownScheduler as error:
        known = ", ".join(sorted(schedulers.NAMES))
        raise Unloadable(Problem("engine_no_scheduler", {"name": error.name, "known": known})) from error
    except Exception as error:
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(sign in str(error) for sign in NO_MEMORY):
            raise Unloadable(Problem("engine_no_memory", {"model": model})) from error
        raise Unloadable(Problem("engine_broken_model", {"model": model, "detail": first_line(error)})) from error


def _pipeline(kind: Any, model: str, dtype: torch.dtype, **parts: Any) -> Any:
    wrong = complaint(model)
    if wrong is not None:
        raise Unloadable(wrong)
    folder = Path(model).expanduser()
    local = folder.is_dir()
    where = str(folder) if local else model
    half = dtype is not torch.float32 and (not local or any(folder.glob("*/*.fp16.*")))
    try:
        return _from_pretrained(kind, where, {"dtype": dtype, "local_files_only": local, **parts}, half=half)
    except (OSError, ValueError) as error:
        if local:
            raise
        raise Unloadable(Problem("engine_not_on_hub", {"model": model, "detail": first_line(error)})) from error


def _from_pretrained(kind: Any, where: str, options: Mapping[str, Any], *, half: bool) -> Any:
    """Prefers the smaller files of 16-bit weights, where the checkpoint has them."""
    if half:
        try:
            return kind.from_pretrained(where, variant="fp16", **options)
        except (OSError, ValueError):
            pass
    return kind.from_pretrained(where, **options)


def _schedule(pipe: Any, config: DiffusersConfig) -> None:
    name = config.scheduler or preset(config).scheduler
    if not name or (not config.scheduler and type(pipe) not in STEPPED):
        return
    try:
        pipe.scheduler = schedulers.make(name, pipe.scheduler)
    except ImportError as error:
        values = {"name": name, "detail": _missing_library(error)}
        raise Unloadable(Problem("engine_scheduler_needs", values)) from error


def _missing_library(error: ImportError) -> str:
    return "it needs the package scipy" if "scipy" in str(error) else first_line(error)


def _loras(pipe: Any, config: DiffusersConfig) -> dict[str, str]:
    """LoRA name to the adapter name it got: peft takes no dot in one."""
    adapters = {}
    for number, (name, path) in enumerate(config.loras.items()):
        file = Path(path).expanduser()
        where, options = (file.parent, {"weight_name": file.name}) if file.is_file() else (path, {})
        local = file.exists() or file.is_absolute()
        try:
            pipe.load_lora_weights(str(where), adapter_name=f"lora{number}", local_files_only=local, **options)
        except ImportError as error:
            raise Unloadable(Problem("engine_lora_needs_peft", {})) from error
        except Exception as error:
            raise Unloadable(Problem("engine_no_lora", {"name": name, "path": path})) from error
        adapters[name] = f"lora{number}"
    if adapters:
        pipe.disable_lora()
    return adapters


def _settle_vae(pipe: Any, dtype: torch.dtype) -> None:
    """Where the checkpoint says that its VAE overflows in half precision, it stays in single precision."""
    if dtype is torch.float16 and getattr(pipe.vae.config, "force_upcast", False):
        pipe.vae.to(torch.float32)


def _part(pipe: Any, device: torch.device) -> Part:
    names = ("", "_2") if hasattr(pipe, "text_encoder_2") else ("",)
    encoder = Encoder(
        [getattr(pipe, f"tokenizer{name}", None) for name in names],
        [getattr(pipe, f"text_encoder{name}", None) for name in names],
        device,
        penultimate=len(names) > 1,
    )
    return Part(
        pipe.unet,
        encoder,
        pipe.scheduler,
        zeros=bool(getattr(pipe.config, "force_zeros_for_empty_prompt", False)),
        aesthetic=bool(getattr(pipe.config, "requires_aesthetics_score", False)),
    )


def _refiner(config: DiffusersConfig, base: Any, device: torch.device, dtype: torch.dtype) -> Part:
    pipe = _pipeline(DiffusionPipeline, config.refiner, dtype, vae=base.vae)
    if config.scheduler:
        pipe.scheduler = schedulers.make(config.scheduler, pipe.scheduler)
    pipe.to(device)
    return _part(pipe, device)


def _checker(pipe: Any, config: DiffusersConfig, device: torch.device, dtype: torch.dtype) -> Checker | None:
    """The one that is configured, else the checkpoint's own, else none."""
    if config.safety_checker:
        from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
        from transformers import CLIPImageProcessor

        wrong = missing(config.safety_checker)
        if wrong is not None:
            raise Unloadable(wrong)
        with _explained(config.safety_checker):
            folder = Path(config.safety_checker).expanduser()
            where: dict[str, Any] = {"local_files_only": folder.exists()}
            model = StableDiffusionSafetyChecker.from_pretrained(str(folder), dtype=dtype, **where)
            return Checker(model.to(device).eval(), CLIPImageProcessor.from_pretrained(str(folder), **where))
    own = getattr(pipe, "safety_checker", None)
    return None if own is None else Checker(own, pipe.feature_extractor)


def _defaults(pipe: Any, config: DiffusersConfig) -> tuple[int, float]:
    settings = preset(config)
    if config.guidance is not None:
        return settings.steps, config.guidance
    if pipe.unet.config.time_cond_proj_dim is not None:
        return settings.steps, LCM_GUIDANCE
    if settings.guidance is not None:
        return settings.steps, settings.guidance
    return settings.steps, 5.0 if isinstance(pipe, StableDiffusionXLPipeline) else 7.5


def _whole(pipe: Any, config: DiffusersConfig) -> tuple[WholePipeline, Facts]:
    settings = preset(config)
    step = getattr(pipe, "vae_scale_factor", 8)
    side = getattr(pipe, "default_sample_size", 1024 // step) * step
    return WholePipeline(pipe, settings.steps, settings.guidance), Facts(side, step)
