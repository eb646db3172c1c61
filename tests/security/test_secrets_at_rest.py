"""A thief who reads every table after a full journey finds nothing that opens anything."""

import base64
import logging
from typing import Any

import pytest
from tortoise.connection import get_connections

from hub.authenticators import matrix
from hub.contacts import confirmation
from hub.domain.outcomes import Admitted, BySoftToken, Confirmed
from hub.login import password_login
from hub.security import audit
from hub.sessions import sessions
from models.authenticator import MatrixCard
from tests.support.factory import PASSWORD, People


async def _dumped() -> str:
    """Write every row of every table as text, bytes as they are and in hexadecimal."""
    (connection,) = get_connections().all()
    names = (
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        if connection.capabilities.dialect == "postgres"
        else "SELECT name FROM sqlite_master WHERE type = 'table'"
    )
    told: list[str] = []
    tables = [row["name"] for row in await connection.execute_query_dict(names)]
    assert {"account", "challenge", "delivery", "event", "login", "matrix_card", "session", "soft_token"} <= set(tables)
    for table in tables:
        for row in await connection.execute_query_dict(f'SELECT * FROM "{table}"'):
            told += [_told(value) for value in dict(row).values()]
    return "\n".join(told)


def _told(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return f"{bytes(value).decode('latin-1')} {bytes(value).hex()} {base64.b64encode(bytes(value)).decode()}"
    return str(value)


async def test_a_dump_after_a_full_journey_holds_no_clear_secret(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither password, code, mailed token, session, login, soft token's secret, its codes, nor cells; nor the log.

    Six digits can stand in a number of microseconds by chance, so codes are looked for as whole values.
    """
    caplog.set_level(logging.INFO)
    member = await people.member()
    pending_cells = await people.asked_for_cells(member)
    admitted = await password_login.answer(people.hub, people.visit(), pending_cells.token, pending_cells.right)
    assert isinstance(admitted, Admitted)
    session = await sessions.current(people.hub, admitted.token, now=people.now)
    assert session is not None
    stepped_up = await sessions.step_up(people.hub, people.visit(), session, PASSWORD)
    assert isinstance(stepped_up, sessions.SteppedUp)
    session = await sessions.current(people.hub, stepped_up.token, now=people.now)
    assert session is not None
    registration = await people.adding(session)
    await confirmation.confirm_with_code(
        people.hub, people.visit(), session, registration.contact_id, registration.wrong
    )
    people.later(seconds=2)
    confirmed = await confirmation.confirm_with_code(
        people.hub, people.visit(), session, registration.contact_id, registration.code
    )
    assert isinstance(confirmed, Confirmed)
    member.contacts["自宅"] = registration.contact_id
    device = await people.soft_token(member)
    pending_code = await people.asked_for_code(member, "自宅")
    await password_login.answer(people.hub, people.visit(), pending_code.token, pending_code.wrong)
    people.later(minutes=1)
    assert isinstance(
        await password_login.answer(people.hub, people.visit(), pending_code.token, pending_code.right), Admitted
    )
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, BySoftToken())
    soft_code = device.code(people.now)
    assert isinstance(await password_login.answer(people.hub, people.visit(), begun.token, soft_code), Admitted)
    waiting = await people.asked_for_cells(member)
    await audit.seal(people.hub.keys, now=people.now)

    secret = base64.b32decode(device.secret)
    secrets = [
        PASSWORD,
        pending_cells.token,
        pending_code.token,
        waiting.token,
        admitted.token,
        stepped_up.token,
        registration.token,
        registration.token.partition("-")[2],
        device.secret,
        secret.hex(),
        secret.decode("latin-1"),
        base64.b64encode(secret).decode(),
        matrix.pack(member.cells).decode(),
        "".join(member.cells.values()),
        ",".join(member.cells.values()),
        waiting.right,
        pending_cells.right,
    ]
    codes = [registration.code, registration.wrong, pending_code.right, pending_code.wrong, soft_code]
    for text in (await _dumped(), caplog.text):
        assert [one for one in secrets if one in text] == []
        words = set(text.replace('"', " ").replace(":", " ").replace(",", " ").split())
        assert [one for one in codes if one in words] == []
    # And the dump would have shown them: what may stand there does.
    shown = await _dumped()
    for kept in ("taro", "自宅", "taro@mail.test", (await MatrixCard.get()).serial, "$argon2id$"):
        assert kept in shown


async def test_nothing_secret_is_represented(people: People) -> None:
    """What is logged by mistake shows no token and no code."""
    member = await people.member(contacts=("自宅",))
    session = await people.stepped_up(member)
    begun = await people.begun(member)
    pending = await people.asked_for_cells(member)
    admitted = await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert isinstance(admitted, Admitted)
    for shown, secret in ((session, session.token), (begun, begun.token), (admitted, admitted.token)):
        assert secret not in repr(shown)
