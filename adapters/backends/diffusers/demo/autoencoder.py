"""The picture's code: 128 by 128 pixels to a thumbnail of 16 by 16 and back.

The encoder is no network but the mean colour of each cell of 8 by 8 pixels, written as the weights of a linear
AutoencoderTiny: the latents are then colours, which a small diffusion model learns easily. The decoder learns to draw
the sharp picture again, on crops round the edges of things, where all the detail is, and from noisy latents, so that
small errors of the diffusion model stay invisible.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import AutoencoderTiny

from adapters.backends.diffusers.demo import recipe
from adapters.backends.diffusers.demo.curve import LossLog
from adapters.backends.diffusers.demo.muon import fast, set_rates
from adapters.backends.diffusers.demo.scenes import SIDE, Scene, Shape, draw, random_scene
from adapters.backends.diffusers.demo.store import load_state, save_state

LOSSES = "autoencoder-loss.csv"
CELL = SIDE // recipe.LATENT_SIDE
CROP = 48
CROPS_PER_SCENE = 3
BATCH = 32
MATRIX_RATE, OTHER_RATE = 3e-3, 1e-3
NOISE = 0.05
STARS = 0.5  #: of the scenes have one
#: The last part of the training sees whole pictures, as they are drawn later.
WHOLE_FROM = 0.85


def build() -> AutoencoderTiny:
    vae = AutoencoderTiny(**recipe.VAE)
    _average_in_encoder(vae.encoder)
    return vae


@torch.no_grad()
def _average_in_encoder(encoder: torch.nn.Module) -> None:
    """Sets the weights so that the latents are the mean colours of the cells, from -1 to 1."""
    convolutions = [layer for layer in encoder.layers if isinstance(layer, torch.nn.Conv2d)]
    for layer in convolutions:
        layer.weight.zero_()
        halves = layer.stride == (2, 2)
        for channel in range(3):
            if halves:
                layer.weight[channel, channel, 1:, 1:] = 0.25
            else:
                layer.weight[channel, channel, 1, 1] = 1.0
        if layer.bias is not None:
            layer.bias.zero_()
    convolutions[-1].weight.mul_(2.0)
    convolutions[-1].bias.fill_(-1.0)
    encoder.requires_grad_(False)


def to_tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    """RGB bytes to (n, 3, side, side) from -1 to 1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def crop_batches(seed: int, size: int) -> Iterator[torch.Tensor]:
    rng = Random(seed)
    crops: list[np.ndarray] = []
    while True:
        # a star's arms are thinner than a cell
        scene = scene_with(rng, has_star) if rng.random() < STARS else random_scene(rng)
        pixels = np.asarray(draw(scene))
        for _ in range(CROPS_PER_SCENE):
            left, top = _corner(scene, rng)
            crops.append(pixels[top : top + CROP, left : left + CROP])
        if len(crops) >= size:
            rng.shuffle(crops)
            yield to_tensor(crops[:size])
            crops = crops[size:]


def has_star(scene: Scene) -> bool:
    return any(thing.shape is Shape.STAR for thing in scene.things)


def scene_with(rng: Random, wanted: Callable[[Scene], bool]) -> Scene:
    return next(scene for scene in iter(lambda: random_scene(rng), None) if wanted(scene))


def whole_batches(seed: int, size: int) -> Iterator[torch.Tensor]:
    rng = Random(seed)
    while True:
        yield to_tensor([np.asarray(draw(random_scene(rng))) for _ in range(size)])


def _corner(scene: Scene, rng: Random) -> tuple[int, int]:
    """Left and top of a crop on the latents' grid, its middle about the edge of a thing."""
    thing = rng.choice(scene.things)
    reach = thing.diameter / 2
    middle = (thing.x + rng.uniform(-reach, reach), thing.y + rng.uniform(-reach, reach))
    left, top = (min(max(round((at - CROP / 2) / CELL), 0), (SIDE - CROP) // CELL) * CELL for at in middle)
    return left, top


def loss_of(vae: AutoencoderTiny, pictures: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    with torch.no_grad():
        latents = vae.encoder(pictures)
    amount = NOISE * torch.rand((len(pictures), 1, 1, 1), generator=noise)
    blurred = latents + amount * torch.randn(latents.shape, generator=noise)
    with torch.autocast("cpu", torch.bfloat16):
        again = vae.decoder(blurred).float()
    miss = again - pictures
    return miss.abs().mean() + miss.square().mean()


def train(folder: Path, steps: int, seed: int, save_every: float = 120.0) -> AutoencoderTiny:
    """Trains, or goes on from the state in ``folder``; returns the finished autoencoder."""
    torch.manual_seed(seed)
    vae = build().to(memory_format=torch.channels_last)
    ends = ("layers.0.", f"layers.{len(vae.decoder.layers) - 1}.")  # from latents and to colours
    optimizers = fast(vae.decoder.named_parameters(), MATRIX_RATE, OTHER_RATE, plain=ends)
    done = load_state(folder / "autoencoder.pt", vae=vae, **optimizers)
    noise = torch.Generator().manual_seed(seed + done)
    crops = crop_batches(seed + 1 + done, BATCH)
    wholes = whole_batches(seed + 2 + done, BATCH // 6)
    losses = LossLog(folder / LOSSES)
    saved, mean = time.monotonic(), 0.0
    for step in range(done, steps):
        pictures = next(crops) if step < WHOLE_FROM * steps else next(wholes)
        set_rates(optimizers, _rate(step / steps, step))
        loss = loss_of(vae, pictures.contiguous(memory_format=torch.channels_last), noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.decoder.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
        losses.add(step + 1, loss.item())
        mean = 0.98 * mean + 0.02 * loss.item() if step > done else loss.item()
        if step % 50 == 49:
            print(f"autoencoder {step + 1}/{steps} loss {mean:.4f}", flush=True)
        if time.monotonic() - saved > save_every or step + 1 == steps:
            save_state(folder / "autoencoder.pt", step + 1, vae=vae, **optimizers)
            saved = time.monotonic()
    losses.close()
    return vae


def _rate(progress: float, step: int) -> float:
    return float(min(1.0, (step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * progress)) + 0.005)
