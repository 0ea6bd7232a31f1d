"""The mirror of a repository in the user's cache, with real gits."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tasks._errors import NotReady, TryAgain
from tasks.executor.git.environment import with_settings
from tasks.mirror import access, credentials
from tasks.mirror.current_folder import changes_of, head_of
from tasks.mirror.mirror import Mirror
from tasks.mirror.submodules import absolute, submodules_of
from tests.mirror.conftest import commit
from tests.support.lab import git

NOBODY = 65534


def mirror_of(work: Path, **env: str) -> Mirror:
    return Mirror(str(work.parent / "git/app.git"), work.parent / "cache", {**os.environ, **env})


def fetched(work: Path) -> Mirror:
    mirror = mirror_of(work)
    with mirror.locked(lambda message: None):
        mirror.fetch()
    return mirror


def test_current_folder_of_another_user_is_no_missing_clone(work: Path, tmp_path: Path) -> None:
    os.chown(work, NOBODY, NOBODY)
    with pytest.raises(NotReady, match="belongs to another user of this machine") as raised:
        head_of(work, {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"})
    assert raised.value.hint.endswith(f"git config --global --add safe.directory {work}")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_folder_of_another_user_is_no_git_server(tmp_path: Path, scheme: str) -> None:
    repo = tmp_path / "app.git"
    git(tmp_path, "init", "--quiet", "--bare", str(repo))
    os.chown(repo, NOBODY, NOBODY)
    mirror = Mirror(f"{scheme}{repo}", tmp_path / "cache",
                    {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"})
    with mirror.locked(print), pytest.raises(NotReady, match="belongs to another user of this machine") as raised:
        mirror.fetch()
    assert raised.value.hint.endswith(f"git config --global --add safe.directory {repo}")


def test_git_of_this_machine_that_is_too_old_is_named(work: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho git version 2.23.4\n")
    program.chmod(0o755)
    problem = access.problem(str(work), "main", None, {"PATH": f"{program.parent}:{os.environ['PATH']}"})
    assert problem and "git version 2.23.4 on this machine is older than 2.24" in problem.message


def test_a_mirror_resolves_what_hosts_resolve(work: Path) -> None:
    head = git(work, "rev-parse", "HEAD")
    git(work, "tag", "v1")
    git(work, "tag", "--annotate", "--message", "note", "annotated")
    git(work, "push", "--quiet", "--tags", "origin")
    mirror = fetched(work)
    for name in ("main", "v1", "annotated", head, head[:8]):
        assert mirror.resolve(name) == (head, "main" if name == "main" else None)
    assert mirror.resolve(git(work, "rev-parse", "HEAD^{tree}")) is None
    with pytest.raises(NotReady, match="is the name of an annotated tag") as refused:
        mirror.resolve(git(work, "rev-parse", "annotated"))
    assert refused.value.hint == f"give its commit: {head}"


def test_a_mirror_is_made_and_read_whatever_git_is_set_to(work: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text(
        "[safe]\n\tbareRepository = explicit\n[init]\n\tdefaultBranch = a..b\n[i18n]\n\tlogOutputEncoding = latin1\n")
    mirror = mirror_of(work, HOME=str(tmp_path))
    with mirror.locked(lambda message: None):
        mirror.fetch()
    assert mirror.resolve("main") == (git(work, "rev-parse", "HEAD"), "main")


def test_a_mirror_follows_a_branch_that_was_force_pushed(work: Path) -> None:
    mirror = fetched(work)
    git(work, "reset", "--quiet", "--hard")
    git(work, "commit", "--quiet", "--amend", "--message", "other")
    new = commit(work, "two")
    assert fetched(work).resolve("main") == (new, "main")
    assert mirror.resolve("nothing") is None


def add_packs(objects: Path) -> None:
    (pack,) = objects.glob("pack/*.pack")
    for number in range(51):            # git takes 50 for many
        for ending in (".pack", ".idx"):
            copy = pack.with_name(f"pack-{number:040x}{ending}")
            copy.write_bytes(pack.with_suffix(ending).read_bytes())
            copy.chmod(0o444)


def add_loose_objects(objects: Path) -> None:
    """By those in this folder git guesses how many there are in all: it takes 27 for many."""
    folder = objects / "17"
    folder.mkdir(exist_ok=True)
    blobs = (b"blob %d\0%d" % (len(str(number)), number) for number in range(20_000))
    for blob in blobs:
        name = hashlib.sha1(blob).hexdigest()
        if name.startswith(folder.name):
            (folder / name[2:]).write_bytes(zlib.compress(blob))


@pytest.mark.parametrize("add_many", [add_packs, add_loose_objects])
def test_a_mirror_of_many_fetches_is_packed_anew_with_what_no_branch_holds(
        work: Path, add_many: Callable[[Path], None]) -> None:
    """Commits that were made of a folder, or that hosts have. git's own maintenance forgets them after two weeks."""
    mirror = fetched(work)
    objects = mirror.folder / "objects"
    head, lost = git(work, "rev-parse", "HEAD"), commit(work, "lost", "side")
    fetched(work)
    git(work, "push", "--quiet", "origin", ":side")
    git(work, "reset", "--quiet", "--hard", head)
    fetched(work)
    add_many(objects)
    for file in objects.glob("??/*"):
        os.utime(file, (1, 1))
    with mirror.locked(lambda message: None):
        assert mirror.take_from(work) == head
    assert len([*objects.glob("pack/*.pack")]) == 1 and not [*objects.glob("??/*")]
    assert mirror.resolve("main") == (head, "main") and mirror.resolve_here(lost) == (lost, None)


