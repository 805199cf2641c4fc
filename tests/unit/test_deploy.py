"""The files in deploy/ fit the program: its settings, its metrics, its commands, and the rules they claim to keep."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters import configuration
from adapters.backends.ray import config as ray_config
from adapters.observe.metrics import COUNTERS, GAUGES, HISTOGRAMS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ENVIRONMENT = {"IMAGINE_SECRET": "s" * 32}


@pytest.mark.parametrize("file", ["config/one.toml", "config/several.toml", "kubernetes/imagine.toml"])
def test_every_configuration_is_one_that_the_program_takes(file: str) -> None:
    loaded = configuration.load(DEPLOY / file, ENVIRONMENT)
    assert loaded.store.postgres == ("one" not in file)
    assert loaded.store.images == "/data/images"
    assert loaded.web.host == "0.0.0.0"


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "imagine.json").read_text())
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    known = {
        *(f"{name}_total" for name in COUNTERS),
        *GAUGES,
        *(f"{name}_bucket" for name in HISTOGRAMS),
    }
    assert set(re.findall(r"imagine_\w+", asked)) <= known
    assert {"imagine_queue_jobs", "imagine_leases_lost_total"} <= set(re.findall(r"imagine_\w+", asked))


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())  # type: ignore[no-any-return] # a mapping, or it fails


def test_compose_runs_our_containers_read_only_and_without_capabilities() -> None:
    services = compose()["services"]
    ours = {name: service for name, service in services.items() if service["image"] == "imagine-bot"}
    assert set(ours) == {"bot", "migrate", "chat", "worker"}
    for service in ours.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert ours["worker"]["deploy"]["replicas"] == 2


def test_compose_publishes_on_the_machine_itself_only_and_mounts_files_that_exist() -> None:
    for name, service in compose()["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (DEPLOY / volume.split(":")[0]).is_file(), volume


def test_the_dockerfile_copies_what_exists_and_ends_as_another_user_than_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((ROOT / source).exists() for source in sources), line
    assert "USER 10001:10001" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    targets = re.findall(r"(?m)^FROM \S+ AS (\w[\w-]*)$", "\n".join(lines))
    assert {"cpu", "cuda", "ray"} <= set(targets)
    users = [line for line in lines if line.startswith("USER ")]
    assert users[-1] == "USER 10001:10001"
    assert not any(re.search(r"(?i)(token|secret|password|key)=", line) for line in lines)


def objects() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]:
        found += yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text())
    return found


def test_every_pod_keeps_the_restricted_standard_of_its_namespace() -> None:
    templates = [each for each in objects() if "template" in each.get("spec", {})]
    pods = {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in templates}
    assert set(pods) == {"chat", "worker", "migrate"}
    for name, pod in pods.items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        for container in pod["containers"]:
            allowed = container["securityContext"]
            assert allowed["readOnlyRootFilesystem"] is True, name
            assert allowed["allowPrivilegeEscalation"] is False, name
            assert allowed["capabilities"] == {"drop": ["ALL"]}, name
            assert ("livenessProbe" in container) == (name != "migrate")


def cards() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "kubernetes" / "ray" / "cards.yaml").read_text())  # type: ignore[no-any-return] # a mapping


SERVED: dict[str, Callable[[], dict[str, Any]]] = {
    "machines": lambda: yaml.safe_load((DEPLOY / "ray" / "serve.yaml").read_text()),
    "kuberay": lambda: yaml.safe_load(cards()["spec"]["serveConfigV2"]),
}


@pytest.mark.parametrize("where", SERVED)
def test_what_is_deployed_on_ray_is_our_application_with_settings_it_takes(where: str) -> None:
    [application] = SERVED[where]()["applications"]
    module, _, name = application["import_path"].partition(":")
    assert f"def {name}(" in (ROOT / (module.replace(".", "/") + ".py")).read_text()
    _, cluster = ray_config.read(application["args"])
    assert cluster.max_replicas == 4
    assert application["route_prefix"] == "/"


def test_rays_own_schema_takes_what_is_deployed() -> None:
    pytest.importorskip("ray")
    code = "import json, sys, ray.serve.schema as s; s.ServeDeploySchema.model_validate(json.load(sys.stdin))"
    for served in SERVED.values():
        text = json.dumps(served())
        command = [sys.executable, "-W", "ignore", "-c", code]
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_on_machines_of_ones_own_serve_listens_on_the_machine_itself() -> None:
    assert SERVED["machines"]()["http_options"]["host"] == "127.0.0.1"


def test_kuberays_pods_are_confined_authenticated_and_as_many_as_there_may_be_replicas() -> None:
    cluster = cards()["spec"]["rayClusterConfig"]
    assert f"ray=={cluster['rayVersion']}" in (DEPLOY / "constraints.txt").read_text().splitlines()
    assert cluster["authOptions"] == {"mode": "token"}
    [group] = cluster["workerGroupSpecs"]
    [application] = SERVED["kuberay"]()["applications"]
    assert group["maxReplicas"] == application["args"]["max_replicas"]
    assert group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    for template in (cluster["headGroupSpec"]["template"], group["template"]):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        [container] = pod["containers"]
        allowed = container["securityContext"]
        assert (allowed["readOnlyRootFilesystem"], allowed["allowPrivilegeEscalation"]) == (True, False)
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert "IMAGINE_RAY_TOKEN" in {variable["name"] for variable in container["env"]}
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        assert {"/tmp", "/data", "/dev/shm"} <= {mount["mountPath"] for mount in container["volumeMounts"]}


def test_only_the_bot_reaches_serve_and_nobody_else_the_cards() -> None:
    spec = yaml.safe_load((DEPLOY / "kubernetes" / "ray" / "network.yaml").read_text())["spec"]
    labels = cards()["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"] == labels
    among_themselves, operator, bot = spec["ingress"]
    assert among_themselves["from"] == [{"podSelector": {"matchLabels": labels}}]
    assert {port["port"] for port in operator["ports"]} == {8000, 8265}
    assert [port["port"] for port in bot["ports"]] == [8000]


def test_a_disruption_leaves_a_worker_and_one_chat_process_has_the_token() -> None:
    by_kind = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in objects() if "spec" in each}
    budget = by_kind["PodDisruptionBudget", "worker"]
    worker = by_kind["Deployment", "worker"]
    assert worker["replicas"] > budget["minAvailable"]
    assert budget["selector"] == worker["selector"]
    chat = by_kind["Deployment", "chat"]
    assert (chat["replicas"], chat["strategy"]) == (1, {"type": "Recreate"})
