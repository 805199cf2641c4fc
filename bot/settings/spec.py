"""Every setting once: its name, what it may hold and what it does. Read from here, and the sample file is written
from here; the defaults are those of the dataclasses in `tables`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.settings import tables
from bot.settings.values import (
    Choice,
    Flag,
    ImagesPlace,
    Listed,
    Matching,
    Named,
    Number,
    Parsed,
    ShardRange,
    Snowflake,
    StoreUrl,
    Text,
    Url,
    Value,
    Whole,
    size,
)

UNLIMITED = 1_000_000_000

WORD = Matching(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", "settings_word")
TENANT = Matching(r"discord:[0-9]{1,20}|slack:[A-Z0-9]{1,20}|web|api", "settings_tenant")
CHANNEL = Matching(r"discord:[0-9]{1,20}:[0-9]{1,20}|slack:[A-Z0-9]{1,20}:[A-Z0-9]{1,20}", "settings_channel")
PRINCIPAL = Matching(
    r"discord:(user|role):[0-9]{1,20}|slack:(user|group):[A-Z0-9]{1,20}|web:user:[!-~]{1,64}|api:key:[!-~]{1,64}",
    "settings_principal",
)
HOST = Matching(
    r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?",
    "settings_image_host",
)
LABEL = Matching(r"[!-~][ -~]{0,62}[!-~]|[!-~]", "settings_label")
VARIABLE = Matching(r"[A-Za-z_][A-Za-z0-9_]{0,63}", "settings_variable", shows=False)
STYLE_PROMPT = Matching(r"[\s\S]*\{prompt\}[\s\S]*", "settings_style_prompt")
SIZE = Parsed(Matching(r"[1-9][0-9]{1,4}x[1-9][0-9]{1,4}", "settings_size"), size)
MODE = Choice(("open", "new-members", "review-all", "closed"))
PORT = Whole(1, 65535)
HTTP = Url(("https", "http"))
COUNT = Whole(0, UNLIMITED)


@dataclass(frozen=True)
class Key:
    """``example`` is TOML for the sample file where the default would show nothing."""

    name: str
    value: Value
    help: str
    example: str = ""


STORE = (
    Key(
        "url", StoreUrl(), "a SQLite file, or postgresql://user@host/db (password: PGPASSWORD; set IMAGINE_SECRET too)"
    ),
    Key("images", ImagesPlace(), "folder of the pictures, or s3://BUCKET/PREFIX (needs the extra s3)"),
    Key(
        "images_endpoint",
        HTTP,
        "of the storage that has the bucket, where it is not Amazon's",
        '"https://minio.example:9000"',
    ),
    Key("images_region", Matching(r"[a-z0-9-]{1,63}", "settings_region"), "of the bucket", '"eu-central-1"'),
    Key("retention_days", Whole(1, 36_500), "images and prompts older than this go; the audit log stays"),
    Key("metadata", Flag(), "true: prompt and settings as PNG text; never a person, key or path"),
)
WEB = (
    Key("host", Text(255), "0.0.0.0 to be reached from other machines"),
    Key("port", PORT, "of the pages and the API; a worker's probes have IMAGINE_WORKER_PORT"),
    Key("chat", Flag(), "false: no room and no gallery, but the operator pages and the API"),
    Key("public_url", HTTP, "where links point; by default http://host:port", '"https://pictures.example.com"'),
)
DISCORD = (
    Key("api", HTTP, "REST base; a REST proxy can stand here"),
    Key("gateway", Url(("wss", "ws", "https", "http")), "where events come from"),
    Key("guilds", Listed(Snowflake()), "sync commands to these guilds at once; empty: globally"),
    Key("shards", ShardRange(), "the part of a large bot that this process serves: FIRST-LAST/ALL", '"0-3/8"'),
    Key("reply", Choice(("thread", "channel")), "where images go when asked for in a channel: thread or channel"),
)
SLACK = (
    Key("api", HTTP, "GovSlack: https://slack-gov.com/api/"),
    Key("mode", Choice(("socket", "http")), "socket needs SLACK_APP_TOKEN; http needs SLACK_SIGNING_SECRET"),
    Key("host", Text(255), "http mode: POST /slack/events; with SLACK_CLIENT_ID in both modes /slack/install"),
    Key("port", PORT, "of the same"),
)
ROUTING = (
    Key(
        "order",
        Listed(Text(32)),
        "the first that can do the request and is healthy draws, the rest are fail-over; by default all",
        '["sketch"]',
    ),
)
LIMITS = (
    Key("images_per_day", COUNT, "0: unlimited"),
    Key("running", COUNT, "requests drawn at once"),
    Key("waiting", COUNT, "requests in the queue"),
)
TIER = (
    Key("weight", Number(0.01, 1000), "each member's share of the fair queue", "2.0"),
    Key("images_per_day", COUNT, "where a limit is left out, that of [quota] holds", "200"),
    Key("running", COUNT, "requests drawn at once", "2"),
    Key("waiting", COUNT, "requests in the queue", "10"),
    Key(
        "members",
        Listed(PRINCIPAL, 10_000),
        "who is in it",
        '["discord:role:123", "slack:user:U012", "slack:group:S03"]',
    ),
)
GUILD = (Key("images_per_day", COUNT, "of all its members together", "2000"),)
STYLE = (
    Key("prompt", STYLE_PROMPT, "{prompt} is the person's text", '"{prompt}, film noir, high contrast"'),
    Key("negative_prompt", Text(), "added to what the person does not want", '"colour"'),
)
MODERATION = (
    Key("mode", MODE, "open, new-members, review-all or closed (refuses everybody but moderators)"),
    Key("trusted_after", Whole(0, UNLIMITED), "approved requests after which a new member needs no approval"),
    Key(
        "trusted",
        Named(PRINCIPAL, Listed(Text(40))),
        "whom no hold of these categories of rules stops; a mode is one, too",
        '{ "discord:role:9" = ["violence", "review-all"] }',
    ),
    Key("blocked", Listed(Text(300)), "starting rules; more are added in chat", '["term", "wild*card", "re:^…$"]'),
    Key("held", Listed(Text(300)), "rules that ask a moderator first"),
    Key("moderators", Listed(PRINCIPAL, 10_000), "who decides", '["discord:role:9", "slack:user:U9"]'),
    Key("required_approvals", Whole(1, 100), "by different moderators"),
    Key(
        "report_threshold", Whole(1, UNLIMITED), "reports by different people that hide an image until it is decided on"
    ),
    Key(
        "review_channels",
        Named(TENANT, Matching(r"[A-Z0-9]{1,20}", "settings_channel_id")),
        "where requests are reviewed",
        '{ "discord:42" = "777", "slack:T1" = "C9" }',
    ),
    Key("picture_check", Text(1000), "folder of a local image-classification model", '"models/nsfw"'),
    Key(
        "picture_holds",
        Named(LABEL, Number(0, 1)),
        "the model's label: from this score on a moderator looks first",
        "{ nsfw = 0.7 }",
    ),
    Key("picture_blocks", Named(LABEL, Number(0, 1)), "from this score on nobody sees it", "{ nsfw = 0.98 }"),
    Key("channels", Named(CHANNEL, MODE), "another mode in one channel", '{ "discord:42:778" = "review-all" }'),
)

BACKEND = (
    Key("price_per_image", Number(0, 1000), "dollars, for budgets; known ones are built in", "0.008"),
    Key("timeout_seconds", Number(0.1, 86_400), "one attempt, polling and downloads included"),
    Key("daily_budget_usd", Number(0, 1_000_000), "spend cap, all users together; 0: none", "5.0"),
)
HOSTED = (
    Key("url", HTTP, "overrides the documented endpoint; may be plain http or private", '"http://127.0.0.1:9000/"'),
    Key(
        "image_hosts",
        Listed(HOST),
        "the only hosts result images may come from; one listed here, port included, "
        "may be plain http or a private address",
        '["cdn.example.com"]',
    ),
    Key("key_env", VARIABLE, "the variable that holds the key, for a second account", '"SECOND_API_KEY"'),
)
CLUSTER = (
    Key("url", HTTP, "where the Serve application is; by default http://127.0.0.1:8000/", '"http://10.0.0.7:8000/"'),
    Key("key_env", VARIABLE, "the variable that holds the token, for a second cluster", '"SECOND_RAY_TOKEN"'),
)
OPTIONS: Mapping[str, tuple[Key, ...]] = {
    "diffusers": (
        Key("model", Text(), "a folder, or a name the local model cache knows", '"/srv/models/sdxl"'),
        Key("device", Matching(r"auto|cpu|mps|cuda(:[0-9]{1,2})?", "settings_device"), "auto, cpu, cuda, cuda:1, mps"),
        Key("dtype", Choice(("auto", "float32", "float16", "bfloat16")), "auto: what the device does best"),
        Key("scheduler", Text(100), "a sampler; by default the checkpoint's own", '"euler_a"'),
        Key("guidance", Number(0, 30), "where a request names none; by default what its kind of model wants", "5.0"),
        Key("max_batch", Whole(0, 256), "pictures drawn together, at most; 0: as measured"),
        Key("exact", Flag(), "the same bits whoever shares the batch: always a whole batch's work"),
        Key("compile", Flag(), "torch.compile: slower to start, faster to draw"),
        Key("loras", Named(WORD, Text()), "name = path", '{ ink = "/srv/loras/ink.safetensors" }'),
        Key("sizes", Listed(SIZE), "the only sizes it draws, the default first", '["1024x1024", "1344x768"]'),
        Key("subjects", Listed(Text(100)), "a prompt with none of them goes elsewhere", '["circle", "square"]'),
        Key("refiner", Text(), "a folder, or a name on the hub", '"/srv/models/sdxl-refiner"'),
        Key("safety_checker", Text(), "a folder; by default the checkpoint's own", '"/srv/checker"'),
        Key("stall_seconds", Number(1, 86_400), "drawing without one step in this time: it is restarted"),
    ),
    "imagepipeline": (
        Key("model_id", Text(200), "from the provider's models page", '"d961a274-658c-4889-8c1a-bf85416cb1c1"'),
        Key("refiner", Flag(), "sent only where it stands here", "true"),
        Key("scheduler", Text(100), "sent only where it stands here", '"UniPCMultistepScheduler"'),
        Key("safety_checker", Flag(), "sent only where it stands here", "true"),
        Key("strength", Number(0, 1), "sent only where it stands here", "0.5"),
    ),
    "hive": (
        Key("output_format", Choice(("png", "jpeg")), "sent only where it stands here", '"jpeg"'),
        Key("output_quality", Whole(1, 100), "jpeg only", "90"),
    ),
}
MAKE: Mapping[str, type] = {
    "diffusers": tables.DiffusersOptions,
    "imagepipeline": tables.ImagePipelineOptions,
    "hive": tables.HiveOptions,
}
KEY_VARIABLES: Mapping[str, str] = {
    "ovh": "OVH_AI_ENDPOINTS_ACCESS_TOKEN",
    "dataoorts": "DATAOORTS_API_KEY",
    "hive": "HIVE_API_KEY",
    "imagepipeline": "IMAGEPIPELINE_API_KEY",
}
#: Sent where it is set; the cluster may ask for none.
TOKEN_VARIABLES: Mapping[str, str] = {"ray": "IMAGINE_RAY_TOKEN"}
BUCKET_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
KINDS = ("sketch", "diffusers", "ovh", "dataoorts", "hive", "imagepipeline", "ray")
KIND = Key("kind", Choice(KINDS), "one of " + ", ".join(KINDS))

TABLES = ("store", "web", "discord", "slack", "backends", "routing", "quota", "styles", "moderation")


def backend_keys(kind: str) -> tuple[Key, ...]:
    """The settings of a backend of ``kind``: `kind` itself, everybody's, the hosted ones', its own."""
    hosted = HOSTED if kind in KEY_VARIABLES else CLUSTER if kind in TOKEN_VARIABLES else ()
    return (KIND, *BACKEND, *hosted, *OPTIONS.get(kind, ()))
