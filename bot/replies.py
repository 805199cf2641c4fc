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
