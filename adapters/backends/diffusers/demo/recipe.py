"""Sizes and settings of the demo model: what its parts are built from. An SDXL checkpoint in small."""

from typing import Any

SIDE = 128
LATENT_CHANNELS = 3
LATENT_SIDE = 16
TOKENS = 32
TIMESTEPS = 1000

VAE: dict[str, Any] = {
    "encoder_block_out_channels": (8,) * 4,
    "decoder_block_out_channels": (32,) * 4,
    "num_encoder_blocks": (0,) * 4,
    "num_decoder_blocks": (3, 3, 1, 0),
    "latent_channels": LATENT_CHANNELS,
    "scaling_factor": 1.5,
}

TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": TOKENS,
    "projection_dim": 64,
    "hidden_act": "quick_gelu",
}

TIME_WIDTH = 16
UNET: dict[str, Any] = {
    "sample_size": LATENT_SIDE,
    "in_channels": LATENT_CHANNELS,
    "out_channels": LATENT_CHANNELS,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (48, 96, 128),
    "layers_per_block": 1,
    "transformer_layers_per_block": 1,
    "attention_head_dim": (1, 3, 4),  # diffusers' name for the number of heads
    "norm_num_groups": 8,
    "cross_attention_dim": 2 * TEXT["hidden_size"],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": TIME_WIDTH,
    "projection_class_embeddings_input_dim": 6 * TIME_WIDTH + TEXT["projection_dim"],
}

SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": TIMESTEPS,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "clip_sample": False,
    "set_alpha_to_one": True,
}
#: SDXL's size conditioning, always the same here: original size, crop, target size.
TIME_IDS = (SIDE, SIDE, 0, 0, SIDE, SIDE)
