"""The model's parts, fresh and untrained, and how they become a checkpoint in SDXL's format."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from adapters.backends.diffusers.demo import recipe
from adapters.backends.diffusers.demo.captions import known_words
from adapters.backends.diffusers.demo.words import build_tokenizer


@dataclass(frozen=True)
class Text:
    """A batch of prompts, encoded: (n, tokens, width) and (n, width)."""

    hidden: torch.Tensor
    pooled: torch.Tensor


class Denoiser(torch.nn.Module):  # type: ignore[misc]  # torch is not checked
    """The UNet and the two text encoders that are trained with it."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        config = CLIPTextConfig(
            vocab_size=len(tokenizer),
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **recipe.TEXT,
        )
        self.text_encoder = CLIPTextModel(config)
        self.text_encoder_2 = CLIPTextModelWithProjection(config)
        self.unet = UNet2DConditionModel(**recipe.UNET)
        for name, table in self.named_parameters():
            if name.endswith("token_embedding.weight"):
                torch.nn.init.normal_(table, std=0.3)  # CLIP's 0.02 takes thousands of steps to grow to be heard

    def encode(self, ids: torch.Tensor) -> Text:
        first = self.text_encoder(ids, output_hidden_states=True)
        second = self.text_encoder_2(ids, output_hidden_states=True)
        return Text(torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1), second.text_embeds)

    def forward(self, noisy: torch.Tensor, timesteps: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        text = self.encode(ids)
        sizes = torch.tensor([recipe.TIME_IDS], dtype=torch.float32).repeat(len(ids), 1)
        extra = {"text_embeds": text.pooled, "time_ids": sizes}
        return self.unet(noisy, timesteps, text.hidden, added_cond_kwargs=extra).sample


def tokenizer() -> CLIPTokenizer:
    return build_tokenizer(known_words())


def scheduler() -> DDIMScheduler:
    return DDIMScheduler(**recipe.SCHEDULER)


def pipeline(denoiser: Denoiser, vae: AutoencoderTiny) -> StableDiffusionXLPipeline:
    words = tokenizer()
    pipe = StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=denoiser.text_encoder,
        text_encoder_2=denoiser.text_encoder_2,
        tokenizer=words,
        tokenizer_2=words,
        unet=denoiser.unet,
        scheduler=scheduler(),
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def export(denoiser: Denoiser, vae: AutoencoderTiny, folder: Path) -> None:
    """Half precision safetensors; a folder that ``from_pretrained`` loads."""
    pipe = pipeline(copy.deepcopy(denoiser), copy.deepcopy(vae)).to(dtype=torch.float16)
    pipe.save_pretrained(folder, safe_serialization=True)


def load(folder: Path) -> StableDiffusionXLPipeline:
    """In single precision: half is slower on a processor."""
    pipe = StableDiffusionXLPipeline.from_pretrained(folder, torch_dtype=torch.float32, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe
