"""`frontdesk msg91 …`: what the operator needs at MSG91's dashboard."""

from __future__ import annotations

import click

from frontdesk_plugins.msg91.template import body_template

_EVENTS = {"inbound": "On Inbound Request Received", "status": "On Outbound Report Received"}


@click.group()
def msg91() -> None:
    """Set up MSG91."""


@msg91.command()
@click.argument("part", type=click.Choice(sorted(_EVENTS)))
def template(part: str) -> None:
    """Print the body to paste into a webhook at MSG91 (WhatsApp, Webhook (New)): of contacts' messages (inbound), or of
    delivery reports (status)."""
    click.echo(f"event: {_EVENTS[part]}; address: https://your.host/webhooks/NAME/{part}", err=True)
    click.echo(body_template(part))
