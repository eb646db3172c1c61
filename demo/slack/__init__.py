"""A stand-in for Slack on one machine: it speaks Slack's protocol, and any Slack app may be tried against it.

    from demo.slack.stand_in import standing_in

    async with standing_in() as slack:              # port=0: a free one
        slack.base_url, slack.bot_token, slack.app_token, slack.signing_secret
        await slack.connected()                     # an app opened its socket; or slack.send_to("http://…/slack/events")
        told = await slack.slash("UTARO", "/tegata", "list")      # Dispatched: answer, seconds, attempts, error
        message = await slack.next_message("UTARO")
        await slack.press("UTARO", message.ts, "approve")
        view = await slack.next_view("UTARO")
        await slack.submit("UTARO", view.id, {"digits": "42"})    # keyed by action_id or block_id

Members: UTARO (English), UHANAKO (Japanese), UGUEST (a single-channel guest), UOTHER (from another workspace).
"""
