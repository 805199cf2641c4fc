"""One picture on its way: its own noise, schedule, prompt and guidance, whoever it shares a UNet call with."""

import inspect
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from adapters.backends.diffusers.prompts import Embedding


@dataclass(frozen=True)
class Input:
    """One row of a UNet call."""

    latent: torch.Tensor  #: (1, channels, height, width), scaled as the scheduler wants it
    timestep: torch.Tensor  #: no dimension
    prompt: Embedding
    time_ids: torch.Tensor | None  #: (1, 5 or 6), SDXL's micro-conditions
    guidance: torch.Tensor | None  #: (1, width), where a distilled UNet takes the guidance as an input


@dataclass(frozen=True)
class Conditions:
    """What the UNet is told besides the latents; ``negative`` is None where nothing is guided away from."""

    positive: Embedding
    negative: Embedding | None
    time_ids: torch.Tensor | None = None
    negative_time_ids: torch.Tensor | None = None
    guidance: torch.Tensor | None = None


class Course:
    """The way through one UNet: the base model's, then the refiner's where there is one."""

    def __init__(
        self,
        part: str,
        scheduler: Any,
        timesteps: Sequence[torch.Tensor],
        conditions: Conditions,
        scale: float,
        generator: torch.Generator,
    ) -> None:
        self.part = part
        self.done = 0
        self.scheduler = scheduler
        self._timesteps = timesteps
        self.conditions = conditions
        self._scale = scale
        known = inspect.signature(scheduler.step).parameters
        told = {"generator": generator, "eta": 0.0}  # eta as the pipelines have it; TCD's own default is another
        self._extra: dict[str, Any] = {name: value for name, value in told.items() if name in known}

    @property
    def steps(self) -> int:
        return len(self._timesteps)

    @property
    def rows(self) -> int:
        return 1 if self.conditions.negative is None else 2

    @property
    def tokens(self) -> tuple[int, bool]:
        """The longest prompt of the two, and whether the other one needs padding."""
        lengths = {one.hidden.shape[1] for one in (self.conditions.positive, self.conditions.negative) if one}
        return max(lengths), len(lengths) > 1

    def inputs(self, latents: torch.Tensor) -> list[Input]:
        timestep = self._timesteps[self.done]
        latents = self.scheduler.scale_model_input(latents, timestep)
        told = self.conditions
        positive = Input(latents, timestep, told.positive, told.time_ids, told.guidance)
        if told.negative is None:
            return [positive]
        return [Input(latents, timestep, told.negative, told.negative_time_ids, told.guidance), positive]

    def advance(self, latents: torch.Tensor, predicted: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """The latents after one step, and an estimate of the finished ones for a preview.

        ``predicted`` has one tensor for each of `inputs`.
        """
        towards = predicted[-1]
        if len(predicted) == 2:
            towards = predicted[0] + self._scale * (predicted[1] - predicted[0])
        out = self.scheduler.step(towards, self._timesteps[self.done], latents, **self._extra)
        self.done += 1
        estimate = getattr(out, "pred_original_sample", None)
        if estimate is None:
            estimate = getattr(out, "denoised", None)
        after: torch.Tensor = out.prev_sample.to(latents.dtype)
        return after, after if estimate is None else estimate


class Row:
    def __init__(self, latents: torch.Tensor, courses: Sequence[Course], loras: Hashable, *, seed: int) -> None:
        self.latents = latents
        self.estimate = latents
        self.seed = seed
        self.loras = loras
        self._courses = courses
        self.steps = sum(course.steps for course in courses)

    @property
    def course(self) -> Course:
        """The one under way; the last one where all are done."""
        return next((course for course in self._courses if course.done < course.steps), self._courses[-1])

    @property
    def done(self) -> int:
        return sum(course.done for course in self._courses)

    @property
    def finished(self) -> bool:
        return self.done == self.steps

    @property
    def work(self) -> int:
        """UNet rows still to be computed."""
        return sum((course.steps - course.done) * course.rows for course in self._courses)

    @property
    def shape(self) -> Hashable:
        """What a UNet call's time depends on, row count aside."""
        return (self.course.part, *self.latents.shape[2:])

    def key(self, *, exact: bool) -> Hashable:
        """Pictures of the same key can share a UNet call, in exact mode without changing each other's bits."""
        return (self.shape, self.loras, self.course.tokens if exact else None)

    def inputs(self) -> list[Input]:
        return self.course.inputs(self.latents)

    def advance(self, predicted: Sequence[torch.Tensor]) -> None:
        self.latents, self.estimate = self.course.advance(self.latents, predicted)
