"""The namespace: one line per command. In this folder, files are verbs and folders are nouns."""

import atexit
import gc

from invoke.collection import Collection

from tasks import ci, config, control, deploy, history, logs, plan, recover, rollback, sandbox, status, suite

namespace = Collection()
namespace.add_task(deploy.deploy)
namespace.add_task(plan.plan)
namespace.add_task(rollback.rollback)
namespace.add_task(status.status)
namespace.add_task(logs.logs)
namespace.add_task(history.history)
namespace.add_task(control.start)
namespace.add_task(control.stop)
namespace.add_task(control.restart)
namespace.add_task(recover.recover)
namespace.add_collection(config.configs())
namespace.add_collection(Collection("ci", ci.init))
namespace.add_collection(Collection("sandbox", sandbox.up, sandbox.down))
namespace.add_collection(suite.tests())

# Python looks through all objects now and then and at its end: a tenth of a second of every command. What is here
# by now lives as long as the command.
gc.freeze()
gc.set_threshold(50_000)                # and what a command makes is little
atexit.register(gc.freeze)
