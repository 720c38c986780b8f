"""Machines that `ray up` reaches by SSH, all on this one: each has an OpenSSH server, a home and processes of its own.

They share a network namespace, whose loopback is no one else's: no port of this machine is taken, and none can be reached from
outside. Each has a process namespace, so that `ray stop` ends what runs on that machine and nothing else, and a mount
namespace, in which the user has another home. All of it ends with the process that made it.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_SSHD = "/usr/sbin/sshd"
_TOOLS = (_SSHD, "ssh-keygen", "ssh", "rsync", "unshare", "nsenter", "setpriv")
_UNSHARE = ("--pid", "--fork", "--kill-child", "--mount", "--mount-proc")
_LOOPBACK_UP = (
    "import fcntl, socket, struct\n"
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 0x41))"  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
)
_CONFIG = """\
ListenAddress {address}:22
HostKey {folder}/host_key
AuthorizedKeysFile {key}.pub
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
SetEnv RAY_TMPDIR={here} NODE_IP={address} RAY_gcs_rpc_server_reconnect_timeout_s=20
"""


def why_not() -> str:
    """What is missing for such machines here; nothing where they can be had."""
    if absent := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"machines need Debian's openssh-server and rsync; found no {', '.join(absent)}"
    tried = subprocess.run(["unshare", "--net", *_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True)
    return "" if tried.returncode == 0 else "machines need namespaces, which this user may not make"


@dataclass(frozen=True, kw_only=True)
class Machines:
    """key: to log in with. place: a short folder with one for each machine. first: process id that began each, by address.

    holder: process that has their network.
    """

    key: Path
    place: Path
    holder: int
    first: dict[str, int]

    @property
    def user(self) -> str:
        """Who logs in."""
        return pwd.getpwuid(os.geteuid()).pw_name

    def run(self, *command: str, cwd: Path, typed: str = "", seconds: float = 600) -> str:
        """What a command prints beside the machines, as on the laptop of who uses them; AssertionError where it fails.

        typed: what it reads.
        """
        inside = ["nsenter", "--target", str(self.holder), "--net", "--mount", "--pid", f"--wd={cwd}", *command]
        here, printed = str(self.place / "here"), self.place / "printed"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        laptop = {**kept, "HOME": here, "TMPDIR": here, "RAY_TMPDIR": here}
        with printed.open("wb") as out:  # no pipe: what a command starts would keep it open
            done = subprocess.run(inside, env=laptop, input=typed.encode(), stdout=out, stderr=out, timeout=seconds)
        text = printed.read_text(errors="replace")
        assert done.returncode == 0, f"{' '.join(command)}\n{text}"
        return text

    def commands(self, address: str) -> list[str]:
        """Command lines of what runs on one machine, its SSH server apart."""
        machine = _namespace(self.first[address])
        own = [_command(int(path.name)) for path in Path("/proc").glob("[0-9]*") if _namespace(int(path.name)) == machine]
        return [line for line in own if line and "sshd" not in line.partition(" ")[0]]


@contextmanager
def machines(addresses: Sequence[str]) -> Generator[Machines]:
    """Machines at addresses of the loopback range, each with an SSH server on port 22 that lets a new key in."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="m", dir="/tmp")))  # sockets need short paths
        stack.callback(_remove_sockets_of_ssh, place.name)
        here, key = place / "here", place / "key"
        here.mkdir()  # each machine sees its own folder there: `ray up` copies its state to the path that it has on the laptop
        _make_key(key)
        mounts = [(place / name, Path("/etc", name)) for name in _write_accounts(place, here / "home")]
        own = "mount -t tmpfs tmpfs /run && mkdir /run/sshd && mount -t tmpfs tmpfs /var/log"  # of no other server
        ready = f'{sys.executable} -c "$0" && {own} && exec sleep infinity'
        holder = stack.enter_context(_process("sleep", "unshare", "--net", *_UNSHARE, "sh", "-c", ready, _LOOPBACK_UP))
        first = {}
        for address in addresses:
            folder = place / address.rpartition(".")[2]
            (folder / "home").mkdir(parents=True)
            _make_key(folder / "host_key")
            (folder / "sshd").write_text(_CONFIG.format(address=address, folder=folder, here=here, key=key))
            mounted = [f"mount --bind {source} {target}" for source, target in [*mounts, (folder, here)]]
            serve = " && ".join([*mounted, f"exec {_SSHD} -D -E {folder}/sshd.log -f {folder}/sshd"])
            enter = ["nsenter", "--target", str(holder), "--net", "--mount", "unshare"]
            first[address] = stack.enter_context(_process("sshd", *enter, *_UNSHARE, "sh", "-c", serve))
        yield Machines(key=key, place=place, holder=holder, first=first)


def _write_accounts(folder: Path, home: Path) -> tuple[str, str]:
    """Files for /etc in which this user has another home: ssh looks for `~` there, whatever HOME says."""
    user = pwd.getpwuid(os.geteuid())
    account = f"{user.pw_name}:x:{user.pw_uid}:{user.pw_gid}::{home}:/bin/bash\n"
    (folder / "passwd").write_text(account + Path("/etc/passwd").read_text())
    (folder / "shadow").write_text(f"{user.pw_name}:*:1::::::\n")  # no password, and not locked
    return "passwd", "shadow"


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def _remove_sockets_of_ssh(cluster: str) -> None:
    """`ray up` keeps connections of a cluster in a folder below /tmp, which is named after the cluster's name."""
    for folder in Path("/tmp").glob(f"ray_ssh_*/{hashlib.sha256(cluster.encode()).hexdigest()[:10]}"):
        shutil.rmtree(folder)


def _namespace(process: int) -> str:
    try:
        return str(Path(f"/proc/{process}/ns/pid").readlink())
    except OSError:  # it has ended
        return ""


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended
        return ""


@contextmanager
def _process(name: str, *command: str) -> Generator[int]:
    """The first process of a namespace that `command` makes, once it executes `name`; all in it end with the context."""
    nothing = subprocess.DEVNULL
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=nothing, stdout=nothing, stderr=nothing) as maker:
        ended_first = maker.pid
        try:
            ended_first = _child(maker, name)
            yield ended_first
        finally:
            if maker.poll() is None:  # `unshare` waits for the first, and that for all others
                os.kill(ended_first, signal.SIGKILL)


def _child(parent: subprocess.Popen[bytes], name: str, seconds: float = 60) -> int:
    """The process that `unshare --fork` has started, once its namespaces are ready and it executes `name`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and parent.poll() is None:
        with suppress(psutil.Error):
            for child in psutil.Process(parent.pid).children():
                if child.name() == name:
                    return child.pid
        time.sleep(0.05)
    raise AssertionError(f"{name} should run in a namespace of its own; it does not")
