"""The command line as people and init systems use it, each command a process of its own."""

import json
import os
import resource
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from tests import program

CONFIG = """
[store]
url = "sqlite:///data/imagine.db"
images = "data/images"
[web]
port = {port}
[backends.sketch]
kind = "sketch"
"""


def configured(folder: Path, text: str = CONFIG) -> tuple[Path, int]:
    port = program.free_port()
    (folder / "imagine.toml").write_text(text.format(port=port))
    return folder, port


def test_demo_serves_health_readiness_metrics_and_the_page(tmp_path: Path) -> None:
    with program.running(tmp_path) as bot:
        assert bot.get("/healthz") == (200, "ok\n")
        assert "imagine_queue_jobs" in bot.get("/metrics")[1]
        assert "<title>" in bot.get("/")[1]
        assert f"http://127.0.0.1:{bot.port}" in bot.log.read_text()


def test_a_demo_without_the_model_says_how_to_get_it(tmp_path: Path) -> None:
    with program.running(tmp_path) as bot:
        assert "make demo LOCAL=1" in bot.log.read_text()
        assert "a red fox in snow" in bot.get("/")[1]


def test_a_demo_says_how_to_come_back_to_its_operators_pages(tmp_path: Path) -> None:
    with program.running(tmp_path) as bot:
        file = tmp_path / "data" / "imagine.toml"
        assert "login -c data/imagine.toml prints a link" in bot.log.read_text()
        assert "login -c data/imagine.toml" in bot.get("/moderation")[1]
        new = program.call("login", "-c", str(file), cwd=tmp_path)
        assert f"http://127.0.0.1:{bot.port}/moderation" in new.stdout
        assert program.call("api-key", "create", "me", "-c", str(file), cwd=tmp_path).returncode == 0
        assert program.call("api-key", "list", "-c", str(file), cwd=tmp_path).stdout.startswith("me")


