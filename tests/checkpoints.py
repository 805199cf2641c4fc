"""Small Stable Diffusion checkpoints with random weights, built on the spot; nothing is downloaded.

Import it only after ``pytest.importorskip("torch")``.
"""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

TOKENS = 16  #: model_max_length of the small tokenizers, so a chunk holds 14
WIDTH = 16  #: of each text encoder
SIDE = 32  #: pixels of the default picture


def tokenizer(length: int = TOKENS) -> CLIPTokenizer:
    """One token a letter: enough to tell prompts apart and to make them long."""
    letters = [chr(code) for code in range(33, 127)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    made = CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[])
    made.model_max_length = length
    return made


def _text_config(size: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=size,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        projection_dim=WIDTH,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def unet(*, context: int, time_ids: int | None, **options: Any) -> UNet2DConditionModel:
    """A two-level UNet; ``time_ids`` micro-conditions make it an SDXL one."""
    extra: dict[str, Any] = {}
    if time_ids:
        extra = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": WIDTH + 8 * time_ids,
        }
    return UNet2DConditionModel(
        sample_size=SIDE // 2,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        cross_attention_dim=context,
        **extra,
        **options,
    )


def kl_vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=SIDE,
    )


def tiny_vae() -> AutoencoderTiny:
    return AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )


def scheduler(**options: Any) -> EulerDiscreteScheduler:
    return EulerDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, **options)


def sdxl(folder: Path, *, tiny: bool = False, seed: int = 0, schedule: Any = None, **options: Any) -> Path:
    """Saves an SDXL checkpoint into ``folder`` and returns it."""
    torch.manual_seed(seed)
    words = tokenizer()
    config = _text_config(len(words))
    StableDiffusionXLPipeline(
        vae=tiny_vae() if tiny else kl_vae(),
        text_encoder=CLIPTextModel(config).eval(),
        text_encoder_2=CLIPTextModelWithProjection(config).eval(),
        tokenizer=words,
        tokenizer_2=tokenizer(),
        unet=unet(context=2 * WIDTH, time_ids=6, **options).eval(),
        scheduler=schedule or scheduler(),
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def full_size(device: str, dtype: torch.dtype) -> StableDiffusionXLPipeline:
    """SDXL as large as it is published, with random weights; made on the device, never saved."""
    text: dict[str, Any] = {"vocab_size": 49408, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    first = CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, **text
    )
    second = CLIPTextConfig(
        hidden_size=1280,
        intermediate_size=5120,
        num_hidden_layers=32,
        num_attention_heads=20,
        projection_dim=1280,
        hidden_act="gelu",
        **text,
    )
    torch.manual_seed(0)
    with torch.device(device):
        unet = UNet2DConditionModel(
            sample_size=128,
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
            sample_size=1024,
            scaling_factor=0.13025,
        )
        encoders = CLIPTextModel(first), CLIPTextModelWithProjection(second)
    return StableDiffusionXLPipeline(
        vae=vae.eval(),
        text_encoder=encoders[0].eval(),
        text_encoder_2=encoders[1].eval(),
        tokenizer=tokenizer(77),
        tokenizer_2=tokenizer(77),
        unet=unet.eval(),
        scheduler=scheduler(),
        add_watermarker=False,
    ).to(device, dtype)


def refiner(folder: Path) -> Path:
    """An SDXL refiner: the second text encoder only, and an aesthetic score in place of the target size."""
    torch.manual_seed(7)
    words = tokenizer()
    StableDiffusionXLImg2ImgPipeline(
        vae=kl_vae(),
        text_encoder=None,
        text_encoder_2=CLIPTextModelWithProjection(_text_config(len(words))).eval(),
        tokenizer=None,
        tokenizer_2=words,
        unet=unet(context=WIDTH, time_ids=5).eval(),
        scheduler=scheduler(),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def sd15(folder: Path) -> Path:
    """The older format: one text encoder, no micro-conditions, no safety checker."""
    torch.manual_seed(3)
    words = tokenizer()
    StableDiffusionPipeline(
        vae=kl_vae(),
        text_encoder=CLIPTextModel(_text_config(len(words))).eval(),
        tokenizer=words,
        unet=unet(context=WIDTH, time_ids=None).eval(),
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def safety_checker(folder: Path, threshold: float) -> Path:
    """Takes every picture whose likeness to a random concept is above ``threshold``: -1 takes all, 1 none."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    torch.manual_seed(5)
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(vision_config={**vision, "image_size": 32, "patch_size": 16}, projection_dim=8)
    checker = StableDiffusionSafetyChecker(config)
    for name, parameter in checker.named_parameters():
        if name.endswith("embeds_weights"):
            torch.nn.init.constant_(parameter, threshold)
        elif name.endswith("embeds"):
            torch.nn.init.normal_(parameter)
    checker.save_pretrained(folder)
    size = {"height": 32, "width": 32}
    CLIPImageProcessor(size=size, crop_size=size).save_pretrained(folder)
    return folder


def lora(folder: Path, checkpoint: Path, seed: int) -> Path:
    """A LoRA of that checkpoint's UNet and first text encoder, strong enough to be seen; returns its file."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipe = StableDiffusionXLPipeline.from_pretrained(checkpoint, local_files_only=True)
    torch.manual_seed(seed)
    pipe.unet.add_adapter(LoraConfig(r=4, target_modules=["to_q", "to_k", "to_v"]))
    pipe.text_encoder.add_adapter(LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
    for model in (pipe.unet, pipe.text_encoder):
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.5)
    StableDiffusionXLPipeline.save_lora_weights(
        folder,
        unet_lora_layers=get_peft_model_state_dict(pipe.unet),
        text_encoder_lora_layers=get_peft_model_state_dict(pipe.text_encoder),
    )
    return folder / "pytorch_lora_weights.safetensors"
