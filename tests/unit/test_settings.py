import copy
import dataclasses
import pickle
import stat
from pathlib import Path

import pytest

from adapters import configuration
from bot import replies, settings
from bot.errors import SettingsError
from bot.model import QuotaSettings, Size, Style, Tier
from bot.settings import Role, Secret, Settings, missing_secrets, tables
from tests.unit.full_settings import EVERYTHING

CANARY = "canary-7f3a9c-do-not-show"


def no_file(path: str) -> tuple[str, int]:
    raise FileNotFoundError(path)


def load(text: str, **environ: str) -> Settings:
    return settings.load(text, environ, no_file)


def findings(text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(text, **environ)
    return [replies.problem(finding) for finding in caught.value.findings]


def test_an_empty_file_means_web_chat_and_sketch() -> None:
    loaded = load("")
    assert loaded.store == tables.StoreSettings()
    assert loaded.store.sqlite_path == "data/imagine.db"
    assert loaded.web.public_url == "http://127.0.0.1:8080"
    assert (loaded.discord, loaded.slack) == (None, None)
    assert [(backend.name, backend.kind) for backend in loaded.backends.values()] == [("sketch", "sketch")]
    assert loaded.routing.order == ("sketch",)
    assert loaded.quota == QuotaSettings(images_per_day=50, running=1, waiting=5)


def test_every_setting_of_a_full_file_arrives() -> None:
    loaded = load(
        EVERYTHING,
        IMAGINE_SECRET="s",
        DISCORD_TOKEN="d",
        SLACK_BOT_TOKEN="b",
        SLACK_SIGNING_SECRET="x",
        HIVE_SECOND="h",
    )
    assert loaded.store == tables.StoreSettings("postgresql://imagine@db.example.com/imagine", "/srv/images", 7, True)
    assert loaded.web == tables.WebSettings("0.0.0.0", 8099, False, "https://pictures.example.com")
    assert loaded.discord == tables.DiscordSettings(
        "http://127.0.0.1:9001/api/v10",
        "ws://127.0.0.1:9001/",
        (42, 43),
        "channel",
        Secret("d"),
        tables.Shards(0, 3, 8),
    )
    assert loaded.slack == tables.SlackSettings(
        "https://slack-gov.com/api/", "http", "127.0.0.1", 3001, Secret("b"), None, Secret("x")
    )
    assert loaded.backends["local"].options == tables.DiffusersOptions(
        "/srv/models/sdxl",
        "cuda:1",
        "bfloat16",
        "EulerDiscreteScheduler",
        4.5,
        8,
        True,
        {"ink": "/srv/loras/ink.safetensors"},
        (Size(1024, 1024), Size(1344, 768)),
        ("circle", "square"),
        "/srv/models/refiner",
        "/srv/models/checker",
        True,
        60.0,
    )
    assert loaded.backends["hive"] == tables.BackendSettings(
        name="hive",
        kind="hive",
        price_per_image=0.01,
        timeout_seconds=30.0,
        daily_budget_usd=5.0,
        url="http://127.0.0.1:9002/",
        image_hosts=("cdn.example.com", "127.0.0.1:9002"),
        key_env="HIVE_SECOND",
        key=Secret("h"),
        options=tables.HiveOptions("jpeg", 90),
    )
    assert loaded.backends["pipe"].options == tables.ImagePipelineOptions(
        "d961a274", True, "UniPCMultistepScheduler", False, 0.5
    )
    assert loaded.backends["pipe"].key_env == "IMAGEPIPELINE_API_KEY"
    assert (loaded.backends["cluster"].url, loaded.backends["cluster"].key_env) == (
        "http://10.0.0.7:8000/",
        "IMAGINE_RAY_TOKEN",
    )
    assert loaded.routing.order == ("hive", "local")
    assert loaded.quota == QuotaSettings(
        10,
        2,
        3,
        (Tier("supporter", 2.0, 200, None, None, ("discord:role:123", "slack:user:U012", "slack:group:S03")),),
        {"discord:42": 2000},
    )
    assert loaded.styles == {"noir": Style("noir", "{prompt}, film noir", "colour")}
    assert loaded.moderation == tables.ModerationSettings(
        "new-members",
        5,
        ("term", "wild*card", "re:^a$"),
        ("maybe",),
        ("discord:role:9",),
        2,
        4,
        {"discord:42": "777", "slack:T1": "C9"},
        "models/check",
        {"nsfw": 0.5},
        {"nsfw": 0.9},
        {"discord:42:778": "closed"},
        {"discord:role:7": ("violence", "review-all")},
    )


def test_s44_every_bad_key_is_reported_at_once_with_its_line() -> None:
    said = findings(
        "[web]\n"
        "prot = 3\n"
        'port = "x"\n'
        "[discord]\n"
        'reply = "threads"\n'
        "[backends.a]\n"
        'kind = "hvie"\n'
        "[routing]\n"
        'order = ["b"]\n'
        "[moderation]\n"
        'moderators = ["discord:role:x", 3]\n'
        "[stroe]\n"
    )
    assert [sentence.partition(")")[0] for sentence in said] == [
        "stroe (line 12",
        "backends.a.kind (line 7",
        "web.prot (line 2",
        "web.port (line 3",
        "discord.reply (line 5",
        "routing.order (line 9",
        "moderation.moderators[1] (line 11",
        "moderation.moderators[2] (line 11",
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[web]\nprot = 1", "Did you mean port?"),
        ("[stroe]", "Did you mean store?"),
        ("port = 1", "Did you mean web.port?"),
        ("[web]\nretention_days = 1", "Did you mean store.retention_days?"),
        ('[moderation]\nmode = "opne"', 'Did you mean "open"?'),
        ('[backends.x]\nkind = "hvie"', 'Did you mean "hive"?'),
        ('[backends.local]\nkind = "sketch"\n[routing]\norder = ["locale"]', 'Did you mean "local"?'),
        ('[backends.hive]\nimage_host = ["a"]', "Did you mean image_hosts?"),
        ("[quota.tier.x]", "Did you mean tiers?"),
    ],
)
def test_s44_a_typing_error_gets_a_suggestion(text: str, meant: str) -> None:
    [sentence] = findings(text)
    assert meant in sentence


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[web]\nport = 65536", "from 1 to 65535, not 65536"),
        ("[web]\nport = 0", "from 1 to 65535, not 0"),
        ("[web]\nport = true", "not true"),
        ("[web]\nport = 1.0", "not 1.0"),
        ("[web]\nchat = 1", "true or false, not 1"),
        ('[web]\nhost = ""', "must not be empty"),
        ("web = 3", "must be a table, not 3"),
        ("[store]\nretention_days = 0", "from 1"),
        ('[discord]\nshards = "3-8/8"', 'such as "0-3/8"'),
        ('[discord]\nshards = "5-2/8"', 'such as "0-3/8"'),
        ('[store]\nurl = "mysql://x"', "must be sqlite:///PATH or postgresql://"),
        ('[store]\nurl = "sqlite:///:memory:"', "must be sqlite:///PATH"),
        ("[backends.sketch]\ntimeout_seconds = nan", "not nan"),
        ("[backends.sketch]\ntimeout_seconds = inf", "not inf"),
        (f"[web]\nport = 0x{'f' * 5000}", "not 0xffff"),
        ("[backends.x]\ntimeout_seconds = 1", "lacks its kind"),
        ("[backends.diffusers]", "lacks model"),
        ('[backends.sketch]\nurl = "http://a"', "is no setting"),
        ('[backends.ray]\nimage_hosts = ["a"]', "is no setting"),
        ('[backends.diffusers]\nmodel = "m"\nsizes = ["1x1"]', "sizes[1] (line 3) must be a size"),
        ('[backends.hive]\nimage_hosts = ["https://cdn.example.com"]', "must be a host"),
        ('[backends.hive]\nurl = "ftp://a"', "one of https://, http://"),
        ('[backends.hive]\nurl = "http://[::1"', "one of https://, http://"),
        ('[backends.hive]\nurl = "http://a:99999/"', "one of https://, http://"),
        ('[backends."a b"]\nkind = "sketch"', 'backends."a b" (line 1) must be one word'),
        ('[styles.noir]\nprompt = "film noir"', "must hold {prompt}"),
        ('[quota.guilds."42"]\nimages_per_day = 1', "must name a guild"),
        ('[quota.guilds."discord:42"]', "lacks images_per_day"),
        ('[quota.tiers.x]\nmembers = ["role:1"]', "must name a person or a group"),
        ("[quota]\nrunning = -1", "not -1"),
        ('[moderation]\nchannels = { "discord:42" = "open" }', "must name a channel"),
        ('[moderation]\nreview_channels = { "discord:42" = 777 }', "must be a text in quotes, not 777"),
        ('[discord]\nguilds = ["x"]', 'guilds[1] (line 2) must be a Discord id, not "x"'),
        ("[web]\nport = 1\nport = 2", "not valid TOML"),
        (f"a = {'[' * 100_000}", "nested too deeply"),
        (f"a = {'9' * 5000}", "too many digits"),
    ],
)
def test_s44_what_a_setting_cannot_be_is_refused_in_one_sentence(text: str, part: str) -> None:
    [sentence] = findings(text)
    assert part in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        (f'[discord]\ntoken = "{CANARY}"', "DISCORD_TOKEN"),
        (f'[slack]\nbot_token = "{CANARY}"', "SLACK_BOT_TOKEN"),
        (f'[slack]\napp_token = "{CANARY}"', "SLACK_APP_TOKEN"),
        (f'[slack]\nsigning_secret = "{CANARY}"', "SLACK_SIGNING_SECRET"),
        (f'[backends.x]\nkind = "ovh"\napi_key = "{CANARY}"', "OVH_AI_ENDPOINTS_ACCESS_TOKEN"),
        (f'[backends.hive]\nkey = "{CANARY}"', "HIVE_API_KEY"),
        (f'[web]\nsecret = "{CANARY}"', "IMAGINE_SECRET"),
        (f'HIVE_API_KEY = "{CANARY}"', "HIVE_API_KEY"),
        (f'[store]\nurl = "postgresql://me:{CANARY}@host/db"', "PGPASSWORD"),
        (f'[store]\nurl = "postgresql://host/db?user=me&password={CANARY}"', "PGPASSWORD"),
    ],
)
def test_s44_a_secret_in_the_file_is_refused_with_where_it_belongs(text: str, variable: str) -> None:
    sentence = findings(text, IMAGINE_SECRET="x")[0]
    assert variable in sentence
    assert CANARY not in sentence