def test_a_mirror_gets_a_commit_that_no_branch_holds(work: Path) -> None:
    git(work.parent / "git/app.git", "config", "uploadpack.allowAnySHA1InWant", "true")
    lost = commit(work, "lost", "side")
    git(work, "push", "--quiet", "origin", ":side")
    assert fetched(work).resolve(lost) == (lost, None)


def test_a_mirror_keeps_the_pack_of_a_whole_repository(work: Path) -> None:
    """Its parts are copied into the packs for hosts; loose objects would be compressed again."""
    objects = fetched(work).folder / "objects"
    assert len([*objects.glob("pack/*.pack")]) == 1 and not [*objects.glob("??/*")]


def test_a_pack_holds_large_files_whole(work: Path, tmp_path: Path) -> None:
    """To look for likenesses of them takes git minutes, and more memory the larger they are."""
    fetched(work)
    noise = random.Random(1).randbytes(100_000)         # the rest of a file is packed to next to nothing
    for name, value in (("core.compression", "0"), ("core.bigFileThreshold", "1m")):
        git(work, "config", name, value)            # of the one who pushes: it takes no time
    for name in ("large", "alike"):
        (work / name).write_bytes(noise + bytes(4 * 2**20) + name.encode())
    head, pack = commit(work, "large files"), tmp_path / "pack"
    with pack.open("wb") as file:
        fetched(work).write_pack(head, [], file)
    assert pack.stat().st_size > 2 * len(noise)


def test_a_mirror_is_closed_to_other_users(work: Path) -> None:
    mirror = fetched(work)
    assert mirror.folder.stat().st_mode & 0o077 == 0
    assert mirror.folder.parent.stat().st_mode & 0o077 == 0


def test_a_damaged_mirror_is_made_anew(work: Path) -> None:
    mirror = fetched(work)
    for path in [*mirror.folder.glob("objects/??/*"), *mirror.folder.glob("objects/pack/*")]:
        path.chmod(0o600)
        path.write_bytes(b"broken")
    new = commit(work, "two")
    assert fetched(work).resolve("main") == (new, "main")


