"""The client's half of a rollout: plans (recipe, planner), the conversation (coordinator, peer) and events."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import client_builds as client_builds
    from . import conversation as conversation
    from . import coordinator as coordinator
    from . import event_texts as event_texts
    from . import events as events
    from . import examination as examination
    from . import facts as facts
    from . import fleet as fleet
    from . import goal as goal
    from . import logs as logs
    from . import orphans as orphans
    from . import peer as peer
    from . import planner as planner
    from . import previous_version as previous_version
    from . import protocol as protocol
    from . import query as query
    from . import recipe as recipe
    from . import recovery as recovery
    from . import redaction as redaction
    from . import remote_command as remote_command
    from . import removal as removal
    from . import results as results
    from . import settings as settings
    from . import signals as signals
    from . import sources as sources
    from . import steps as steps
    from . import watch as watch
else:
    __getattr__ = submodules(__name__)
