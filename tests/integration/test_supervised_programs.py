"""Promise 8: what the screen says is what happened. And what reaches the program: environment and options."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.integration.app import CRASH, App, messages, read
from tests.integration.conftest import MakeApp
from tests.support.lab import stands_in, wait_for

HOSTILE = {
    "QUOTES": """it's "so" `id` $HOME""",
    "PERCENT": "50% %(here)s %%",
    "SEMICOLON": "a ; b;c",
    "HASH": "a # b#c",
    "NEWLINE": "one\ntwo\n",
    "COMMAND": "$(touch /tmp/pwned)",
    "BACKSLASH": "a\\b\\\\c\\",
    "UNICODE": "Grüße, 世界 🚀",
    "EMPTY": "",
    "SPACES": "  two  ",
    "EQUALS": "a=b,C=d",
    "DASH": "-n",
    "TAB": "a\tb",
}


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app().alone()


@pytest.mark.promise(8)
def test_program_that_exits_at_once_fails_the_deploy_with_its_last_words(shared: App) -> None:
    """supervisord's own word for it and the program's own last lines, of this start alone, are on the screen."""
    shared.write(program={"startsecs": 1})
    shared.commit(f"{shared.name}-2", {"run.sh": CRASH})
    run = shared.deploy("--host", "web1", format="plain")
    screen = run.out + run.err
    assert run.code == 1, run
    assert re.search(r"(BACKOFF|EXITED|FATAL) \(Exited too quickly|it ended, and was started again", screen), screen
    assert "cannot open the database" in screen
    assert f"starting {shared.name}-1" not in screen, "lines of the version before"


@pytest.mark.promise(8)
def test_deploy_starts_a_program_once_whether_or_not_its_file_changed(own: App) -> None:
    """One start a deploy, whether the program file changed or not."""
    log = own.lab["web1"].directory(own.name) / "logs" / f"{own.name}.log"
    own.deployed("--host", "web1")
    own.commit(f"{own.name}-2")
    own.deployed("--host", "web1")
    own.write(variables={"NEW": "1"}, program={"startsecs": 0, "stopwaitsecs": 6})
    own.deployed("--host", "web1")
    wait_for(lambda: own.running("web1"), "the last start")
    assert log.read_text().splitlines() == [f"starting {own.name}-{number}" for number in (1, 2, 2)]


def test_hostile_variables_reach_program_build_and_health_check_exactly(own: App) -> None:
    """In the program, in the build, in the health check; the file that holds them is for its owner alone."""
    own.write(variables=HOSTILE, build="cp source built; env -0 > build.env",
              health={"command": "env -0 > health.env", "timeout": 20})
    run = own.deploy("--host", "web1")
    assert run.code == 0, run
    directory = own.lab["web1"].directory(own.name)
    expected = {**HOSTILE, "HOST": "web1", "GATE": str(own.gate), "RUN_MODE": "test"}
    seen = {"program": own.environ("web1")}
    for file in ("build.env", "health.env"):
        pairs = (pair.partition("=") for pair in read(str(directory / file)).split("\0"))
        seen[file] = {name: value for name, _, value in pairs}
    for where, found in seen.items():
        assert {name: found.get(name) for name in expected} == expected, where
    assert not Path("/tmp/pwned").exists()
    for path in (own.env_file("web1"), own.program_file("web1")):
        assert oct(path.stat().st_mode & 0o777) == "0o600", path
    assert own.deploy("--host", "web1").outcome("web1", own.name) == "unchanged"


def test_program_options_are_in_force_in_supervisord(own: App) -> None:
    own.write(program={"startsecs": 0, "stopwaitsecs": 7, "stopsignal": "INT", "priority": 5, "autorestart": False,
                       "exitcodes": "0,2", "stdout_logfile_backups": 3})
    own.deployed("--host", "web1")
    config = next(one for one in own.lab["web1"].rpc.getAllConfigInfo() if one["name"] == own.name)
    found = {name: config[name] for name in ("stopwaitsecs", "process_prio", "stdout_logfile_backups", "startsecs")}
    assert found == {"stopwaitsecs": 7, "process_prio": 5, "stdout_logfile_backups": 3, "startsecs": 0}
    text = own.program_file("web1").read_text()
    for line in ("stopsignal=INT", "autorestart=false", "exitcodes=0,2", "stopasgroup=false", "killasgroup=true"):
        assert re.search(f"(?m)^{line}$", text), line


