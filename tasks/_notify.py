"""Tells those whom `notify` of the environment names how the command ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import notification
from ._caller import caller
from ._context import Command
from ._errors import FabvisorError

if TYPE_CHECKING:
    from .inventory.model import Notification


def notify(run: Command) -> None:
    """Once the command has ended. What goes wrong there is a warning at its end."""
    recipients = [_recipient(run, entry) for entry in run.environment.notify]
    if recipients:
        run.report.add("notify", notification.notifier.Notifier(recipients, caller(os.environ), run.inventory.folder,
                                                                run.report.on, run.mask))


def _recipient(run: Command, entry: Notification) -> notification.notifier.Recipient:
    recipient = notification.notifier.Recipient
    if not entry.webhook:
        return recipient(notification=entry)
    try:
        url = run.secret_sources(run.environment_name).find_one(entry.webhook)
    except FabvisorError as error:
        return recipient(notification=entry, problem=error.message)
    run.hidden.append(url)
    return recipient(notification=entry, url=url)
