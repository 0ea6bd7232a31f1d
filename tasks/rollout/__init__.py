"""The client's half of a rollout. Beside the rooms: the values that all of them share."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import commits as commits
    from . import event_texts as event_texts
    from . import events as events
    from . import facts as facts
    from . import goal as goal
    from . import peers as peers
    from . import plan as plan
    from . import protocol as protocol
    from . import queries as queries
    from . import recipe as recipe
    from . import redaction as redaction
    from . import signals as signals
    from . import steps as steps
    from . import transaction as transaction
else:
    __getattr__ = submodules(__name__)
