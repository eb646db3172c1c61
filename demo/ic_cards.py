"""The demo's IC cards: issued at the first start by an issuer of its own, and kept in the demo's folder."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from demo.card.authority import Issued, KeyKind, authority
from demo.card.piv import TRIES, PivCard
from demo.card.slot import Card
from demo.card.uid import UidCard
from demo.people import NAMES
from hub.cards import ic_cards, uid_cards
from hub.context import Hub
from hub.domain.errors import RefusedError
from hub.domain.request_context import Visit

# A card of the kind that opens a gate: nothing but a number, in clear.
_NUMBER = "04A1B2C3D4E5F6"
_NUMBERED = "hanako"
# A card that no account has, to be bound in the demo.
_UNBOUND = "new"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A card as it lies beside the reader."""

    label: str
    card: Card

    @property
    def tries_left(self) -> int | None:
        """How often its PIN may still be typed; None when that is as often as for a new card, or it has no PIN."""
        return self.card.tries if isinstance(self.card, PivCard) and self.card.tries < TRIES else None

    def set_back(self) -> None:
        """Count tries from the start again, as a help desk does."""
        if isinstance(self.card, PivCard):
            self.card.tries = TRIES


@dataclass(frozen=True, slots=True)
class Issuer:
    """Where the files stand that the hub is told to trust, and the cards that they vouch for."""

    cas: Path
    intermediates: Path
    issued: dict[str, Issued]
    unbound: Issued


def issuer_in(folder: Path, *, now: datetime) -> Issuer:
    """Give the issuer of a folder, made at the first start; its keys are kept by nobody, so it signs no more cards."""
    cas, intermediates = folder / "cas.pem", folder / "intermediates.pem"
    unbound = folder / f"{_UNBOUND}.pem"
    # A folder of an earlier demo may lack a card; the keys that would issue it are gone.
    if not cas.exists() or not unbound.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = authority("Tegata's demo", now=now)
        for name in (*NAMES, _UNBOUND):
            (folder / f"{name}.pem").write_bytes(_written(made.card(name, KeyKind.P256, now=now)))
        intermediates.write_bytes(made.intermediate.certificate.public_bytes(Encoding.PEM))
        # Last: a start that broke off begins anew.
        cas.write_bytes(made.root.certificate.public_bytes(Encoding.PEM))
    return Issuer(cas, intermediates, {name: _read(folder / f"{name}.pem") for name in NAMES}, _read(unbound))


async def bound(hub: Hub, visit: Visit, issuer: Issuer) -> Sequence[Labelled]:
    """Bind a card to each member, and one that has only a number; gives the cards themselves, and one to bind."""
    for name, issued in issuer.issued.items():
        # Refused: it has been bound since the first start.
        with suppress(RefusedError):
            await ic_cards.bind_for(hub, visit, name, issued.certificate, quiet=True)
    with suppress(RefusedError):
        await uid_cards.bind_for(hub, visit, _NUMBERED, _NUMBER, quiet=True)
    cards = [Labelled(f"{name.capitalize()}'s IC card", PivCard(issued)) for name, issued in issuer.issued.items()]
    cards.append(Labelled("A new IC card, not bound to an account", PivCard(issuer.unbound)))
    return [*cards, Labelled(f"{_NUMBERED.capitalize()}'s card with only a number", UidCard(bytes.fromhex(_NUMBER)))]


def _written(issued: Issued) -> bytes:
    key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return issued.certificate.public_bytes(Encoding.PEM) + key


def _read(file: Path) -> Issued:
    content = file.read_bytes()
    key = load_pem_private_key(content, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - what issuer_in wrote
    return Issued(load_pem_x509_certificate(content), key)