@pytest.mark.parametrize("command", ["touch", "ln -s nowhere", "ln -s /dev/null", "ln -s ."])
def test_what_lies_in_the_place_of_a_mirror_is_replaced(work: Path, command: str) -> None:
    """As a copy of the cache leaves it that was cut off."""
    place = mirror_of(work).folder
    place.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*command.split(), str(place)], cwd=place.parent, check=True)
    assert fetched(work).exists() and place.is_dir() and not place.is_symlink()


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null"])
def test_a_cache_that_cannot_be_written_is_named(work: Path, place: str) -> None:
    mirror = Mirror(str(work.parent / "git/app.git"), Path(place) / "fabvisor", dict(os.environ))
    with pytest.raises(NotReady, match=f"cannot write in the cache, {place}/fabvisor: No"), \
            mirror.locked(lambda message: None):
        pass


def test_a_second_user_of_a_mirror_waits_and_says_so(work: Path) -> None:
    first, said, done = mirror_of(work), [], threading.Event()

    def second() -> None:
        with mirror_of(work).locked(said.append):
            done.set()

    with first.locked(said.append):
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            assert thread.is_alive()
        assert not done.is_set()
    thread.join(60)
    assert done.is_set() and "another fab" in said[0]


@pytest.mark.parametrize(("repo", "kind"), [
    ("/nowhere/app.git", NotReady), ("ssh://git@127.0.0.1:1/app.git", TryAgain),
    ("http://127.0.0.1:1/app.git", TryAgain)])
def test_a_failed_fetch_says_whether_to_try_again(tmp_path: Path, repo: str, kind: type[Exception]) -> None:
    mirror = Mirror(repo, tmp_path, os.environ)
    with pytest.raises(kind) as error, mirror.locked(lambda message: None):
        mirror.fetch()
    assert repo in str(error.value)


def test_a_fetch_that_takes_too_long_names_its_limit(tmp_path: Path) -> None:
    env = {**os.environ, "GIT_SSH_COMMAND": "sleep 100 #"}
    mirror = Mirror("ssh://git@127.0.0.1/x.git", tmp_path, env, fetch_timeout=0.2)
    with pytest.raises(TryAgain, match=r"too slow.*timed out after 0\.2 s") as error, mirror.locked(print):
        mirror.fetch()
    assert "raise `fetch_timeout`" in error.value.hint


def test_a_pack_holds_only_what_the_host_lacks(work: Path, tmp_path: Path) -> None:
    old = git(work, "rev-parse", "HEAD")
    host = tmp_path / "host"
    git(tmp_path, "clone", "--quiet", str(tmp_path / "git/app.git"), str(host))
    new = commit(work, "two")
    mirror = fetched(work)
    for name, known in (("thin", [old, "f" * 40]), ("whole", [])):
        with (tmp_path / name).open("wb") as file:
            mirror.write_pack(new, known, file)
    with (tmp_path / "thin").open("rb") as pack:
        subprocess.run(["git", "index-pack", "--stdin", "--fix-thin", "--strict"], cwd=host, stdin=pack, check=True,
                       capture_output=True)
    assert git(host, "log", "--format=%s", new).splitlines() == ["two", "one"]
    assert (tmp_path / "thin").stat().st_size < (tmp_path / "whole").stat().st_size


def test_the_current_folder_gives_its_own_commit(work: Path) -> None:
    mirror = fetched(work)
    (work / "file").write_text("not pushed")
    git(work, "commit", "--quiet", "--all", "--message", "local")
    (work / "file").write_text("not committed")
    assert mirror.take_from(work) == git(work, "rev-parse", "HEAD")
    assert mirror.commits.has(git(work, "rev-parse", "HEAD"))
    assert changes_of(work, os.environ) == [" M file"]


@pytest.mark.parametrize("pushed", [False, True])
@pytest.mark.rows(1)
def test_a_partial_clone_is_completed_by_the_git_server(work: Path, tmp_path: Path, pushed: bool) -> None:
    """It has the files of what was checked out, and lacks those of older commits."""
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        git(tmp_path / "git/app.git", "config", setting, "true")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", f"file://{tmp_path}/git/app.git", str(partial))
    if not pushed:
        (partial / "new").write_text("not pushed")
        git(partial, "add", "new")
        git(partial, "commit", "--quiet", "--message", "local")
    mirror = mirror_of(work)
    with mirror.locked(print):
        assert mirror.take_from(partial) == git(partial, "rev-parse", "HEAD")
    assert mirror.commits.has(git(partial, "rev-parse", "HEAD"))


