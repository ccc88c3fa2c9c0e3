"""The images are built for real with podman, started against a real PostgreSQL, and asked whether they are healthy.

Needs root on Debian/Ubuntu (debootstrap makes the base image, no image registry is needed). Elsewhere the tests are
skipped with the reason; in CI they fail instead. Layers stay in podman's store, so that a second run is quick.
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import httpx
import permittimelines
import psutil
import psycopg
import pytest
import yaml
from conftest import free_port_base

from yidang import settings as settings_module
from yidang.errors import YidangError
from yidang.services import airflow, postgres
from yidang.settings import AIRFLOW_DATABASE, ROOT, Settings

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]

DOCKER = ROOT / "docker"
BASE = "localhost/yidang-base:bookworm"
IMAGES = {name: f"localhost/yidang-{name}:test" for name in ("platform", "superset")}
UID = 10001
PERMITS = 1000  # real ones, enough to see that a pull and a build work inside
# What compose.yml demands of the same services. The engine's flags are for a machine that is itself a container.
HARDENED = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", f"--user={UID}:{UID}"]
ENGINE = ["--network=host", "--ulimit=nofile=20000:20000", "--ulimit=nproc=4096:4096"]


def podman(*arguments: str | Path, check: bool = True, **options) -> str:
    command = ["podman", "--runtime", "runc", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if check and result.returncode:
        pytest.fail(f"podman {' '.join(command[3:])}\n{(result.stdout + result.stderr)[-4000:]}", pytrace=False)
    return result.stdout.strip()


@pytest.fixture(scope="module")
def base() -> str:
    """A Debian base image, made once with debootstrap; the images ask for nothing that debian:bookworm-slim lacks."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        refuse("the images can be built here only as root on Debian or Ubuntu (debootstrap makes the base image)")
    tools = subprocess.run([sys.executable, ROOT / "scripts" / "setup_test_tools.py"], capture_output=True, text=True)
    missing = [tool for tool in ("podman", "runc", "debootstrap") if not shutil.which(tool)]
    if missing:
        refuse(f"{', '.join(missing)} could not be installed: {tools.stderr.strip()}")
    if subprocess.run(["podman", "image", "exists", BASE]).returncode:
        # Not below pytest's folder: PostgreSQL's service user and debootstrap both need a path others can enter.
        folder = Path("/var/tmp/yidang-base")
        shutil.rmtree(folder, ignore_errors=True)
        made = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder], capture_output=True, text=True)
        if made.returncode:
            refuse(f"debootstrap failed: {made.stdout[-500:]}")
        for package in (folder / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as archive:
            podman("import", "-q", "-", BASE, stdin=archive.stdout)
        shutil.rmtree(folder)
    return BASE


def refuse(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"CI must build the images, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def images(base: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("build")
    for name, image in IMAGES.items():
        began = time.monotonic()
        before = podman("image", "inspect", "--format={{.Id}}", image, check=False)
        podman(
            "build", "--isolation=chroot", "--network=host", f"--build-arg=BASE={base}", *registry_secrets(folder),
            "-t", image, "-f", DOCKER / f"{name}.Dockerfile", ROOT,
            env={**os.environ, "TMPDIR": str(folder)},  # buildah's cache for the installer goes with the test
        )  # fmt: skip
        if before and before != podman("image", "inspect", "--format={{.Id}}", image):
            podman("rmi", before, check=False)  # with those of its layers that the new image does not share
        size = int(podman("image", "inspect", "--format={{.Size}}", image)) / 1e9
        print(f"{name}: built in {time.monotonic() - began:.0f} s, {size:.2f} GB")
    return IMAGES


def registry_secrets(folder: Path) -> list[str]:
    """What pip is configured for on this machine (a mirror, a private certificate), as secrets of the build."""
    pip = [ROOT / ".yidang/venv/uv/bin/python", "-m", "pip", "config", "list"]
    listing = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"\.(index-url|cert)='(.*)'", listing))
    flags, lines = [], ["[global]"]
    if "cert" in found:
        flags.append(f"--secret=id=ca_bundle,src={found['cert']}")
        lines.append("cert = /run/secrets/ca_bundle")
    if "index-url" in found:
        lines.append(f"index-url = {found['index-url']}")
    (folder / "pip.conf").write_text("\n".join(lines) + "\n")
    return [*flags, f"--secret=id=pip_conf,src={folder / 'pip.conf'}"]


