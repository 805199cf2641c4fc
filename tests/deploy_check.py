"""Runs what deploy/ says, as far as that goes without a container engine, a cluster or a service manager:

    python -m tests.deploy_check          (make deploy-check)

The commands with which the Dockerfile builds its target `cpu` run in a folder of their own, in a clean virtual
environment; the program that comes out is started and asked by the image's own health check. Then other people's
programs look at the files: check-jsonschema at compose.yaml (by the Compose Specification), kubernetes-validate
at the manifests, systemd-analyze at the unit.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.program import free_port

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
TOOLS = ("check-jsonschema", "kubernetes-validate")
INSTALLED = "/opt/imagine"
SECONDS = 60.0

CONFIG = """
[web]
port = {port}
[backends.sketch]
kind = "sketch"
"""


@dataclass
class Stage:
    """What one FROM of a Dockerfile begins."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def of(self, *kinds: str) -> list[tuple[str, str]]:
        return [(kind, value) for kind, value in self.instructions if kind in kinds]

    def one(self, kind: str) -> str:
        [(_, value)] = self.of(kind)
        return value


def stages(dockerfile: str) -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        kind, _, value = line.partition(" ")
        if kind == "FROM":
            base, _, name = value.partition(" AS ")
            stage = found[name] = Stage(base, name)
        else:
            stage.instructions.append((kind, value.strip()))
    return found


def built_in(target: str, known: dict[str, Stage]) -> list[Stage]:
    """The stages whose outcome ``target`` copies, each after the one it starts from."""
    names = [value.split()[0].removeprefix("--from=") for _, value in known[target].of("COPY")]
    chain: list[Stage] = []
    for name in names:
        stage: Stage | None = known[name]
        while stage:
            chain.insert(0, stage)
            stage = known.get(stage.base)
    return chain


def run(command: list[str], folder: Path, env: dict[str, str] | None = None) -> str:
    print("  $", shlex.join(command), flush=True)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\ndeploy-check: that failed ({done.returncode})")
    return done.stdout + done.stderr


def build(target: str, folder: Path) -> Path:
    """Does what the image's build does, with ``folder`` in the place of the image's root; where it was installed."""
    source, installed = folder / "src", folder / "installed"
    source.mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for stage in built_in(target, stages((DEPLOY / "Dockerfile").read_text())):
        for kind, value in stage.of("COPY", "RUN"):
            if kind == "RUN":
                run(["sh", "-c", value.replace(INSTALLED, str(installed))], source, env)
                continue
            *paths, into = value.split()
            for path in paths:
                copy(ROOT / path, source / into if not into.endswith("/") else source / into / Path(path).name)
    return installed


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def environment(target: str, installed: Path) -> dict[str, str]:
    """The image's own, and nothing of whoever runs this."""
    known = stages((DEPLOY / "Dockerfile").read_text())
    base = known[known[target].base]
    said = dict(pair.split("=", 1) for _, value in base.of("ENV") for pair in shlex.split(value))
    said["PATH"] = said["PATH"].replace(INSTALLED, str(installed)).replace("$PATH", os.environ["PATH"])
    return said


@contextmanager
def started(command: list[str], folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    print("  $", shlex.join(command), "&", flush=True)
    process = subprocess.Popen(command, cwd=folder, env=env)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def try_out(target: str, installed: Path, folder: Path) -> None:
    """The entry point's commands, a start, the image's own health check, and its stop signal."""
    env = environment(target, installed)
    base = stages((DEPLOY / "Dockerfile").read_text())["base"]
    [entry] = json.loads(base.one("ENTRYPOINT"))
    run([entry, "--help"], folder, env)
    run([entry, "init", str(folder)], folder, env)
    run([entry, "check", "-c", str(folder / "imagine.toml")], folder, env)
    port = free_port()
    (folder / "run.toml").write_text(CONFIG.format(port=port))
    probe = json.loads(base.one("HEALTHCHECK").partition("CMD ")[2])
    probe[-1] = probe[-1].replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    with started([entry, "run", "-c", str(folder / "run.toml")], folder, env) as process:
        until_healthy(probe, process, folder, env)
        process.send_signal(getattr(signal, base.one("STOPSIGNAL")))
        if code := process.wait(SECONDS):
            raise SystemExit(f"deploy-check: it ended with {code}")


def until_healthy(probe: list[str], process: subprocess.Popen[bytes], folder: Path, env: dict[str, str]) -> None:
    print("  $", shlex.join(probe), flush=True)
    deadline = time.monotonic() + SECONDS
    while subprocess.run(probe, cwd=folder, env=env, capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("deploy-check: the health check never passed")
        time.sleep(0.2)


def look_at_files(installed: Path, folder: Path) -> None:
    tools = folder / "tools"
    run([sys.executable, "-m", "venv", str(tools)], folder)
    pip = [str(tools / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    run([*pip, "-c", str(DEPLOY / "constraints.txt"), *TOOLS], folder)
    schema = [str(tools / "bin" / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    run([*schema, str(DEPLOY / "compose.yaml")], folder)
    manifests = [each for each in sorted((DEPLOY / "kubernetes").rglob("*.yaml")) if is_of_kubernetes(each)]
    run([str(tools / "bin" / "kubernetes-validate"), "--strict", *map(str, manifests)], folder)
    unit = folder / "imagine-bot.service"
    unit.write_text((DEPLOY / "imagine-bot.service").read_text().replace(INSTALLED, str(installed)))
    if shutil.which("systemd-analyze"):
        run(["systemd-analyze", "verify", "--man=no", str(unit)], folder)
    else:
        print("  systemd-analyze is not on this machine: the unit was not verified")


def is_of_kubernetes(file: Path) -> bool:
    """Kinds that Kubernetes itself brings; a kustomization and what an operator adds have no schema there."""
    return not re.search(r"(?m)^apiVersion: (kustomize\.config\.k8s\.io|ray\.io)/", file.read_text())


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="imagine-deploy-") as name:
        folder = Path(name)
        print("What the Dockerfile does, target cpu:", flush=True)
        installed = build("cpu", folder)
        try_out("cpu", installed, folder)
        print("What others say of the files:", flush=True)
        look_at_files(installed, folder)
    print(f"deploy-check: all of it works ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