def test_a_folder_inside_of_a_clone_gives_the_commit_of_the_clone(work: Path) -> None:
    (work / "inner").mkdir()
    mirror = fetched(work)
    assert mirror.take_from(work / "inner") == git(work, "rev-parse", "HEAD")


@pytest.mark.parametrize("damage", [
    "rm .git/objects/??/*", "echo x > .git/index", "rm -rf .git; mkdir .git"])
@pytest.mark.rows(1)
def test_a_damaged_current_folder_is_named(work: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "folder"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(tmp_path / "git/app.git"), str(folder))
    subprocess.run(damage, shell=True, cwd=folder, check=True)
    mirror = mirror_of(work)
    with pytest.raises(NotReady, match=str(folder)), mirror.locked(print):
        mirror.take_from(folder)
        changes_of(folder, os.environ)


def test_a_shallow_folder_is_completed_by_the_git_server(work: Path, tmp_path: Path) -> None:
    """As in a GitLab job with GIT_DEPTH; a commit that nobody pushed stands on one that the server has."""
    commit(work, "two")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}/git/app.git", str(shallow))
    mirror = mirror_of(work)
    assert mirror.take_from(shallow) == git(work, "rev-parse", "HEAD")
    git(shallow, "commit", "--quiet", "--allow-empty", "--message", "not pushed")
    local = mirror.take_from(shallow)
    assert git(mirror.folder, "log", "--format=%s", local).splitlines() == ["not pushed", "two", "one"]


def test_a_shallow_folder_whose_past_nobody_has_is_refused(work: Path, tmp_path: Path) -> None:
    for text in ("two", "three"):
        commit(work, text, "gone")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=gone", f"file://{tmp_path}/git/app.git", str(shallow))
    git(work, "push", "--quiet", "origin", ":gone")
    with pytest.raises(NotReady, match="shallow"):
        mirror_of(work).take_from(shallow)


def test_the_distance_counts_both_ways(work: Path) -> None:
    first = git(work, "rev-parse", "HEAD")
    second = commit(work, "two\u2028more")
    mirror = fetched(work)
    assert mirror.commits.distance(first, second)[:2] == (0, 1)
    assert mirror.commits.distance(second, first)[:2] == (1, 0)
    assert mirror.commits.distance("f" * 40, first)[:2] == (None, None)
    assert mirror.commits.distance(first, second).commits[0]["subject"] == "two\u2028more"


@pytest.mark.parametrize(("base", "url", "result"), [
    ("git@host:group/this.git", "../other.git", "git@host:group/other.git"),
    ("git@host:this.git", "../other.git", "git@host:other.git"),
    ("https://host/group/this.git/", "../../top/other.git", "https://host/top/other.git"),
    ("https://host/group/this.git", "./inner.git", "https://host/group/this.git/inner.git"),
    ("/srv/git/this.git", "https://host/x.git", "https://host/x.git")])
def test_a_relative_submodule_is_resolved_as_git_does(base: str, url: str, result: str) -> None:
    assert absolute(base, url) == result


def test_submodules_are_listed_with_url_and_commit(work: Path, tmp_path: Path) -> None:
    inner = tmp_path / "git/inner.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(tmp_path / "git/app.git"), str(inner))
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../inner.git", "lib/inner")
    head = commit(work, "with a submodule")
    (submodule,) = submodules_of(fetched(work), head)
    assert submodule == ("lib/inner", str(inner), git(work / "lib/inner", "rev-parse", "HEAD"))


