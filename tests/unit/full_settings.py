"""An imagine.toml with every setting in it."""

EVERYTHING = """
[store]
url = "postgresql://imagine@db.example.com/imagine"
images = "/srv/images"
retention_days = 7
metadata = true
[web]
host = "0.0.0.0"
port = 8099
chat = false
public_url = "https://pictures.example.com"
[discord]
api = "http://127.0.0.1:9001/api/v10"
gateway = "ws://127.0.0.1:9001/"
guilds = [42, "43"]
reply = "channel"
shards = "0-3/8"
[slack]
api = "https://slack-gov.com/api/"
mode = "http"
host = "127.0.0.1"
port = 3001
[backends.local]
kind = "diffusers"
model = "/srv/models/sdxl"
device = "cuda:1"
dtype = "bfloat16"
scheduler = "EulerDiscreteScheduler"
guidance = 4.5
max_batch = 8
compile = true
loras = { ink = "/srv/loras/ink.safetensors" }
sizes = ["1024x1024", "1344x768"]
subjects = ["circle", "square"]
refiner = "/srv/models/refiner"
safety_checker = "/srv/models/checker"
exact = true
stall_seconds = 60
[backends.hive]
kind = "hive"
url = "http://127.0.0.1:9002/"
image_hosts = ["cdn.example.com", "127.0.0.1:9002"]
price_per_image = 0.01
timeout_seconds = 30
daily_budget_usd = 5.0
key_env = "HIVE_SECOND"
output_format = "jpeg"
output_quality = 90
[backends.pipe]
kind = "imagepipeline"
model_id = "d961a274"
refiner = true
scheduler = "UniPCMultistepScheduler"
safety_checker = false
strength = 0.5
[backends.cluster]
kind = "ray"
url = "http://10.0.0.7:8000/"
[routing]
order = ["hive", "local"]
[quota]
images_per_day = 10
running = 2
waiting = 3
[quota.tiers.supporter]
weight = 2.0
images_per_day = 200
members = ["discord:role:123", "slack:user:U012", "slack:group:S03"]
[quota.guilds."discord:42"]
images_per_day = 2000
[styles.noir]
prompt = "{prompt}, film noir"
negative_prompt = "colour"
[moderation]
mode = "new-members"
trusted_after = 5
blocked = ["term", "wild*card", "re:^a$"]
held = ["maybe"]
moderators = ["discord:role:9"]
required_approvals = 2
report_threshold = 4
review_channels = { "discord:42" = "777", "slack:T1" = "C9" }
picture_check = "models/check"
picture_holds = { nsfw = 0.5 }
picture_blocks = { nsfw = 0.9 }
channels = { "discord:42:778" = "closed" }
trusted = { "discord:role:7" = ["violence", "review-all"] }
"""
