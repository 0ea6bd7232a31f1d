"""Services of several programs: what is read of them, and each mistake in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory import origins
from tasks.inventory.model import Service
from tasks.program import quoting

from .samples import inventory, mistakes_in

S = "services.shop."
NUMBER = ("${PROCESS_NUM} is known with `numprocs` alone: in `command`, in log files, and in `health` without `socket` "
          "and `reload` (on web1, web2 in production)")
SHARED = "and share one environment file: give all the same `user`, or make two services of them"
BESIDE = "cannot stand beside `programs`: give it to each program there"


def text(programs: str = "programs: {web: {command: ./web}}", others: str = "", production: str = "",
         hosts: str = "[web1, web2]") -> str:
    return f"""\
        defaults: {{root: /srv/app}}
        services:
          shop: {{repo: git@x:y, {programs}}}
          {others}
        environments:
          production: {{branch: main, hosts: {hosts}, {production}}}
        """


def services(folder: Path, *args: str, **parts: str) -> dict[str, Service]:
    """By host."""
    environment = inventory(folder, text(*args, **parts)).environment("production")
    return {target.host.name: target.service for target in environment.targets if target.service.name == "shop"}


def test_programs_are_read_in_the_written_order_with_their_own_settings(tmp_path: Path) -> None:
    service = services(tmp_path, """variables: {PORT: "1", A: a}, programs: {
        web: {command: ./web, health: {tcp: "h:${PORT}"}, variables: {PORT: "2"}},
        beat: {command: ./beat, hosts: [web1], program: {startsecs: 3}}, api: {command: ./api, numprocs: 2}}""")["web1"]
    assert [(program.name, program.group, program.command) for program in service.programs] == [
        ("web", "shop-web", "./web"), ("beat", "shop-beat", "./beat"), ("api", "shop-api", "./api")]
    web, beat, api = service.programs
    assert web.health and web.health.tcp == "h:2" and web.health.timeout == 30
    assert (web.variables, service.variables) == ({"PORT": "2"}, {"PORT": "1", "A": "a"})
    assert beat.options == {"startsecs": "3"}
    assert (api.processes, web.processes) == (("shop-api_00", "shop-api_01"), ("shop-web",))


def test_program_runs_on_the_hosts_that_its_globs_choose(tmp_path: Path) -> None:
    chosen = services(tmp_path, "programs: {web: {command: w, hosts: ['*1']}, beat: {command: b, hosts: [web1]}}")
    assert {host: [program.name for program in service.programs] for host, service in chosen.items()} == {
        "web1": ["web", "beat"], "web2": []}


def test_environment_and_host_adjust_single_settings_of_a_program(tmp_path: Path) -> None:
    chosen = services(
        tmp_path, "programs: {web: {command: w, program: {startsecs: 1, priority: 2}, health: {tcp: 'h:1'}}}",
        production="services: {shop: {programs: {web: {program: {startsecs: 9}, health: {http: 'http://h/'}}}}}",
        hosts="{web1: {}, web2: {services: {shop: {programs: {web: {numprocs: 3}, extra: {command: e}}}}}}")
    first, second = chosen["web1"].programs, chosen["web2"].programs
    assert first[0].options == second[0].options == {"startsecs": "9", "priority": "2"}
    assert first[0].health and (first[0].health.http, first[0].health.tcp) == ("http://h/", None)
    assert [program.name for program in second] == ["web", "extra"] and second[0].numprocs == 3


def test_programs_that_say_the_same_user_in_two_ways_have_one_user(tmp_path: Path) -> None:
    services(tmp_path, """variables: {U: www-data}, programs: {
        web: {command: w, program: {user: "${U}"}}, beat: {command: b, program: {user: www-data}}}""")


def test_programs_that_never_meet_on_a_host_may_differ(tmp_path: Path) -> None:
    chosen = services(tmp_path, """programs: {web: {command: w, hosts: [web1], numprocs: 2},
        web_01: {command: x, hosts: [web2], program: {user: www-data}}}""")
    assert {host: [program.name for program in of.programs] for host, of in chosen.items()} == {
        "web1": ["web"], "web2": ["web_01"]}


def test_number_of_a_process_is_known_to_its_command_its_log_and_its_health_check(tmp_path: Path) -> None:
    [web] = services(tmp_path, """programs: {web: {command: "w ${PROCESS_NUM}", health: {tcp: "h:8${PROCESS_NUM}"},
        program: {stdout_logfile: "/${PROCESS_NUM}.log"}}}""")["web1"].programs
    assert web.health and web.health.is_of_a_process and web.health.of_process("1").tcp == "h:81"
    assert web.options == {"stdout_logfile": f"/{quoting.PROCESS_NUMBER}.log"}


def test_config_shows_each_setting_of_a_program(tmp_path: Path) -> None:
    read = inventory(tmp_path, text("programs: {web: {command: w, variables: {A: b}}}"))
    shown = {setting.key: setting.value for setting in origins.of_service(read, "production", "shop", ["web1"], {})}
    assert shown["programs.web.command"] == "w" and shown["programs.web.variables.A"] == "b"
    assert shown["programs.web.program.autorestart"] == "true" and "programs.web.health.timeout" not in shown


@pytest.mark.promise(9)
@pytest.mark.parametrize(("parts", "expected"), [
    ({"programs": "command: c, programs: {web: {command: w}}"}, [f"{S}command: {BESIDE}"]),
    ({"programs": "build: make"}, [f"{S}command: is missing; or name several programs under `programs`"]),
    ({"programs": "programs: {}"}, [f"{S}programs: names no program"]),
    ({"programs": "programs: {web: {}}"}, [f"{S}programs.web.command: is missing"]),
    ({"programs": "programs: {web:}"}, [f"{S}programs.web.command: is missing"]),
    ({"programs": "program: {startsecs: 1}, health: {tcp: 'h:1'}, numprocs: 2, programs: {web: {command: w}}"},
     [f"{S}{key}: {BESIDE}" for key in ("health", "numprocs", "program")]),
    ({"programs": "programs: {web: {command: w, socket: 'tcp://localhost:80'}, "
                  "b: {command: b, socket: 'tcp://0.0.0.0:80'}}"},
     [f"{S}programs.b.socket: shop:web listens there, too (on web1); give each program a socket of its own"]),
    ({"programs": "command: c, program: {socket_backlog: 9}"},
     [f"{S}program.socket_backlog: is about a `socket`, and the program has none"]),
    ({"programs": "command: c, socket: ':80'"},
     [f"{S}socket: expected tcp://HOST:PORT (IPv4) or unix:///PATH such as tcp://127.0.0.1:8000, got ':80'"]),
    ({"programs": "command: c, numprocs: 0"}, [f"{S}numprocs: expected 1 process or more, got 0"]),
    ({"programs": "programs: {web: {command: w, numprocs: 101}}"},
     [f"{S}programs.web.numprocs: expected at most 100 processes, got 101"]),
    ({"programs": "programs: {'a b': {command: w}}"},
     [f"{S}programs.'a b': 'a b' is not a name: expected letters, digits, '.', '_' and '-', the first a letter or "
      "digit, and no '..'"]),
    ({"programs": "programs: {web: {command: w, hosts: [web9]}}"},
     [f"{S}programs.web.hosts[0]: no host of any environment matches 'web9'; there is web1, web2"]),
    ({"programs": "programs: {web: {command: w, hosts: []}}"},
     [f"{S}programs.web.hosts: names no host; leave it out where the program runs on all"]),
    ({"others": "shop-web: {repo: git@x:z, command: c}"},
     [f"{S}programs.web: is shop-web in supervisord, as the service shop-web is; give it another name"]),
    ({"programs": "programs: {a-b: {command: w}}", "others": "shop-a: {repo: git@x:z, programs: {b: {command: w}}}"},
     ["services.shop-a.programs.b: is shop-a-b in supervisord, as the program a-b of shop is; give it another name"]),
    ({"production": "services: {shop: {command: c}}"},
     [f"environments.production.services.shop.command: {BESIDE}"]),
    ({"programs": "command: c", "production": "services: {shop: {programs: {web: {command: w}}}}"},
     ["environments.production.services.shop.programs: the service has a `command`: it is one program"]),
    ({"programs": "programs: {web: {command: w, health: {tcp: 'h:${PRT}'}, variables: {PORT: 1}}}"},
     [f"{S}programs.web.health.tcp: no variable ${{PRT}} is set; did you mean 'PORT'? (on web1, web2 in production)"]),
    ({"programs": "secrets: [KEY], programs: {web: {command: w, variables: {KEY: k}}}"},
     [f"{S}secrets[0]: KEY is among the variables, too (on web1, web2 in production); leave one of them out"]),
    ({"programs": "programs: {web: {command: w, variables: {PROCESS_NUM: 1}}}"},
     [f"{S}programs.web.variables.PROCESS_NUM: PROCESS_NUM is set by `numprocs`: the number of each process"]),
    ({"programs": "programs: {web: {command: w, program: {user: a}}, beat: {command: b}}"},
     [f"{S}programs: run as several users (web as a, beat as the login user), {SHARED}"]),
    ({"programs": "variables: {U: a}, programs: {web: {command: w, program: {user: '${U}'}}, "
                  "beat: {command: b, program: {user: '${U}'}, variables: {U: b}}}"},
     [f"{S}programs: run as several users (web as a, beat as b), {SHARED}"]),
    ({"programs": "programs: {web: {command: w, numprocs: 2}, web_01: {command: x}, web_02: {command: y}}"},
     [f"{S}programs.web_01: is shop-web_01 in supervisord, as a process of web is; give it another name"]),
    ({"programs": "programs: {web: {command: w, numprocs: 7, health: {tcp: 'h:6553${PROCESS_NUM}'}}}"},
     [f"{S}programs.web.health.tcp: expected HOST:PORT such as 127.0.0.1:8080, got 'h:65536' (on web1, web2 in "
      "production)"]),
    ({"programs": "programs: "}, [f"{S}programs: expected a mapping, got nothing; give it a value, or leave it out"]),
    ({"programs": "programs: null"},
     [f"{S}programs: expected a mapping, got nothing; give it a value, or leave it out"]),
    ({"programs": "command: 'c ${PROCESS_NUM}', health: {tcp: 'h:8${PROCESS_NUM}'}"},
     [f"{S}{key}: {NUMBER}" for key in ("command", "health.tcp")]),
    ({"programs": "command: 'c ${PROCESS_NUM}', numprocs: 2, socket: 'tcp://h:1${PROCESS_NUM}', "
                  "program: {startsecs: '${PROCESS_NUM}'}, health: {tcp: 'h:8${PROCESS_NUM}'}"},
     [f"{S}{key}: {NUMBER}" for key in ("health.tcp", "program.startsecs", "socket")]),
    ({"programs": "command: 'c ${PROCESS_NUM}', numprocs: two"},
     [f"{S}numprocs: expected a whole number, got the text 'two'"]),
    ({"programs": "command: 'c ${PROCESS_NUM}', numproc: 2"},
     [f"{S}numproc: unknown key 'numproc'; did you mean 'numprocs'?"]),
    ({"programs": "programs: {web: {command: 'w ${PROCESS_NUM}', reload: HUP, health: {tcp: 'h:8${PROCESS_NUM}'}}}"},
     [f"{S}programs.web.health.tcp: {NUMBER}"]),
    ({"programs": "secrets: [KEY], command: 'c ${KEY}', socket: 'unix:///run/${KEY}', "
                  "program: {stdout_logfile: '/${KEY}'}, health: {http: 'http://h/${KEY}'}"},
     [f"{S}{key}: ${{KEY}} is a secret, which is not put in here: the program has it in its environment (on web1, web2 "
      "in production)" for key in ("command", "health.http", "program.stdout_logfile", "socket")]),
])
def test_each_mistake_about_programs_is_one_message(tmp_path: Path, parts: dict[str, str],
                                                    expected: list[str]) -> None:
    assert sorted(mistakes_in(tmp_path, text(**parts))) == expected
