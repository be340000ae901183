"""The service on a device: a Debian with systemd, where a release is installed, broken, upgraded, removed.

LINEGATE_BOOTED=1 runs it; the container needs root and a network for Debian's and Python's packages.
LINEGATE_BOOTED=/some/folder keeps the bare Debian there for the next time.
"""

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.rigs.booted import BootedDebian, make_root, wait_until, why_not

ROOT = Path(__file__).parents[1]
INSTALL = "/linegate/systemd/install"
# A daemon whose inference hangs for good at the tenth part.
HANGS = """\
import sys, threading
import edge.inspection.inspector
inspect, seen = edge.inspection.inspector.Inspector.inspect, []
def hang(self, frame):
    seen.append(frame)
    if len(seen) > 10:
        threading.Event().wait()
    return inspect(self, frame)
edge.inspection.inspector.Inspector.inspect = hang
from edge.__main__ import main
sys.exit(main())
"""
# A daemon that takes 800 MB at once, when there is a file that says so.
LEAKS = """\
import sys
from pathlib import Path
import edge.inspection.inspector
inspect, kept, leak = edge.inspection.inspector.Inspector.inspect, [], Path("leak")
def take(self, frame):
    if leak.exists():
        leak.unlink()
        kept.extend(b"x" * 2**20 for _ in range(800))
    return inspect(self, frame)
edge.inspection.inspector.Inspector.inspect = take
from edge.__main__ import main
sys.exit(main())
"""
# A person in a browser: logs in, and says of the newest part that it is ok.
REVIEWER = """\
import re, urllib.parse, urllib.request
from http.cookiejar import CookieJar
base = "http://127.0.0.1:8620"
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
def post(path, **form):
    data = urllib.parse.urlencode(form).encode()
    return browser.open(urllib.request.Request(base + path, data, {"Origin": base})).read().decode()
def get(path):
    return browser.open(base + path).read().decode()
post("/login", name="ann", password="correct horse")
token = re.search('name="token" value="([0-9a-f]+)"', get("/review"))[1]
number = re.search('/history/([0-9]+)"', get("/history"))[1]
print(post(f"/review/{number}", label="ok", token=token, back="part"))
"""
# What a running system changes by itself.
ALIVE = "/proc /sys /dev /run /tmp /var/tmp /var/log /var/cache /var/lib/systemd /root /linegate /new"

pytestmark = [pytest.mark.slow, pytest.mark.booted, pytest.mark.timeout(900)]


def outside() -> tuple[dict[Path, str], dict[str, str]]:
    """The things of this machine that a container needs: the checkout, and how pip gets packages here."""
    environment = {key: os.environ[key] for key in ("PIP_INDEX_URL", "https_proxy") if key in os.environ}
    authorities = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
    shared = {ROOT: "/linegate"}
    if authorities is not None and Path(authorities).is_file():
        shared[Path(authorities).resolve()] = "/etc/ssl/certs/ca-certificates.crt"
        environment["PIP_CERT"] = "/etc/ssl/certs/ca-certificates.crt"
    return shared, environment


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of a Debian without Linegate."""
    wanted = os.environ.get("LINEGATE_BOOTED", "")
    if not wanted:
        pytest.skip("LINEGATE_BOOTED=1 runs it: minutes, as root, with debootstrap and systemd-nspawn")
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    kept = Path(wanted) if wanted != "1" else None
    root = kept or tmp_path_factory.mktemp("booted") / "root"
    if not (root / "etc" / "os-release").exists():
        reason = make_root(root)
        if reason is not None:
            pytest.skip(f"Debian is not available here: {reason}")
    yield root
    if kept is None:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def installed(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same after the first install, switched off."""
    root = tmp_path_factory.mktemp("installed") / "root"
    # Not copytree, which would read device nodes such as /dev/zero to their end.
    subprocess.run(["cp", "--archive", bare, root], check=True)
    device = BootedDebian(root, *outside(), changes="no")
    try:
        device.output(INSTALL)
    finally:
        device.close()
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def device(installed: Path) -> Iterator[BootedDebian]:
    """A device that was just switched on, whose station runs."""
    device = BootedDebian(installed, *outside())
    yield device
    device.close()


def is_running(device: BootedDebian, unit: str = "edge.service") -> bool:
    return device.show(unit, "ActiveState") == "active"


def log(device: BootedDebian, unit: str = "edge.service") -> str:
    return device.output("journalctl", "--unit", unit, "--no-pager", "--output", "cat")


def write(device: BootedDebian, path: str, text: str) -> None:
    device.output("mkdir", "-p", str(Path(path).parent))
    device.output("sh", "-c", 'printf %s "$1" > "$2"', "sh", text, path)