@pytest.mark.long
def test_stop_ends_a_program_with_its_children(own: App) -> None:
    """supervisord signals its first process only."""
    child = own.gate / "child"
    own.commit(f"{own.name}-1", {"run.sh": f"#!/bin/sh\nsleep 100000 &\necho $! > {child}.new\n"
                                           f"mv {child}.new {child}\nwait\n"})
    own.deployed("--host", "web1")
    pid = int(wait_for(lambda: child.exists() and child.read_text(), "the child"))
    assert own.fab("stop", own.name, "--host", "web1").code == 0
    wait_for(lambda: read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] in ([], ["Z"]), "the child to end")


def test_command_is_split_as_a_shell_would_without_expansion(own: App) -> None:
    """Split as a shell would, but for expansions; `%` and what looks like a comment stay."""
    own.commit(f"{own.name}-1", {
        "run.sh": '#!/bin/bash\nprintf "%s\\0" "$@" > args\nexec -a "$(cat built)" sleep 9999\n'})
    own.write(command="""./run.sh 'two words' 50% "; no comment" ' # either' '$HOME' "it's" -- """)
    own.deployed("--host", "web1")
    own.running("web1")
    args = (own.lab["web1"].directory(own.name) / "args").read_text().split("\0")
    assert args == ["two words", "50%", "; no comment", " # either", "$HOME", "it's", "--", ""]
    assert stands_in(own.pid("web1")) == own.lab["web1"].directory(own.name)


@pytest.mark.rows(2)
@pytest.mark.promise(8)
@pytest.mark.parametrize(("end", "program", "code"), [
    ("exit 7", {}, 1), ("exit 7", {"autorestart": False, "exitcodes": "0,7"}, 0), ("exit 0", {}, 1),
    ("exit 7", {"autorestart": False}, 1), ("exit 0", {"autorestart": False}, 0), ("kill -9 $$", {}, 1),
    ("sleep 0.01 & wait; exit 7", {}, 1), ("exec sleep 1000", {}, 0), ("while :; do :; done", {}, 0)])
def test_program_that_ends_at_once_is_judged_by_facts_and_not_by_the_moment_of_a_look(
        own: App, end: str, program: dict[str, object], code: int) -> None:
    """startsecs: 0: neither RUNNING nor EXITED says that it is well. What is to run for ever must be up; what is to run
    once may end, with one of its exitcodes."""
    own.alone().commit(f"{own.name}-1", {"run.sh": f"#!/bin/sh\n{end}\n"})
    own.write(program={"startsecs": 0, "stopwaitsecs": 5, **program})
    assert [own.deploy("--force").code for _ in range(2)] == [code] * 2


@pytest.mark.long
def test_program_that_was_to_run_once_is_well_when_it_has(own: App) -> None:
    """Nothing is odd, a deploy does not run it again, and a rollback knows the version before as a good one."""
    runs = own.gate / "runs"
    once = {"run.sh": f"#!/bin/sh\necho >>{runs}\nexit 3\n"}
    own.alone().write(program={"startsecs": 0, "autorestart": False, "exitcodes": "0,3"})
    first = own.commit(f"{own.name}-1", once)
    own.deployed()
    own.commit(f"{own.name}-2")
    own.deployed()
    assert own.deploy().finished["outcome"] == "unchanged"
    status = own.fab("status", "--service", own.name)
    assert status.code == 0 and status.of("status")[0]["state"] == "EXITED", status
    assert runs.read_text() == "\n" * 2
    assert own.fab("start", own.name).code == 0 and runs.read_text() == "\n" * 3
    assert own.fab("rollback", own.name).code == 0 and own.commits() == [first]
    own.write(program={"startsecs": 0, "autorestart": False})
    assert "not running: EXITED" in own.fab("status", "--service", own.name).of("status")[0]["oddities"][0]


@pytest.mark.promise(8)
def test_log_that_becomes_supervisords_own_is_moved_there(own: App) -> None:
    """supervisord takes AUTO for equal to anything."""
    own.deployed("--host", "web1")
    for log in ("NONE", "AUTO"):
        own.write(program={"startsecs": 0, "stopwaitsecs": 5, "stdout_logfile": log})
        own.deployed("--host", "web1")
        path = own.lab["web1"].info(own.name)["stdout_logfile"]
        assert ("-stdout---" in path) == (log == "AUTO"), path