@dataclass(frozen=True)
class Installation:
    """An empty PostgreSQL cluster and the containers that use it, side by side on the host's network."""

    settings: Settings
    images: dict[str, str]
    volumes: dict[str, str]
    departments: Path
    drop: Path
    admin_password_file: Path

    def run(self, image: str, command: list[str], *flags: str) -> str:
        """Run a container. Attached: returns its output, fails the test if it fails. With -d: returns its id."""
        host, port = self.settings.server
        environment = {
            "YIDANG_DATABASE_URL": f"postgresql://postgres@{host}:{port}/postgres",
            "YIDANG_PORT_BASE": str(self.settings.port_base),
        }
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        return podman("run", *ENGINE, *HARDENED, *variables, *flags, self.images[image], *command)

    @property
    def platform(self) -> list[str]:
        """What every part of the platform is given: its state, the secrets to read, the departments and their files."""
        return [
            self.volume("airflow", "/var/lib/yidang"),
            self.volume("superset", "/var/lib/yidang/superset"),
            self.volume("secrets", "/var/lib/yidang-secrets", "ro"),
            f"--volume={self.departments}:/opt/yidang/departments:ro",
            f"--volume={self.drop}:/drop:ro",
            "--env=US_PERMITS_DROP=/drop",
        ]

    def volume(self, name: str, target: str, mode: str = "rw") -> str:
        return f"--volume={self.volumes[name]}:{target}:{mode}"

    def prepare(self) -> None:
        """The first one-shot service, as compose runs it at every `up`."""
        self.run(
            "platform", ["init"], "--rm",
            self.volume("airflow", "/var/lib/yidang"),
            self.volume("superset", "/var/lib/yidang/superset"),
            self.volume("secrets", "/var/lib/yidang-secrets"),
            f"--volume={self.departments}:/opt/yidang/departments:ro",
            f"--volume={self.admin_password_file}:/run/secrets/postgres_password:ro",
            "--env=YIDANG_POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password",
        )  # fmt: skip

    def secrets(self) -> dict[str, str]:
        volume = self.volume("secrets", "/var/lib/yidang-secrets", "ro")
        return json.loads(self.run("platform", ["cat", "/var/lib/yidang-secrets/secrets.json"], "--rm", volume))

    def start(self, name: str, image: str, command: list[str], *flags: str) -> None:
        self.run(image, command, "--detach", f"--name={self.container(name)}", *flags)

    def container(self, name: str) -> str:
        return f"yidang-test-{self.settings.port_base}-{name}"

    def logs(self, name: str) -> str:
        command = ["podman", "logs", "--tail=40", self.container(name)]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return f"{name}:\n{result.stdout[-4000:]}"

    def wait(self, what: Callable[[], bool], names: list[str], seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not answers(what):
            dead = [name for name in names if self.state(name) != "running"]
            if dead or time.monotonic() > deadline:
                problem = f"{', '.join(dead)} ended" if dead else f"not healthy after {seconds:.0f} s"
                pytest.fail(f"{problem}\n" + "\n".join(map(self.logs, dead or names)), pytrace=False)
            time.sleep(0.5)

    def state(self, name: str) -> str:
        return podman("inspect", "--format={{.State.Status}}", self.container(name))

    def user_ids(self, name: str) -> set[int]:
        """Real uids, as the host sees them, of every process of a container."""
        pid = int(podman("inspect", "--format={{.State.Pid}}", self.container(name)))
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return {member.uids().real for member in family}


def answers(what: Callable[[], bool]) -> bool:
    try:
        return what()
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def installation(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("YIDANG_DATABASE_URL", "YIDANG_SECRETS_FILE", "YIDANG_DEPARTMENTS_DIR", "YIDANG_AS_OF"):
            patch.delenv(name, raising=False)
        patch.setenv("YIDANG_HOME", str(tmp_path_factory.mktemp("containers")))
        patch.setenv("YIDANG_PORT_BASE", str(free_port_base()))
        settings = settings_module.load()
    volumes = {name: f"yidang-test-{settings.port_base}-{name}" for name in ("airflow", "superset", "secrets")}
    departments, drop = settings.home / "departments", settings.home / "drop"
    departments.mkdir()
    drop.mkdir()
    shutil.copy(ROOT / "departments" / "examples" / "us_permits.yml", departments)
    packed = importlib.resources.files(permittimelines) / "data" / "permit-records.csv.gz"
    with packed.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
        (drop / "permit-records.csv").write_text("".join(islice(lines, PERMITS + 1)), encoding="utf-8")
    password_file = settings.home / "postgres_password"
    try:
        postgres.start(settings, postgres.WAREHOUSE)
        password_file.write_text(settings.secret(postgres.WAREHOUSE.password_secret))
        made = Installation(settings, images, volumes, departments, drop, password_file)
        settings.home.chmod(0o755)
        made.prepare()
        settings.ensure_secrets([], fixed=made.secrets())  # so that the tests can log in as the containers do
        yield made
    finally:
        containers = podman("ps", "-aq", f"--filter=name=yidang-test-{settings.port_base}-", check=False).split()
        if containers:
            podman("rm", "-f", "-t", "3", *containers, check=False)
        podman("volume", "rm", "-f", *volumes.values(), check=False)
        postgres.stop(settings, postgres.WAREHOUSE)
        postgres.remove(settings)


def test_preparing_twice_changes_nothing(installation: Installation):
    before = installation.secrets()
    installation.prepare()
    assert installation.secrets() == before


def test_airflow_pulls_and_builds_in_three_hardened_containers(installation: Installation):
    parts = ["api-server", "scheduler", "dag-processor"]
    for part in parts:
        installation.start(part, "platform", ["airflow", part], *installation.platform)
    settings = installation.settings
    page = f"{airflow.url(settings)}/api/v2/monitor/health"

    def healthy() -> bool:
        health = httpx.get(page, timeout=5, trust_env=False).raise_for_status().json()
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    installation.wait(healthy, parts)
    for part in parts:
        assert installation.user_ids(part) == {UID}
    # The probe that compose.yml uses, from inside: healthy parts pass, a part that does not run (the triggerer) fails.
    probe = ["exec", installation.container("api-server"), "python3", "/opt/yidang/docker/health.py", page]
    podman(*probe, "scheduler")
    assert subprocess.run(["podman", "--runtime", "runc", *probe, "triggerer"], capture_output=True).returncode == 1

    expected = {"build", "freshness", "quality", "reports", "subscriptions", "warnings", "pull_us_permits"}
    with psycopg.connect(settings.admin_dsn(AIRFLOW_DATABASE), autocommit=True) as connection:

        def dags() -> set[str]:
            return {name for (name,) in connection.execute("select dag_id from dag where not is_stale")}

        installation.wait(lambda: dags() == expected, parts)
        assert not connection.execute("select filename, stacktrace from import_error").fetchall()
        pools = {name for (name,) in connection.execute("select pool from slot_pool")}
    assert pools == {"default_pool", "dbt", "source_us_permits"}

    try:
        airflow.run_pipeline(settings, ["us_permits"], timeout_seconds=300)
    except YidangError as error:
        logs = [
            "find",
            "/var/lib/yidang/airflow/logs",
            "-name",
            "attempt=*.log",
            "-exec",
            "tail",
            "-n",
            "15",
            "{}",
            "+",
        ]
        pytest.fail(f"{error}\n{installation.run('platform', logs, '--rm', *installation.platform)}", pytrace=False)
    answer = installation.run(
        "platform", ["yidang", "sql", "select count(*) as permits from fct_us_permit"], "--rm", *installation.platform
    )
    assert answer.split() == ["permits", str(PERMITS)]


def test_superset_serves_from_a_hardened_container(installation: Installation):
    cache = installation.volume("superset", "/var/lib/yidang/superset")
    installation.run("superset", ["init"], "--rm", cache, installation.volume("secrets", "/var/lib/yidang-secrets"))
    secrets = installation.volume("secrets", "/var/lib/yidang-secrets", "ro")
    installation.start("superset", "superset", ["serve"], cache, secrets)
    address = f"http://127.0.0.1:{installation.settings.port('superset')}"

    def healthy() -> bool:
        return httpx.get(f"{address}/health", timeout=5, trust_env=False).text == "OK"

    installation.wait(healthy, ["superset"])
    assert installation.user_ids("superset") == {UID}
    podman("exec", installation.container("superset"), "python3", "/opt/yidang/docker/health.py", f"{address}/health")
    password = installation.secrets()["YIDANG_SUPERSET_ADMIN_PASSWORD"]
    with httpx.Client(base_url=address, trust_env=False, headers={"Referer": address}) as visitor:
        wrong = visitor.post(
            "/api/v1/security/login", json={"username": "admin", "provider": "db", "password": "admin"}
        )
        # by the form: what the window's visitors may ask for too, Superset answers without looking at a token
        (token,) = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get("/login/").text)
        right = visitor.post("/login/", data={"username": "admin", "password": password, "csrf_token": token})
        dashboard = visitor.get("/api/v1/dashboard/overview")
    assert (wrong.status_code, right.status_code, dashboard.status_code) == (401, 302, 200)

    departments = f"--volume={installation.departments}:/opt/yidang/departments:ro"
    admin = ["--rm", "--tmpfs=/var/lib/yidang/log", cache, secrets, departments]

    def command(*arguments: str) -> str:
        return installation.run("superset", ["yidang", "superset", *arguments], *admin)

    given = command("user", "add", "wang", "--role", "经办人", "--department", "us_permits").split()[-1]
    with httpx.Client(base_url=address, trust_env=False, headers={"Referer": address}) as handler:
        (token,) = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', handler.get("/login/").text)
        assert handler.post("/login/", data={"username": "wang", "password": given, "csrf_token": token}).is_redirect
    assert re.search(r"^wang\t经办人\tus_permits\t20", command("user", "list"), re.MULTILINE)
    command("user", "remove", "wang")
    assert re.search(r"^wang\t.*\tshut$", command("user", "list"), re.MULTILINE)
    assert command("audit") == ""


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_holds_no_secret_and_cannot_change_its_own_code(images: dict[str, str], name: str):
    def find(expression: str) -> str:
        return podman("run", "--rm", *ENGINE, "--user=0", "--entrypoint=find", images[name], *expression.split())

    assert (
        find("/etc /opt /root /run /var -name secrets.json -o -name pip.conf -o -name .git -o -path /run/secrets/*")
        == ""
    )
    assert find("/opt/yidang -user yidang -o -type f -perm -o+w") == ""


def test_the_compose_file_is_valid_and_every_service_of_ours_is_hardened(tmp_path: Path):
    if not shutil.which("docker-compose"):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            refuse("docker-compose is not installed (Debian: apt-get install docker-compose)")
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "docker-compose"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(install, check=True, capture_output=True, env=environment)
    # Debian's version validates everything but the project's name, which came to the format later.
    text = (DOCKER / "compose.yml").read_text(encoding="utf-8").replace("name: yidang\n", "", 1)
    command = ["docker-compose", "-f", "-", "--project-directory", DOCKER, "config"]
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    services = yaml.safe_load(result.stdout)["services"]
    for name, service in services.items():
        assert "healthcheck" in service or service["restart"] == "no", f"{name} has no health check"
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), f"{name} publishes {port} to the network"
        if name != "postgres":
            assert (service["user"], service["read_only"], service["cap_drop"]) == (f"{UID}:{UID}", True, ["ALL"]), name
