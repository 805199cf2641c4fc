"""A loaded checkpoint: noise, denoising and decoding. All that touches the card is here; nothing knows a queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from diffusers.utils.torch_utils import randn_tensor
from numpy.typing import NDArray
from PIL import Image

from adapters.backends.diffusers import tags
from adapters.backends.diffusers.ports import Trouble
from adapters.backends.diffusers.prompts import Embedding, Encoder
from adapters.backends.diffusers.row import Conditions, Course, Input, Row
from bot.model import Drawing

Pixels: TypeAlias = NDArray[np.uint8]
"""(height, width, 3)"""

HANDOVER = 0.8  #: of the way; the refiner draws the rest, as its authors recommend
AESTHETIC, NEGATIVE_AESTHETIC = 6.0, 2.5  #: the refiner's usual scores, as in its pipeline


NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
STICKY = ("CUDA error", "device-side assert", "CUBLAS_STATUS", "CUDNN_STATUS_EXECUTION_FAILED")


class Blank(Exception):
    """The picture has one colour, or is made of what is no number."""


@dataclass
class Part:
    """One UNet and what speaks to it. ``zeros``: no negative prompt means zeros, not an encoded empty text."""

    unet: Any
    encoder: Encoder
    scheduler: Any
    zeros: bool
    aesthetic: bool = False  #: a refiner: told a score in place of the target size

    def __post_init__(self) -> None:
        self.dtype: torch.dtype = self.unet.dtype  # the property walks the whole model, too slow for every step


@dataclass(frozen=True)
class Checker:
    """A safety checker and what prepares pictures for it."""

    model: Any
    extractor: Any


class Model:
    """``parts`` has "base" and perhaps "refiner". Not thread-safe: one thread owns it."""

    def __init__(
        self,
        pipe: Any,
        parts: Mapping[str, Part],
        *,
        device: torch.device,
        steps: int,
        guidance: float,
        adapters: Mapping[str, str] | None = None,
        always: Sequence[str] = (),
        checker: Checker | None = None,
    ) -> None:
        """``adapters`` is LoRA name to peft adapter name; those in ``always`` are on for every picture."""
        self._pipe, self._parts, self._device = pipe, parts, device
        self._vae = pipe.vae
        self._steps, self._guidance = steps, guidance
        self._adapters, self._always = dict(adapters or {}), tuple(always)
        self._checker = checker
        self._loras: tags.Loras | None = None
        self._preview = self._fit_preview()

    # -- a new picture
    def rows(self, drawing: Drawing, seed: int) -> list[Row]:
        """The pictures of a request, picture i with the seed ``seed`` + i."""
        words, loras = tags.split(drawing.prompt, self._adapters)
        chosen = tuple(sorted({**dict.fromkeys(self._always, 1.0), **dict(loras)}.items()))
        self.use(chosen)
        return [self._row(drawing, words, seed + index, chosen) for index in range(drawing.count)]

    @torch.inference_mode()
    def _row(self, drawing: Drawing, words: str, seed: int, loras: tags.Loras) -> Row:
        generator = torch.Generator("cpu").manual_seed(seed)
        courses = self._courses(drawing, words, loras, generator)
        base = self._parts["base"]
        scale = self._pipe.vae_scale_factor
        shape = (1, base.unet.config.in_channels, drawing.size.height // scale, drawing.size.width // scale)
        noise = randn_tensor(shape, generator=generator, device=self._device, dtype=base.dtype)
        return Row(noise * courses[0].scheduler.init_noise_sigma, courses, loras, seed=seed)

    def _courses(self, drawing: Drawing, words: str, loras: tags.Loras, generator: torch.Generator) -> list[Course]:
        steps = drawing.steps or self._steps
        scale = self._guidance if drawing.guidance is None else drawing.guidance
        courses = []
        for name, part in self._parts.items():
            scheduler = _scheduled(part.scheduler, steps)
            timesteps = scheduler.timesteps
            if len(self._parts) > 1:
                timesteps = _share(scheduler, refining=name == "refiner")
            told = self._conditions(part, drawing, words, loras, scale)
            if len(timesteps):
                courses.append(Course(name, scheduler, list(timesteps), told, scale, generator))
        return courses

    def _conditions(self, part: Part, drawing: Drawing, words: str, loras: tags.Loras, scale: float) -> Conditions:
        positive, negative = part.encoder.encode(words, loras), None
        width = part.unet.config.time_cond_proj_dim
        if scale > 1 and width is None:
            negative = self._negative(part, drawing.negative_prompt, positive, loras)
        guidance = None
        if width is not None:
            wanted = torch.tensor([scale - 1.0])
            guidance = self._pipe.get_guidance_scale_embedding(wanted, embedding_dim=width).to(positive.hidden)
        return Conditions(
            positive,
            negative,
            self._time_ids(part, drawing, AESTHETIC),
            self._time_ids(part, drawing, NEGATIVE_AESTHETIC),
            guidance,
        )

    @staticmethod
    def _negative(part: Part, text: str | None, positive: Embedding, loras: tags.Loras) -> Embedding:
        """An empty negative prompt is none at all, and then SDXL wants zeros."""
        if text or not part.zeros:
            return part.encoder.encode(text or "", loras)
        return positive.zeros()

    def _time_ids(self, part: Part, drawing: Drawing, score: float) -> torch.Tensor | None:
        if part.unet.config.addition_embed_type != "text_time":
            return None
        size = (drawing.size.height, drawing.size.width)
        ids = (*size, 0, 0, score) if part.aesthetic else (*size, 0, 0, *size)
        return torch.tensor([ids], dtype=part.dtype, device=self._device)

    # -- a step
    def use(self, loras: tags.Loras) -> None:
        """Switch LoRAs; free where they are the ones already on."""
        if loras == self._loras or not self._adapters:
            return
        if loras:
            self._pipe.enable_lora()
            self._pipe.set_adapters([self._adapters[name] for name, _ in loras], [weight for _, weight in loras])
        else:
            self._pipe.disable_lora()
        self._loras = loras

    @torch.inference_mode()
    def inputs(self, row: Row) -> list[Input]:
        return row.inputs()

    @torch.inference_mode()
    def denoise(self, part: str, inputs: Sequence[Input], rows: int) -> list[torch.Tensor]:
        """One UNet call for ``inputs``, filled up to ``rows`` rows; as many predictions as inputs."""
        padded = [*inputs, *[inputs[0]] * (rows - len(inputs))]
        used = self._parts[part]
        hidden, mask = _stack([one.prompt.hidden for one in padded])
        told: dict[str, Any] = {}
        if padded[0].time_ids is not None:
            told["added_cond_kwargs"] = {
                "text_embeds": _cat([one.prompt.pooled for one in padded]),
                "time_ids": _cat([one.time_ids for one in padded]),
            }
        if padded[0].guidance is not None:
            told["timestep_cond"] = _cat([one.guidance for one in padded])
        if mask is not None:
            told["encoder_attention_mask"] = mask
        predicted: torch.Tensor = used.unet(
            torch.cat([one.latent for one in padded]).to(used.dtype),
            torch.stack([one.timestep.float() for one in padded]).to(self._device),
            encoder_hidden_states=hidden,
            return_dict=False,
            **told,
        )[0]
        return list(predicted[: len(inputs)].split(1))

    @torch.inference_mode()
    def advance(self, row: Row, predicted: Sequence[torch.Tensor]) -> None:
        row.advance(predicted)

    # -- a finished picture
    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> Pixels:
        """Raises Blank. A VAE that overflows in half precision decodes in single precision from then on."""
        if not torch.isfinite(latents).all():
            raise Blank("the latents are not numbers")
        pixels = self._pixels(self._decoded(latents))
        if pixels is None and self._vae.dtype != torch.float32:
            self._vae.to(torch.float32)
            pixels = self._pixels(self._decoded(latents))
        if pixels is None:
            raise Blank("the decoded picture has one colour")
        return pixels

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        config = self._vae.config
        latents = latents.to(self._vae.dtype)
        mean, deviation = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is not None and deviation is not None:
            spread = torch.tensor(deviation).view(1, -1, 1, 1).to(latents) / config.scaling_factor
            latents = latents * spread + torch.tensor(mean).view(1, -1, 1, 1).to(latents)
        else:
            latents = latents / config.scaling_factor
        picture: torch.Tensor = self._vae.decode(latents, return_dict=False)[0]
        return picture

    @staticmethod
    def _pixels(picture: torch.Tensor) -> Pixels | None:
        """From (1, 3, height, width) in -1 to 1; None where it is no picture."""
        if not torch.isfinite(picture).all():
            return None
        scaled = (picture[0] * 0.5 + 0.5).clamp(0, 1).permute(1, 2, 0).float().cpu().numpy()
        pixels: Pixels = (scaled * 255).round().astype(np.uint8)
        return None if (pixels == pixels[:1, :1]).all() else pixels

    @torch.inference_mode()
    def is_unsafe(self, pixels: Pixels) -> bool:
        """What the safety checker says, where there is one."""
        if self._checker is None:
            return False
        model = self._checker.model
        seen = self._checker.extractor([Image.fromarray(pixels)], return_tensors="pt").pixel_values
        checked = pixels[None].astype(np.float32) / 255
        _, flagged = model(images=checked, clip_input=seen.to(self._device, next(model.parameters()).dtype))
        return bool(flagged[0])

    # -- previews
    @torch.inference_mode()
    def preview(self, latents: torch.Tensor) -> Pixels:
        """One pixel a latent: a linear map of its channels, which costs nothing."""
        flat = torch.nan_to_num(latents[0].float()).flatten(1).T
        colours = flat @ self._preview[:-1] + self._preview[-1]
        shaped = colours.view(*latents.shape[2:], 3).mul(0.5).add(0.5).clamp(0, 1).mul(255).round()
        pixels: Pixels = shaped.to(torch.uint8).cpu().numpy()
        return pixels

    @torch.inference_mode()
    def _fit_preview(self) -> torch.Tensor:
        """(channels + 1, 3): least squares from latents, flat in patches, to what the VAE makes of them."""
        channels = self._parts["base"].unet.config.in_channels
        coarse = torch.randn((4, channels, 4, 4), generator=torch.Generator("cpu").manual_seed(0))
        latents = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
        decoded = [self._decoded(one[None].to(self._device)).float().cpu() for one in latents]
        small = F.adaptive_avg_pool2d(torch.nan_to_num(torch.cat(decoded)).clamp(-1, 1), latents.shape[2:])
        known = latents.permute(0, 2, 3, 1).flatten(0, 2)
        known = torch.cat([known, torch.ones(len(known), 1)], dim=1)
        fitted = torch.linalg.lstsq(known, small.permute(0, 2, 3, 1).flatten(0, 2)).solution
        return fitted.to(self._device)

    # -- the card
    def settle(self) -> None:
        """Wait for the card, so that what is measured is the work and errors come where they belong."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def trouble(self, error: Exception) -> Trouble:
        return trouble(error)

    def free(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._device.type == "mps":
            torch.mps.empty_cache()

    def relieve(self) -> None:
        """The last resort before giving up for lack of memory: decode in slices and tiles, from now on."""
        self.free()
        for way in ("enable_slicing", "enable_tiling"):
            if hasattr(self._vae, way):
                getattr(self._vae, way)()


def trouble(error: Exception) -> Trouble:
    """What an exception of any of this package's torch modules means."""
    words = str(error)
    if isinstance(error, Blank):
        return Trouble.BLANK
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return Trouble.MEMORY
    if not isinstance(error, RuntimeError):
        return Trouble.OTHER
    if any(sign in words for sign in NO_MEMORY):
        return Trouble.MEMORY
    sticky = isinstance(error, torch.AcceleratorError) or any(sign in words for sign in STICKY)
    return Trouble.STICKY if sticky else Trouble.OTHER


def _scheduled(template: Any, steps: int) -> Any:
    """A scheduler of its own; its times stay off the card, where asking for one would stop the queue."""
    scheduler = type(template).from_config(template.config)
    scheduler.set_timesteps(steps, device="cpu")
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
    return scheduler


def _share(scheduler: Any, *, refining: bool) -> torch.Tensor:
    """The timesteps before the handover, or those from it on, cut where the two pipelines cut them."""
    train = scheduler.config.num_train_timesteps
    cut = round(train - HANDOVER * train)
    timesteps: torch.Tensor = scheduler.timesteps
    if not refining:
        return timesteps[: int((timesteps >= cut).sum())]
    count = int((timesteps < cut).sum())
    if scheduler.order == 2 and count % 2 == 0:
        count += 1
    start = len(timesteps) - count
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(start)
    return timesteps[start:]


def _cat(tensors: Sequence[torch.Tensor | None]) -> torch.Tensor:
    return torch.cat([one for one in tensors if one is not None])


def _stack(hidden: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(rows, tokens, width), shorter prompts padded, and the mask that hides the padding where there is any."""
    most = max(one.shape[1] for one in hidden)
    if all(one.shape[1] == most for one in hidden):
        return torch.cat(list(hidden)), None
    padded = [F.pad(one, (0, 0, 0, most - one.shape[1])) for one in hidden]
    mask = torch.tensor([[1.0] * one.shape[1] + [0.0] * (most - one.shape[1]) for one in hidden])
    return torch.cat(padded), mask.to(hidden[0].device)