def test_a_gitlab_job_reads_with_its_token_by_whatever_url() -> None:
    environ = {"CI_JOB_TOKEN": "t0ken", "CI_SERVER_URL": "https://git.example.com:8443/gitlab",
               "CI_SERVER_HOST": "git.example.com", "CI_SERVER_TLS_CA_FILE": "/builds/a.tmp/CI_SERVER_TLS_CA_FILE"}
    made = credentials.environment(environ)
    assert settings_in(made) == [
        "credential.https://git.example.com:8443.helper ",         # of a user whose helper would store the token
        "credential.https://git.example.com:8443.helper " + credentials.JOB_HELPER,
        "http.https://git.example.com:8443.sslcainfo /builds/a.tmp/CI_SERVER_TLS_CA_FILE",
        "url.https://git.example.com:8443/gitlab/.insteadof git@git.example.com:",
        "url.https://git.example.com:8443/gitlab/.insteadof ssh://git@git.example.com/"]
    assert not [name for name, value in made.items() if "t0ken" in value and name != "CI_JOB_TOKEN"]
    assert credentials.environment({"HOME": "/"}) == {"HOME": "/"}


def test_settings_of_git_stand_behind_those_that_were_there_and_keep_every_character() -> None:
    own = with_settings({}, [("http.https://a.example.com.extraheader", "X: it's a=b!")])
    both = with_settings(own, [("credential.helper", ""), ("credential.helper", "!x 'y' \\n # z")])
    assert settings_in(both) == [
        "http.https://a.example.com.extraheader X: it's a=b!", "credential.helper ", "credential.helper !x 'y' \\n # z"]
    assert "GIT_CONFIG_COUNT" not in both, "git before 2.31 overlooks it"


def settings_in(env: Mapping[str, str]) -> list[str]:
    """The settings that git reads of an environment, in their order."""
    done = subprocess.run(["git", "config", "--get-regexp", "^(credential|url|http)\\."], cwd="/", capture_output=True,
                          text=True, check=True, env={"PATH": os.environ["PATH"], "HOME": "/nowhere",
                                                      "GIT_CONFIG_NOSYSTEM": "1", **env})
    return done.stdout.splitlines()


@pytest.mark.parametrize(("repo", "read"), [
    ("git@git.example.com:micro/a.git", "https"), ("ssh://git@git.example.com:2222/micro/a.git", "https"),
    ("ssh://Git.Example.com/micro/a.git", "https"), ("gitlab@git.example.com:micro/a.git", "https"),
    ("git@other.example.com:micro/a.git", ""), ("ssh://git@other.example.com:2222/micro/a.git", ""),
    ("/srv/git.example.com:micro/a.git", "")])
def test_a_gitlab_job_reads_ssh_addresses_of_its_server_only_by_https(repo: str, read: str, tmp_path: Path) -> None:
    environ = {**os.environ, "CI_JOB_TOKEN": "t0ken", "CI_SERVER_URL": "https://git.example.com",
               "CI_SERVER_HOST": "git.example.com", "SSH_AUTH_SOCK": ""}
    asked = subprocess.run(["git", "ls-remote", "--get-url", repo], cwd=tmp_path, capture_output=True, text=True,
                           env=credentials.environment(environ, repo), check=True).stdout.strip()
    assert asked == ("https://git.example.com/micro/a.git" if read else repo)


def test_a_gitlab_job_knows_the_name_and_port_of_its_server_for_ssh_in_submodules(tmp_path: Path) -> None:
    environ = {**os.environ, "CI_JOB_TOKEN": "t0ken", "CI_SERVER_URL": "https://git.example.com", "SSH_AUTH_SOCK": "",
               "CI_SERVER_HOST": "git.example.com", "CI_SERVER_SHELL_SSH_HOST": "ssh.example.com",
               "CI_SERVER_SHELL_SSH_PORT": "2222"}
    for submodule in ("ssh://git@ssh.example.com:2222/a.git", "git@ssh.example.com:a.git"):
        asked = subprocess.run(["git", "ls-remote", "--get-url", submodule], cwd=tmp_path, text=True, check=True,
                               env=credentials.environment(environ, "https://git.example.com/b.git"),
                               capture_output=True).stdout.strip()
        assert asked == "https://git.example.com/a.git"
