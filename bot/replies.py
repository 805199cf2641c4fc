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
    "blocked_rule": "This request goes against the rule {rule} of this community.",
    "blocked_picture": "The picture was withheld: the picture check found {category}. Your quota is returned.",
    "blocked_provider": "The provider's own moderation refused this request. Your quota is returned.",
    "blocked_closed": "The bot is closed here for now; only moderators can ask for images.",
    "blocked_banned": "You are banned from the bot in this community: {reason}",
    "blocked_banned_until": "You are banned from the bot in this community until {until}: {reason}",
    "blocked_timed_out": "You are timed out until {until}: {reason}",
    "held_rule": "Your request waits for a moderator because of the rule {rule}. Nothing is spent until then.",
    "held_new_member": "Your first requests here wait for a moderator. Nothing is spent until then.",
    "held_review_all": "Every request here waits for a moderator. Nothing is spent until then.",
    "held_filter_failed": "The filter could not look at this request, so a moderator will.",
    "held_check_failed": "The picture check failed, so a moderator looks at the picture first.",
    "held_picture": "A moderator looks at the picture first: the picture check found {category}.",
    "flagged_rule": "Posted, and the moderators were told: it met the rule {rule}.",
    "flagged_near": "Posted, and the moderators were told: it nearly met the rule {rule}.",
    "flagged_picture": "Posted, and the moderators were told: the picture check found {category}.",
    "rule_empty": "The pattern {pattern} holds no word. Write words like cat, cat* or *cat*, or re: and an expression.",
    "rule_catch_all": "{pattern} would meet nearly every request. Make it more specific.",
    "rule_word_too_long": "A word or phrase has at most {limit} characters: {pattern}…",
    "rule_expression_too_long": "An expression has at most {limit} characters.",
    "rule_expression_too_costly": "The expression {pattern} takes too much work. Use fewer or smaller repetitions.",
    "rule_expression_look_around": (
        "{pattern} looks ahead or behind, with (?= (?! (?<= or (?<!, which the filter does not do. "
        "Write what should match, and put exceptions on the rule's allow list."
    ),
    "rule_expression_wrong": "The expression {pattern} cannot be read: {detail}",
    "rule_too_many_words": "All rules together have at most {limit} words.",
    "rule_too_many_expressions": "All rules together have at most {limit} expressions.",
    "rule_message_too_long": "The message to the person has at most {limit} characters.",
    "rule_too_many_allowed": "An allow list has at most {limit} entries.",
    "rule_too_many_exempt": "A rule exempts at most {groups} groups and {channels} channels.",
    "rule_timeout_out_of_range": "A time-out lasts {low} minute to {high} days, or 0 for the ladder of strikes.",
    "rule_without_action": "A rule needs an action: flag, hold, block or timeout.",
    "rules_too_large": "These rules are too large together. Shorten the longest words or remove some.",
    "sanction_not_allowed": "You cannot do that to this person.",
    "sanction_needs_reason": "Give a reason: the person will read it.",
    "sanction_timeout_range": "A time-out lasts at most {days} days. For longer, ban.",
    "sanction_ban_range": "A ban lasts a number of seconds, or 0 for no end.",
    "appeal_not_yours": "Only the person concerned can appeal.",
    "appeal_only_one": "You have already appealed against this decision.",
    "report_not_allowed": "You cannot report this picture.",
    "report_only_one": "You have already reported this picture. Thank you.",
    "report_needs_reason": "Say what is wrong with the picture.",
    "review_not_allowed": "Only moderators of this community can decide this.",
    "review_own": "This is your own request: another moderator has to decide.",
    "review_decided": "This was already {state} by {by}. {reason}",
    "review_expired": "This has waited for a day and expired. The quota was returned.",
    "review_claimed": "{by} is handling this for {minutes} more min.",
    "review_already_yours": "You have approved this. {missing} more approval by somebody else is needed.",
    "review_needs_reason": "Give a reason: the person will read it.",
    # -- discord
    # -- slack
    # -- web
    # -- api
    # -- command line
}


def say(code: str, /, **values: object) -> str:
    """The sentence for ``code`` with its gaps filled. Raises KeyError for a code that has none."""
    return ENGLISH[code].format(**values)


def problem(problem: Problem) -> str:
    return say(problem.code, **problem.values)