def files(device: BootedDebian) -> set[str]:
    prunes = " ".join(f"-path {path} -prune -o" for path in ALIVE.split())
    return set(device.output("sh", "-c", f"find / {prunes} -print").splitlines())


def new_checkout(device: BootedDebian, version: str) -> None:
    """/new: this checkout with another version."""
    device.output("mkdir", "/new")
    copied = "pyproject.toml README.md LICENSE CHANGELOG.md constraints.txt config.toml"
    device.output(
        "sh", "-c", f"cd /linegate && cp -r {copied} edge trainer quantize systemd samples docs /new"
    )
    device.output("sed", "-i", f's/^version = .*/version = "{version}"/', "/new/pyproject.toml")


def release(device: BootedDebian) -> str:
    return device.output("readlink", "/opt/linegate/current")


def test_it_starts_with_the_device_as_a_user_of_its_own_without_powers(device: BootedDebian) -> None:
    assert wait_until(lambda: is_running(device))
    process = device.show("edge.service", "MainPID")
    status = device.output("cat", f"/proc/{process}/status")
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert not re.search(r"^Uid:\s+0\b", status, re.MULTILINE)
    exposed = device.run("systemd-analyze", "security", "--threshold=15", "edge.service")
    assert exposed.returncode == 0, exposed.stdout[-200:]
    assert wait_until(lambda: device.show("edge.service", "StatusText").startswith("running; "))
    station = device.output("journalctl", "--output", "cat", "LINEGATE_STATION=station-1", "--no-pager")
    assert "state: running" in station


def test_a_missing_camera_does_not_hold_up_the_start(device: BootedDebian) -> None:
    absent = 'camera.kind = "device"\\ncamera.device = "/dev/video7"'
    device.output("sed", "-i", f"s,^camera.kind = .*,{absent},", "/etc/linegate/config.toml")
    device.output("systemctl", "restart", "edge")
    assert is_running(device)
    assert device.show("edge.service", "StatusText").startswith("fault: ")


def test_a_hang_is_ended_by_the_watchdog_which_leaves_the_stacks_in_the_log(device: BootedDebian) -> None:
    write(device, "/opt/linegate/hangs.py", HANGS)
    hanging = "/opt/linegate/current/bin/python /opt/linegate/hangs.py --config /etc/linegate/config.toml"
    drop_in = "/run/systemd/system/edge.service.d/hang.conf"
    write(device, drop_in, f"[Service]\nExecStart=\nExecStart={hanging}\nWatchdogSec=3\n")
    device.output("systemctl", "daemon-reload")
    device.output("systemctl", "restart", "edge")
    assert wait_until(lambda: int(device.show("edge.service", "NRestarts")) >= 1)
    said = log(device)
    assert "Watchdog timeout" in said
    assert "in hang" in said
    device.output("rm", drop_in)
    device.output("systemctl", "daemon-reload")
    device.output("systemctl", "restart", "edge")
    assert is_running(device)


def test_one_that_takes_too_much_memory_is_ended_by_the_kernel_and_runs_again(device: BootedDebian) -> None:
    write(device, "/opt/linegate/leaks.py", LEAKS)
    leaking = "/opt/linegate/current/bin/python /opt/linegate/leaks.py --config /etc/linegate/config.toml"
    # Fed for a minute without a sign of life: it must not be the watchdog that ends it.
    drop_in = f"[Service]\nExecStart=\nExecStart={leaking}\nWatchdogSec=60\n"
    write(device, "/run/systemd/system/edge.service.d/leak.conf", drop_in)
    device.output("systemctl", "daemon-reload")
    device.output("systemctl", "restart", "edge")
    before = device.show("edge.service", "MainPID")
    device.limit_memory("edge.service", 400 * 2**20)
    device.output("touch", "/var/lib/linegate/edge/leak")
    assert wait_until(lambda: device.show("edge.service", "NRestarts") == "1")
    assert device.was_killed_for_memory("edge.service")
    assert wait_until(lambda: device.show("edge.service", "StatusText").startswith("running; "))
    assert is_running(device)
    assert device.show("edge.service", "MainPID") != before


def test_a_killed_daemon_runs_again(device: BootedDebian) -> None:
    assert wait_until(lambda: is_running(device))
    for number in range(1, 9):
        device.output("systemctl", "kill", "--kill-whom", "main", "--signal", "KILL", "edge")
        assert wait_until(lambda number=number: device.show("edge.service", "NRestarts") == str(number))  # type: ignore[misc]
        assert wait_until(lambda: is_running(device))


