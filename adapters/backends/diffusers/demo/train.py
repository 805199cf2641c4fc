"""Makes the demo model: ``python -m adapters.backends.diffusers.demo.train``. It may be killed and started again.

The decoder comes first, then the diffusion model, then the decoder again with what that model draws; all go on from
the states in the working folder. With ``--only-export`` what the states hold becomes a checkpoint, whatever step they
have reached. An export also draws a sheet of samples and the curves of the losses.
"""

import argparse
import sys
from pathlib import Path

import torch

from adapters.backends.diffusers.demo import autoencoder, curve, diffusion, parts, polish, sampling
from adapters.backends.diffusers.demo.captions import full_caption
from adapters.backends.diffusers.demo.scenes import Scene, scenes
from adapters.backends.diffusers.demo.score import score
from adapters.backends.diffusers.demo.store import load_state

#: Far from the training's seeds.
SCORED_SEED = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    folder: Path = options.work
    if not options.only_export:
        autoencoder.train(folder, options.decoder_steps, options.seed)
        diffusion.train(
            diffusion.Settings(folder, options.steps, seed=options.seed, scenes=options.scenes, device=options.device)
        )
        polish.train(folder, options.polish_steps, options.seed)
    if options.export or options.only_export:
        _export(folder, options.export or folder / "checkpoint", options.scored)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/demo-model"), help="states, losses, sheets")
    parser.add_argument("--export", type=Path, help="write the checkpoint into this folder at the end")
    parser.add_argument("--only-export", action="store_true", help="no training: export what the states hold")
    parser.add_argument("--steps", type=int, default=7000, help="of the diffusion model")
    parser.add_argument("--decoder-steps", type=int, default=6000)
    parser.add_argument("--polish-steps", type=int, default=2500, help="of the decoder, at the end")
    parser.add_argument("--scenes", type=int, default=60_000, help="different ones to learn from")
    parser.add_argument("--scored", type=int, default=192, help="pictures for the score and the sheet after an export")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda, for the diffusion model")
    return parser


def _export(work: Path, checkpoint: Path, scored: int) -> None:
    denoiser = parts.Denoiser(parts.tokenizer())
    vae = autoencoder.build()
    step = load_state(work / "diffusion.pt", average=denoiser)
    load_state(work / "autoencoder.pt", vae=vae)
    load_state(work / polish.NAME, vae=vae)
    _draw_curves(work)
    parts.export(denoiser.eval(), vae.eval(), checkpoint)
    asked = some_scenes(scored)
    pictures = sampling.draw(parts.load(checkpoint), [full_caption(scene) for scene in asked], range(scored))
    sampling.sheet(pictures).save(work / f"sheet-{step}.png")
    print(f"step {step}: {score(zip(asked, pictures, strict=True))}", flush=True)


def _draw_curves(work: Path) -> None:
    for name in (autoencoder.LOSSES, diffusion.LOSSES, polish.LOSSES):
        if (work / name).exists():
            curve.draw(curve.read(work / name)).save((work / name).with_suffix(".png"))


def some_scenes(count: int) -> list[Scene]:
    stream = scenes(SCORED_SEED)
    return [next(stream) for _ in range(count)]


if __name__ == "__main__":
    sys.exit(main())
