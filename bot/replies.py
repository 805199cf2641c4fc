"""Every sentence the bot says, as one table a language. `say` fills the gaps; the deciders only name codes."""

from collections.abc import Mapping

from bot.model import Problem

ENGLISH: Mapping[str, str] = {
    # -- asking for an image
    # -- routing
    # -- quota and queue
    "quota_day": "That is {count} more than your {left} left of {limit} images today. The day ends in {hours} h.",
    "quota_tenant_day": "This community has {left} of its {limit} images left today. The day ends in {hours} h.",
    "quota_waiting": "You already have {limit} requests waiting. Wait for one to finish or cancel one.",
    "store_busy": "The bot is very busy right now and did not take your request. Try again in a moment.",
    "store_full": "The bot's disk is full, so it takes no new requests. Its operator has been told.",
    # -- outcomes
    # -- moderation
    # -- discord
    # -- slack
    # -- web
    # -- api
    # -- command line
    "engine_broken_model": "The model {model} could not be read: {detail}. Download it again, or mend `model`.",
    "engine_died": "The local drawing process does not run: {detail}. See its log for the cause.",
    "engine_loading": "The model {model} is still loading after {seconds} s. Ask again later.",
    "engine_lora_needs_peft": "LoRAs need the package peft: pip install 'imagine-bot[local]'.",
    "engine_no_device": "This machine has no usable device {device}. Leave `device` out, or mend the driver.",
    "engine_no_dtype": "`dtype` cannot be {dtype}. It is one of {known}.",
    "engine_no_index": "The folder {model} has no model_index.json: it is no model in the diffusers layout.",
    "engine_no_lora": "The LoRA {name} could not be loaded from {path}. Mend its path, or take one made for this model.",
    "engine_no_memory": "There is too little memory for the model {model}. Take a smaller `dtype` or model.",
    "engine_no_scheduler": "There is no scheduler {name}. Known are {known}.",
    "engine_no_torch": "Local drawing needs the package {name}: pip install 'imagine-bot[local]'.",
    "engine_not_found": "The model folder {model} does not exist. Mend `model`.",
    "engine_not_on_hub": "The model {model} is no folder here, and the hub did not give it: {detail}.",
    "engine_scheduler_needs": "The scheduler {name} does not work here: {detail}.",
    "engine_single_file": "{model} is a single file. Give the folder of a model in the diffusers layout.",
}


def say(code: str, /, **values: object) -> str:
    """The sentence for ``code`` with its gaps filled. Raises KeyError for a code that has none."""
    return ENGLISH[code].format(**values)


def problem(problem: Problem) -> str:
    return say(problem.code, **problem.values)
