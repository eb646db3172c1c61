"""Whether the program's own packages are the ones that run, and not another project's of the same name."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

# Common names at the top level, which other distributions use as well.
PACKAGES = ("bot", "cli", "demo", "hub", "mail_gateway", "models", "web")
_HERE = Path(__file__).resolve().parents[2]


def foreign() -> Iterator[str]:
    """Name each package of ours whose files come from somewhere else, with the file found."""
    record = _record()
    for name in PACKAGES:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            yield f"the package {name} is missing"
            continue
        found = Path(spec.origin).resolve()
        if found.parent.parent != _HERE:
            yield f"the package {name} is another project's: {found}"
        elif name in record and record[name] != _digest(found):
            yield f"the package {name} was replaced by another project's: {found}"


def _record() -> dict[str, str]:
    """Read the digests that the installation recorded for each package; none for an editable one."""
    try:
        files = metadata.files("tegata") or []
    except metadata.PackageNotFoundError:
        return {}
    starts = {f"{name}/__init__.py": name for name in PACKAGES}
    return {starts[str(file)]: file.hash.value for file in files if str(file) in starts and file.hash is not None}


def _digest(file: Path) -> str:
    """Digest a file as the record does (PEP 376: SHA-256, URL-safe base64 without padding)."""
    return urlsafe_b64encode(sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