def test_a_wrong_setting_is_named_and_not_tried_again(device: BootedDebian) -> None:
    wrong = "s/^#camera.replay_fps = .*/camera.replay_fps = -5/"
    device.output("sed", "-i", wrong, "/etc/linegate/config.toml")
    assert device.run("systemctl", "restart", "edge").returncode
    assert device.show("edge.service", "ActiveState") == "failed"
    assert device.show("edge.service", "NRestarts") == "0"
    assert "camera.replay_fps" in log(device)
    errors = device.output(
        "journalctl", "--unit", "edge", "--priority", "err", "--output", "cat", "--no-pager"
    )
    assert "camera.replay_fps" in errors


def test_a_password_is_a_credential_that_only_root_can_read(device: BootedDebian) -> None:
    write(device, "/etc/linegate/credentials/mqtt.port", "no-port")
    device.output("chmod", "600", "/etc/linegate/credentials/mqtt.port")
    assert device.run("systemctl", "restart", "edge").returncode
    assert "credential linegate_mqtt.port" in log(device)
    assert "no-port" not in log(device)
    write(device, "/etc/linegate/credentials/mqtt.port", "1884")
    device.output("systemctl", "restart", "edge")
    assert wait_until(lambda: "127.0.0.1:1884" in log(device))


def test_signals_and_the_end(device: BootedDebian) -> None:
    assert wait_until(lambda: is_running(device))
    device.output("systemctl", "kill", "--kill-whom", "main", "--signal", "USR1", "edge")
    assert wait_until(lambda: "most recent call first" in log(device))
    device.output("systemctl", "reload", "edge")
    assert device.show("edge.service", "NRestarts") == "0"
    device.output("systemctl", "stop", "edge")
    assert device.show("edge.service", "Result") == "success"


def test_the_same_release_again_disturbs_nothing(device: BootedDebian) -> None:
    assert wait_until(lambda: is_running(device))
    process = device.show("edge.service", "MainPID")
    device.output(INSTALL)
    assert device.show("edge.service", "MainPID") == process


def test_an_upgrade_keeps_the_settings_and_the_release_before(device: BootedDebian) -> None:
    before, settings = release(device), "/etc/linegate/config.toml"
    device.output("sed", "-i", "s/^gate.travel_ms = .*/gate.travel_ms = 600.0/", settings)
    kept = device.output("cat", settings)
    new_checkout(device, "0.9.9")
    device.output("/new/systemd/install")
    assert release(device).startswith("0.9.9-")
    assert is_running(device)
    assert device.output("cat", settings) == kept
    assert before in device.output("ls", "/opt/linegate").split()


def test_a_station_whose_name_is_not_that_of_what_waits_in_its_journal_is_not_upgraded(
    device: BootedDebian,
) -> None:
    assert wait_until(lambda: is_running(device))
    before, process = release(device), device.show("edge.service", "MainPID")
    device.output("sed", "-i", 's/^station.name = .*/station.name = "press-3"/', "/etc/linegate/config.toml")
    new_checkout(device, "0.9.9")
    refused = device.run("/new/systemd/install")
    assert refused.returncode == 2
    assert "is of station station-1, and station.name is press-3" in refused.stderr
    assert (release(device), device.show("edge.service", "MainPID")) == (before, process)


def test_an_upgrade_that_does_not_become_ready_is_rolled_back(device: BootedDebian) -> None:
    before = release(device)
    new_checkout(device, "0.9.9")
    device.output("sh", "-c", "echo 'raise RuntimeError(\"worn out\")' >> /new/edge/station/app.py")
    failed = device.run("/new/systemd/install")
    assert failed.returncode == 1
    assert "worn out" in failed.stderr
    assert f"back on {before}" in failed.stderr
    assert release(device) == before
    assert is_running(device)
    assert "0.9.9" not in device.output("ls", "/opt/linegate")


def test_a_bundle_that_may_not_decide_is_refused_and_nothing_changes(device: BootedDebian) -> None:
    assert wait_until(lambda: is_running(device))
    process = device.show("edge.service", "MainPID")
    before = device.output("sha256sum", "/etc/linegate/part.tflite")
    write(device, "/tmp/garbage.tflite", "garbage")
    refused = device.run(INSTALL, "--bundle", "/tmp/garbage.tflite")
    assert refused.returncode == 2
    assert "bundle" in refused.stderr
    assert device.output("sha256sum", "/etc/linegate/part.tflite") == before
    assert device.show("edge.service", "MainPID") == process
    assert "offered" not in device.output("ls", "--all", "/etc/linegate")


