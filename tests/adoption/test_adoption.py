"""From what hosts told to the text of hosts.yaml: pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tasks._errors import SelectionError
from tasks._program import logins_in_one_word
from tasks.adoption import document, environment, files, host, logins
from tasks.adoption.environment import Adoption
from tasks.inventory import loading, secret_sources
from tasks.inventory.model import Environment
from tasks.inventory.secret import Secret, reveal
from tasks.program import quoting
from tasks.rollout.protocol import Adopted, AdoptedClone, AdoptedProgram

OWN = {"redirect_stderr": "true", "autorestart": "true", "killasgroup": "true", "stdout_logfile_maxbytes": "20MB",
       "stdout_logfile_backups": "20"}


NUMBERED = "api_%(process_num)02d"
SHOP = "/srv/app/micro/shop"


def program(name: str = "api", clone: dict[str, Any] | None = None, **fields: Any) -> AdoptedProgram:
    directory = fields.pop("directory", f"/srv/app/micro/{name}")
    options = {"command": "./run", "directory": directory, **OWN, "stdout_logfile": f"{directory}/logs/{name}.log",
               **fields.pop("options", {})}
    made = AdoptedClone(**{"directory": directory, "subdirectory": "", "repo": f"git@x:{name}.git", "branch": "main",
                           "ci": "", **(clone or {})})
    return AdoptedProgram(**{"name": name, "group": name, "path": f"/srv/app/conf.d/{name}.conf", "line": 1,
                             "is_ours": False, "variables": {}, "expanded": {}, "problem": "", **fields,
                             "options": options, "directory": directory, "clone": made})


def told(*programs: AdoptedProgram, **fields: Any) -> Adopted:
    return Adopted(**{"supervisord_conf": "/srv/app/supervisord.conf", "program_dirs": {"/srv/app/conf.d": ".conf"},
                      "login": "deploy", "home": "/home/deploy", "supervisord": "deploy", "has_path": True,
                      "writable": ["/srv/app", "/srv/app/conf.d", "/home/deploy"], **fields,
                      "programs": list(programs)})


def adopted(name: str = "production", **hosts: Adopted) -> Adoption:
    typed = logins.hosts(",".join(f"deploy@{each}" for each in hosts))
    return environment.of_hosts(host.of_hosts({each: hosts[each.name] for each in typed}), name)


def loaded(folder: Path, found: Adoption) -> Environment:
    path = folder / "hosts.yaml"
    path.write_text(document.text(found))
    return loading.load(path).environment(found.environment)


def test_program_that_is_as_fabvisor_writes_it_needs_two_keys(tmp_path: Path) -> None:
    found = adopted(web1=told(program()))
    assert found.data["services"] == {"api": {"repo": "git@x:api.git", "command": "./run"}}
    assert found.data["environments"] == {"production": {
        "branch": "main", "user": "deploy", "root": "/srv/app", "hosts": ["web1"]}}
    assert document.warnings(found) == ["RUN_MODE: it was not set for api; now it is production"]
    [target] = loaded(tmp_path, found).targets
    assert (target.host.root, target.service.directory) == ("/srv/app", "micro/api")


def test_dollar_in_a_command_stays_what_it_was_to_supervisord(tmp_path: Path) -> None:
    found = adopted(web1=told(program(options={"command": 'sed "s/$HOME/x y/" \'$A b\''})))
    (one,) = loaded(tmp_path, found).targets[0].service.programs
    assert quoting.words(one.command) == ["sed", "s/$HOME/x y/", "$A b"]


def test_program_without_a_directory_runs_in_its_clone_from_now_on(tmp_path: Path) -> None:
    made = program()
    del made.options["directory"]
    found = adopted(web1=told(made))
    assert loaded(tmp_path, found).targets[0].service.programs[0].command == "./run"
    assert "api: it had no `directory`: it runs in /srv/app/micro/api from now on" in document.warnings(found)


def test_what_else_lies_in_the_program_file_and_a_link_in_its_place_are_named() -> None:
    listener = program("mail", path="/srv/app/conf.d/api.conf", line=9, problem="it is an event listener")
    said = document.warnings(adopted(web1=told(program(link="/srv/api/api.conf"), listener, program("other"))))
    own = "/srv/app/conf.d/api.conf"
    assert [line for line in said if "before the first deploy" in line] == [
        f"api: before the first deploy, put a copy of /srv/api/api.conf in the place of {own}, which is a link to it",
        f"api: before the first deploy, move mail, which is not adopted, from {own}:9 to a file of its own"]


def test_supervisord_that_includes_no_folder_is_named(tmp_path: Path) -> None:
    found = adopted(web1=told(program(), program_dirs={}))
    assert any("name /srv/app/conf.d/*.conf, too" in line for line in document.warnings(found))


def test_program_in_a_folder_outside_of_its_clone_goes_there(tmp_path: Path) -> None:
    found = adopted(web1=told(program(directory="/var/lib/api", clone={"directory": SHOP})))
    [target] = loaded(tmp_path, found).targets
    assert target.service.directory == "micro/shop"
    assert quoting.words(target.service.programs[0].command) == ["sh", "-c", "cd /var/lib/api && exec ./run"]


def test_socket_of_an_fcgi_program_is_adopted(tmp_path: Path) -> None:
    found = adopted(web1=told(program(path="/etc/all.conf", options={
        "socket": "unix:///run/api.sock", "socket_mode": "0770", "numprocs": "2", "process_name": NUMBERED})))
    (one,) = loaded(tmp_path, found).targets[0].service.programs
    assert (one.socket, one.numprocs, one.options["socket_mode"]) == ("unix:///run/api.sock", 2, "0770")
    assert any("move [fcgi-program:api] from /etc/all.conf" in warning for warning in document.warnings(found))


def test_number_in_the_name_of_a_log_is_adopted(tmp_path: Path) -> None:
    found = adopted(web1=told(program(options={
        "numprocs": "2", "process_name": NUMBERED, "stdout_logfile": "/var/log/api-%(process_num)d.log"},
        variables={"RUN_MODE": "prod", "PROCESS_NUM": "%(process_num)s"})))
    (one,) = loaded(tmp_path, found).targets[0].service.programs
    assert one.options["stdout_logfile"] == f"/var/log/api-{quoting.PROCESS_NUMBER}.log"
    assert document.warnings(found) == []


def test_what_differs_between_hosts_stands_at_the_host(tmp_path: Path) -> None:
    variables = {"RUN_MODE": "prod", "A": "1"}
    found = adopted(
        web1=told(program(variables={**variables, "PORT": "1"}), program("jobs", variables=variables)),
        web2=told(program(variables={**variables, "PORT": "2", "B": "x"}, options={"stopwaitsecs": "60"}),
                  program("jobs", variables=variables)),
        web3=told(program(variables={**variables, "PORT": "1"})))
    production = loaded(tmp_path, found)
    assert [(each.host.name, each.service.name) for each in production.targets] == [
        ("web1", "api"), ("web1", "jobs"), ("web2", "api"), ("web2", "jobs"), ("web3", "api")]
    api = {each.host.name: each.service for each in production.targets if each.service.name == "api"}
    assert {name: each.variables for name, each in api.items()} == {
        "web1": {"A": "1", "PORT": "1"}, "web2": {"A": "1", "PORT": "2", "B": "x"}, "web3": {"A": "1", "PORT": "1"}}
    assert found.data["environments"]["production"]["hosts"]["web2"] == {"services": {"api": {
        "program": {"stopwaitsecs": 60}, "variables": {"PORT": "2", "B": "x"}}}}
    assert production.run_mode == "prod" and {each.host.root for each in production.targets} == {"/srv/app"}


def test_host_that_runs_some_services_otherwise_has_an_environment_of_its_own(tmp_path: Path) -> None:
    found = adopted(web1=told(program(), program("jobs")), web2=told(program(), program("jobs")),
                    web3=told(program(directory="/opt/api", variables={"RUN_MODE": "x", "A_KEY": "1"})))
    path = tmp_path / "hosts.yaml"
    path.write_text(document.text(found))
    inventory = loading.load(path)
    assert inventory.environments == ("production", "production-web3")
    assert len(inventory.environment("production").targets) == 4
    own = inventory.environment("production-web3")
    assert [(each.host.name, each.service.name, each.service.directory, own.run_mode) for each in own.targets] == [
        ("web3", "api", "/opt/api", "x")]
    assert found.secrets == {"production-web3.env": {"A_KEY": Secret("1")}}
    assert any("its environment is production-web3" in line for line in document.warnings(found))


def test_option_that_supervisord_overlooks_is_no_setting(tmp_path: Path) -> None:
    found = adopted(web1=told(program(options={"socket_owner": "www-data"})))
    assert loaded(tmp_path, found).targets[0].service.programs[0].options == {}


def test_host_of_which_nothing_is_adopted_is_left_out(tmp_path: Path) -> None:
    found = adopted(web1=told(program()), web2=told(replace(program(), clone=None)), web3=told(program()))
    assert [target.host.name for target in loaded(tmp_path, found).targets] == ["web1", "web3"]
    assert "web2: nothing of it is adopted, so it is left out" in document.warnings(found)


@pytest.mark.parametrize(("made", "warning"), [
    (program(options={"numprocs": "4", "process_name": "api-%(process_num)d"}),
     "api: process_name=api-%(process_num)d: supervisord calls it api_00, api_01 …"),
    (program(options={"numprocs": "4", "numprocs_start": "1", "process_name": NUMBERED}),
     "api: numprocs_start=1: its processes are numbered from 0"),
    (program(options={"numprocs": "2", "process_name": NUMBERED}, variables={"A_KEY": "x%(process_num)d"}),
     "api: environment: A_KEY has the number of each process: let the program read PROCESS_NUM"),
    (program(options={"numprocs": "2", "numprocs_start": "1", "process_name": NUMBERED,
                      "stdout_logfile": "/x%(process_num)d"}),
     "api: program: stdout_logfile holds `%(process_num)d`, which is not expanded here: write ${PROCESS_NUM}"),
    (program(options={"numprocs": "2", "process_name": NUMBERED, "stdout_logfile": "/${PROCESS_NUM}"}),
     "api: program: stdout_logfile holds ${PROCESS_NUM}, which is a variable in hosts.yaml"),
    (program(options={"stderr_logfile": "/x/${Y}", "redirect_stderr": "false"}),
     "api: program: stderr_logfile holds ${Y}, which is a variable in hosts.yaml"),
    (program(group="pack"), "api: it is pack:api: take it out of `programs` of [group:pack] first"),
    (program(path="/srv/app/supervisord.conf", line=7), "api: before the first deploy, move [program:api] from "
     "/srv/app/supervisord.conf:7 to /srv/app/conf.d/api.conf, with each %(here)s in it written out as /srv/app"),
    (program(variables={"UID": "1"}), "api: environment: UID belongs to the shell, which gives it a value of its own: "
     "take another name"),
    (program(clone={"repo": "https://u:hunter2x@x/y.git"}), "api: repo: the password of https://u:***@x/y.git is left "
     "out; use `fetch: client`, a deploy key, or ~/.netrc of the host"),
    (program(variables={"CITY": "K\ufffdln"}),
     "api: bytes of it that are no UTF-8 are \ufffd here: write what they stand for"),
    (program(variables={"RUN_MODE": "a b"}), "api: RUN_MODE: it was a b, which is no name: now it is production"),
], ids=["process_name", "numprocs_start", "a numbered secret", "a numbered log", "a number of hosts.yaml",
        "a placeholder", "group", "another file", "a variable of the shell", "a password in the URL", "Latin-1",
        "a run mode that is no name"])
def test_what_hosts_yaml_cannot_say_is_a_comment_and_a_warning(tmp_path: Path, made: AdoptedProgram,
                                                               warning: str) -> None:
    found = adopted(web1=told(made))
    assert warning in document.warnings(found)
    text = " ".join(line.strip().removeprefix("# ") for line in document.text(found).splitlines())
    assert warning.removeprefix("api: ") in text and "hunter2x" not in text
    assert len(loaded(tmp_path, found).targets) == 1


@pytest.mark.parametrize(("made", "reason"), [
    (program(problem="supervisord cannot read it"), "supervisord cannot read it"),
    (program(is_ours=True), "Fabvisor deploys it already"),
    (replace(program(), clone=None), "/srv/app/micro/api is no git clone"),
    (program(clone={"repo": "", "releases": True}), "no repository with an `origin` lies in /srv/app/micro/api"),
    (replace(program(), directory=""), "it has no `directory`"),
    (program(options={"numprocs": "101"}), "expected at most 100 processes"),
    (program(options={"command": "python3 -c 'import a\na.run()'"}), "a word of its command has a line break"),
    (program(options={"command": "./run %(process_num)d"}), "holds `%(process_num)d`"),
    (program(options={"socket": "tcp://[::1]:80"}), "socket: expected tcp://HOST:PORT"),
    (program(clone={"repo": "ext::sh -c x"}), "repo: is not a git URL that can be trusted"),
    (program(directory=f"{SHOP}/logs", clone={"directory": SHOP, "subdirectory": "logs"}), "subdirectory: cannot be"),
    (program(clone={"repo": ""}), "the clone /srv/app/micro/api has no `origin`"),
    (program("a b"), "expected letters"), (program("all"), "it means every service"),
    (program(options={"user": "${X}"}), "user: holds ${X}, which is a variable in hosts.yaml"),
    (program(expanded={"DB_PASSWORD": "x"}), "which looks like a secret"),
    (program(directory="/srv/app/micro/other/inner"), "lies inside /srv/app/micro/other, that of other"),
])
def test_program_that_cannot_be_a_service_is_named_with_the_reason(made: AdoptedProgram, reason: str) -> None:
    found = adopted(web1=told(made, program("other")))
    assert list(found.data["services"]) == ["other"]
    assert reason in document.warnings(found)[0] and reason in document.text(found)


def test_folders_of_another_tool_are_adopted_as_releases(tmp_path: Path) -> None:
    clone = {"directory": "/srv/shop", "releases": True, "shared_directory": "shared",
             "shared": ["config/app.cfg", "log/", "logs/"]}
    found = adopted(web1=told(program("shop", clone, directory="/srv/shop/current")))
    [target] = loaded(tmp_path, found).targets
    service = target.service
    assert (service.strategy, service.shared_directory) == ("releases", "shared")
    assert service.shared == ("config/app.cfg", "log/")
    assert str(Path(target.host.root) / service.directory) == "/srv/shop"
    assert any("shared: logs/ of shared is left out" in line for line in document.warnings(found))


def shop(name: str, group: str = "", **fields: Any) -> AdoptedProgram:
    """One of the programs of a clone."""
    made = program(name, {"directory": SHOP, "repo": "git@x:shop.git", **fields.pop("clone", {})}, directory=SHOP,
                   group=group or name, **fields)
    return replace(made, path="/srv/app/conf.d/pack.conf")


def test_programs_of_a_clone_become_one_service(tmp_path: Path) -> None:
    variables = {"RUN_MODE": "prod", "A": "1", "DB_PASSWORD": "hunter2x"}
    found = adopted(web1=told(
        shop("worker", "pack", variables={**variables, "QUEUE": "q", "LEVEL": "2"}, options={"priority": "20"}),
        shop("web", "pack", variables={**variables, "LEVEL": "1"},
             options={"numprocs": "2", "process_name": "web_%(process_num)02d", "stopwaitsecs": "60"})))
    service = found.data["services"]["pack"]
    assert service == {
        "repo": "git@x:shop.git", "directory": "micro/shop", "programs": {
            "worker": {"command": "./run", "program": {"priority": 20, "stdout_logfile": f"{SHOP}/logs/worker.log"},
                       "variables": {"QUEUE": "q", "LEVEL": "2"}},
            "web": {"command": "./run", "numprocs": 2, "variables": {"LEVEL": "1"},
                    "program": {"stopwaitsecs": 60, "stdout_logfile": f"{SHOP}/logs/web.log"}}},
        "variables": {"A": "1"}, "secrets": ["DB_PASSWORD"]}
    [target] = loaded(tmp_path, found).targets
    assert [(each.group, len(each.processes)) for each in target.service.programs] == [
        ("pack-worker", 1), ("pack-web", 2)]
    assert document.warnings(found)[0] == (
        "pack: worker: before the first deploy, take [program:worker] out of /srv/app/conf.d/pack.conf:1, and worker "
        "out of `programs` of [group:pack]: supervisord calls it pack-worker then")


@pytest.mark.parametrize(("names", "taken", "service", "groups"), [
    (["shop-web", "shop-worker"], "other", "shop", ["shop-web", "shop-worker"]),
    (["shop_web", "shop_worker"], "other", "shop", ["shop-web", "shop-worker"]),
    (["web", "worker"], "other", "shop", ["shop-web", "shop-worker"]),
    (["web", "worker"], "shop", "web", ["web-web", "web-worker"]),
    (["web", "worker"], "shop-web", "web", ["web-web", "web-worker"]),
])
def test_service_of_several_programs_has_a_name_that_is_nobody_elses(tmp_path: Path, names: list[str], taken: str,
                                                                     service: str, groups: list[str]) -> None:
    found = adopted(web1=told(program(taken, directory="/srv/app/other"), *map(shop, names)))
    services = {target.service.name: target.service for target in loaded(tmp_path, found).targets}
    assert set(services) == {taken, service}
    assert [each.group for each in services[service].programs] == groups


def test_program_that_runs_on_some_hosts_names_them(tmp_path: Path) -> None:
    web = {"A": "1"}
    found = adopted(web1=told(shop("web", variables=web), shop("beat")), web2=told(shop("web", variables=web)),
                    web3=told(shop("web", variables={"A": "2"}, options={"numprocs": "2",
                                                                         "process_name": "web_%(process_num)02d"})))
    assert found.data["services"]["shop"]["programs"]["beat"]["hosts"] == ["web1"]
    by_host = {target.host.name: target.service for target in loaded(tmp_path, found).targets}
    assert {name: [(each.name, len(each.processes)) for each in service.programs] for name, service in by_host.items()
            } == {"web1": [("web", 1), ("beat", 1)], "web2": [("web", 1)], "web3": [("web", 2)]}
    assert [service.programs[0].variables for service in by_host.values()] == [{"A": "1"}, {"A": "1"}, {"A": "2"}]


def test_program_in_another_folder_of_the_clone_goes_there_by_sh(tmp_path: Path) -> None:
    inner = replace(shop("jobs", clone={"subdirectory": "it's/jobs"}), directory=f"{SHOP}/it's/jobs")
    found = adopted(web1=told(shop("web"), inner))
    [target] = loaded(tmp_path, found).targets
    assert {each.name: each.command for each in target.service.programs} == {
        "web": "./run", "jobs": """sh -c 'cd '"'"'it'"'"'"'"'"'"'"'"'s/jobs'"'"' && exec ./run'"""}
    assert not target.service.subdirectory


def test_user_of_supervisord_is_the_same_with_and_without_its_name(tmp_path: Path) -> None:
    found = adopted(web1=told(shop("web"), shop("jobs", options={"user": "deploy"})))
    programs = loaded(tmp_path, found).targets[0].service.programs
    assert [each.options["user"] for each in programs] == ["deploy", "deploy"]


@pytest.mark.parametrize(("supervisord", "writable", "sudo"), [
    ("deploy", ["/srv/app/conf.d"], False), ("deploy", [], True), ("root", ["/srv/app/conf.d"], True)])
def test_sudo_is_chosen_where_supervisord_or_the_folder_of_its_programs_is_roots(
        tmp_path: Path, supervisord: str, writable: list[str], sudo: bool) -> None:
    found = adopted(web1=told(program(), supervisord=supervisord, writable=["/srv/app", *writable]))
    assert loaded(tmp_path, found).targets[0].host.sudo is sudo


def test_program_of_another_user_cannot_share_the_service_of_its_clone() -> None:
    found = adopted(web1=told(shop("web"), shop("jobs", options={"user": "ann"})))
    assert list(found.data["services"]) == ["web"]
    assert any(line.startswith("jobs: not adopted: it runs as ann, and web of the same clone as deploy:")
               for line in document.warnings(found))


@pytest.mark.parametrize(("first", "second", "words"), [
    ({"path": "/a.conf"}, {"path": "/b.conf"}, "it is defined in /a.conf:1 and in /b.conf:1, which supervisord mixes"),
    ({"options": {"socket": "tcp://0.0.0.0:80"}}, {"name": "jobs", "options": {"socket": "tcp://127.0.0.1:80"}},
     "api: not adopted: socket: jobs listens there, too"),
])
def test_programs_that_exclude_each_other_are_named(first: dict[str, Any], second: dict[str, Any], words: str) -> None:
    found = adopted(web1=told(program(**first), program(**{"directory": "/srv/app/micro/b", **second}), program("ok")))
    assert any(words in line for line in document.warnings(found)) and "ok" in found.data["services"]


def test_program_that_is_called_as_a_process_of_another_gets_another_name(tmp_path: Path) -> None:
    many = {"numprocs": "3", "process_name": "worker_%(process_num)02d"}
    found = adopted(web1=told(shop("worker", options=many), shop("worker_00"), shop("worker-00"),
                              shop("worker_x")))
    [target] = loaded(tmp_path, found).targets
    assert [each.group for each in target.service.programs] == [
        "shop-worker", "shop-worker.00", "shop-worker-00", "shop-worker_x"]


@pytest.mark.promise(7)
def test_run_mode_that_looks_like_a_secret_is_in_no_remark() -> None:
    value = {"RUN_MODE": "https://u:hunter2x@x"}
    found = adopted(web1=told(shop("web", variables={"RUN_MODE": "prod"}), shop("jobs", variables=value),
                              program(variables=value)))
    assert "hunter2x" not in document.text(found) and "RUN_MODE: it was ***" in document.text(found)


def test_clone_that_would_hold_our_own_files_is_left_out() -> None:
    """Such as a home that is a repository."""
    found = adopted(web1=told(program(directory="/home/deploy"), writable=["/home/deploy"]))
    assert not found.data["services"]
    assert "Fabvisor's own files would lie in its clone, below /home/deploy" in document.warnings(found)[0]


def test_clone_on_no_branch_is_named() -> None:
    found = adopted(web1=told(program(clone={"branch": ""})))
    assert "api: branch: the clone is on none; now it is main" in document.warnings(found)


def test_path_that_nobody_can_tell_is_named() -> None:
    found = adopted(web1=told(program(), has_path=False))
    assert "deploy cannot read PATH of supervisord: programs get that of deploy from now on" in document.warnings(found)


def test_folder_of_a_clone_is_the_subdirectory_of_the_service(tmp_path: Path) -> None:
    ci = "job: {script: [git pull, cd lib/api, make, supervisorctl restart x]}"
    found = adopted(web1=told(program(clone={"subdirectory": "lib/api", "ci": ci}, directory="/srv/app/micro/api")))
    [target] = loaded(tmp_path, found).targets
    assert target.service.subdirectory == "lib/api"
    assert target.service.build == ("cd ../..", "cd lib/api", "make")


@pytest.mark.parametrize(("conf", "clones", "writable", "root"), [
    ("/srv/app/supervisord.conf", ["/opt/a"], ["/srv/app"], "/srv/app"),
    ("/etc/supervisor/supervisord.conf", ["/opt/x/a", "/opt/x/b"], ["/opt/x"], "/opt/x"),
    ("/etc/supervisor/supervisord.conf", ["/opt/a", "/opt/b"], [], "/home/deploy"),
    ("/opt/a/supervisord.conf", ["/opt/a"], ["/opt/a"], "/home/deploy"),
])
def test_root_is_a_folder_that_the_login_user_can_write_in(tmp_path: Path, conf: str, clones: list[str],
                                                           writable: list[str], root: str) -> None:
    programs = [program(f"s{number}", directory=clone) for number, clone in enumerate(clones)]
    found = adopted(web1=told(*programs, supervisord_conf=conf, writable=writable))
    targets = loaded(tmp_path, found).targets
    assert {each.host.root for each in targets} == {root}
    assert [str(Path(root) / each.service.directory) for each in targets] == clones


@pytest.mark.parametrize("written", [{}, {"user": "0"}])
def test_program_of_roots_supervisord_that_names_no_user_is_roots(tmp_path: Path, written: dict[str, str]) -> None:
    [target] = loaded(tmp_path, adopted(web1=told(program(options=written), supervisord="root"))).targets
    assert target.host.sudo and target.service.programs[0].options["user"] == "root"


@pytest.mark.promise(7)
def test_secrets_are_written_so_that_they_are_read_exactly(tmp_path: Path) -> None:
    values = {"A_TOKEN": "it's \\ \"x\" # $HOME\nnext", "B_KEY": " a\\'b ", "C_PASSWORD": "ü=;"}
    found = adopted(web1=told(program(variables=values)))
    text = document.text(found)
    [written] = files.write(tmp_path / "hosts.yaml", text, found)
    assert written.stat().st_mode & 0o777 == 0o600
    [target] = secret_sources.SecretSources("production", tmp_path, {}).fill(loaded(tmp_path, found).targets)
    assert {name: reveal(value) for name, value in target.service.secret_values.items()} == values
    assert not any(value in text for value in values.values())


@pytest.mark.promise(7)
def test_secrets_of_several_values_are_told_apart_by_service_and_by_host(tmp_path: Path) -> None:
    other = program("b", variables={"TOKEN": "b"})
    found = adopted(web1=told(program(variables={"TOKEN": "a1", "ALL_KEY": "k"}), other),
                    web2=told(program(variables={"TOKEN": "a2", "ALL_KEY": "k"}), other))
    files.write(tmp_path / "hosts.yaml", document.text(found), found)
    targets = loaded(tmp_path, found).targets
    filled = secret_sources.SecretSources("production", tmp_path, {}).fill(targets)
    assert {(each.host.name, each.service.name): {
        name: reveal(value) for name, value in each.service.secret_values.items()} for each in filled} == {
        ("web1", "api"): {"TOKEN": "a1", "ALL_KEY": "k"}, ("web1", "b"): {"TOKEN": "b"},
        ("web2", "api"): {"TOKEN": "a2", "ALL_KEY": "k"}, ("web2", "b"): {"TOKEN": "b"}}
    assert set(found.secrets) == {"production.env", "production/api.env", "production/b.env"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / ".secrets").rglob("*"))


def test_secret_with_several_values_in_one_service_is_a_warning() -> None:
    web = shop("web", variables={"TOKEN": "a", "A_KEY": "k"})
    found = adopted(web1=told(web, shop("jobs", variables={"TOKEN": "b"})))
    assert found.secrets == {"production.env": {"TOKEN": Secret("a"), "A_KEY": Secret("k")}}
    warnings = document.warnings(found)
    assert any("TOKEN has several values in web, jobs" in line for line in warnings)
    assert any("A_KEY was known to web alone" in line for line in warnings)


@pytest.mark.parametrize("hostile", ["x\nevil: 1", "# x", "'", "\"", ": ", "\x1b[31m", "\u2028", "&a *b", "!!x", "- "])
def test_text_of_a_host_stays_text(tmp_path: Path, hostile: str) -> None:
    """In values, and in comments."""
    made = program(variables={"A": hostile, hostile: "x"}, options={"command": f"./run {hostile}"}, path=f"/{hostile}")
    found = adopted(web1=told(made, program("ok", variables={"A": hostile}), program("odd", problem=hostile)))
    targets = loaded(tmp_path, found).targets
    assert targets and all(each.service.variables == {"A": hostile} for each in targets)
    assert set(loading.load(tmp_path / "hosts.yaml").data) == {"default_environment", "services", "environments"}


@pytest.mark.parametrize(("typed", "expected"), [
    ("ann@web1", [("web1", None, "ann", None)]), ("web1", [("web1", None, None, None)]),
    ("ann@web1:22, bob@web2", [("web1", None, "ann", 22), ("web2", None, "bob", None)]),
    ("a@h:1,a@h:2", [("h-1", "h", "a", 1), ("h-2", "h", "a", 2)]),
    ("a@[::1]:22,b@fe80::2,[2001:db8::3]", [
        ("2001:db8::3", None, None, None), ("::1", None, "a", 22), ("fe80::2", None, "b", None)]),
    ("a@[fe80::1]:1,a@[fe80::1]:2", [("fe80-1-1", "fe80::1", "a", 1), ("fe80-1-2", "fe80::1", "a", 2)]),
])
def test_logins_are_hosts_with_user_and_port(typed: str, expected: list[tuple[object, ...]]) -> None:
    assert [(each.name, each.address, each.user, each.port) for each in logins.hosts(typed)] == expected


@pytest.mark.parametrize("typed", ["", ",", "a@", "@h", "a@h:0", "a@h:99999", "a@h:x", "-x@h", "a@h,a@h", "a b@h", "ssh://a@h",
                                   "a@[h]x", "a@[h]", "a@::x"])
def test_login_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(SelectionError):
        logins.hosts(typed)


def test_several_logins_may_be_words_of_their_own() -> None:
    words = ["fab", "adopt", "a@h", "--root", "/srv", "b@h", "--output", "x"]
    assert logins_in_one_word(words) == ["fab", "adopt", "a@h,b@h", "--root", "/srv", "--output", "x"]
    assert logins_in_one_word(["fab", "deploy", "a@h"]) == ["fab", "deploy", "a@h"]
    behind_options = ["fab", "adopt", "--verbose", "a@h", "--output", "me@work.yaml", "-eprod", "b@h", "-e", "x@y"]
    assert logins_in_one_word(behind_options) == [
        "fab", "adopt", "a@h,b@h", "--verbose", "--output", "me@work.yaml", "-eprod", "-e", "x@y"]
