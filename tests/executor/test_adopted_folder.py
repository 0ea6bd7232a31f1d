"""In which clone a program runs, as `fab adopt` tells it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.executor.adoption import adopted_clone, adopted_folder
from tests.support.lab import git


def clone(folder: Path, origin: str = "git@git.example.com:shop.git") -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", origin)
    return folder


def found(folder: Path, supervisord: str = "/", **options: str) -> tuple[str, str | None]:
    """The folder and the clone; in the options {} is the temporary folder."""
    filled = {name: text.replace("{}", str(folder)) for name, text in options.items()}
    directory, made = adopted_folder.find(filled, supervisord, os.environ)
    return directory, made["directory"] + "/" + made["subdirectory"] if made else None


@pytest.mark.parametrize(("origin", "told"), [
    ("../git/shop.git", "{}/git/shop.git"), ("./x:y.git", "{}/shop/x:y.git"), ("/git/shop.git", "/git/shop.git"),
    ("git@x:shop.git", "git@x:shop.git"), ("file:///git/shop.git", "file:///git/shop.git"),
    ("~/shop.git", "~/shop.git")])
def test_origin_that_is_a_path_is_the_same_from_everywhere(tmp_path: Path, origin: str, told: str) -> None:
    assert adopted_clone.origin(str(clone(tmp_path / "shop", origin)), os.environ) == told.format(tmp_path)


@pytest.mark.parametrize("command", [
    "php {}/shop/artisan queue:work", "/bin/bash -c 'source {}/shop/venv/bin/activate && exec gunicorn app'",
    "{}/.pyenv/shims/python {}/shop/bin/run.py", "gunicorn --chdir={}/shop app", "/usr/bin/env node {}/shop/server.js"])
def test_program_without_a_directory_is_of_the_clone_that_its_command_names(tmp_path: Path, command: str) -> None:
    shop = clone(tmp_path / "shop")
    clone(tmp_path / ".pyenv")
    assert found(tmp_path, command=command) == (str(shop), f"{shop}/")


@pytest.mark.parametrize("command", ["gunicorn app", "{}/.pyenv/shims/gunicorn app", "run {}/etc/app.conf"])
def test_program_whose_command_names_no_clone_of_a_server_is_of_none(tmp_path: Path, command: str) -> None:
    clone(tmp_path / ".pyenv")
    git(tmp_path, "init", "--quiet", "etc")         # as etckeeper makes it
    assert found(tmp_path, command=command) == ("", None)


def test_program_without_a_directory_runs_where_supervisord_stands(tmp_path: Path) -> None:
    shop = clone(tmp_path / "shop")
    assert found(tmp_path, f"{shop}/backend", command="./run") == (f"{shop}/backend", f"{shop}/backend")


def test_program_beside_its_clone_stays_in_its_directory(tmp_path: Path) -> None:
    shop = clone(tmp_path / "shop")
    assert found(tmp_path, directory="{}", command="{}/shop/bin/run") == (str(tmp_path), f"{shop}/")


def test_program_of_a_release_is_of_the_folder_that_holds_the_releases(tmp_path: Path) -> None:
    clone(tmp_path / "releases/1")
    (tmp_path / "current").symlink_to("releases/1")
    assert found(tmp_path, command="php {}/current/bin/console messenger:consume") == (
        f"{tmp_path}/current", f"{tmp_path}/")
