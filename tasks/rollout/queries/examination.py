"""`fab doctor`: what the checks find on each host, and what this machine finds about the way there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..._errors import FabvisorError, HostKeyError, LoginError, NotReady
from ...mirror import access as repositories
from ..events import Check
from ..peers import results, settings
from ..plan import refusals
from . import query

if TYPE_CHECKING:
    from ...inventory.model import Target
    from ..events import Finished, Listener
    from ..peers.peer import Peer

# Seconds between the host's clock and ours. More is confusing in histories; much more breaks certificates.
NEAR, FAR = 5.0, 300.0
AT_ONCE = 8                             # repositories


def examine(targets: tuple[Target, ...], named: Mapping[str, list[str]], branch: str, report: Listener,
            environ: Mapping[str, str], lacking: FabvisorError | None) -> Finished:
    """Report all checks, host after host. `named`: by host, the services that hosts.yaml has there; `branch`: what a
    deploy would bring; `lacking`: why this machine has no values of secrets and files. The exit code is 1 where one
    failed."""
    peers = query.read(targets, report, "doctor", lambda peer: settings.doctor(peer, named[peer.name], branch))
    access = _repository_access(targets, branch, environ)
    checks = [check for peer in peers for check in [*of_host(peer, access), *_lacking(peer, lacking)]]
    for check in checks:
        report.on(check)
    failed = any(check.outcome == "failed" for check in checks)
    return replace(results.read("doctor", peers), exit_code=1 if failed else 0)


def of_host(peer: Peer, access: Mapping[str, FabvisorError | None]) -> list[Check]:
    """In the order in which they are shown. `access`: by repository that this machine fetches from, what hinders it."""
    ahead, behind = [*_connection(peer), *_clock(peer), *peer.checks], [*_repositories(peer, access)]
    failed = any(check.outcome == "failed" for check in (*ahead, *behind))
    return [*ahead, *_services(peer, "nothing else" if failed else "nothing"), *behind]


def _connection(peer: Peer) -> Iterator[Check]:
    """The host key, and the error that kept the host from answering."""
    if peer.session is not None:
        yield Check(host=peer.name, check="host_key", outcome="ok", message="known")
    if peer.error is not None:
        yield Check(host=peer.name, check=_failed_check(peer, peer.error), outcome="failed", message=peer.trouble,
                    remedy=peer.error.hint)


def _failed_check(peer: Peer, error: FabvisorError) -> str:
    """The name of the check that this error fails."""
    if isinstance(error, HostKeyError):
        return "host_key"
    if isinstance(error, LoginError):
        return "login"
    return "python" if isinstance(error, NotReady) and peer.session and not peer.checks else "connection"


def _clock(peer: Peer) -> Iterator[Check]:
    if peer.clock_offset is None:
        return
    seconds = abs(peer.clock_offset)
    if seconds < NEAR:
        yield Check(host=peer.name, check="clock", outcome="ok", message="as here")
        return
    direction = "ahead of" if peer.clock_offset > 0 else "behind"
    yield Check(host=peer.name, check="clock", outcome="failed" if seconds > FAR else "warning",
                message=f"{seconds:.0f} s {direction} the clock here",
                remedy="on the one that is wrong: sudo timedatectl set-ntp true")


def _services(peer: Peer, nothing: str) -> Iterator[Check]:
    """What a deploy is refused for by the facts; or that `nothing` hinders it. One that was interrupted is undone
    first."""
    errors = [error for target in peer.targets
              for facts in [peer.facts.get(target.service.name)] if facts is not None and not facts.due
              for error in refusals.of_service(target, facts)]
    for error in errors:
        yield Check(host=peer.name, check="services", outcome="failed", message=_on_one_line(error.message),
                    remedy=error.hint)
    if not errors and peer.facts.keys() == {*peer.services} and all(check.check != "services" for check in peer.checks):
        yield Check(host=peer.name, check="services", outcome="ok",
                    message=f"{nothing} hinders a deploy of {', '.join(peer.services)}")


def _on_one_line(message: str) -> str:
    return message.replace(":\n", ": ").replace("\n", "; ")


def _lacking(peer: Peer, error: FabvisorError | None) -> Iterator[Check]:
    """Secrets are no failure: another machine, such as that of a job, may have them."""
    if isinstance(error, NotReady):
        yield Check(host=peer.name, check="secrets", outcome="warning",
                    message=f"no deploy from this machine: {_on_one_line(error.message)}", remedy=error.hint)
    elif error is not None:
        yield Check(host=peer.name, check="files", outcome="failed", message=_on_one_line(error.message),
                    remedy=error.hint)


def _repositories(peer: Peer, access: Mapping[str, FabvisorError | None]) -> Iterator[Check]:
    for target in peer.targets:
        repo = target.service.repo
        name = target.service.name
        if repo not in access or target.service.fetch != "client":
            continue
        error = access[repo]
        yield Check(host=peer.name, check="repo", outcome="failed" if error else "ok",
                    message=f"{name}: {error.message if error else f'{repo} can be read from here'}",
                    remedy=error.hint if error else "")


def _repository_access(targets: Iterable[Target], branch: str, environ: Mapping[str, str]
                       ) -> dict[str, FabvisorError | None]:
    """Of each repository that this machine fetches from, what hinders it; None where it can be read."""
    services = {target.service.repo: target.service for target in targets
                if target.service.fetch == "client" and not target.service.is_folder}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        errors = pool.map(lambda service: repositories.problem(service.repo, branch, service.login, environ),
                          services.values())
        return dict(zip(services, errors, strict=True))
