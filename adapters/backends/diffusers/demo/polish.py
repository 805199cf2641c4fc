"""The decoder's last lessons: latents as the diffusion model leaves them.

Its errors are not the noise that the decoder learned with, and at the edges of things they show. So true latents are
noised a part of the way, denoised again by the model itself, and the decoder learns to draw the scene all the same;
half of every batch stays true.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor

from adapters.backends.diffusers.demo import autoencoder, parts, recipe
from adapters.backends.diffusers.demo.autoencoder import CELL, MATRIX_RATE, OTHER_RATE, has_star, scene_with, to_tensor
from adapters.backends.diffusers.demo.captions import full_caption
from adapters.backends.diffusers.demo.curve import LossLog
from adapters.backends.diffusers.demo.muon import fast, set_rates
from adapters.backends.diffusers.demo.sampling import STEPS
from adapters.backends.diffusers.demo.scenes import Scene, draw, is_hard, random_scene
from adapters.backends.diffusers.demo.store import load_state, save_state

NAME = "polished.pt"
LOSSES = "polish-loss.csv"
LAST_STEPS = (3, 5, 7, 9, 11)  #: of the model's STEPS; it is handed noise from which it takes that many
GUIDANCES = (1.5, 2.0, 3.0)
TOGETHER = 32
CELLS = 9  #: a crop's side, in latents; a thing and its surroundings
BATCH = 12
NOISE = 0.06
STARS, HARD = 0.35, 0.3  #: of the scenes have a star, or what else is hard
RATE = 0.4  #: of the first training's peak


@dataclass(frozen=True)
class Lesson:
    """``latents``: (3, 16, 16), as the decoder is given them."""

    scene: Scene
    latents: torch.Tensor


@torch.no_grad()
def lessons(denoiser: parts.Denoiser, count: int, rng: Random) -> list[Lesson]:
    """Scenes and what the model makes of them."""
    found: list[Lesson] = []
    while len(found) < count:
        some = [_scene(rng) for _ in range(min(TOGETHER, count - len(found)))]
        latents = _redrawn(denoiser, some, rng) / recipe.VAE["scaling_factor"]
        found += [Lesson(scene, each) for scene, each in zip(some, latents, strict=True)]
    return found


def _redrawn(denoiser: parts.Denoiser, some: Sequence[Scene], rng: Random) -> torch.Tensor:
    scheduler, words = parts.scheduler(), parts.tokenizer()
    scheduler.set_timesteps(STEPS)
    timesteps = scheduler.timesteps[-rng.choice(LAST_STEPS) :]
    guidance = rng.choice(GUIDANCES)
    texts = [""] * len(some) + [full_caption(scene) for scene in some]
    ids = words(texts, padding="max_length", truncation=True, max_length=recipe.TOKENS, return_tensors="pt").input_ids
    true = to_tensor([np.asarray(draw(scene).reduce(CELL)) for scene in some]) * recipe.VAE["scaling_factor"]
    generator = torch.Generator().manual_seed(rng.getrandbits(60))
    latents = scheduler.add_noise(true, torch.randn(true.shape, generator=generator), timesteps[:1])
    for timestep in timesteps:
        with torch.autocast("cpu", torch.bfloat16):
            guess = denoiser(torch.cat([latents, latents]), timestep.repeat(len(texts)), ids)
        free, told = guess.float().chunk(2)
        latents = scheduler.step(free + guidance * (told - free), timestep, latents).prev_sample
    return latents


def _batch(known: Sequence[Lesson], rng: Random) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and pixels of crops round things: the model's and true ones by turns."""
    latents, pixels = [], []
    for number in range(BATCH):
        lesson = rng.choice(known) if number % 2 else _true(rng)
        thing = rng.choice(lesson.scene.things)
        last = recipe.LATENT_SIDE - CELLS
        left, top = (
            min(max(round(at / CELL - CELLS / 2 + rng.uniform(-2, 2)), 0), last) for at in (thing.x, thing.y)
        )
        whole = np.asarray(draw(lesson.scene))
        latents.append(lesson.latents[:, top : top + CELLS, left : left + CELLS])
        pixels.append(whole[top * CELL : (top + CELLS) * CELL, left * CELL : (left + CELLS) * CELL])
    return torch.stack(latents), to_tensor(pixels)


def _scene(rng: Random) -> Scene:
    chance = rng.random()
    if chance < STARS:
        return scene_with(rng, has_star)
    return scene_with(rng, is_hard) if chance < STARS + HARD else random_scene(rng)


def _true(rng: Random) -> Lesson:
    scene = _scene(rng)
    latents = to_tensor([np.asarray(draw(scene).reduce(CELL))])[0]
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(rng.getrandbits(60)))
    return Lesson(scene, latents + NOISE * rng.random() * noise)


def train(folder: Path, steps: int, seed: int, *, pool: int = 1280, save_every: float = 120.0) -> None:
    """From the states of both trainings in ``folder``; goes on from its own."""
    denoiser, vae = parts.Denoiser(parts.tokenizer()), autoencoder.build()
    denoiser.unet.set_attn_processor(AttnProcessor())
    load_state(folder / "diffusion.pt", average=denoiser)
    load_state(folder / "autoencoder.pt", vae=vae)
    ends = ("layers.0.", f"layers.{len(vae.decoder.layers) - 1}.")
    optimizers = fast(vae.decoder.named_parameters(), MATRIX_RATE, OTHER_RATE, plain=ends)
    done = load_state(folder / NAME, vae=vae, **optimizers)
    if done >= steps:
        return
    vae.to(memory_format=torch.channels_last)
    known = lessons(denoiser.eval(), pool, Random(f"{seed}:{done}"))
    losses = LossLog(folder / LOSSES)
    saved, mean = time.monotonic(), 0.0
    for step in range(done, steps):
        set_rates(optimizers, RATE * min(1.0, (step + 1) / 50) * (1 - step / steps))
        loss = _learn(vae, optimizers, *_batch(known, Random(f"{seed}:{step}")))
        losses.add(step + 1, loss)
        mean = 0.98 * mean + 0.02 * loss if step > done else loss
        if step % 50 == 49:
            print(f"polish {step + 1}/{steps} loss {mean:.4f}", flush=True)
        if time.monotonic() - saved > save_every or step + 1 == steps:
            save_state(folder / NAME, step + 1, vae=vae, **optimizers)
            saved = time.monotonic()
    losses.close()


def _learn(
    vae: Any, optimizers: dict[str, torch.optim.Optimizer], latents: torch.Tensor, pixels: torch.Tensor
) -> float:
    with torch.autocast("cpu", torch.bfloat16):
        drawn = vae.decoder(latents.contiguous(memory_format=torch.channels_last)).float()
    miss = drawn - pixels
    loss = miss.abs().mean() + miss.square().mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(vae.decoder.parameters(), 1.0)
    for optimizer in optimizers.values():
        optimizer.step()
        optimizer.zero_grad()
    return float(loss)
