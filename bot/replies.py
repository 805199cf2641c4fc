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
    # -- discord
    # -- slack
    "slack_asked_by": "<@{user}> asked",
    "slack_asked_by_workflow": "A workflow asked",
    "slack_asked_count": "{who} for {count} × this:",
    "slack_held": "A request is waiting for a moderator.",
    "slack_queued": "Waiting for its turn.",
    "slack_position": "Number {position} in the queue.",
    "slack_position_eta": "Number {position} in the queue, ready in about {eta}.",
    "slack_drawing": "Being drawn: {percent} %.",
    "slack_done": "Done: the pictures are in the thread. {details}",
    "slack_seeds": "seed {seeds}",
    "slack_seed": "Seed {seed}.",
    "slack_ended": "This request ended without pictures.",
    "slack_corrected": "This would work:",
    "slack_help": "Say what to draw, and options after it: /imagine a red fox in snow --no blur --ar 16:9 --count 2",
    "slack_help_threads": "Slack takes no commands in threads: mention me there with the same words, use the message "
    "shortcut “Imagine in this thread”, or the form. /imagine alone opens the form.",
    "slack_open_form": "Open the form",
    "slack_form_late": "Slack gave the form no time to open. Press the button to open it now.",
    "slack_form_imagine": "Ask for a picture",
    "slack_form_vary": "Vary this request",
    "slack_form_report": "Report these pictures",
    "slack_form_draw": "Draw",
    "slack_form_send": "Send",
    "slack_form_close": "Close",
    "slack_field_prompt": "What to draw",
    "slack_field_negative": "What it should not show",
    "slack_field_reason": "What is wrong with them?",
    "slack_reported": "Thank you. The moderators will look at it.",
    "slack_delete_title": "Delete the pictures?",
    "slack_delete_text": "They go for good, for everybody.",
    "slack_keep": "Keep them",
    "slack_deleted": "The pictures were deleted.",
    "slack_cancelled": "Cancelled. Your quota was returned.",
    "slack_cancelling": "It is being stopped.",
    "slack_already": "That is already on its way.",
    "slack_expired": "This button has expired. Ask anew with /imagine.",
    "slack_failed": "That went wrong on the bot's side, and its operator was told.",
    "slack_stopping": "The bot is restarting. Try again in a minute.",
    "slack_unmoderated": "Nothing is moderated here.",
    "slack_not_here": "I cannot post in that conversation, so nothing was drawn or charged. Invite me with /invite, "
    "or ask me in a direct message.",
    "slack_archived": "That channel is archived, so nothing was drawn or charged.",
    "slack_thread_gone": "That thread is gone, so nothing was drawn or charged.",
    "slack_no_access": "Slack no longer lets me into this workspace. Nothing was drawn or charged.",
    "slack_refused": "Slack does not let me post there ({code}). Nothing was drawn or charged.",
    "slack_unreachable": "Slack did not take my message, so nothing was drawn or charged. Try again in a minute.",
    "slack_step_channel": "The step needs a channel to post the pictures in.",
    "slack_quota": "{left} of {limit} images left today; the day ends in {hours} h.",
    "slack_quota_free": "{used} images today.",
    "slack_nothing_waits": "Nothing of yours is waiting.",
    "slack_no_history": "There is nothing yet.",
    "slack_kept": "The pictures are kept for a day.",
    "slack_forgotten": "Everything stored about you was deleted, and what waited was cancelled.",
    "slack_state_received": "being taken in",
    "slack_state_acked": "being taken in",
    "slack_state_review": "waiting for a moderator",
    "slack_state_queued": "waiting",
    "slack_state_running": "being drawn",
    "slack_state_drawn": "about to be posted",
    "slack_state_held": "waiting for a moderator",
    "slack_state_delivering": "about to be posted",
    "slack_state_delivered": "done",
    "slack_state_rejected": "rejected",
    "slack_state_failed": "failed",
    "slack_state_cancelled": "cancelled",
    "slack_state_undeliverable": "could not be posted",
    "slack_check_ok": "SLACK_BOT_TOKEN is right for {team}, with every scope",
    "slack_check_bot": "SLACK_BOT_TOKEN does not work ({detail}): copy it from the app's page OAuth & Permissions",
    "slack_check_scopes": "the app lacks the scopes {scopes}: take the manifest of imagine-bot init and reinstall it",
    "slack_check_app_ok": "SLACK_APP_TOKEN is right",
    "slack_check_app": "SLACK_APP_TOKEN does not work ({detail}): make an app-level token with connections:write",
    "slack_check_channel_ok": "the bot is in {channel}",
    "slack_check_channel": "{channel} cannot be looked at ({detail}): is the id right?",
    "slack_check_member": "the bot is not in {channel}: invite it there with /invite",
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
