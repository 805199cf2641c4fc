"""Slack: slack-bolt in front, the Web API behind.

text, address, reading, blocks, forms   words, and Slack's payloads as plain data (pure)
budget, web, workspaces, groups         calls out: rate limits, errors, tokens, user groups
sharing, delivery                       the way out: pictures into a thread, exactly once
asking                                  from an act to a queued job
commands, buttons, history,
workflow, review                        what each act does; the review channel
receiving, signed                       the way in: Socket Mode, HTTP
installations                           several workspaces: OAuth, token rotation
preflight, client                       `imagine-bot check`, and what the composition root opens
"""

from adapters.chat.slack.client import SlackHouse, open_slack
from adapters.chat.slack.preflight import check_slack

__all__ = ["SlackHouse", "check_slack", "open_slack"]
