"""The training of the diffusion model on captioned thumbnails, on a processor or a GPU."""

import copy
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTokenizer

from adapters.backends.diffusers.demo import parts, recipe
from adapters.backends.diffusers.demo.captions import caption
from adapters.backends.diffusers.demo.curve import LossLog
from adapters.backends.diffusers.demo.muon import fast, set_rates
from adapters.backends.diffusers.demo.scenes import BACKGROUNDS, Scene, draw, is_hard, random_scene
from adapters.backends.diffusers.demo.store import load_state, save_state

LOSSES = "diffusion-loss.csv"
CAPTION_DROP = 0.1
EMA = 0.998
MIN_SNR_GAMMA = 15.0
#: Above 1 more of the timesteps are nearly clean ones, where outlines are settled: colours and places are learned in
#: no time, outlines are what the training is for.
TILT = 1.3
#: This part of a batch is drawn from the scenes that are hard, the rest from all.
HARD = 0.5
#: Below this timestep there is next to nothing left to tell.
CLEAN = 20
#: A thing is a fifth of a picture; without this its outline is lost in the noise of the ground's gradients.
THING_WEIGHT = 4.0
MEAN_WEIGHT = 2.1
OFF_GROUND = 12
WARMUP = 200
#: The learning rate stays at its peak until this part of the steps, then falls to nothing.
FALL_FROM = 0.6


@dataclass(frozen=True)
class Settings:
    folder: Path
    steps: int
    planned: int = 0  #: what the learning rate falls towards, where that is not the same
    seed: int = 7
    scenes: int = 60_000
    batch: int = 48
    matrix_rate: float = 3e-3  #: peak learning rate of the matrices, by Muon
    other_rate: float = 1e-3  #: and of everything else, by AdamW
    save_every: float = 180.0  #: seconds
    device: str = "cpu"


class Album:
    """Scenes and their latents, all in memory: (n, 3, 16, 16) bytes."""

    def __init__(self, folder: Path, count: int, seed: int) -> None:
        rng = Random(seed)
        self.scenes: list[Scene] = [random_scene(rng) for _ in range(count)]
        self.hard = [number for number, scene in enumerate(self.scenes) if is_hard(scene)]
        kept = folder / f"album-{seed}-{count}.npy"
        if not kept.exists():
            cell = recipe.SIDE // recipe.LATENT_SIDE
            fresh = kept.with_suffix(".new.npy")
            folder.mkdir(parents=True, exist_ok=True)
            np.save(fresh, np.stack([np.asarray(draw(scene).reduce(cell)) for scene in self.scenes]))
            fresh.replace(kept)
        grounds = torch.tensor([BACKGROUNDS[scene.background] for scene in self.scenes])
        self._bytes = torch.from_numpy(np.load(kept)).permute(0, 3, 1, 2).contiguous()
        off = (self._bytes.int() - grounds[:, :, None, None]).abs().amax(1, keepdim=True) > OFF_GROUND
        self._near = torch.nn.functional.max_pool2d(off.float(), 3, stride=1, padding=1).bool()

    def weights(self, chosen: list[int]) -> torch.Tensor:
        """How much each latent counts: things and their surroundings more than the even ground, 1 on the mean."""
        weights = 1 + (THING_WEIGHT - 1) * self._near[chosen].float()
        return weights / MEAN_WEIGHT

    def latents(self, chosen: list[int]) -> torch.Tensor:
        return self._bytes[chosen].float().div(127.5).sub(1).mul(recipe.VAE["scaling_factor"])


@dataclass(frozen=True)
class Batch:
    latents: torch.Tensor
    weights: torch.Tensor
    ids: torch.Tensor
    noise: torch.Tensor
    timesteps: torch.Tensor