def test_an_upgrade_that_is_killed_and_run_again_goes_back_to_what_ran_before_it(
    device: BootedDebian,
) -> None:
    """tests/test_install.py kills it at every step, on a systemd that is played."""
    assert wait_until(lambda: is_running(device))
    before = release(device)
    new_checkout(device, "0.9.9")
    device.output("sh", "-c", "echo 'raise RuntimeError(\"worn out\")' >> /new/edge/station/app.py")
    killed = (
        "umask 077; /new/systemd/install & "
        "until readlink /opt/linegate/current | grep -q 0.9.9; do sleep 0.05; done; kill -9 $!; wait $!"
    )
    device.run("sh", "-c", killed)
    assert release(device).startswith("0.9.9")
    assert device.run("/new/systemd/install").returncode == 1
    assert release(device) == before
    assert is_running(device)
    assert device.output("stat", "--format", "%a", "/etc/linegate") == "755"
    assert "before" not in device.output("ls", "--all", "/etc/linegate", "/opt/linegate").split()


def test_two_stations_have_settings_state_and_users_of_their_own(device: BootedDebian) -> None:
    device.output(INSTALL, "--remove", "--purge")
    device.output(INSTALL, "--station", "left", "--station", "right")
    users = set()
    for name in ("left", "right"):
        unit = f"edge@{name}.service"
        assert is_running(device, unit)
        status = device.output("cat", f"/proc/{device.show(unit, 'MainPID')}/status")
        users |= set(re.findall(r"^Uid:\s+(\d+)", status, re.MULTILINE))
        assert f'station.name = "{name}"' in device.output("cat", f"/etc/linegate/{name}/config.toml")
        device.output("test", "-f", f"/var/lib/linegate/edge@{name}/state/journal.sqlite")
    assert len(users) == 2


def test_the_page_runs_beside_the_station_and_writes_reviews_alone(device: BootedDebian) -> None:
    device.output(INSTALL, "--with", "page")
    device.output("cp", "/linegate/systemd/edge-page.service", "/etc/systemd/system/")
    device.output("systemctl", "daemon-reload")
    device.run("systemctl", "start", "edge-page")  # nobody may log in, and it runs all the same
    assert is_running(device, "edge-page.service"), log(device, "edge-page.service")
    edge = "/opt/linegate/current/bin/edge"
    line = device.output("sh", "-c", f"echo correct horse | {edge} page --add-user ann")
    write(device, "/etc/linegate/credentials/page.users", line)
    device.output("systemctl", "restart", "edge-page")
    assert is_running(device, "edge-page.service"), log(device, "edge-page.service")
    assert wait_until(lambda: device.show("edge.service", "StatusText").startswith("running; "))
    assert "ann: <b>OK</b>" in device.output("/opt/linegate/current/bin/python", "-c", REVIEWER)
    state = "/var/lib/linegate/edge/state"
    device.output("test", "-f", f"{state}/reviews/review.sqlite")
    process = device.show("edge-page.service", "MainPID")
    written = device.run("nsenter", "--target", process, "--mount", "touch", f"{state}/touched")
    assert "Read-only" in written.stderr
    assert is_running(device)


def test_without_a_network_packages_come_from_a_folder(bare: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    subprocess.run(["cp", "--archive", bare, root], check=True)
    connected = BootedDebian(root, *outside(), changes="no")
    try:  # as docs/guides/install.md says
        connected.output("python3", "-m", "venv", "/root/pip")
        wheels = "/root/pip/bin/pip wheel --quiet --wheel-dir /root/wheels . hatchling"
        wheels = f"cd /root/checkout; PIP_CONSTRAINT=constraints.txt {wheels}"
        connected.output("sh", "-c", f"cp -r /linegate /root/checkout; {wheels}")
    finally:
        connected.close()
    device = BootedDebian(root, {ROOT: "/linegate"}, {}, changes="no", network=False)
    try:
        assert device.run(INSTALL).returncode == 2, "there is no network"
        device.output(INSTALL, "--wheels", "/root/wheels")
        assert is_running(device)
        wheel = device.output("sh", "-c", "ls /root/wheels/linegate-*.whl")
        device.output(INSTALL, wheel, "--wheels", "/root/wheels")
        assert is_running(device)
    finally:
        device.close()
        shutil.rmtree(root, ignore_errors=True)


def test_removal_keeps_settings_and_journal_and_a_purge_leaves_nothing(bare: Path) -> None:
    device = BootedDebian(bare, *outside())
    try:
        before = files(device)
        device.output(INSTALL)
        device.output(INSTALL, "--remove")
        left = files(device) - before
        assert {"/etc/linegate/config.toml", "/etc/linegate/part.tflite"} <= left
        assert any(path.endswith("journal.sqlite") for path in left)
        assert not [path for path in left if path.startswith(("/opt", "/etc/systemd"))]
        device.output(INSTALL, "--remove", "--purge")
        assert files(device) - before - {"/var/lib/private"} == set()
        assert device.run("systemctl", "cat", "edge.service").returncode
    finally:
        device.close()
