"""Every sentence the bot says, as one table a language. `say` fills the gaps; the deciders only name codes."""

import unicodedata
from collections.abc import Iterator, Mapping

from bot.model import Problem

ENGLISH: Mapping[str, str] = {
    # -- asking for an image
    "prompt_empty": "Tell me in words what to draw, for example: a red fox in snow.",
    "prompt_long": "That is {count} characters long; a prompt may have up to {limit}.",
    "character_forbidden": "The text holds a character that cannot be used (NUL, or half of a pair). Leave it out.",
    "option_missing": "--{option} needs a value after it.",
    "option_trailing": "--{option} takes one value only. The words of the prompt go before the options.",
    "option_twice": "{option} is given more than once. Say it once.",
    "option_unknown": "There is no option --{option}.",
    "option_misspelt": "There is no option --{option}. Did you mean --{guess}?",
    "options_many": "A request may have up to {limit} options.",
    "takes_text": "{option} takes a text of up to {high} characters.",
    "takes_name": "{option} takes a name of up to {high} characters.",
    "takes_integer": "{option} takes a whole number from {low} to {high}{backends}.",
    "takes_number": "{option} takes a number from {low} to {high}{backends}, such as 7.5.",
    "takes_size": "{option} takes WIDTHxHEIGHT such as 1024x1024, or a ratio such as 16:9; each from {low} to {high}.",
    "takes_ratio": "{option} takes WIDTH:HEIGHT such as 16:9, each from {low} to {high}.",
    "option_no": "what the picture should not show",
    "option_size": "width and height, such as 1024x1024",
    "option_ar": "the picture's proportions, such as 16:9",
    "option_steps": "how many steps to draw in: more is slower and finer",
    "option_guidance": "how closely to follow the words",
    "option_seed": "a number that makes a picture repeatable",
    "option_count": "how many pictures",
    "option_backend": "who draws",
    "option_style": "a style to draw in",
    # -- routing
    "no_backend": "No backend here can draw that as asked.",
    "backend_none": "No backend is set up here.",
    "backend_unknown": "There is no such backend. There are: {names}.",
    "backend_misspelt": "There is no such backend. Did you mean {guess}? There are: {names}.",
    "style_none": "No styles are set up here.",
    "style_unknown": "There is no such style. There are: {names}.",
    "style_misspelt": "There is no such style. Did you mean {guess}? There are: {names}.",
    "backend_without": "{backend} does not take {option}.",
    "backend_range": "{backend} takes {option} from {low} to {high}.",
    "backend_prompt_short": "{backend} takes prompts of at least {limit} characters.",
    "backend_characters": "{backend} takes up to {limit} characters as {option}.",
    "backend_tokens": "{backend} takes up to {limit} tokens as {option}, which this may pass: use fewer words.",
    "size_nearest": "{wanted} is not to be had exactly, so this is {size}, the nearest to it.",
    "style_without_negative": "What the style keeps out of pictures was left out: this backend cannot do that.",
    # -- quota and queue
    "quota_day": "That is {count} more than your {left} left of {limit} images today. The day ends in {hours} h.",
    "quota_tenant_day": "This community has {left} of its {limit} images left today. The day ends in {hours} h.",
    "quota_waiting": "You already have {limit} requests waiting. Wait for one to finish or cancel one.",
    "store_busy": "The bot is very busy right now and did not take your request. Try again in a moment.",
    "store_full": "The bot's disk is full, so it takes no new requests. Its operator has been told.",
    # -- outcomes
    "backend_rejected_prompt": "The image service's moderation refused the prompt. Your quota was returned.",
    "backend_rejected_picture": "The image service's moderation refused the picture. Your quota was returned.",
    "backend_rejected_unknown": "The image service's moderation refused the request. Your quota was returned.",
    "failed_down": "No image service answered after several tries. Your quota was returned; try again later.",
    "failed_paid": "The image service broke off twice, so it was not tried again. Your quota was returned.",
    "failed_broken": "The image service could not do this request. Your quota was returned, and the operator was told.",
    "failed_crash": "Drawing this failed twice in a way that stopped the bot. Your quota was returned.",
    "cancelled_by_you": "You cancelled this request. Your quota was given back.",
    "cancelled_by_moderator": "A moderator cancelled this request. Your quota was given back.",
    "never_acknowledged": "This request was lost before it was accepted. Nothing was charged; please ask again.",
    "too_late_to_cancel": "This request is already done, so there is nothing to cancel.",
    "some_missing": "{missing} of {count} pictures could not be made; your quota for them was given back.",
    "undeliverable": "The pictures were drawn, but this place could not be reached. Your quota was given back.",
    "unknown_request": "This request does not exist here any more.",
    "not_yours": "Only the person who asked, or a moderator, can do that.",
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
    "discord_thread": "Pictures",
    "discord_asked": "Drawing {count} × this:",
    "discord_held": "A request is waiting for a moderator.",
    "discord_queued": "Waiting for its turn.",
    "discord_position": "Number {position} in the queue.",
    "discord_position_eta": "Number {position} in the queue, ready <t:{at}:R>.",
    "discord_drawing": "Being drawn: {percent} %.",
    "discord_drawing_eta": "Being drawn: {percent} %, ready <t:{at}:R>.",
    "discord_ready": "The pictures are ready.",
    "discord_seeds": "seed {seeds}",
    "discord_refitted": "The files were made smaller to fit what Discord takes here.",
    "discord_ended": "This request ended without pictures.",
    "discord_corrected": "This would work:",
    "discord_lacks": "I cannot post pictures here: I lack the permission to {permissions}. Nothing was charged.",
    "discord_stopping": "The bot is restarting. Try again in a minute.",
    "discord_expired": "This button has expired. Ask anew with /imagine.",
    "discord_failed": "That went wrong on the bot's side, and its operator was told.",
    "discord_stale_command": "This command has changed. Restart Discord (Ctrl+R) and try again.",
    "discord_already": "That is already on its way.",
    "discord_cancelled": "Cancelled. Your quota was returned.",
    "discord_cancelling": "It is being stopped.",
    "discord_reported": "Thank you. The moderators will look at it.",
    "discord_deleted": "The pictures were deleted.",
    "discord_no_picture": "That message has no pictures of mine.",
    "discord_form_vary": "Vary this request",
    "discord_form_report": "Report these pictures",
    "discord_field_prompt": "Prompt",
    "discord_field_negative": "What it should not show",
    "discord_field_options": "Options, such as --ar 16:9 --count 2",
    "discord_field_reason": "What is wrong with them?",
    "discord_about_imagine": "Draw a picture from words",
    "discord_about_status": "My requests, their place in the queue, and what is left for today",
    "discord_about_history": "My last pictures",
    "discord_about_forget": "Delete everything the bot has stored about me",
    "discord_about_prompt": "what to draw",
    "discord_quota": "{left} of {limit} images left today; the day ends in {hours} h.",
    "discord_quota_free": "{used} images today.",
    "discord_nothing_waits": "Nothing of yours is waiting.",
    "discord_no_history": "There is nothing yet.",
    "discord_kept": "These could not be posted where you asked for them:",
    "discord_forgotten": "Everything stored about you was deleted, and what waited was cancelled.",
    "discord_state_received": "being taken in",
    "discord_state_acked": "being taken in",
    "discord_state_review": "waiting for a moderator",
    "discord_state_queued": "waiting",
    "discord_state_running": "being drawn",
    "discord_state_drawn": "about to be posted",
    "discord_state_held": "waiting for a moderator",
    "discord_state_delivering": "about to be posted",
    "discord_state_delivered": "done",
    "discord_state_rejected": "rejected",
    "discord_state_failed": "failed",
    "discord_state_cancelled": "cancelled",
    "discord_state_undeliverable": "could not be posted",
    # -- slack
    # -- web
    # -- api
    # -- command line
    "already_running": "Another imagine-bot runs on {path}. Stop it first; several processes need PostgreSQL "
    '([store] url = "postgresql://…").',
    "store_unusable": "The store cannot be used: {detail}",
    "cannot_start": "The bot cannot start: {detail}. Is the port taken? Choose another with [web] port or --port.",
    "command_failed": "That failed: {detail}",
    "draw_rejected": "The provider's moderation refused this request. Nothing was charged; change the prompt.",
    "draw_busy": "The backend is busy; ask again in {seconds} s or choose another with --backend.",
    "draw_failed": "No picture: {detail}",
    "over_budget": "{backend} has spent its budget of ${cap} for today. Raise daily_budget_usd or use another backend.",
    "check_configuration": "{path} is right",
    "check_store": "{path} is writable, schema {version}",
    "check_images": "{path} is writable",
    "check_images_failed": "{path} cannot be written ({detail}): make it and give it to the bot's user",
    "check_no_key": "no key: set {variable}, or {variable}_FILE naming a file",
    "check_backend": "{kind} answers",
    "check_backend_slow": "no answer within {seconds} s: look at the network and the url",
    "migrated": "{path}: schema {before} is now {after}",
    # -- init
    "init_written": "Wrote {path}",
    "init_exists": "{path} exists already and was left as it is.",
    "init_failed": "{path} could not be written: {detail}.",
    "init_next": "Start the bot with: imagine-bot run -c {path}",
    "init_slack": "Slack: create the app from {path} at https://api.slack.com/apps",
    "init_discord": "Discord: invite the bot with {link}",
    "init_discord_unknown": "Discord: put your application's id into this invitation, or set DISCORD_TOKEN and run "
    "this again, since the token names it: {link}",
    # -- settings
    "settings_place": "{place} (line {line})",
    "settings_missing_file": "{path} does not exist. Write one with: imagine-bot init",
    "settings_unreadable_file": "{path} cannot be read: {detail}.",
    "settings_not_utf8": "{path} is not UTF-8 text. Save it as UTF-8.",
    "settings_not_toml": "The file is not valid TOML: {detail}.",
    "settings_monstrous": "The file is nested too deeply or holds a number with too many digits.",
    "settings_unknown": "{where} is no setting. Remove it.",
    "settings_unknown_like": "{where} is no setting. Did you mean {like}?",
    "settings_secret": "{where} is a secret and does not belong in the file. Remove it and set {variable} "
    "(or {variable}_FILE, naming a file) in the environment.",
    "settings_table": "{where} must be a table, not {found}.",
    "settings_required": "{where} lacks {name}: {help}.",
    "settings_kind_missing": "{where} lacks its kind: one of {choices}.",
    "settings_flag": "{where} must be true or false, not {found}.",
    "settings_whole": "{where} must be a whole number from {low} to {high}, not {found}.",
    "settings_number": "{where} must be a number from {low} to {high}, not {found}.",
    "settings_text": "{where} must be a text in quotes, not {found}.",
    "settings_empty": "{where} must not be empty.",
    "settings_long": "{where} may have {longest} characters and has {length}.",
    "settings_list": "{where} must be a list in square brackets, not {found}.",
    "settings_list_long": "{where} may have {longest} entries and has {length}.",
    "settings_choice": "{where} must be one of {choices}, not {found}.",
    "settings_choice_like": '{where} must be one of {choices}, not {found}. Did you mean "{like}"?',
    "settings_url": "{where} must be an address that begins with one of {schemes} and names a host.",
    "settings_url_secret": "{where} must hold no user name and no password: the file is not for secrets.",
    "settings_store_url": "{where} must be sqlite:///PATH or postgresql://USER@HOST/DATABASE.",
    "settings_store_password": "{where} must hold no password: remove it and set PGPASSWORD in the environment, "
    "or PGPASSFILE.",
    "settings_word": "{where} must be one word of letters, digits, dots, dashes and underscores, at most 32 of them.",
    "settings_tenant": "{where} must name a guild or workspace, as discord:42 or slack:T1.",
    "settings_channel": "{where} must name a channel with its guild or workspace, as discord:42:777 or slack:T1:C9.",
    "settings_channel_id": "{where} must be a channel's id in quotes, such as 777 or C9, not {found}.",
    "settings_principal": "{where} must name a person or a group, as discord:user:1, discord:role:9, slack:user:U9 "
    "or slack:group:S03, not {found}.",
    "settings_image_host": "{where} must be a host, with a port where it needs one, such as cdn.example.com "
    "or 10.0.0.5:8000, not {found}.",
    "settings_variable": "{where} must be the name of an environment variable, never the key itself.",
    "settings_style_prompt": "{where} must hold {{prompt}}, which stands for the person's text.",
    "settings_size": "{where} must be a size such as 1024x1024, not {found}.",
    "settings_device": "{where} must be auto, cpu, mps, cuda or cuda:N, not {found}.",
    "settings_snowflake": "{where} must be a Discord id, not {found}.",
    "settings_backend": "{where} names {name}, but the backends are: {known}.",
    "settings_backend_like": '{where} names {name}, which is no backend. Did you mean "{like}"?',
    "secret_twice": "{name} and {name}_FILE are both set. Keep one of them.",
    "secret_file_unreadable": "{name}_FILE names {path}, which cannot be read.",
    "secret_file_open": "{name}_FILE names {path}, which everybody on this machine may read (mode {mode}). "
    "Run: chmod 600 {path}",
    "secret_file_empty": "{name}_FILE names {path}, which is empty.",
    "secret_missing": "[{where}] needs {name}: set it (or {name}_FILE, naming a file) in the environment.",
    "secret_missing_postgres": "PostgreSQL needs {name}, the same on every machine: set it (or {name}_FILE, naming "
    "a file) in the environment.",
}


def say(code: str, /, **values: object) -> str:
    """The sentence for ``code`` with its gaps filled. Raises KeyError for a code that has none."""
    return ENGLISH[code].format(**values)


def problem(problem: Problem) -> str:
    return say(problem.code, **problem.values)


_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_MOST_MARKS = 2  #: combining marks a base
_AS_OTHERS = {"\t": " ", "\u2028": "\n", "\u2029": "\n"}


def display(text: str) -> str:
    """``text`` of a person, safe to show as plain text anywhere: it cannot reorder, hide or smear what surrounds it.

    Control and format characters go except line breaks, combining marks stop at two a base, and each line stands in a
    bidirectional isolate of its own. A platform's markup is that platform's to escape.
    """
    return "\n".join(
        f"{_FIRST_STRONG_ISOLATE}{line}{_POP_ISOLATE}" if line else "" for line in "".join(_visible(text)).split("\n")
    )


def _visible(text: str) -> Iterator[str]:
    marks = 0
    for char in (_AS_OTHERS.get(char, char) for char in text):
        category = unicodedata.category(char)
        if category in {"Cc", "Cf", "Cs"} and char != "\n":
            continue
        marks = marks + 1 if category[0] == "M" else 0
        if marks <= _MOST_MARKS:
            yield char
