"""The namespace: a line for each command."""

from invoke.collection import Collection

from . import (
    adopt,
    check,
    ci,
    config,
    control,
    deploy,
    doctor,
    history,
    logs,
    plan,
    recover,
    remove,
    rollback,
    run,
    sandbox,
    setup,
    ssh,
    status,
)
from ._installation import IS_CHECKOUT

namespace = Collection()
namespace.add_task(deploy.deploy)
namespace.add_task(plan.plan)
namespace.add_task(rollback.rollback)
namespace.add_task(status.status)
namespace.add_task(doctor.doctor)
namespace.add_task(setup.setup)
namespace.add_task(adopt.adopt)
namespace.add_task(logs.logs)
namespace.add_task(history.history)
namespace.add_task(control.start)
namespace.add_task(control.stop)
namespace.add_task(control.restart)
namespace.add_task(recover.recover)
namespace.add_task(remove.remove)
namespace.add_task(run.run)
namespace.add_task(ssh.ssh)
namespace.add_task(check.check)
namespace.add_collection(config.configs())
namespace.add_collection(Collection("ci", ci.init))
namespace.add_collection(Collection("sandbox", sandbox.up, sandbox.down))
if IS_CHECKOUT:
    from . import suite

    namespace.add_collection(suite.tests())