@pytest.mark.promise(8)
def test_program_that_supervisord_reads_from_another_file_fails_the_deploy(own: App) -> None:
    """That file appears while the deploy is under way."""
    own.deployed("--host", "web1")
    other = own.lab["web1"].root / "conf.d/aa-other.conf"
    text = f"[program: {own.name}]\\ncommand=/bin/sleep 99\\nstartsecs=0\\n"
    own.write(variables={"NEW": "1"}, program={"startsecs": 0, "stopwaitsecs": 6},
              build=f"cp source built; printf '{text}' > {other}")
    try:
        run = own.deploy("--host", "web1")
        assert run.code in (1, 3) and "another command" in messages(run), run
    finally:
        other.unlink()
        own.lab["web1"].rpc.reloadConfig()


@pytest.mark.parametrize(("section", "words"), [
    ("[program: NAME]\ncommand=x\n", "already defines [program:NAME]"),
    ("[group:all]\nprograms=other, NAME\n[program:other]\ncommand=x\nautostart=false\n[program:NAME]\ncommand=x\n",
     "[group:all] takes in NAME, which is all:NAME then"),
    ("[fcgi-program:NAME]\nsocket=tcp://127.0.0.1:1\ncommand=x\nautostart=false\n", "defines [fcgi-program:NAME]"),
    ("; Written by Fabvisor for NAME\n[program:NAME]\ncommand=x\n", "another environment deploys to this supervisord"),
])
@pytest.mark.rows(1)
def test_other_definition_of_a_program_is_named_by_status_plan_and_deploy(own: App, section: str, words: str) -> None:
    other = own.lab["web1"].root / "conf.d/zz-other.conf"
    other.write_text(section.replace("NAME", own.name))
    try:
        runs = [own.fab(*args) for args in (("plan", own.name), ("deploy", own.name), ("status",))]
    finally:
        other.unlink()
        own.lab["web1"].rpc.reloadConfig()
    assert [run.code for run in runs] == [2, 2, 1], runs
    for run in runs:
        assert words.replace("NAME", own.name) in run.out, run
    assert not own.lab["web1"].directory(own.name).exists()


@pytest.mark.long
@pytest.mark.parametrize("log", ["NONE", "/dev/null", ""])
def test_program_that_says_nothing_is_not_told_to_have_last_lines(own: App, log: str) -> None:
    own.commit(f"{own.name}-1", {"run.sh": "#!/bin/sh\nexit 7\n"})
    own.write(program={"startsecs": 1, **({"stdout_logfile": log} if log else {})})
    run = own.deploy("--host", "web1")
    assert run.code == 1 and "above" not in messages(run), run
    assert ("goes to" if log else "it wrote nothing to") in messages(run)


@pytest.mark.rows(1)
@pytest.mark.parametrize("kind", ["file", "link"])
def test_commit_does_not_choose_where_the_log_goes(own: App, kind: str) -> None:
    logs = own.lab.folder / "git" / own.name / "logs"
    if kind == "file":
        logs.write_text("x")
    else:
        logs.symlink_to("/tmp")
    own.commit(f"{own.name}-1")
    run = own.deploy("--host", "web1")
    assert run.code == 2 and f"`logs` is a {kind} in the commit" in messages(run), run
    assert "build" not in [event.get("step") for event in run.events], "that can be known before"


def test_program_file_has_the_ending_of_the_include_pattern(own: App) -> None:
    host = own.lab["web1"]
    before = host.conf.read_text()
    host.conf.write_text(before.replace("conf.d/*.conf", "conf.d/*.conf more.d/*.ini"))
    own.settings = {"web1": {"program_dir": "more.d"}}
    own.write()
    try:
        host.rpc.reloadConfig()
        own.deployed("--host", "web1")
        assert (host.root / f"more.d/{own.name}.ini").exists()
        assert own.fab("stop", own.name, "--host", "web1").code == 0
    finally:
        (host.root / f"more.d/{own.name}.ini").unlink(missing_ok=True)
        host.conf.write_text(before)
        host.rpc.reloadConfig()
        host.rpc.removeProcessGroup(own.name)


@pytest.mark.long
def test_deploy_makes_a_removed_service_directory_anew(own: App) -> None:
    """Its program file names a log folder that is gone: supervisord reads none of its files."""
    own.deployed("--host", "web1")
    directory = own.lab["web1"].directory(own.name)
    shutil.rmtree(directory)
    run = own.deploy("--host", "web1")
    assert run.code == 0, run
    assert stands_in(own.pid("web1")) == directory
    assert own.fab("status", "--host", "web1", "--service", own.name).code == 0
    shutil.rmtree(directory)
    own.write(directory=f"{own.name}-moved")
    moved = own.deploy("--host", "web1")
    assert moved.code == 0, moved
