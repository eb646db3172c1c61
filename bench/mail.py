"""Both ways of mail: coming in and going out."""

from bench import mail_inbound, mail_outbound


async def run() -> None:
    """Measure one after the other."""
    await mail_inbound.run()
    await mail_outbound.run()
