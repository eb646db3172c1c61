"""A Postfix of the tests' own: Debian's package, its own queue and settings, loopback ports."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

# What docs/mail.md tells an operator to set, word for word.
RECIPE = """
smtpd_forbid_bare_newline = normalize
smtpd_forbid_bare_newline_exclusions =
smtpd_forbid_unauth_pipelining = yes
smtpd_discard_ehlo_keywords = chunking, silent-discard
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
disable_vrfy_command = yes
recipient_delimiter = +
"""
_SERVICES = """
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running Postfix."""

    port: int
    folder: Path

    def log(self) -> str:
        """What it wrote to its log."""
        return (self.folder / "postfix.log").read_text(errors="replace")


@asynccontextmanager
async def postfix(
    *, mail_domain: str, port: int, lmtp_port: int, world_port: int, more: str = ""
) -> AsyncIterator[Postfix]:
    """Run a Postfix: mail for `mail_domain` goes in over LMTP, everything else out to `world_port`; `more` settings."""
    folder = Path(tempfile.mkdtemp(prefix="tegata-postfix-"))
    folder.chmod(0o755)
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir(mode=0o755)
    _as_root("chown", "postfix", str(folder / "data"))
    (folder / "etc" / "main.cf").write_text(
        f"""compatibility_level = 3.7
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = relay.portal.test
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = {mail_domain}
transport_maps = inline:{{ {{ {mail_domain} = lmtp:inet:127.0.0.1:{lmtp_port} }} }}
relayhost = [127.0.0.1]:{world_port}
smtp_tls_security_level = none
smtpd_tls_security_level = none
minimal_backoff_time = 1s
queue_run_delay = 1s
{RECIPE}
{more}
"""
    )
    (folder / "etc" / "master.cf").write_text(_SERVICES.format(port=f"127.0.0.1:{port}"))
    _as_root("chown", "-R", "root", str(folder / "etc"))
    await asyncio.to_thread(_as_root, "postfix", "-c", str(folder / "etc"), "start")
    try:
        yield Postfix(port, folder)
    finally:
        await asyncio.to_thread(_as_root, "postfix", "-c", str(folder / "etc"), "stop")
        _as_root("rm", "-rf", str(folder))


def _as_root(*command: str) -> None:
    path = f"{os.defpath}:/usr/sbin:/sbin"
    program = shutil.which(command[0], path=path)
    assert program, f"{command[0]} is missing: scripts/test installs it"
    prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
    done = subprocess.run([*prefix, program, *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
