"""Every mistake gets one line that a stranger understands: one row for each message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory import serial

from .samples import mistakes_in, whole

NAME_RULE = "expected letters, digits, '.', '_' and '-', the first a letter or digit, and no '..'"
TIME = "expected a time above zero, in seconds or like 30s, 30m or 1h; got "
M = "services.monitor."
C = "environments.production.services.monitor.command: "
EXPANDED = "which is not expanded here: write out what it stands for"
D = "defaults."
P = "environments.production."
W = "environments.production.hosts.web1."


def row(name: str, expected: str, **parts: str) -> object:
    return pytest.param(parts, expected, id=name)


SHAPE = [
    row("unknown key", M + "buid: unknown key 'buid'; did you mean 'build'?", service="buid: make"),
    row("unknown key, nothing near", M + "zzz: unknown key 'zzz'; known here: build, build_on, build_timeout, command, "
        "directory, fetch, fetch_timeout, files, health, hooks, keep_releases, numprocs, program, programs, reload, "
        "repo, requires, "
        "secrets, shared, shared_directory, ship, socket, strategy, subdirectory, variables", service="zzz: make"),
    row("unknown host setting", W + "adress: unknown key 'adress'; did you mean 'address'?", host="adress: 10.0.0.1"),
    row("no strategy", M + "strategy: expected 'in_place' or 'releases', got 'release'; did you mean 'releases'?",
        service="strategy: release"),
    row("a list of strategies", M + "strategy: expected 'in_place' or 'releases', got a list",
        service="strategy: [yes]"),
    row("a mapping for a word", M + "fetch: expected 'client' or 'host', got a mapping", service="fetch: {on: host}"),
    row("port as text", D + "port: expected a whole number, got the text '22'", defaults='port: "22"'),
    row("sudo as a wish", D + "sudo: expected true or false, got the text 'yes please'", defaults="sudo: yes please"),
    row("port as a fraction", D + "port: expected a whole number, got 22.0, a number", defaults="port: 22.0"),
    row("user as a number", D + "user: expected text, got 7, a number; quote it: \"7\"", defaults="user: 7"),
    row("user as a bare no", D + "user: expected text, got no, which YAML reads as false; quote it: \"no\"",
        defaults="user: no"),
    row("nothing", D + "user: expected text, got nothing; give it a value, or leave it out", defaults="user:"),
    row("a date", D + "user: expected text, got 2024-01-02, a date; quote it: \"2024-01-02\"",
        defaults="user: 2024-01-02"),
    row("a list for text", D + "user: expected text, got a list", defaults="user: [deploy]"),
    row("a mapping for text", D + "user: expected text, got a mapping", defaults="user: {name: deploy}"),
    row("true for a time", D + "lease: expected a time (in seconds, or like 30s, 30m or 1h), got true",
        defaults="lease: true"),
    row("a number in build", M + "build[1]: expected text, got 3, a number; quote it: \"3\"",
        service="build: [make, 3]"),
    row("a mapping for build", M + "build: expected text or a list, got a mapping", service="build: {a: b}"),
    row("text for a mapping", M + "health: expected a mapping, got the text 'yes please'",
        service="health: yes please"),
    row("text for services", P + "services: expected a list or a mapping, got the text 'monitor'; write [monitor]",
        environment="services: monitor"),
    row("sandbox as text", P + "sandbox: expected true or false, got the text 'true'", environment='sandbox: "true"'),
    row("a list for an option", M + "program.exitcodes: expected text or a whole number or true or false, got a list",
        service="program: {exitcodes: [0, 2]}"),
    row("an octal number", D + "port: YAML reads 0123 as 83; write 123 or 83",
        defaults="port: 0123"),
    row("a number to base sixty", D + "address: expected text, got 10:20, a number; quote it: \"10:20\"",
        defaults="address: 10:20"),
    row("a key given twice", D + "root: is given twice, first on line 2", defaults="root: /srv/other"),
    row("a key that is no text", D + "variables.NO: YAML does not read the key NO as text; write \"NO\"",
        defaults="variables: {NO: x}"),
    row("a key that is a list", D + "variables: a key must be text, not a list or a mapping; quote a text that "
        "begins with { or [", defaults="variables: {[a]: x}"),
    row("a bad merge", D + "variables.'<<': expected a mapping (or a list of mappings) to merge",
        defaults="variables: {<<: x}"),
    row("an unknown tag", D + "user: has the tag '!!python/name:os.system'; leave the tag out",
        defaults="user: !!python/name:os.system x"),
]

VARIABLES = [
    row("true", D + "variables.A: expected text or a whole number, got yes, which YAML reads as true; "
        "quote it: \"yes\"", defaults="variables: {A: yes}"),
    row("fraction", D + "variables.A: expected text or a whole number, got 1.50, a number; quote it: \"1.50\"",
        defaults="variables: {A: 1.50}"),
    row("nothing", D + "variables.A: expected text or a whole number, got nothing; write \"\" for an empty text",
        defaults="variables: {A: }"),
    row("list", D + "variables.A: expected text or a whole number, got a list", defaults="variables: {A: [x]}"),
    row("octal", M + "variables.A: YAML reads 0123 as 83; write 83, or \"0123\" for the text",
        service="variables: {A: 0123}"),
    row("hexadecimal", P + "variables.A: YAML reads 0x10 as 16; write 16, or \"0x10\" for the text",
        environment="variables: {A: 0x10}"),
    row("plus sign", W + "variables.A: YAML reads +5 as 5; write 5, or \"+5\" for the text", host="variables: {A: +5}"),
    row("underscore", W + "variables.A: YAML reads 1_000 as 1000; write 1000, or \"1_000\" for the text",
        host="variables: {A: 1_000}"),
    row("NUL", D + "variables.A: cannot hold a NUL character", defaults=r'variables: {A: "a\0b"}'),
    row("name with a dash", D + "variables.A-B: 'A-B' is not a variable's name: expected letters, digits and '_', "
        "no digit first", defaults="variables: {A-B: x}"),
    row("name with a newline", D + r"variables.'A\nB': 'A\nB' is not a variable's name: expected letters, digits and "
        "'_', no digit first", defaults=r'variables: {"A\nB": x}'),
    row("RUN_MODE", M + "variables.RUN_MODE: RUN_MODE is set by the environment's `run_mode`",
        service="variables: {RUN_MODE: x}"),
]

SERIAL = P + f"serial: {serial.EXPECTED}; got "
BATCHES = [
    row("no host at a time", SERIAL + "0", environment="serial: 0"),
    row("fewer than no host", SERIAL + "-1", environment="serial: -1"),
    row("a fraction of a host", SERIAL + "1.5", environment="serial: 1.5"),
    row("more than all hosts", SERIAL + "'150%'", environment='serial: "150%"'),
    row("no percent", SERIAL + "'0%'", environment='serial: 0%'),
    row("a space before the percent sign", SERIAL + "'50 %'", environment='serial: "50 %"'),
    row("a fraction of a percent", SERIAL + "'12.5%'", environment="serial: 12.5%"),
    row("no batch", SERIAL + "an empty list", environment="serial: []"),
    row("a batch of a list", SERIAL + "'x'", environment='serial: [1, "50%", x]'),
    row("a fraction in a list", SERIAL.replace("serial:", "serial[1]:") + "0.5", environment="serial: [1, 0.5]"),
    row("true for serial", SERIAL + "true", environment="serial: true"),
    row("a mapping for serial", SERIAL + "{'first': 1}", environment="serial: {first: 1}"),
    row("nothing for serial", SERIAL + "null", environment="serial:"),
    row("a negative pause", P + "pause: " + TIME.replace("above zero", "of zero or more") + "-1",
        environment="pause: -1"),
    row("a pause of days", P + "pause: " + TIME.replace("above zero", "of zero or more") + "'1d'",
        environment="pause: 1d"),
    row("a pause without end", P + "pause: expected a time up to 168h, got '1000h'", environment="pause: 1000h"),
]

VALUES = [
    row("packaged without sudo",
        D + "supervisord: needs `sudo: true` beside it: the supervisord of a package is root's",
        defaults="supervisord: packaged"),
    row("port too high", D + "port: expected a port from 1 to 65535, got 65536", defaults="port: 65536"),
    row("port zero", D + "port: expected a port from 1 to 65535, got 0", defaults="port: 0"),
    row("time in days", M + f"build_timeout: {TIME}'1d'", service="build_timeout: 1d"),
    row("time zero", D + f"lease: {TIME}0", defaults="lease: 0"),
    row("time negative", D + f"lease: {TIME}-1", defaults="lease: -1"),
    row("time without end", D + f"lease: {TIME}inf", defaults="lease: .inf"),
    row("time not a number", D + f"lease: {TIME}nan", defaults="lease: .nan"),
    row("root relative", W + "root: must be absolute (/srv/app), or below the host user's home (~/app); got 'srv/app'",
        host="root: srv/app"),
    row("root of another user", W + "root: must be absolute (/srv/app), or below the host user's home (~/app); "
        "got '~bob/app'", host="root: ~bob/app"),
    row("root upwards", W + "root: cannot hold '..', got '/srv/../etc'", host="root: /srv/../etc"),
    row("directory is the host", M + "directory: must be a folder of its own, got '//'", service="directory: //"),
    row("directory is a home", M + "directory: must be a folder of its own, got '~/'", service="directory: ~/"),
    row("directory in another's home", M + "directory: can begin with ~/, the host user's home, but not with another "
        "user's; got '~ann/x'", service="directory: ~ann/x"),
    row("state is the root", D + "state: must be a folder of its own, got '.'", defaults="state: ."),
    row("state in another's home", D + "state: can begin with ~/, the host user's home, but not with another user's; "
        "got '~ann'", defaults="state: ~ann"),
    row("state upwards", D + "state: cannot hold '..', got '../x'", defaults="state: ../x"),
    row("state empty", D + "state: is empty", defaults='state: ""'),
    row("no service of a host", W + "services: names no service; leave it out where all services run",
        host="services: []"),
    row("unknown service of a host", W + "services[0]: there is no service 'moniter'; did you mean 'monitor'?",
        host="services: [moniter]"),
    row("a service twice on a host", W + "services[1]: 'monitor' is listed twice", host="services: [monitor, monitor]"),
    row("unknown key of a service of a host", W + "services.monitor.buid: unknown key 'buid'; did you mean 'build'?",
        host="services: {monitor: {buid: make}}"),
    row("bad option of a service of a host", W + "services.monitor.program.startsec: supervisor knows no option "
        "'startsec' of a program; did you mean 'startsecs'?", host="services: {monitor: {program: {startsec: 1}}}"),
    row("text for services of a host", W + "services: expected a list or a mapping, got the text 'monitor'; write "
        "[monitor]", host="services: monitor"),
    row("directory holds the root", M + "directory: '/srv' overlaps `state`, '/srv/app/.fabvisor'; each needs a folder "
        "of its own", service="directory: /srv"),
    row("directory is the root", M + "directory: '/srv/app/' overlaps `state`, '/srv/app/.fabvisor'; each needs a "
        "folder of its own", service="directory: /srv/app/"),
    row("directory is the state", M + "directory: 'x' is `state`, '/srv/app/x'; each needs a folder of its own",
        service="directory: x", defaults="state: x"),
    row("directory upwards", M + "directory: cannot hold '..', got 'micro/../../etc'",
        service="directory: micro/../../etc"),
    row("root with an expansion", W + "root: cannot hold `%(here)s`, nor `;` or `#` after a space, got '/srv/%(here)s'",
        host="root: /srv/%(here)s"),
    row("directory with a comment", M + "directory: cannot hold `%(here)s`, nor `;` or `#` after a space, got 'a ;b'",
        service="directory: a ;b"),
    row("directory of a name without end", M + "directory: has a name of more than 255 bytes",
        service=f"directory: micro/{'ü' * 128}"),
    row("directory without end", M + "directory: is longer than 1000 characters", service=f"directory: {'a/' * 600}"),
    row("command with half a quote", C + "cannot be split into words: no closing quotation; "
        "balance its quotes", environment="services: {monitor: {command: \"./monitor 'x\"}}"),
    row("directory is root", M + "directory: must be a folder of its own, got './'",
        service="directory: ./"),
    row("directory is ours", M + "directory: must be a folder of its own, got '.fabvisor/x'",
        service="directory: .fabvisor/x"),
    row("directory with a newline", M + r"directory: cannot hold control characters, got 'a\nb'",
        service=r'directory: "a\nb"'),
    row("subdirectory absolute", M + "subdirectory: is below the top of the repository, so it cannot begin with '/' or "
        "'~'; got '/srv/backend'", service="subdirectory: /srv/backend"),
    row("subdirectory upwards", M + "subdirectory: cannot hold '..', got 'a/../..'", service="subdirectory: a/../.."),
    row("subdirectory is all", M + "subdirectory: names the whole repository", service="subdirectory: ./"),
    row("subdirectory is ours", M + "subdirectory: cannot be 'logs/a': logs, releases, current, .git are looked after "
        "already", service="subdirectory: logs/a"),
    row("shared upwards", M + "shared: cannot hold '..', got 'a/../../b'", service="shared: [a/../../b]"),
    row("shared absolute", M + "shared: is below the service's directory, got '/etc/passwd'",
        service="shared: [/etc/passwd]"),
    row("shared at home", M + "shared: is below the service's directory, got '~/x'", service="shared: [~/x]"),
    row("all is shared", M + "shared: is below the service's directory, got './'", service="shared: [./]"),
    row("shared empty", M + "shared: is empty", service='shared: [""]'),
    row("a folder that hosts fetch", P + "services.monitor.fetch: no host can fetch what is in a folder of this "
        "machine (`repo`); leave `fetch` out", environment="services: {monitor: {repo: ./dist, fetch: host}}"),
    row("the folder of hosts.yaml", P + "services.monitor.repo: is no folder of its own beside hosts.yaml, got './'",
        environment="services: {monitor: {repo: ./}}"),
    row("the folder above", P + "services.monitor.repo: is no folder of its own beside hosts.yaml, got '..'",
        environment="services: {monitor: {repo: ..}}"),
    row("built here, fetched there", M + "fetch: no host can fetch what `build_on: client` makes; leave `fetch` out",
        service="build: make\nbuild_on: client\nship: [app]\nfetch: host"),
    row("nothing shipped", M + "build_on: needs `ship`, too: without it what the build makes stays behind",
        service="build: make\nbuild_on: client"),
    row("shipped twice", M + "ship: holds 'app' twice", service="ship: [app, ./app]"),
    row("ship leads out", M + "ship: cannot hold '..', got '../app'", service="ship: [../app]"),
    row("ship is ours", M + "ship: cannot hold 'logs/a': logs, releases, current, .git are looked after already",
        service="ship: [logs/a]"),
    row("shared is ours", M + "shared: cannot hold './releases/x': logs, releases, current, .git are looked after "
        "already", service="shared: [./releases/x]"),
    row("shared directory upwards", M + "shared_directory: cannot hold '..', got '../x'",
        service="shared_directory: ../x"),
    row("shared directory is ours", M + "shared_directory: cannot hold 'releases': logs, releases, current, .git are "
        "looked after already", service="shared_directory: releases"),
    row("shared twice", M + "shared: holds 'a/b' twice", service="shared: [a/b, ./a/b/]"),
    row("shared inside another", M + "shared: holds 'a/b', which is inside 'a'", service="shared: [a/b/, ab, a/]"),
    row("no release is kept", M + "keep_releases: expected 1 or more, got 0", service="keep_releases: 0"),
    row("directory empty", M + "directory: is empty", service='directory: ""'),
    row("program_dir upwards", D + "program_dir: cannot hold '..', got '../conf.d'", defaults="program_dir: ../conf.d"),
    row("supervisord_conf with NUL", D + r"supervisord_conf: cannot hold control characters, got 'a\x00'",
        defaults=r'supervisord_conf: "a\0"'),
    row("gateway as an option", D + "gateway: cannot begin with '-', got '-oProxyCommand=x'",
        defaults="gateway: -oProxyCommand=x"),
    row("address with a space", W + "address: cannot hold spaces or control characters, got 'a b'",
        host="address: a b"),
    row("user empty", P + "user: is empty", environment='user: ""'),
    row("python as an option", D + "python: cannot begin with '-', got '-c'", defaults="python: -c"),
    row("key file with a newline", D + r"identity_file: must be one line without control characters, got 'a\nb'",
        defaults=r'identity_file: "a\nb"'),
    row("build empty", M + "build: holds an empty command; leave it out where nothing is to be done",
        service='build: [make, ""]'),
    row("build with NUL", M + "build: cannot hold a NUL character", service=r'build: "a\0"'),
    row("run_mode with a space", P + f"run_mode: 'a b' is not a name: {NAME_RULE}", environment="run_mode: a b"),
    row("url without a scheme", P + "url: expected a URL that begins with http:// or https://, got 'www.example.com'",
        environment="url: www.example.com"),
    row("url with a space", P + "url: cannot hold blanks, quotes or $, got 'https://a b'",
        environment="url: https://a b"),
]

PROGRAM = [
    row("unknown option", M + "program.startsec: supervisor knows no option 'startsec' of a program; did you mean "
        "'startsecs'?", service="program: {startsec: 2}"),
    row("owned: command", M + "program.command: cannot be given here: the service's `command` sets it",
        service="program: {command: x}"),
    row("owned: environment", M + "program.environment: cannot be given here: use `variables`",
        service="program: {environment: A=1}"),
    row("owned: numprocs", M + "program.numprocs: cannot be given here: it stands beside `command`: numprocs: 2",
        service="program: {numprocs: 2}"),
    row("number", M + "program.startsecs: expected a whole number, got 'two'", service="program: {startsecs: two}"),
    row("true for a number", M + "program.startsecs: expected a whole number, got true",
        service="program: {startsecs: true}"),
    row("negative", M + "program.startsecs: cannot be negative, got -1", service="program: {startsecs: -1}"),
    row("flag", M + "program.autostart: expected true or false, got 1", service="program: {autostart: 1}"),
    row("autorestart", M + "program.autorestart: expected true, false or unexpected, got 'always'",
        service="program: {autorestart: always}"),
    row("size", M + "program.stdout_logfile_maxbytes: expected a size such as 20MB (units: KB, MB, GB, none for "
        "bytes), got '200B'", service="program: {stdout_logfile_maxbytes: 200B}"),
    row("signal", M + "program.stopsignal: expected a signal such as TERM, got 'TREM'",
        service="program: {stopsignal: TREM}"),
    row("exit codes", M + "program.exitcodes: expected exit codes from 0 to 255, such as \"0,2\", got '0 2'",
        service="program: {exitcodes: 0 2}"),
    row("umask", M + "program.umask: expected an octal umask in quotes, such as \"022\", got '888'",
        service='program: {umask: "888"}'),
    row("log file off", M + "program.stdout_logfile: expected a path, AUTO or NONE, got false (YAML reads a bare off "
        "or no so); write NONE", service="program: {stdout_logfile: off}"),
    row("user true", M + "program.user: expected text, got true", service="program: {user: true}"),
    row("newline", M + "program.user: must be one line", service=r'program: {user: "a\n[program:evil]"}'),
    row("comment", M + "program.user: holds `;` or `#` after a space: supervisord would read the rest as a comment",
        service="program: {user: a ;b}"),
    row("here", M + "program.stdout_logfile: holds `%(here)s`, " + EXPANDED,
        service="program: {stdout_logfile: '%(here)s/x.log'}"),
    row("another expansion", M + "program.user: holds `%(ENV_USER)s`, " + EXPANDED,
        service="program: {user: '%(ENV_USER)s'}"),
    row("umask as YAML reads it", M + "program.umask: YAML reads 027 as 23; write \"027\"",
        service="program: {umask: 027}"),
    row("seconds as YAML reads them", M + "program.startsecs: YAML reads 010 as 8; write \"010\"",
        service="program: {startsecs: 010}"),
    row("half a second", M + "program.startsecs: expected a whole number, got '1.5'",
        service="program: {startsecs: 1.5}"),
    row("half a second in quotes", M + "program.startsecs: expected a whole number, got '1.5'",
        service='program: {startsecs: "1.5"}'),
    row("a log that is not written", M + "program: stderr_logfile has no effect while redirect_stderr is on; add "
        "redirect_stderr: false", service="program: {stderr_logfile: /var/log/x.err}"),
    row("a log that an environment switches off", P + "services.monitor.program: stderr_logfile has no effect while "
        "redirect_stderr is on; add redirect_stderr: false",
        service="program: {redirect_stderr: false, stderr_logfile: /var/log/x.err}",
        environment="services: {monitor: {program: {redirect_stderr: true}}}"),
    row("events that do not come", M + "program: stderr_events_enabled has no effect while redirect_stderr is on; add "
        "redirect_stderr: false", service="program: {stderr_events_enabled: true}"),
    row("groups", M + "program: stopasgroup: true needs killasgroup: true as well (or left out)",
        service="program: {stopasgroup: true, killasgroup: false}"),
    row("groups, once merged", P + "services.monitor.program: stopasgroup: true needs killasgroup: true as well (or "
        "left out)", service="program: {stopasgroup: true}",
        environment="services: {monitor: {program: {killasgroup: false}}}"),
]

COMMAND = [
    row("shell: " + operator, f"{C}needs a shell for `{operator}`: write sh -c '{command}'",
        environment=f"services: {{monitor: {{command: {command!r}}}}}")
    for operator, command in (
        ("&&", "./a && ./b"), ("|", "./a | tee log"), (">", "./a >log"), ("2>", "./a 2>&1"), (";", "cd x; ./a"),
        ("<", "./a < in"), ("&", "./a &"), ("$(", "./a $(date)"), ("||", "./a||./b"))
] + [
    row("an assignment", C + "needs a shell for `PORT=` in front: write sh -c 'PORT=80 ./a'",
        environment="services: {monitor: {command: PORT=80 ./a}}"),
    row("a word of supervisord", C + "holds `%(process_num)02d`, which is not expanded here: write ${PROCESS_NUM}, "
        "which has no zeros in front",
        environment="services: {monitor: {command: './a --port=80%(process_num)02d'}}"),
    row("no such variable in a command", C + "no variable ${PRT} is set; did you mean 'PORT'? (on web1 in "
        "production)", environment="services: {monitor: {command: './a ${PRT}'}}", host="variables: {PORT: 80}"),
    row("a value of several lines", C + "must be one line, and a variable in it has several (on web1 in "
        "production)", environment="services: {monitor: {command: './a ${X}'}}", host='variables: {X: "a\\nb"}'),
    row("an option spoilt by a value", P + "services.monitor.program.startsecs: expected a whole number, got 'two' "
        "(on web1 in production)",
        environment="services: {monitor: {program: {startsecs: '${X}'}}}", host="variables: {X: two}"),
]

HEALTH = [
    row("two kinds", M + "health: expected one of http, tcp and command, got http and tcp",
        service="health: {http: 'http://x/', tcp: 'x:1'}"),
    row("no kind", M + "health: expected one of http, tcp and command, got none", service="health: {timeout: 3}"),
    row("no kind to override", P + "services.monitor.health: expected one of http, tcp and command, got none",
        environment="services: {monitor: {health: {timeout: 3}}}"),
    row("status beside tcp", M + "health.status: is about an answer to `http`; leave it out",
        service="health: {tcp: 'x:1', status: 200}"),
    row("status of an override", P + "services.monitor.health.body: is about an answer to `http`; leave it out",
        service="health: {command: 'true'}", environment="services: {monitor: {health: {body: ok}}}"),
    row("no status of HTTP", M + "health.status: expected a status of HTTP from 200 to 599, got 99",
        service="health: {http: 'http://x/', status: 99}"),
    row("empty body", M + "health.body: is empty", service="health: {http: 'http://x/', body: ' '}"),
    row("host with a space", M + "health.host: cannot hold spaces or control characters, got 'a b'",
        service="health: {http: 'http://x/', host: a b}"),
    row("unknown variable in body", M + "health.body: no variable ${PRT} is set (on web1 in production)",
        service="health: {http: 'http://x/', body: '${PRT}'}"),
    row("no path of a unix socket", M + "health.http: expected a URL such as http://127.0.0.1:8080/healthz, "
        "got 'http+unix://api.sock/' (on web1 in production)", service="health: {http: 'http+unix://api.sock/'}"),
    row("timeout", M + f"health.timeout: {TIME}'soon'", service="health: {tcp: 'x:1', timeout: soon}"),
    row("unknown variable", M + "health.http: no variable ${PRT} is set; did you mean 'PORT'? (on web1 in production)",
        service="health: {http: 'http://127.0.0.1:${PRT}/'}", host="variables: {PORT: 80}"),
    row("unknown variable of a command", M + "health.command: no variable ${X} is set (on web1 in production)",
        service="health: {command: 'test ${X}'}"),
    row("in the override", P + "services.monitor.health.tcp: no variable ${X} is set (on web1 in production)",
        service="health: {http: 'http://x/'}", environment="services: {monitor: {health: {tcp: 'x:${X}'}}}"),
    row("no URL", M + "health.http: expected a URL such as http://127.0.0.1:8080/healthz, got 'localhost:80' "
        "(on web1 in production)", service="health: {http: 'localhost:80'}"),
    row("URL spoilt by a value", M + "health.http: expected a URL such as http://127.0.0.1:8080/healthz, got "
        "'http://x:eighty/' (on web1 in production)",
        service="health: {http: 'http://x:${PORT}/'}", host="variables: {PORT: eighty}"),
    row("half a placeholder", M + "health.http: expected a URL such as http://127.0.0.1:8080/healthz, got "
        "'http://x/${PORT:-80}' (on web1 in production)", service="health: {http: 'http://x/${PORT:-80}'}"),
    row("tcp without a port", M + "health.tcp: expected HOST:PORT such as 127.0.0.1:8080, got 'localhost' "
        "(on web1 in production)", service="health: {tcp: localhost}"),
    row("tcp port", M + "health.tcp: expected HOST:PORT such as 127.0.0.1:8080, got 'x:70000' (on web1 in production)",
        service="health: {tcp: 'x:70000'}"),
    row("empty command", M + "health.command: is empty (on web1 in production)", service="health: {command: ''}"),
]

REFERENCES = [
    row("unknown service in a list", P + "services[0]: there is no service 'monitr'; did you mean 'monitor'?",
        environment="services: [monitr]"),
    row("unknown service in a mapping", P + "services.zzz: there is no service 'zzz'; there is monitor",
        environment="services: {zzz: }"),
    row("service twice", P + "services[1]: 'monitor' is listed twice", environment="services: [monitor, monitor]"),
    row("no service", P + "services: names no service; leave it out where all services run",
        environment="services: []"),
]


def test_service_of_a_host_that_its_environment_has_not_is_told_from_one_that_no_line_defines(tmp_path: Path) -> None:
    text = """
services: {api: {repo: r, command: c}, web: {repo: w, command: c}}
environments: {t: {branch: main, root: /r, services: [api], hosts: {h1: {services: [web]}, h2: {services: [wbe]}}}}
"""
    assert mistakes_in(tmp_path, text) == [
        "environments.t.hosts.h1.services[0]: 'web' is not among the `services` of the environment: api",
        "environments.t.hosts.h2.services[0]: there is no service 'wbe'; there is api"]


@pytest.mark.promise(9)
@pytest.mark.parametrize(
    ("parts", "expected"), SHAPE + VARIABLES + BATCHES + VALUES + PROGRAM + COMMAND + HEALTH + REFERENCES
)
def test_each_mistake_is_one_message(tmp_path: Path, parts: dict[str, str], expected: str) -> None:
    assert mistakes_in(tmp_path, whole(**parts)) == [expected]