@pytest.mark.parametrize(
    "text",
    [f'[backends.hive]\nkey_env = "{CANARY}"', f'[slack]\napi = "https://{CANARY}@slack.com/"'],
)
def test_s19_a_secret_pasted_into_a_known_setting_is_not_repeated(text: str) -> None:
    assert CANARY not in "".join(findings(text))


def test_a_url_of_postgresql_with_an_empty_password_is_taken() -> None:
    text = '[store]\nurl = "postgresql://postgres:@/postgres?host=/run/pg"'
    assert load(text, IMAGINE_SECRET="x").store.postgres


def test_postgresql_needs_the_secret_that_its_machines_share() -> None:
    [sentence] = findings('[store]\nurl = "postgresql://me@host/db"')
    assert "IMAGINE_SECRET" in sentence


def secret_file(tmp_path: Path, text: str, mode: int) -> str:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_a_token_comes_from_a_file_that_the_environment_names(tmp_path: Path) -> None:
    name = secret_file(tmp_path, f"{CANARY}\n", 0o600)
    loaded = settings.load("[discord]", {"DISCORD_TOKEN_FILE": name}, configuration.read_file)
    assert loaded.discord is not None
    assert loaded.discord.token == Secret(CANARY)


@pytest.mark.parametrize(
    ("text", "mode", "part"),
    [(CANARY, 0o644, "everybody on this machine may read (mode 0644)"), ("\n", 0o600, "is empty")],
)
def test_s44_a_secrets_file_that_is_open_or_empty_is_refused(tmp_path: Path, text: str, mode: int, part: str) -> None:
    name = secret_file(tmp_path, text, mode)
    with pytest.raises(SettingsError) as caught:
        settings.load("[discord]", {"DISCORD_TOKEN_FILE": name}, configuration.read_file)
    sentence = replies.problem(caught.value.findings[0])
    assert part in sentence
    assert CANARY not in sentence