def test_a_demo_with_the_model_shows_what_that_knows_before_it_is_loaded(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    port = program.free_port()
    with program.running(tmp_path, "demo", "--port", str(port), "--data", "data", "--model", port=port) as bot:
        page = bot.get("/")[1]
        assert "It knows flat shapes only" in page
        assert "/imagine a large red circle on a white background" in page
        assert "a red fox in snow</button>" not in page
        assert "drawn by the demo model" in bot.log.read_text()
        assert bot.stop()[0] == 0


def test_f12_sigterm_ends_it_within_seven_seconds(tmp_path: Path) -> None:
    with program.running(tmp_path) as bot:
        code, seconds = bot.stop()
        assert code == 0
        assert seconds < 7


def test_after_kill_9_it_starts_again_at_once(tmp_path: Path) -> None:
    with program.running(tmp_path) as bot:
        bot.stop(signal.SIGKILL)
        with program.running(tmp_path, port=bot.port) as again:
            assert again.get("/readyz")[0] == 200


def test_f14_a_second_bot_on_the_same_store_is_told_of_postgresql(tmp_path: Path) -> None:
    configured(tmp_path)
    with program.running(tmp_path, "run", port=configured(tmp_path)[1]):
        second = program.call("run", cwd=tmp_path)
        assert second.returncode == 1
        assert "PostgreSQL" in second.stderr
        assert second.stderr.count("\n") == 1


def test_check_and_draw_work_beside_a_running_bot(tmp_path: Path) -> None:
    _, port = configured(tmp_path)
    with program.running(tmp_path, "run", port=port):
        check = program.call("check", cwd=tmp_path)
        assert (check.returncode, check.stderr) == (0, "")
        assert all(line.startswith("ok") for line in check.stdout.splitlines())
        draw = program.call("draw", "a fox --size 64x64", "-o", "out", cwd=tmp_path)
        assert draw.returncode == 0, draw.stderr


def test_draw_prints_the_path_of_each_picture_and_overwrites_none(tmp_path: Path) -> None:
    configured(tmp_path)
    for _ in range(2):
        done = program.call("draw", "a fox --count 2 --size 96x64 --seed 4", "-o", "out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            with Image.open(tmp_path / line) as image:
                assert image.size == (96, 64)
    assert len(list((tmp_path / "out").glob("*.png"))) == 4


def test_draw_as_json_is_one_object(tmp_path: Path) -> None:
    configured(tmp_path)
    done = program.call("draw", "a fox --size 64x64 --seed 4", "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert answer["backend"] == "sketch"
    assert answer["images"][0]["seed"] == 4


def test_draw_says_every_problem_of_a_request_and_the_corrected_command(tmp_path: Path) -> None:
    configured(tmp_path)
    done = program.call("draw", "a fox --stpes 3 --count 99", cwd=tmp_path)
    assert done.returncode == 2
    assert "--steps" in done.stderr
    assert "1 to 10" in done.stderr
    assert done.stderr.splitlines()[-1] == "imagine-bot draw 'a fox --steps 3 --count 10'"


def test_draw_names_options_as_one_types_them(tmp_path: Path) -> None:
    configured(tmp_path)
    done = program.call("draw", "a fox --size 9 --steps x --no", cwd=tmp_path)
    named = [line.split()[0] for line in done.stderr.splitlines()]
    assert named[:3] == ["--size", "--steps", "--no"]


def test_run_says_where_it_is_and_how_operators_come_in(tmp_path: Path) -> None:
    _, port = configured(tmp_path)
    with program.running(tmp_path, "run", port=port) as running:
        said = running.log.read_text().splitlines()
    assert said[0] == f"imagine-bot runs: http://127.0.0.1:{port}"
    assert "imagine-bot login -c imagine.toml" in said[1]


@pytest.mark.parametrize(("chosen", "looks"), [("", "job_received"), ("json", '"event": "job_received"')])
def test_logs_are_for_people_on_a_terminal(tmp_path: Path, chosen: str, looks: str) -> None:
    """A real terminal: the program's standard error is one end of a pair."""
    _, port = configured(tmp_path)
    ours, theirs = os.openpty()
    environment = program.environment({"IMAGINE_LOG": chosen} if chosen else {})
    process = subprocess.Popen(
        [*program.COMMAND, "run"], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=theirs, text=True
    )
    os.close(theirs)
    running = program.Program(process, port, tmp_path / "none")
    try:
        running.wait_until_up()
        key = program.call("api-key", "create", "test", cwd=tmp_path).stdout.split()[-1]
        ask = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/images/generations",
            b'{"prompt": "a fox", "size": "64x64"}',
            {"authorization": f"Bearer {key}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(ask, timeout=30) as answer:
            assert answer.status == 200
        shown = os.read(ours, 65536).decode()
        assert looks in shown
        assert shown.lstrip().startswith("{") == bool(chosen)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_draw_starts_in_under_a_second_of_processor_time(tmp_path: Path) -> None:
    configured(tmp_path, '[backends.ovh]\nkind = "ovh"\nurl = "http://127.0.0.1:9/"\n')
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = program.call("draw", "a fox", cwd=tmp_path, env={"OVH_AI_ENDPOINTS_ACCESS_TOKEN": "k"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5


def test_drawing_imports_no_chat_web_or_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from adapters import draw, factory, cli; import adapters.backends.ovh\n"
        "heavy = ('discord', 'slack_bolt', 'starlette', 'uvicorn', 'torch', 'diffusers')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=program.environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_s44_every_bad_key_is_reported_at_once_with_its_place_and_a_guess(tmp_path: Path) -> None:
    (tmp_path / "imagine.toml").write_text('[web]\nprot = 1\n[quota]\nrunning = "x"\n')
    done = program.call("run", cwd=tmp_path)
    assert done.returncode == 2
    assert "port" in done.stderr
    assert "running" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("draw", "a fox"), ("check",)])
def test_a_cluster_that_is_not_there_is_told_with_its_address(tmp_path: Path, command: tuple[str, ...]) -> None:
    settings = '[backends.cards]\nkind = "ray"\nurl = "http://127.0.0.1:9/"\ntimeout_seconds = 2\n'
    (tmp_path / "imagine.toml").write_text(settings)
    done = program.call(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == (command[0] == "draw")
    assert "http://127.0.0.1:9/ (cards) cannot be reached" in done.stdout or "busy" in done.stderr


def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    done = program.call("run", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_the_file_that_init_writes_passes_check_without_any_token(tmp_path: Path) -> None:
    assert program.call("init", cwd=tmp_path).returncode == 0
    done = program.call("check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with program.running(tmp_path) as bot:
        other = tmp_path / "other"
        other.mkdir()
        done = program.call("demo", "--port", str(bot.port), cwd=other)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1


def test_f67_a_damaged_database_is_refused_and_not_made_anew(tmp_path: Path) -> None:
    configured(tmp_path)
    assert program.call("migrate", cwd=tmp_path).returncode == 0
    database = tmp_path / "data" / "imagine.db"
    damaged = b"not a database" * 1000
    database.write_bytes(damaged)
    done = program.call("run", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert database.read_bytes() == damaged


def test_f11_a_newer_schema_is_refused(tmp_path: Path) -> None:
    configured(tmp_path)
    program.call("migrate", cwd=tmp_path)
    import sqlite3

    with sqlite3.connect(tmp_path / "data" / "imagine.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    done = program.call("run", cwd=tmp_path)
    assert done.returncode == 1
    assert "newer" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    configured(tmp_path)
    tmp_path.chmod(0o500)
    done = program.call("draw", "a fox", cwd=tmp_path)
    tmp_path.chmod(0o700)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_the_secret_beside_the_database_is_the_owners_alone(tmp_path: Path) -> None:
    with program.running(tmp_path):
        secret = tmp_path / "data" / "imagine.secret"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "data" / "imagine.db.sock").stat().st_mode & 0o777 == 0o600
