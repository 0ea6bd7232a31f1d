"""Reading hosts.yaml: finding it, merging it, and telling every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks._errors import InventoryError, SelectionError
from tasks._options import check_serial
from tasks.inventory import model
from tasks.inventory.loading import find_inventory, load

from .samples import inventory, mistakes_in, whole

ROOT = Path(__file__).parents[2]


# Finding

@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    cwd, beside = tmp_path / "cwd", tmp_path / "beside"
    for folder in (cwd, beside):
        folder.mkdir()
        (folder / "hosts.yaml").touch()
    return cwd, beside


def test_inventory_option_wins_over_the_variable(folders: tuple[Path, Path]) -> None:
    cwd, beside = folders
    assert find_inventory("x.yaml", {"FAB_INVENTORY": "y.yaml"}, cwd, beside) == cwd / "x.yaml"


def test_inventory_variable_wins_over_the_current_folder(folders: tuple[Path, Path]) -> None:
    cwd, beside = folders
    assert find_inventory(None, {"FAB_INVENTORY": "/etc/y.yaml"}, cwd, beside) == Path("/etc/y.yaml")


def test_inventory_below_the_home_of_no_user_is_looked_for_as_written(folders: tuple[Path, Path]) -> None:
    """The shell leaves it as it is, too."""
    cwd, beside = folders
    assert find_inventory("~no-such-user/x.yaml", {}, cwd, beside) == cwd / "~no-such-user/x.yaml"


def test_inventory_of_the_current_folder_wins_over_the_fabfiles(folders: tuple[Path, Path]) -> None:
    cwd, beside = folders
    assert find_inventory(None, {"FAB_INVENTORY": ""}, cwd, beside) == cwd / "hosts.yaml"


def test_inventory_beside_the_fabfile_is_the_last_choice(folders: tuple[Path, Path]) -> None:
    cwd, beside = folders
    (cwd / "hosts.yaml").unlink()
    assert find_inventory(None, {}, cwd, beside) == beside / "hosts.yaml"


def test_missing_inventory_names_the_folders_that_were_searched(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        find_inventory(None, {}, tmp_path / "a", tmp_path / "b")
    assert caught.value.message == f"hosts.yaml: not found in {tmp_path}/a nor in {tmp_path}/b"
    assert "--inventory" in caught.value.hint


def test_inventory_below_the_current_folder_is_shown_by_a_relative_path(tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yaml").write_text("[]")
    with pytest.raises(InventoryError, match=r"^hosts\.yaml:1: expected a mapping"):
        load(tmp_path / "hosts.yaml")


# A file without data

@pytest.mark.parametrize(("content", "message", "hint"), [
    pytest.param(b"", ": is empty", "services:", id="empty"),
    pytest.param(b"# nothing\n", ": is empty", "services:", id="only a comment"),
    pytest.param(b"\n- a\n", ":2: expected a mapping", "services:", id="a list"),
    pytest.param(b"hello", ":1: expected a mapping", "services:", id="text"),
    pytest.param(b"a: b\nc: [\n", ":3: it is not valid YAML", "the line", id="an open bracket"),
    pytest.param(b"a:\n\t- b\n", ":2: it is not valid YAML", "no tabs", id="a tab"),
    pytest.param(b"a: b\n---\nc: d\n", ":2: it is not valid YAML", "the line", id="two documents"),
    pytest.param(b"a: *nowhere\n", ":1: it is not valid YAML", "the line", id="an unknown alias"),
    pytest.param(b"a: b\nc: \xff\xfe\n", ":2: it holds a character", "UTF-8", id="not UTF-8"),
    pytest.param(b"a: b\nc: \x00\n", ":2: it holds a character", "UTF-8", id="NUL"),
    pytest.param(b"[" * 5000, ":1: it is nested more than 50 levels deep", "", id="too deep"),
])
def test_file_without_a_mapping_is_refused_with_a_hint(tmp_path: Path, content: bytes, message: str, hint: str) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_bytes(content)
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert f"{path}{message}" in caught.value.message
    assert len(caught.value.problems) == 1
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint


def test_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="there is no such file"):
        load(tmp_path / "hosts.yaml")


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="cannot be read: Is a directory"):
        load(tmp_path)


# Aliases

def test_anchors_and_merge_keys_are_read(tmp_path: Path) -> None:
    read = inventory(tmp_path, """\
        defaults: {root: /srv/app}
        services:
          monitor: &service
            repo: git@x:monitor
            command: ./run
            build: &build [make]
            variables: {A: a, B: b}
          web:
            <<: *service
            repo: git@x:web
          api:
            <<: [{command: ./api}, *service]
            variables: {A: c}
        environments:
          production: {branch: main, hosts: [web1]}
        """)
    api, monitor, web = (target.service for target in read.environment("production").targets)
    assert (web.repo, web.programs[0].command, web.build) == ("git@x:web", "./run", ("make",))
    assert (api.repo, api.programs[0].command) == ("git@x:monitor", "./api")
    assert api.variables == {"A": "c"}
    assert monitor.variables == {"A": "a", "B": "b"}


def test_mistake_in_a_merged_mapping_has_the_line_where_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        inventory(tmp_path, whole().replace("root: /srv/app", "<<: {root: /srv/app,\n       port: 0}"))
    assert [problem.line for problem in caught.value.problems] == [3]


def test_alias_that_contains_itself_is_refused(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, whole(service="build: &loop [*loop]")) == [
        "services.monitor.build[0]: the alias at line 8 contains itself"
    ]


def test_mapping_that_merges_itself_is_refused(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, whole(service="variables: &loop {<<: *loop}")) == [
        "services.monitor.variables: merges itself by `<<`"
    ]


def test_yaml_tags_run_no_code(tmp_path: Path) -> None:
    mistakes_in(tmp_path, whole(defaults=f"user: !!python/object/apply:os.system ['touch {tmp_path}/run']"))
    assert not (tmp_path / "run").exists()


# Merging

def only_target(tmp_path: Path, **parts: str) -> model.Target:
    [target] = inventory(tmp_path, whole(**parts)).environment("production").targets
    return target


@pytest.mark.parametrize(("parts", "port"), [
    pytest.param({}, None, id="nowhere"),
    pytest.param({"defaults": "port: 1"}, 1, id="defaults"),
    pytest.param({"defaults": "port: 1", "environment": "port: 2"}, 2, id="environment"),
    pytest.param({"defaults": "port: 1", "environment": "port: 2", "host": "port: 3"}, 3, id="host"),
])
def test_host_setting_nearest_to_the_host_wins(tmp_path: Path, parts: dict[str, str], port: int | None) -> None:
    assert only_target(tmp_path, **parts).host.port == port


def test_variables_of_all_layers_merge(tmp_path: Path) -> None:
    target = only_target(
        tmp_path,
        defaults="variables: {A: defaults, B: defaults, C: defaults, D: defaults, E: defaults, F: defaults}",
        service="variables: {B: service, C: service, D: service, E: service, F: service}",
        environment="""
            variables: {C: environment, D: environment, E: environment, F: environment}
            services: {monitor: {variables: {D: override, E: override, F: override}}}
        """,
        host="variables: {E: 5, F: 5}\nservices: {monitor: {variables: {F: here}}}",
    )
    assert target.service.variables == {
        "A": "defaults", "B": "service", "C": "environment", "D": "override", "E": "5", "F": "here"}
    assert target.service.run_mode == "production"


def test_environment_override_merges_deeply(tmp_path: Path) -> None:
    service = only_target(
        tmp_path,
        service="""
            program: {startsecs: 2, autorestart: true}
            health: {http: "http://127.0.0.1/", timeout: 5}
            build: [a, b]
        """,
        environment="services: {monitor: {program: {startsecs: 3, umask: '022'}, health: {timeout: 1m}, build: c}}",
    ).service
    assert service.programs[0].options == {"startsecs": "3", "autorestart": "true", "umask": "022"}
    assert service.programs[0].health == model.Health(http="http://127.0.0.1/", timeout=60)
    assert service.build == ("c",)


def test_health_check_of_another_kind_replaces_the_first(tmp_path: Path) -> None:
    service = only_target(
        tmp_path, service="health: {http: 'http://x/', timeout: 5}",
        environment="services: {monitor: {health: {tcp: 'x:1'}}}",
    ).service
    assert service.programs[0].health == model.Health(tcp="x:1", timeout=5)


def test_variables_are_replaced_in_a_health_check(tmp_path: Path) -> None:
    check = "health: {http: 'http://${HOST}:${PORT}/${RUN_MODE}'}"
    target = only_target(tmp_path, service=check, environment="run_mode: prod", host="variables: {HOST: a.b, PORT: 80}")
    assert target.service.programs[0].health == model.Health(http="http://a.b:80/prod")


def test_health_check_expects_a_status_a_body_and_a_host(tmp_path: Path) -> None:
    check = "health: {http: 'http+unix:///run/${A}.sock:/', status: 204, body: '${A} ${REVISION}', host: '${A}.test'}"
    (program,) = only_target(tmp_path, service=check, host="variables: {A: a}").service.programs
    assert program.health == model.Health(http="http+unix:///run/a.sock:/", status=204, body="a ${REVISION}",
                                          host="a.test")
    assert program.health.of_revision("1a2b").body == "a 1a2b"


def test_expectations_of_an_answer_go_with_its_kind_of_check(tmp_path: Path) -> None:
    target = only_target(tmp_path, service="health: {http: 'http://x/', status: 204, timeout: 5}",
                         environment="services: {monitor: {health: {tcp: 'x:1'}}}")
    assert target.service.programs[0].health == model.Health(tcp="x:1", timeout=5)
    target = only_target(tmp_path, service="health: {http: 'http://x/', status: 204}",
                         environment="services: {monitor: {health: {http: 'http://y/'}}}")
    assert target.service.programs[0].health == model.Health(http="http://y/", status=204)


def test_health_command_is_left_to_its_shell(tmp_path: Path) -> None:
    target = only_target(tmp_path, service="health: {command: 'test \"${A}\"'}", host="variables: {A: '$(reboot)'}")
    assert target.service.programs[0].health == model.Health(command='test "${A}"')


def test_service_has_the_documented_defaults(tmp_path: Path) -> None:
    service = only_target(tmp_path).service
    assert (service.directory, service.build, service.build_timeout) == ("micro/monitor", (), 1800)
    assert (service.strategy, service.programs[0].health, service.programs[0].options) == ("in_place", None, {})
    assert (service.shared, service.keep_releases) == ((), 5)


def test_shared_paths_are_normalised_and_keep_a_slash_at_the_end(tmp_path: Path) -> None:
    service = only_target(tmp_path, service="strategy: releases\nshared: [./etc//a.cfg, data/, var/x/]").service
    assert (service.strategy, service.shared) == ("releases", ("etc/a.cfg", "data/", "var/x/"))


def test_directory_is_normalised_and_command_stripped(tmp_path: Path) -> None:
    text = whole(service="directory: ./a//b/").replace("command: ./monitor", "command: |\n      ./monitor")
    [target] = inventory(tmp_path, text).environment("production").targets
    assert (target.service.directory, target.service.programs[0].command) == ("a/b", "./monitor")


@pytest.mark.parametrize(("written", "serial", "pause"), [
    ("", (1, "100%"), 0), ("serial: 2", (2,), 0), ('serial: "2"\npause: 0', (2,), 0),
    ("serial: 25%\npause: 10s", ("25%",), 10), ('serial: [1, "50%"]\npause: 1.5m', (1, "50%"), 90)])
def test_serial_and_pause_of_an_environment_are_read(tmp_path: Path, written: str, serial: tuple[int | str, ...],
                                                     pause: float) -> None:
    production = inventory(tmp_path, whole(environment=written)).environment("production")
    assert (production.serial, production.pause) == (serial, pause)


@pytest.mark.parametrize(("text", "expected"), [
    ("1", (1,)), ("25%", ("25%",)), ("1,50%", (1, "50%")), ('[1, "50%"]', (1, "50%")), (" 3 ", (3,))])
def test_serial_is_read_from_the_command_line(text: str, expected: tuple[int | str, ...]) -> None:
    assert check_serial(text) == expected


@pytest.mark.parametrize("text", ["0", "150%", "1.5", "[]", "50 %", "1,0%", "1,", "-1"])
def test_wrong_serial_of_the_command_line_is_refused(text: str) -> None:
    with pytest.raises(SelectionError, match=r"--serial: expected how many hosts .*; got '"):
        check_serial(text)


def test_environment_chooses_its_services_and_sorts_its_hosts(tmp_path: Path) -> None:
    environment = inventory(tmp_path, """\
        defaults: {root: ~/app}
        services:
          web: &base {repo: git@x:y, command: ./run}
          api: *base
          old: *base
        environments:
          production: {branch: main, services: [web, api], hosts: [b, a]}
        """).environment("production")
    assert [(t.host.name, t.service.name) for t in environment.targets] == [
        ("a", "api"), ("a", "web"), ("b", "api"), ("b", "web")
    ]
    assert environment.elsewhere == ("old",)


def test_sandbox_needs_neither_hosts_nor_root_nor_branch(tmp_path: Path) -> None:
    environment = inventory(tmp_path, """\
        services: {monitor: {repo: git@x:y, command: ./run}}
        environments: {sandbox: {sandbox: true}}
        """).environment("sandbox")
    assert (environment.targets, environment.sandbox, environment.branch) == ((), True, "main")


@pytest.mark.promise(9)
def test_unset_variable_in_a_sandbox_is_a_mistake(tmp_path: Path) -> None:
    """Its hosts are started later, and each has a PORT."""
    assert mistakes_in(tmp_path, """\
        services: {monitor: {repo: git@x:y, command: "./run ${PORT} ${POTR}", health: {tcp: "h:${PROT}"}}}
        environments: {sandbox: {sandbox: true}}
        """) == [f"services.monitor.{key}: no variable ${{{name}}} is set; did you mean 'PORT'?"
                 " (on web1, web2 in sandbox)" for key, name in (("command", "POTR"), ("health.tcp", "PROT"))]


def test_hosts_given_later_count_like_those_of_the_file(tmp_path: Path) -> None:
    environment = inventory(tmp_path, """\
        defaults: {port: 2222}
        services: {monitor: {repo: git@x:y, command: ./run, health: {tcp: "h:${PORT}"}}}
        environments: {sandbox: {sandbox: true}}
        """).with_hosts("sandbox", {"web1": {"root": "/r", "variables": {"PORT": "7"}}}).environment("sandbox")
    assert [(t.host.name, t.host.root, t.host.port, t.service.programs[0].health) for t in environment.targets] == [
        ("web1", "/r", 2222, model.Health(tcp="h:7"))
    ]


def test_unknown_environment_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="no environment 'prodution'; did you mean 'production'"):
        inventory(tmp_path, whole()).environment("prodution")


# What does not fit together

SERVICES = "{{a: {{repo: git@x:a, command: ./a{}}}, b: {{repo: git@x:b, command: ./b{}}}}}"


def pair(one: str, other: str, environment: str = "") -> str:
    services = SERVICES.format(f", directory: {one}", f", directory: {other}")
    return f"""\
