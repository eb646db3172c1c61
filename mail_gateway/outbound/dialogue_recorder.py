"""Every line of a dialogue with a mail server, for an operator to read; what opens the server's door stays hidden."""

from typing import Any

from aiosmtplib import SMTP, SMTPResponse, SMTPResponseException

_CHALLENGE = 334
_HIDDEN = "(hidden)"


class Recorder:
    """The lines, each with who said it: `>` the hub, `<` the mail server, `*` neither."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, line: str) -> None:
        """Note what the hub said."""
        self.lines.append(f"> {line}")

    def heard(self, line: str) -> None:
        """Note what the server said."""
        self.lines.append(f"< {line}")

    def noted(self, line: str) -> None:
        """Note what happened."""
        self.lines.append(f"* {line}")

    def answered(self, code: int, message: str) -> None:
        """Note a reply that the library has taken apart."""
        lines = message.splitlines() or [""]
        for line in lines[:-1]:
            self.heard(f"{code}-{line}")
        self.heard(f"{code} {lines[-1]}".rstrip())


class RecordedSmtp(SMTP):
    """The library's client, recorded: the greeting, EHLO, STARTTLS and AUTH."""

    def __init__(self, recorder: Recorder, **more: Any) -> None:
        super().__init__(**more)
        self._recorder = recorder
        self._is_secret = False

    async def connect(self, **more: Any) -> SMTPResponse:
        """Connect, and note the greeting."""
        self._recorder.noted(f"connecting to {self.hostname}:{self.port}{' with TLS' if self.use_tls else ''}")
        return await self._noted(super().connect(**more))

    async def execute_command(self, *args: bytes, **more: Any) -> SMTPResponse:
        """Say a command, and note it with its reply; a password is never noted, nor what stands for one."""
        name = args[0].upper()
        if name == b"AUTH":
            self._is_secret = True
            self._recorder.said(f"{' '.join(one.decode('ascii', 'replace') for one in args[:2])} {_HIDDEN}")
        else:
            self._recorder.said(_HIDDEN if self._is_secret else b" ".join(args).decode("utf-8", "replace"))
        response = await self._noted(super().execute_command(*args, **more))
        self._is_secret = self._is_secret and response.code == _CHALLENGE
        return response

    async def starttls(self, **more: Any) -> SMTPResponse:
        """Turn the encryption on, and note it."""
        self._recorder.said("STARTTLS")
        response = await self._noted(super().starttls(**more))
        self._recorder.noted("TLS is on")
        return response

    async def _noted(self, saying: Any) -> SMTPResponse:
        try:
            response: SMTPResponse = await saying
        except SMTPResponseException as error:
            self._recorder.answered(error.code, error.message)
            raise
        self._recorder.answered(response.code, response.message)
        return response
