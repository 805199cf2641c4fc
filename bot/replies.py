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
    "probe_no_key": "{name} has no usable key. Put one into {key_env}, or into a file that {key_env}_FILE names.",
    "probe_key": "{name} refuses the key ({status}). Put a valid one into {key_env}.",
    "probe_credit": "{name} says that the account is paused or out of credit ({status}). Check its balance.",
    "probe_url": "{host} answers ({status}), but not as {name} should. Check the configured `url`.",
    "probe_status": "{name} has trouble of its own ({status}). Try again later.",
    "probe_unreachable": "{host} ({name}) cannot be reached: {detail}. Check the network and the configured `url`.",
}


def say(code: str, /, **values: object) -> str:
    """The sentence for ``code`` with its gaps filled. Raises KeyError for a code that has none."""
    return ENGLISH[code].format(**values)


def problem(problem: Problem) -> str:
    return say(problem.code, **problem.values)
