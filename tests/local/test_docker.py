"""The files of docker/ say nothing that is not so: paths, commands, names, rights. (Images are not built here.)"""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from synth.conf.env import TABLE
from synth.local import cli, locking
from tests.local.helpers import ROOT

DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("Dockerfile.*"))
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PRODUCT = {name: service for name, service in SERVICES.items() if service["image"].startswith("assent-")}
SECRET_ADMIN = {"DATABASE_ADMIN_URL", "DATABASE_OWNER_URL"}


def instructions(path: Path) -> list[tuple[str, str]]:
    """(instruction, rest) of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    found = [line.strip().partition(" ") for line in text.splitlines() if line.strip()]
    return [(name, rest.strip()) for name, _, rest in found]


def last(path: Path, name: str) -> str:
    return [rest for instruction, rest in instructions(path) if instruction == name][-1]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path (or a folder above it) out of the build."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    parts = path.split("/")
    above = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return any(
        fnmatch.fnmatch(candidate, pattern.removeprefix("**/")) or fnmatch.fnmatch(candidate, pattern)
        for pattern in patterns
        for candidate in (*above, parts[-1])
    )


def known_command(words: list[str]) -> bool:
    if words[0] not in cli._COMMANDS and words[0] not in get_commands():
        return False
    if words[0] in cli._COMMANDS:
        cli._parser().parse_args(words)  # exits where an argument is unknown
    return True


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_is_copied_is_there(path: Path) -> None:
    copied = [rest.split()[0] for name, rest in instructions(path) if name == "COPY"]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source == "." or not ignored(source), source


def test_no_secret_and_no_data_gets_into_an_image() -> None:
    for path in ("var/keys/mark-master.key", ".git/config", ".venv/bin/python", "docker/.env", ".env"):
        assert ignored(path), path
    for path in ("manage.py", "pyproject.toml", "synth/local/cli.py", "watermark/checkpoints", "locale"):
        assert not ignored(path), path
    for dockerfile in DOCKERFILES:
        assert not re.search(r"(PASSWORD|SECRET|TOKEN)=", dockerfile.read_text())


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_runs_a_known_command_as_nobody_in_particular(path: Path) -> None:
    names = [name for name, _ in instructions(path)]
    user = last(path, "USER")
    assert user not in ("root", "0") and names.index("USER") < names.index("ENTRYPOINT")
    assert json.loads(last(path, "ENTRYPOINT")) == ["python", "manage.py"]
    assert known_command(json.loads(last(path, "CMD")))
    # Folders that volumes cover belong to the user that writes into them.
    run = " ".join(rest for name, rest in instructions(path) if name == "RUN")
    assert "useradd --uid 10001" in run and re.search(
        rf"install -d -o {user} -g {user} -m 0700 /data /keys", run
    )
    image = [rest for name, rest in instructions(path) if name == "FROM"]
    assert all(":" in base and not base.endswith(":latest") for base in image)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_packages_come_from_the_lock_and_are_there_before_the_code(path: Path) -> None:
    steps = instructions(path)
    (line,) = [rest for name, rest in steps if name == "RUN" and "--require-hashes" in rest]
    groups = re.findall(r"--requirement requirements/(\w+)\.txt", line)
    assert "--no-deps" in line and set(groups) <= set(locking.GROUPS)
    worker = "worker" in path.name
    assert groups == (["base", "worker", "embedded", "fast"] if worker else ["base"])
    copied = [rest.split()[0] for name, rest in steps[: steps.index(("RUN", line))] if name == "COPY"]
    assert "requirements" in copied and "." not in copied
    if worker:  # torch stands beside the lock; its pin is read from the project file
        pattern = re.search(r"grep -o '(.+?)' pyproject.toml", line)
        assert pattern and "pyproject.toml" in copied
        found = re.findall(pattern[1], (ROOT / "pyproject.toml").read_text())
        assert found == locking.unlocked(ROOT, "worker")


def test_health_is_asked_at_an_address_that_exists() -> None:
    check = last(DOCKER / "Dockerfile.web", "HEALTHCHECK")
    path = re.search(r"localhost:8000(/[a-z]+)", check)
    assert path and resolve(path[1])
    with pytest.raises(Resolver404):
        resolve("/no-such-address")
    assert "EXPOSE 8000" in (DOCKER / "Dockerfile.web").read_text()


def test_every_process_is_asked_whether_it_is_well() -> None:
    for name, service in PRODUCT.items():
        if service.get("restart") == "no" or name == "web":  # web: the image's own check, above
            continue
        assert service["healthcheck"]["test"][:4] == ["CMD", "python", "manage.py", "healthy"], name
        assert known_command(service["healthcheck"]["test"][3:]), name


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_what_it_names(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        build = service["build"]
        context = (DOCKER / build["context"]).resolve()
        assert context == ROOT and (context / build["dockerfile"]).is_file()
    else:
        built = {other["image"] for other in SERVICES.values() if "build" in other}
        assert service["image"] in built or re.search(r":\d", service["image"])
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in COMPOSE["volumes"] or volume.startswith("${BACKUP_DIR:-")
    for other, how in service.get("depends_on", {}).items():
        assert other in SERVICES
        if how["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]


@pytest.mark.parametrize("name", PRODUCT)
def test_a_product_container_can_do_little_and_knows_little(name: str) -> None:
    service = PRODUCT[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["init"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"])
    known = {row.name for row in TABLE}
    assert set(service["environment"]) <= known
    admin = SECRET_ADMIN & set(service["environment"])
    assert admin == (SECRET_ADMIN if name == "prepare" else set())
    sequencing = {"prepare", "sequencer"}
    assert ("DATABASE_SEQUENCER_URL" in service["environment"]) is (name in sequencing)
    (keys,) = [volume for volume in service["volumes"] if volume.startswith("keys:")]
    assert keys == ("keys:/keys" if name in sequencing else "keys:/keys:ro")


def test_every_command_is_known() -> None:
    for name, service in PRODUCT.items():
        if name == "prepare":
            commands = re.findall(r"python manage\.py ([a-z_]+)", service["command"][0])
            assert commands == ["keys", "roles", "prepare"]
            assert all(known_command([command]) for command in commands)
        elif "command" in service:
            assert known_command(service["command"]), name
    assert {"speech", "checks"} <= {service["command"][1] for service in PRODUCT.values() if
                                    service.get("command", [""])[0] == "worker"}  # fmt: skip


def test_every_variable_without_a_default_is_in_the_example() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    used = set(re.findall(r"\$\{([A-Z_]+)", text))
    needed = set(re.findall(r"\$\{([A-Z_]+)(?::\?|\})", text))
    example = dict(
        line.split("=", 1)
        for line in (DOCKER / "env.example").read_text().splitlines()
        if re.match(r"[A-Z_]+=", line)
    )
    assert needed <= set(example) <= used
    assert all(example[name] == "" for name in needed), "no password is suggested"


@pytest.mark.parametrize("name", PRODUCT)
def test_the_rules_that_an_operator_chose_reach_every_process(name: str) -> None:
    chosen = {
        "ASSENT_OPERATOR",
        "ASSENT_PROFILE",
        "ASSENT_NOTICE",
        "ASSENT_RETENTION",
        "ASSENT_TIMESTAMP_URL",
    }
    environment = PRODUCT[name]["environment"]
    assert {key: f"${{{key}:-}}" for key in chosen} == {key: environment.get(key) for key in chosen}


def test_nothing_listens_beyond_this_machine_unless_told_so() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"web": ["${ASSENT_BIND:-127.0.0.1:8000}:8000"]}
