"""Machines that `ray up` reaches by SSH, all on this one: each has an OpenSSH server, a home and processes of its own.

They share a network namespace, whose loopback is no one else's: no port of this machine is taken, and none can be reached from
outside. Each has a process namespace, so that `ray stop` ends what runs on that machine and nothing else.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_SSHD = "/usr/sbin/sshd"
_TOOLS = (_SSHD, "ssh-keygen", "ssh", "rsync", "unshare", "nsenter")
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
SetEnv RAY_TMPDIR={here} NODE_IP={address} OMP_NUM_THREADS=1
"""


def why_not() -> str:
    """What is missing for such machines here; nothing where they can be had."""
    if absent := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"machines need Debian's openssh-server and rsync; found no {', '.join(absent)}"
    tried = subprocess.run(["unshare", "--net", "--pid", "--mount", "--fork", "true"], capture_output=True)
    return "" if tried.returncode == 0 else "machines need namespaces, which this user may not make"


@dataclass(frozen=True, kw_only=True)
class Machines:
    """key: to log in with. place: a short folder with one for each machine. holder: process that has their network."""

    key: Path
    place: Path
    holder: int

    @property
    def user(self) -> str:
        """Who logs in."""
        return pwd.getpwuid(os.geteuid()).pw_name

    def run(self, *command: str, cwd: Path, seconds: float = 300) -> str:
        """What a command prints beside the machines, as on the laptop of who uses them; AssertionError where it fails."""
        inside = ["nsenter", "--target", str(self.holder), "--net", "--mount", "--pid", f"--wd={cwd}"]
        here, printed = str(self.place / "here"), self.place / "printed"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        laptop = {**kept, "HOME": here, "TMPDIR": here, "RAY_TMPDIR": here}
        with printed.open("wb") as out:  # no pipe: what a command starts would keep it open
            done = subprocess.run([*inside, *command], env=laptop, stdout=out, stderr=out, timeout=seconds)
        text = printed.read_text(errors="replace")
        assert done.returncode == 0, f"{' '.join(command)}\n{text}"
        return text

    def commands(self, address: str) -> list[str]:
        """Command lines of the Ray processes of one machine."""
        found = [_command(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
        return [line for line in found if str(self.place) in line and f"{address}" in line]


@contextmanager
def machines(addresses: Sequence[str]) -> Generator[Machines]:
    """Machines at addresses of the loopback range, each with an SSH server on port 22 that lets a new key in."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="m", dir="/tmp")))  # sockets need short paths
        here, key = place / "here", place / "key"
        here.mkdir()  # each machine sees its own folder there: `ray up` copies its state to the path that it has on the laptop
        _make_key(key)
        ready = f'{sys.executable} -c "$0" && mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec sleep infinity'
        alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c"]
        holder = _child(stack.enter_context(_process([*alone, ready, _LOOPBACK_UP])).pid)
        for address in addresses:
            folder = place / address.rpartition(".")[2]
            (folder / "home").mkdir(parents=True)
            _make_key(folder / "host_key")
            (folder / "sshd").write_text(_CONFIG.format(address=address, folder=folder, here=here, key=key))
            enter = ["nsenter", "--target", str(holder), "--net", "--mount"]
            own = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
            accounts = " && ".join(f"mount --bind {place / name} /etc/{name}" for name in _write_accounts(place, here / "home"))
            serve = f"mount --bind {folder} {here} && {accounts} && exec {_SSHD} -D -E {folder}/sshd.log -f {folder}/sshd"
            stack.enter_context(_process([*enter, *own, "sh", "-c", serve]))
        yield Machines(key=key, place=place, holder=holder)


def _write_accounts(folder: Path, home: Path) -> tuple[str, str]:
    """Files for /etc in which this user has another home: ssh asks them for it, and not HOME."""
    user = pwd.getpwuid(os.geteuid())
    account = f"{user.pw_name}:x:{user.pw_uid}:{user.pw_gid}::{home}:/bin/bash\n"
    (folder / "passwd").write_text(account + Path("/etc/passwd").read_text())
    (folder / "shadow").write_text(f"{user.pw_name}:*:1::::::\n")  # no password, and not locked
    return "passwd", "shadow"


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def _command(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended
        return ""


@contextmanager
def _process(command: list[str]) -> Generator[subprocess.Popen[bytes]]:
    """A process that ends with the context, and with it all processes of its namespace."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()  # unshare ignores milder signals
            process.wait()


def _child(parent: int, seconds: float = 30) -> int:
    """The process that `unshare --fork` has started, once it sleeps: then its namespaces are ready."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text() == "sleep\n":
            return int(children[0])
        time.sleep(0.05)
    raise AssertionError("namespaces should be ready; they are not")
