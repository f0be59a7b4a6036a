"""Files that others read: compose, Kubernetes, workflows. What can be checked without an engine."""

import base64
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmw2mqtt import __version__
from bmw2mqtt.cli.main import main
from bmw2mqtt.config import load_settings
from bmw2mqtt.vehicle.errors import ConfigError
from tests.yaml_text import read_yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
KUBERNETES: dict[str, Any] = {
    document["kind"]: document
    for document in yaml.safe_load_all((ROOT / "docker" / "kubernetes.yaml").read_text())
}
POD: dict[str, Any] = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
COMPOSE: dict[str, Any] = read_yaml((ROOT / "docker" / "compose.with-broker.yaml").read_text())


# Kubernetes


def test_one_bridge_at_a_time() -> None:
    assert set(KUBERNETES) == {"Secret", "ConfigMap", "PersistentVolumeClaim", "Deployment"}
    deployment = KUBERNETES["Deployment"]["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}
    assert (
        deployment["selector"]["matchLabels"].items()
        <= deployment["template"]["metadata"]["labels"].items()
    )


def test_the_pod_may_do_nothing_it_does_not_need() -> None:
    assert POD["securityContext"]["runAsNonRoot"]
    assert POD["securityContext"]["runAsUser"] == 10001
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not POD["automountServiceAccountToken"]
    assert CONTAINER["image"].endswith(f":{__version__}")


def test_what_is_mounted_is_there_and_is_read(tmp_path: Path) -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert mounts == {"data": "/data", "config": "/config", "secrets": "/run/secrets"}
    assert {volume["name"] for volume in POD["volumes"]} == set(mounts)
    config = tmp_path / "config.yaml"
    text = KUBERNETES["ConfigMap"]["data"]["config.yaml"]
    config.write_text(text)
    secrets = KUBERNETES["Secret"]["stringData"]
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret)
    with pytest.raises(ConfigError) as examples:
        load_settings(config, (), {}, tmp_path)
    assert len(examples.value.problems) == len(secrets) + 1, "each example is refused"
    config.write_text(text.replace("your-address@example.com", "me@example.com"))
    for name in secrets:
        (tmp_path / name).write_text("s3cret")
    settings = load_settings(config, (), {}, tmp_path)
    assert settings.mqtt.password
    assert "home" in settings.accounts


@pytest.mark.parametrize("probe", ["readinessProbe", "livenessProbe"])
def test_the_probes_are_commands(
    probe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BMW2MQTT_DATA_DIR", str(tmp_path))
    (tmp_path / "health.json").write_text('{"mqtt_connected": false}')
    program, *arguments = CONTAINER[probe]["exec"]["command"]
    assert program == "bmw2mqtt"
    is_readiness = probe == "readinessProbe"
    assert main(arguments) == (1 if is_readiness else 0), "a broker's outage restarts nothing"
    assert ("not connected" in capsys.readouterr().err) == is_readiness


# Compose


def test_compose_gives_away_nothing() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name}: on this machine only"
    bridge = COMPOSE["services"]["bmw2mqtt"]
    assert "data:/data" in bridge["volumes"]
    assert not [key for key in bridge["environment"] if "PASSWORD" in key or "TOKEN" in key]


def test_compose_without_a_broker_is_the_published_image_alone() -> None:
    text = (ROOT / "docker" / "compose.yaml").read_text()
    (name,) = services = read_yaml(text)["services"]
    bridge = services[name]
    workflow = (ROOT / ".github" / "workflows" / "image.yml").read_text()
    assert "IMAGE: ghcr.io/${{ github.repository }}" in workflow
    assert "latest" in workflow
    assert bridge["image"] == "ghcr.io/bmw2mqtt/bmw2mqtt:latest"
    assert "# build: .." in text
    assert bridge["container_name"] == "bmw2mqtt", "as the guide and the page name it"
    assert bridge["read_only"]
    assert bridge["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in bridge["security_opt"]
    assert bridge["volumes"] == ["data:/data"]


def test_the_homeassistant_variant_adds_to_the_other() -> None:
    variant = read_yaml((ROOT / "docker" / "compose.homeassistant.yaml").read_text())
    assert variant["include"] == ["compose.with-broker.yaml"]
    assert list(variant["services"]) == ["homeassistant"]


# Workflows


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_pinned_and_may_little(path: Path) -> None:
    found = read_yaml(path.read_text())
    assert found["permissions"] == {}
    for line in path.read_text().splitlines():
        if used := re.search(r"uses: (\S+)(.*)", line):
            pinned = re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used[1])
            assert used[1].startswith("./") or (pinned and re.match(r" # v\d", used[2])), line
    for name, job in found["jobs"].items():
        assert "permissions" in job, name
        assert job["permissions"] != "write-all", name
        for step in job.get("steps", []):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", ""), "a value from outside in a script"


def workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read_yaml((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    return found


def test_no_workflow_waits_for_itself() -> None:
    """In a called workflow `github.workflow` is the caller; groups ignore case."""
    groups = [read_yaml(path.read_text())["concurrency"]["group"] for path in WORKFLOWS]
    assert not [group for group in groups if "github.workflow" in group]
    assert len({group.casefold() for group in groups}) == len(groups)


def run_step(step: dict[str, Any], tmp_path: Path, program: str, script: str, **env: str) -> str:
    """Run a step's script as the runner does, with a stand-in for one program; return its log."""
    stand_in, log = tmp_path / program, tmp_path / "log"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >>{log}\n{script}\n')
    stand_in.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    command = ["bash", "-e", "-c", step["run"]]
    subprocess.run(command, check=True, cwd=tmp_path, env={**env, "PATH": path})
    return log.read_text() if log.exists() else ""


@pytest.mark.parametrize(
    ("version", "tags"),
    [("edge", ["edge"]), ("1.2.3rc1", ["1.2.3rc1"]), ("1.2.3", ["1.2.3", "1.2", "latest"])],
)
def test_an_image_is_scanned_before_it_has_a_tag(
    version: str, tags: list[str], tmp_path: Path
) -> None:
    steps = workflow("image")["jobs"]["image"]["steps"]
    build = next(step["with"] for step in steps if step.get("id") == "build")
    assert "tags" not in build
    assert "push-by-digest=true" in build["outputs"]
    *_, scan, tag, app = steps
    assert "trivy-action" in scan["uses"]
    assert scan["with"]["exit-code"] == "1"
    said = run_step(tag, tmp_path, "docker", "", IMAGE="i", DIGEST="sha256:0", VERSION=version)
    assert re.findall(r"--tag i:(\S+)", said) == tags
    assert said.endswith(" i@sha256:0\n")
    (tmp_path / "app").mkdir()
    said = run_step(app, tmp_path / "app", "docker", "", IMAGE="i", VERSION=version)
    assert re.findall(r"--tag i-app:(\S+)", said) == (["1.2.3"] if version == "1.2.3" else [])


def test_nothing_is_out_before_all_is_well() -> None:
    assert workflow("main")["jobs"]["edge"]["needs"] == "ci"
    jobs = workflow("release")["jobs"]
    assert set(jobs["image"]["needs"]) == {"ci", "package"}
    assert set(jobs["pypi"]["needs"]) == {"ci", "package", "image"}
    assert "image" in jobs["app"]["needs"], "Home Assistant pulls the app's image"


@pytest.mark.parametrize("version", ["9.8.7", "9.8.7b1", __version__])
def test_the_app_follows_the_image(version: str, tmp_path: Path) -> None:
    step = workflow("release")["jobs"]["app"]["steps"][-1]
    app = (ROOT / "homeassistant-app" / "config.yaml").read_text()
    app = re.sub("(?m)^version: .*", f'version: "{__version__}"', app)
    (tmp_path / "app").write_text(app)
    answer = f"case $* in *.content) base64 {tmp_path / 'app'} ;; *.sha) echo abc ;; esac"
    said = run_step(step, tmp_path, "gh", answer, FILE="f", VERSION=version)
    sent = re.search(r"--method PUT f .* -f sha=abc -f content=(\S+)", said)
    assert (sent is not None) == (version == "9.8.7")
    if sent:
        changed = base64.b64decode(sent[1]).decode()
        assert changed == app.replace(f'version: "{__version__}"', 'version: "9.8.7"')


def test_ci_looks_at_the_page_in_a_browser() -> None:
    runs = [step.get("run", "") for step in workflow("ci")["jobs"]["test"]["steps"]]
    assert "scripts/need mosquitto chromium" in runs


def test_the_source_distribution_has_nothing_that_lacks_something() -> None:
    """Tests need half the repository; without it they cannot be collected."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert all(name.startswith("/") for name in included), "else found in other folders too"
    assert all((ROOT / name.removeprefix("/")).exists() for name in included)
    assert "/tests" not in included


def test_every_python_is_tested() -> None:
    matrix = workflow("ci")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == ["3.11", "3.12", "3.13", "3.14"]


def test_one_version_of_an_action_everywhere() -> None:
    used: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, digest in re.findall(r"uses: ([\w/-]+)@(\w+)", path.read_text()):
            used.setdefault(action, set()).add(digest)
    assert all(len(digests) == 1 for digests in used.values())


def test_the_issue_form_asks_for_the_report() -> None:
    form = read_yaml((ROOT / ".github" / "ISSUE_TEMPLATE" / "problem.yml").read_text())
    first = form["body"][0]
    assert "bmw2mqtt check --report" in first["attributes"]["label"]
    assert first["validations"]["required"]