defaults: {{root: /srv/app}}
services: {services}
environments: {{production: {{branch: main, hosts: [web1]{environment}}}}}
"""


@pytest.mark.parametrize(("text", "message"), [
    (pair("x", "x"), "services.b.directory: 'x' is the directory of a; each service needs one of its own"),
    (pair("x", "./y/..z/../x/"), "services.b.directory: cannot hold '..', got './y/..z/../x/'"),
    (pair("x", ".//x/"), "services.b.directory: './/x/' is the directory of a; each service needs one of its own"),
    (pair("x", "x/y"), "services.b.directory: 'x/y' lies inside the directory of a; each service needs one of its own"),
    (pair("x/y", "x"), "services.b.directory: 'x' holds the directory of a; each service needs one of its own"),
    (pair("x", "y", ", services: {a: {directory: y}, b: }"), "environments.production.services.a.directory: "
     "'y' is the directory of b in production; each service needs one of its own"),
    (pair("/srv/app/x", "x"), "services.b.directory: 'x' is the directory of a; each service needs one of its own"),
    (pair("/opt", "/opt/x"), "services.b.directory: '/opt/x' lies inside the directory of a; each service needs one of "
     "its own"),
    (pair("x", "/srv/app/conf.d/"), "services.b.directory: '/srv/app/conf.d/' is `program_dir`; a service needs a "
     "folder of its own"),
    (pair("x", "supervisord.conf"), "services.b.directory: 'supervisord.conf' is `supervisord_conf`; a service needs a "
     "folder of its own"),
    (pair("~/x", "~//x/"), "services.b.directory: '~//x/' is the directory of a; each service needs one of its own"),
    (pair("x", "y").replace("[web1]", "{web1: {services: {a: {directory: y}}}}"), "environments.production.hosts.web1."
     "services.a.directory: 'y' is the directory of b in production; each service needs one of its own"),
], ids=["same", "upwards", "same, normalised", "inside", "around", "by an override", "absolute and below root",
        "absolute", "program files", "supervisord's", "at home", "at a host"])
def test_overlapping_directories_are_refused(tmp_path: Path, text: str, message: str) -> None:
    assert mistakes_in(tmp_path, text) == [message]


@pytest.mark.parametrize(("one", "other"), [("x", "x-y"), ("/opt/x", "~/x"), ("/srv/app-x", "x")])
def test_sibling_directories_are_taken(tmp_path: Path, one: str, other: str) -> None:
    inventory(tmp_path, pair(one, other))


def test_services_of_different_hosts_may_have_one_directory(tmp_path: Path) -> None:
    text = pair("/opt/app", "/opt/app").replace("[web1]", "{web1: {services: [a]}, web2: {services: [b]}}")
    targets = inventory(tmp_path, text).environment("production").targets
    assert [(one.host.name, one.service.name) for one in targets] == [("web1", "a"), ("web2", "b")]


def test_host_chooses_services_by_a_list_and_adjusts_them_by_a_mapping(tmp_path: Path) -> None:
    text = """
        defaults: {root: /srv/app, variables: {PORT: "1"}}
        services:
          api: {repo: r, command: ./api, health: {tcp: "h:${PORT}"}, requires: [a]}
          mailer: {repo: r, command: ./mailer, directory: /opt/mailer}
          old: {repo: r, command: ./old}
        environments:
          production:
            branch: main
            services: {api: {variables: {PORT: "2"}}, mailer: , old: }
            hosts:
              web1: {services: [api]}
              web2: {variables: {PORT: "3"}, services: {api: {variables: {PORT: "4"}, command: ./other, requires: [b]}}}
              web3: {services: [mailer, api]}
        """
    environment = inventory(tmp_path, text.replace("mailer: , old: ", "mailer: ")).environment("production")
    running = [(one.host.name, one.service.name) for one in environment.targets]
    assert running == [("web1", "api"), ("web2", "api"), ("web2", "mailer"), ("web3", "api"), ("web3", "mailer")]
    api = {one.host.name: one.service for one in environment.targets if one.service.name == "api"}
    assert {name: (one.variables["PORT"], one.programs[0].command, one.requires) for name, one in api.items()} == {
        "web1": ("2", "./api", ("a",)), "web2": ("4", "./other", ("b",)), "web3": ("2", "./api", ("a",))}
    checks = [program.health for one in api.values() for program in one.programs]
    assert [check.tcp for check in checks if check] == ["h:2", "h:4", "h:2"]
    only_web1 = text.replace("              web2", "              #").replace("              web3", "              #")
    assert inventory(tmp_path, only_web1).environment("production").elsewhere == ("mailer", "old")


@pytest.mark.parametrize(("host", "message"), [
    ("services: {monitor: {health: {http: 'http://h:${PROT}/'}}}", "environments.production.hosts.web1.services.monitor"
     ".health.http: no variable ${PROT} is set (on web1 in production)"),
    ("services: {monitor: {secrets: [A], variables: {A: x}}}", "environments.production.hosts.web1.services.monitor"
     ".secrets[0]: A is among the variables, too (on web1 in production); leave one of them out"),
    ("services: {monitor: {requires: ['${B}']}}", "environments.production.hosts.web1.services.monitor.requires[0]: "
     "no variable ${B} is set (on web1 in production)"),
])
def test_mistake_of_a_service_on_one_host_names_the_host(tmp_path: Path, host: str, message: str) -> None:
    assert mistakes_in(tmp_path, whole(host=host)) == [message]


@pytest.mark.parametrize(("old", "new", "message"), [
    pytest.param("    hosts:\n      web1:\n        user: deploy\n", "", "environments.production: has no hosts; "
                 "list at least one under `hosts`", id="no hosts"),
    pytest.param("    branch: main\n", "", "environments.production: has no `branch`: the revision to deploy unless "
                 "another is asked for", id="no branch"),
    pytest.param("  root: /srv/app\n", "  port: 22\n", "environments.production: no `root` for web1: the folder on the "
                 "host that holds supervisord.conf; set it in `defaults`, the environment or the host", id="no root"),
    pytest.param("    command: ./monitor\n", "", "services.monitor.command: is missing; or name "
                 "several programs under `programs`", id="no command"),
    pytest.param("defaults:", "default_environment: prod\ndefaults:", "default_environment: there is no environment "
                 "'prod'; did you mean 'production'?", id="default environment"),
    pytest.param("      web1:\n", "      web0: {address: web1, user: deploy}\n      web1:\n", "environments.production."
                 "hosts.web1: is the same machine and root as web0", id="one machine twice"),
    pytest.param("command: ./monitor", "command: |\n      a\n      b", "services.monitor.command: must be one line "
                 "without control characters", id="command of two lines"),
    pytest.param("branch: main", "branch: -f", "environments.production.branch: expected a branch, a tag or a commit, "
                 "got '-f'", id="branch as an option"),
    pytest.param("repo: git@git.example.com:micro/monitor.git", "repo: 'ext::sh -c reboot'", "services.monitor.repo: "
                 "is not a git URL that can be trusted, got 'ext::sh -c reboot'", id="repo that runs a command"),
])
def test_missing_or_contradictory_setting_is_one_message(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in whole()
    assert mistakes_in(tmp_path, whole().replace(old, new, 1)) == [message]


@pytest.mark.parametrize(("text", "messages"), [
    ("services: {}\nenvironments: {}", ["environments: names no environment", "services: names no service"]),
    ("x: 1", ["services: is missing", "environments: is missing", "x: unknown key 'x'; known here: "
              "default_environment, defaults, environments, services"]),
])
def test_inventory_with_nothing_to_deploy_is_refused(tmp_path: Path, text: str, messages: list[str]) -> None:
    assert sorted(mistakes_in(tmp_path, text)) == sorted(messages)


@pytest.mark.parametrize("parts", [
    {"defaults": "variables: {PORT: true}", "service": "health: {http: 'http://x:${PORT}'}"},
    {"service": "health: {htp: 'http://x:1'}"},
    {"environment": "services: 5"},
], ids=["variable", "health", "services"])
def test_mistake_hides_its_own_consequences(tmp_path: Path, parts: dict[str, str]) -> None:
    assert len(mistakes_in(tmp_path, whole(**parts))) == 1


@pytest.mark.promise(9)
def test_all_mistakes_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        inventory(tmp_path, """\
            default_environment: prodution
            defaults:
              rot: /srv/app
              port: 0
            services:
              monitor:
                buid: make
                repo: git@x:y
                command: [a]
                program: {numprocs: 3}
                program: {}
              web:
                repo: -x
                command: ./web
                directory: ~/
                health: {tcp: "127.0.0.1:${PRT}"}
            environments:
              production:
                branch: main
                services: [monitr, web]
                hosts:
                  web1: {port: "22", variables: {PORT: 80}}
                  web 2:
            """)
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (1, "default_environment"),
        (3, "defaults.rot"),
        (4, "defaults.port"),
        (7, "services.monitor.buid"),
        (9, "services.monitor.command"),
        (10, "services.monitor.program.numprocs"),
        (11, "services.monitor.program"),
        (13, "services.web.repo"),
        (15, "services.web.directory"),
        (16, "services.web.health.tcp"),
        (20, "environments.production.services[0]"),
        (22, "environments.production.hosts.web1.port"),
        (23, "environments.production.hosts.'web 2'"),
    ]
    assert caught.value.exit_code == 2
    assert caught.value.message.count("\n") == 12


def test_variable_that_one_host_lacks_is_named_with_the_host(tmp_path: Path) -> None:
    text = whole(service="health: {tcp: 'x:${PORT}'}", host="variables: {PORT: 80}") + "      web2:\n"
    assert mistakes_in(tmp_path, text) == [
        "services.monitor.health.tcp: no variable ${PORT} is set (on web2 in production)"]


def test_requires_lists_normalised_paths_with_variables(tmp_path: Path) -> None:
    target = only_target(tmp_path, service="requires: ['./config/${RUN_MODE}.yaml', 'a ${A}/']",
                         host="variables: {A: b}")
    assert target.service.requires == ("config/production.yaml", "a b")
    target = only_target(tmp_path, service="requires: [x]", environment="services: {monitor: {requires: [y]}}")
    assert target.service.requires == ("y",)


@pytest.mark.parametrize(("path", "message"), [
    ("/etc/passwd", "services.monitor.requires: is below the top of the repository, so it cannot begin with '/' or "
                    "'~'; got '/etc/passwd'"),
    ("a/../..", "services.monitor.requires: cannot hold '..', got 'a/../..'"),
    (".", "services.monitor.requires: names the whole repository"),
    ("${B}", "services.monitor.requires[0]: no variable ${B} is set (on web1 in production)"),
    ("${UP}/x", "services.monitor.requires[0]: cannot hold '..', got '../x' (on web1 in production)"),
])
def test_requires_refuses_paths_outside_the_commit(tmp_path: Path, path: str, message: str) -> None:
    assert mistakes_in(tmp_path, whole(service=f"requires: ['{path}']\nvariables: {{UP: '..'}}")) == [message]


@pytest.mark.parametrize(("written", "hooks"), [
    ("make", (model.Hook(run=("make",)),)),
    ("{run: [a, b], once: true}", (model.Hook(run=("a", "b"), once=True),)),
    ("{run: a, on: client}", (model.Hook(run=("a",), on="client"),)),
    ("[a, {run: b, once: true}, {run: c}]", (model.Hook(run=("a",)), model.Hook(run=("b",), once=True),
                                             model.Hook(run=("c",)))),
    ("[]", ()),
])
def test_hooks_are_read_in_every_form(tmp_path: Path, written: str, hooks: tuple[model.Hook, ...]) -> None:
    target = only_target(tmp_path, service=f"hooks: {{before_activate: {written}, after_activate: x}}",
                 environment="services: {monitor: {hooks: {after_activate: y}}}")
    assert target.service.hooks == {"before_activate": hooks, "after_activate": (model.Hook(run=("y",)),)}
    assert (target.service.environment, target.service.host) == ("production", "web1")


@pytest.mark.parametrize(("written", "message"), [
    ("{befor_activate: x}", "befor_activate: unknown key 'befor_activate'; did you mean 'before_activate'?"),
    ("{before_activate: [a, {once: true}]}", "before_activate[1].run: is missing"),
    ("{before_activate: [a, '']}", "before_activate: holds an empty command; leave it out where nothing is to be done"),
    ("{drain: x}", "drain: needs `undrain`, too: without it the host stays out of service"),
    ("{drain: [], undrain: x}", "undrain: needs `drain`, too: without it the host never leaves service"),
    ("{drain: x, undrain: [y, {run: z, once: true}]}",
     "undrain: cannot have `once`: each host leaves and enters service by itself"),
    ("{after_activate: {run: x, once: 'yes'}}", "after_activate.once: expected true or false, got the text 'yes'"),
])
def test_invalid_hooks_are_refused(tmp_path: Path, written: str, message: str) -> None:
    assert mistakes_in(tmp_path, whole(service=f"hooks: {written}")) == [f"services.monitor.hooks.{message}"]


def test_notify_is_read_in_every_form(tmp_path: Path) -> None:
    for written in ("{webhook: CHAT, on: [failed]}", "[{webhook: CHAT, 'on': [failed]}]"):
        environment = inventory(tmp_path, whole(environment=f"notify: {written}")).environment("production")
        assert environment.notify == (model.Notification(webhook="CHAT", on=("failed",)),)
    both = "[{webhook: CHAT}, {run: ./tell.sh, on: [committed]}]"
    assert inventory(tmp_path, whole(environment=f"notify: {both}")).environment("production").notify == (
        model.Notification(webhook="CHAT", on=("failed", "committed")),
        model.Notification(run="./tell.sh", on=("committed",)))


@pytest.mark.parametrize(("written", "message"), [
    ("{on: [failed]}", ": expected one of webhook and run, got none"),
    ("[{webhook: A, run: b}]", "[0]: expected one of webhook and run, got webhook and run"),
    ("{webhook: 'https://chat.example.com/x'}", ".webhook: expected the name of a secret, not its value: letters, "
     "digits and '_', no digit first"),
    ("{run: ''}", ".run: holds an empty command; leave it out where nothing is to be done"),
    ("{run: x, on: []}", ".on: names no ending; leave it out for all of them"),
    ("{run: x, on: [failed, failed]}", ".on[1]: 'failed' is listed twice"),
    ("{run: x, on: [fail]}", ".on[0]: expected 'committed' or 'failed', got 'fail'; did you mean 'failed'?"),
    ("{run: x, when: [failed]}", ".when: unknown key 'when'; known here: on, run, webhook"),
])
def test_invalid_notify_is_refused(tmp_path: Path, written: str, message: str) -> None:
    assert mistakes_in(tmp_path, whole(environment=f"notify: {written}")) == [
        f"environments.production.notify{message}"]
