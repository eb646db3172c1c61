"""The managed policy that keeps Chromium to the kiosk's pages: what stands in it, writing it, checking it."""

import json
import os
import stat
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from reader_kiosk.errors import KioskError

FOLDER = Path("/etc/chromium/policies/managed")
_NAME = "tegata-kiosk.json"
_ROOT = 0
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_PORTS = {"http": 80, "https": 443}
_COMMAND = "Please run as root: python -m reader_kiosk policy"
Policies = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the policy depends on: the hub's origin, the local page's, further origins, and the file of private CAs."""

    hub: str
    page: str
    further: tuple[str, ...] = ()
    hub_ca: Path | None = None


def policies(wanted: Wanted) -> Policies:
    """Write the policies; KioskError when the file of CAs cannot be read."""
    allowed = [pattern(one) for one in (wanted.hub, wanted.page, *wanted.further)]
    home = f"{wanted.page}/"
    return {
        "URLBlocklist": ["*", "file://*", "chrome://*", "javascript://*", "view-source:*", "mailto:*"],
        "URLAllowlist": allowed,
        "CACertificates": _authorities(wanted.hub_ca),
        "IncognitoModeAvailability": 1,
        "BrowserGuestModeEnabled": False,
        "BrowserAddPersonEnabled": False,
        "BrowserSignin": 0,
        "SyncDisabled": True,
        "ForceEphemeralProfiles": True,
        "SavingBrowserHistoryDisabled": True,
        "AllowDeletingBrowserHistory": False,
        # No tools for people. The program looks after the pages that may be opened, over its pipe, and no others.
        "DeveloperToolsAvailability": 2,
        "DeveloperToolsAvailabilityAllowlist": allowed,
        "RemoteDebuggingAllowed": True,
        "DownloadRestrictions": 3,
        "AlwaysOpenPdfExternally": True,
        "AllowFileSelectionDialogs": False,
        "PrintingEnabled": False,
        "ScreenCaptureAllowed": False,
        "AudioCaptureAllowed": False,
        "VideoCaptureAllowed": False,
        "TranslateEnabled": False,
        "SearchSuggestEnabled": False,
        "DefaultSearchProviderEnabled": False,
        "PasswordManagerEnabled": False,
        "AutofillAddressEnabled": False,
        "AutofillCreditCardEnabled": False,
        "SpellcheckEnabled": False,
        "NewTabPageLocation": home,
        "HomepageIsNewTabPage": False,
        "HomepageLocation": home,
        "ShowHomeButton": False,
        "RestoreOnStartup": 5,
        "DefaultPopupsSetting": 2,
        "DefaultNotificationsSetting": 2,
        "DefaultGeolocationSetting": 2,
        "DefaultFileSystemReadGuardSetting": 2,
        "DefaultFileSystemWriteGuardSetting": 2,
        "DefaultSerialGuardSetting": 2,
        "DefaultWebUsbGuardSetting": 2,
        "DefaultWebHidGuardSetting": 2,
        "DefaultWebBluetoothGuardSetting": 2,
        "ExtensionInstallBlocklist": ["*"],
        "BackgroundModeEnabled": False,
        "TaskManagerEndProcessEnabled": False,
        "BookmarkBarEnabled": False,
        "EditBookmarksEnabled": False,
        "UserFeedbackAllowed": False,
        "MetricsReportingEnabled": False,
    }


def pattern(origin: str) -> str:
    """Write an origin as Chromium's filter: this host and no host below it, this port and no other."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_name = not host.replace(".", "").isdigit() and ":" not in host
    written = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{'.' if is_name else ''}{written}:{parts.port or _PORTS[parts.scheme]}"


def text(wanted: Wanted) -> str:
    """Write the policy's file."""
    return json.dumps(policies(wanted), indent=2) + "\n"


def write(wanted: Wanted, folder: Path = FOLDER) -> Path:
    """Write the policy where Chromium reads it; KioskError when this user may not."""
    file, content = folder / _NAME, text(wanted)
    new = file.with_suffix(".new")
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as handle:
            handle.write(content)
        new.chmod(0o644)
        new.replace(file)
    except OSError as error:
        message = f"{file}: cannot be written ({error.strerror}). {_COMMAND}"
        raise KioskError(message) from error
    return file


def check(wanted: Wanted, folder: Path = FOLDER) -> None:
    """Check that this policy and no other is in force; KioskError says what is wrong."""
    file = folder / _NAME
    try:
        for one in (file, *file.parents):
            _is_roots(one)
        content = file.read_text(encoding="utf-8")
        others = [one for one in folder.glob("*.json") if one != file]
        also = [one for one in others if _sets(one, policies(wanted))]
    except FileNotFoundError as error:
        message = f"{file}: the browser's policy is missing. {_COMMAND}"
        raise KioskError(message) from error
    except (OSError, ValueError) as error:
        message = f"{folder}: the browser's policy cannot be read ({error})."
        raise KioskError(message) from error
    if content != text(wanted):
        message = f"{file}: the policy is not the one of these settings. {_COMMAND}"
        raise KioskError(message)
    if also:
        message = f"{also[0]}: sets a policy that {_NAME} sets. Please remove it."
        raise KioskError(message)


def _is_roots(path: Path) -> None:
    found = path.stat()
    if found.st_uid != _ROOT or found.st_mode & _OTHERS_WRITE:
        message = f"{path}: must belong to root, and only root may write there."
        raise KioskError(message)


def _sets(file: Path, names: Iterable[str]) -> bool:
    found = json.loads(file.read_text(encoding="utf-8"))
    return not isinstance(found, dict) or bool(set(found) & set(names))


def _authorities(hub_ca: Path | None) -> list[str]:
    if hub_ca is None:
        return []
    try:
        found = load_pem_x509_certificates(hub_ca.read_bytes())
    except (OSError, ValueError) as error:
        message = f"{hub_ca}: no certificates can be read from there."
        raise KioskError(message) from error
    return [b64encode(one.public_bytes(Encoding.DER)).decode() for one in found]