def test_s44_a_secrets_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    binary.chmod(0o600)
    for path in (binary, tmp_path / "missing", tmp_path):
        with pytest.raises(SettingsError, match="secret_file_unreadable"):
            settings.load("[discord]", {"DISCORD_TOKEN_FILE": str(path)}, configuration.read_file)


def test_a_variable_and_its_file_together_are_refused() -> None:
    [sentence] = findings("[discord]", DISCORD_TOKEN="a", DISCORD_TOKEN_FILE="/b")
    assert "Keep one" in sentence


def test_the_secrets_of_a_platform_that_is_off_harm_nothing_and_are_known_for_redaction() -> None:
    loaded = load("", DISCORD_TOKEN=CANARY, SLACK_BOT_TOKEN_FILE="/nowhere")
    assert loaded.secrets == (Secret(CANARY),)


ALL_SECRETS = ["DISCORD_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "HIVE_API_KEY"]


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        (Role.ALL, ALL_SECRETS),
        (Role.CHAT, ["DISCORD_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]),
        (Role.WORKER, ["DISCORD_TOKEN", "SLACK_BOT_TOKEN", "HIVE_API_KEY"]),
        (Role.DRAW, ["HIVE_API_KEY"]),
    ],
)
def test_each_role_needs_only_the_tokens_it_uses(role: Role, wanted: list[str]) -> None:
    text = "[discord]\n[slack]\n[backends.hive]\n[backends.sketch]"
    assert [finding.values["name"] for finding in missing_secrets(load(text), role)] == wanted
    assert missing_secrets(load(text, **dict.fromkeys(ALL_SECRETS, "x")), role) == ()
    for finding in missing_secrets(load(text), role):
        assert f"{finding.values['name']}_FILE" in replies.problem(finding)


def test_slack_over_http_needs_the_signing_secret_instead() -> None:
    loaded = load('[slack]\nmode = "http"', SLACK_BOT_TOKEN="x")
    assert [finding.values["name"] for finding in missing_secrets(loaded, Role.ALL)] == ["SLACK_SIGNING_SECRET"]


def test_an_app_that_is_installed_by_oauth_needs_no_bot_token() -> None:
    loaded = load("[slack]", SLACK_CLIENT_ID="1.2", SLACK_CLIENT_SECRET="x", SLACK_APP_TOKEN="y")
    assert missing_secrets(loaded, Role.ALL) == ()
    assert loaded.slack
    assert loaded.slack.installable


def test_the_demo_keeps_everything_under_its_data_folder() -> None:
    demo = configuration.embedded(Path("/tmp/some where"), 8099, {})
    assert demo.store.sqlite_path == "/tmp/some where/imagine.db"
    assert demo.store.images == "/tmp/some where/images"
    assert demo.web.public_url == "http://127.0.0.1:8099"
    assert list(demo.backends) == ["sketch"]


@pytest.mark.parametrize(
    ("web", "address"),
    [
        ('host = "0.0.0.0"\nport = 81', "http://127.0.0.1:81"),
        ('host = "::1"', "http://[::1]:8080"),
        ('host = "10.0.0.5"', "http://10.0.0.5:8080"),
        ('public_url = "https://a.example"', "https://a.example"),
    ],
)
def test_links_point_where_the_pages_are(web: str, address: str) -> None:
    assert load(f"[web]\n{web}").web.public_url == address


def test_s19_no_copy_of_the_settings_shows_a_secret() -> None:
    loaded = load("[discord]\n[backends.hive]", DISCORD_TOKEN=CANARY, HIVE_API_KEY=CANARY, IMAGINE_SECRET=CANARY)
    assert loaded.signing is not None
    assert loaded.signing.reveal() == CANARY
    for text in (repr(loaded), f"{loaded.signing}", str(dataclasses.asdict(loaded)), str(copy.deepcopy(loaded))):
        assert CANARY not in text
        assert "Secret(…)" in text
    with pytest.raises(TypeError):
        pickle.dumps(loaded.signing)
    with pytest.raises(AttributeError):
        loaded.signing._value = "other"


def test_a_file_that_is_missing_or_no_text_is_one_finding(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9")
    for path, part in (
        (tmp_path / "none.toml", "imagine-bot init"),
        (latin, "not UTF-8"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(SettingsError) as caught:
            configuration.load(path, {})
        assert part in replies.problem(caught.value.findings[0])


def test_a_byte_order_mark_is_no_fault() -> None:
    assert load("\ufeff[web]\nport = 81").web.port == 81


def test_a_line_in_a_long_text_is_not_taken_for_a_setting() -> None:
    text = '[styles.a]\nnegative_prompt = """\nport = 1\n[web]\n"""\n[web]\nport = "x"\n'
    [sentence] = findings(text)
    assert "web.port" in sentence


def test_the_reader_of_secrets_files_reports_the_real_mode(tmp_path: Path) -> None:
    _, mode = configuration.read_file(secret_file(tmp_path, "x", 0o640))
    assert stat.S_IMODE(mode) == 0o640


def test_a_rule_that_cannot_be_read_is_found_with_its_line() -> None:
    """Else every request would wait for a moderator."""
    text = '[moderation]\nblocked = ["wolf", "re:(("]\nheld = ["*"]'
    assert findings(text) == [
        "moderation.blocked[2] (line 2) is no rule: The expression (( cannot be read: missing ): ((",
        "moderation.held[1] (line 3) is no rule: The pattern * holds no word. "  # noqa: ISC004 - one sentence
        "Write words like cat, cat* or *cat*, or re: and an expression.",
    ]


def test_more_expressions_than_are_allowed_are_found() -> None:
    many = ", ".join(f'"re:wolf{number}"' for number in range(11))
    assert findings(f"[moderation]\nheld = [{many}]") == [
        "moderation (line 1) is no rule: All rules together have at most 10 expressions."
    ]
