"""fab adopt: a hosts.yaml for what supervisord already keeps running on a host."""

from __future__ import annotations

from pathlib import Path

from . import adoption, inventory, rollout
from ._command import command
from ._context import Command
from ._errors import NotReady, SelectionError

ENVIRONMENT = "production"


@command(
    positional=["logins"],
    ignores=["host", "inventory"],
    help={
        "logins": "USER@HOST or USER@HOST:PORT; several with commas",
        "root": "the folder with supervisord.conf on the hosts",
        "supervisord_conf": "its path on the hosts; else in root, else the usual places",
        "env": f"what the environment in that file is called; {ENVIRONMENT} unless given",
        "output": "write hosts.yaml to this file, and the values of secrets beside it; no file is replaced",
    },
)
def adopt(run: Command, logins: str, root: str = "", supervisord_conf: str = "",
          output: str = "") -> rollout.events.Finished:
    """Print a hosts.yaml for all programs whose directory is a git clone. Needs none, and changes nothing on a host.

    Example: fab adopt deploy@web1.example.com --output hosts.yaml
    """
    hosts = adoption.logins.hosts(logins)
    environment = run.options["env"] or ENVIRONMENT
    _check("--env", inventory.rules.values.check_name(environment))
    _check("--root", inventory.rules.paths.check_root(root) if root else "")
    if output:
        adoption.files.require_absent(Path(output), environment)
    peers = rollout.queries.query.adopt(hosts, run.report, root or None, supervisord_conf or None)
    rollout.peers.conversation.report_errors(peers, run.report)
    finished = rollout.peers.results.read(run.name, peers)
    if not finished.exit_code:
        by_host = {peer.host: peer.adopted for peer in peers if peer.adopted}
        _refuse_ours([program for found in by_host.values() for program in found.programs])
        adopted = adoption.environment.of_hosts(adoption.host.of_hosts(by_host, root or None), environment)
        _tell(run, adopted, output)
    return finished


def _refuse_ours(programs: list[rollout.protocol.AdoptedProgram]) -> None:
    if programs and all(program.is_ours for program in programs):
        names = ", ".join(sorted({program.name for program in programs}))
        raise NotReady(f"nothing is left to adopt: Fabvisor deploys all programs there already: {names}",
                       "use the hosts.yaml that they are deployed with; where it is lost, write a new one, then:"
                       " fab status")


def _tell(run: Command, adopted: adoption.environment.Adoption, output: str) -> None:
    if not adopted.data["services"]:
        raise NotReady("\n".join(["no program runs in a git clone", *adopted.remarks[""]]),
                       "see which supervisord it is: --supervisord-conf PATH, or --root PATH")
    text = adoption.document.text(adopted)
    secrets = ", ".join(sorted({name for values in adopted.secrets.values() for name in values}))
    if output:
        files = ", ".join(map(str, adoption.files.write(Path(output), text, adopted)))
        message = f"wrote {output}" + (f", and the values of {secrets} to {files}" if files else "")
    else:
        run.report.on(rollout.events.Document(text=text))
        message = f"the values of {secrets} are not shown; --output FILE writes them beside it" if secrets else ""
    for line in adoption.document.warnings(adopted):
        run.report.on(rollout.events.Notice(level="warning", message=line))
    if message:
        run.report.on(rollout.events.Notice(message=message))


def _check(option: str, wrong: str) -> None:
    if wrong:
        raise SelectionError(f"{option}: {wrong}", "see fab --help adopt")