def make_batch(album: Album, words: CLIPTokenizer, settings: Settings, step: int) -> Batch:
    """The same for the same seed and step, whatever happened before."""
    rng = Random(f"{settings.seed}:{step}")
    generator = torch.Generator().manual_seed(rng.getrandbits(62))
    chosen = [_pick(album, rng) for _ in range(settings.batch)]
    texts = ["" if rng.random() < CAPTION_DROP else caption(album.scenes[i], rng) for i in chosen]
    ids = words(texts, padding="max_length", truncation=True, max_length=recipe.TOKENS, return_tensors="pt").input_ids
    latents = album.latents(chosen)
    noise = torch.randn(latents.shape, generator=generator)
    spread = (torch.arange(settings.batch) + torch.rand(settings.batch, generator=generator)) / settings.batch
    timesteps = (CLEAN + spread**TILT * (recipe.TIMESTEPS - CLEAN)).long().clamp(max=recipe.TIMESTEPS - 1)
    tensors = (latents, album.weights(chosen), ids, noise, timesteps)
    return Batch(*(tensor.to(settings.device) for tensor in tensors))


def _pick(album: Album, rng: Random) -> int:
    return rng.choice(album.hard) if rng.random() < HARD else rng.randrange(len(album.scenes))


def loss_of(denoiser: parts.Denoiser, alphas: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Squared error of the velocity, bounded as min-SNR does (arXiv 2303.09556) where little noise is left.

    Colours and places are settled where the noise is highest, so there the weight stays 1.
    """
    alpha = alphas[batch.timesteps][:, None, None, None]
    signal, noise = alpha.sqrt(), (1 - alpha).sqrt()
    noisy = signal * batch.latents + noise * batch.noise
    velocity = signal * batch.noise - noise * batch.latents
    with torch.autocast(batch.latents.device.type, torch.bfloat16):
        guess = denoiser(noisy, batch.timesteps, batch.ids)
    weight = (MIN_SNR_GAMMA * (1 - alpha)).clamp(max=1.0)  # min(snr + 1, gamma) / (snr + 1)
    return (batch.weights * weight * (guess.float() - velocity).square()).mean()


def rate(step: int, steps: int) -> float:
    rest = (steps - step) / (steps * (1 - FALL_FROM))
    return min(1.0, (step + 1) / WARMUP, max(rest, 0.01))


@torch.no_grad()
def follow(average: torch.nn.Module, model: torch.nn.Module, step: int) -> None:
    decay = min(EMA, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)


def train(settings: Settings) -> parts.Denoiser:
    """Trains, or goes on from the state in the folder; returns the averaged model."""
    torch.manual_seed(settings.seed)
    words = parts.tokenizer()
    denoiser = parts.Denoiser(words).to(settings.device)
    denoiser.unet.set_attn_processor(AttnProcessor())  # twice as fast on a processor as the fused one
    average: parts.Denoiser = copy.deepcopy(denoiser)
    optimizers = fast(
        denoiser.named_parameters(),
        settings.matrix_rate,
        settings.other_rate,
        plain=("embedding.weight", "conv_in", "conv_out"),
    )
    path = settings.folder / "diffusion.pt"
    done = load_state(path, denoiser=denoiser, average=average, **optimizers)
    album = Album(settings.folder, settings.scenes, settings.seed)
    alphas = parts.scheduler().alphas_cumprod.to(settings.device)
    print(f"diffusion from step {done}", flush=True)
    saved = started = time.monotonic()
    losses = LossLog(settings.folder / LOSSES)
    mean: float | None = None
    for step in range(done, settings.steps):
        set_rates(optimizers, rate(step, settings.planned or settings.steps))
        loss = loss_of(denoiser, alphas, make_batch(album, words, settings, step))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
        follow(average, denoiser, step)
        losses.add(step + 1, loss.item())
        mean = loss.item() if mean is None else 0.99 * mean + 0.01 * loss.item()
        if step % 100 == 99:
            pace = (step + 1 - done) / (time.monotonic() - started)
            print(f"diffusion {step + 1}/{settings.steps} loss {mean:.4f} {pace:.2f} steps/s", flush=True)
        if time.monotonic() - saved > settings.save_every or step + 1 == settings.steps:
            save_state(path, step + 1, denoiser=denoiser, average=average, **optimizers)
            saved = time.monotonic()
    losses.close()
    return average
