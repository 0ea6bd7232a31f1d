"""A clean clone of one commit, in which a build runs: what it does there cannot reach the mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from .._errors import Failed
from . import cache_folder, git
from .file_lock import locked
from .git import GitFailed
from .mirror import Mirror


@contextmanager
def clean_clone(mirror: Mirror, commit: str, submodules: Mapping[str, Path], wait: Callable[[str], None]
                ) -> Iterator[Path]:
    """Clone the commit into a folder, at the same path for each build of a repository: compilers write it into what
    they make.

    `submodules`: by url the mirror of each. It is removed at the end. Raises GitFailed.
    """
    place = mirror.folder.with_suffix(".build")
    with locked(Path(f"{place}.lock"), f"another fab builds {mirror.repo} in {place}", wait), empty_folder(place):
        folder = place / (Path(mirror.repo.rstrip("/")).name.removesuffix(".git") or "source")
        _clone(mirror, commit, submodules, folder)
        yield folder


@contextmanager
def empty_folder(place: Path) -> Iterator[None]:
    """Make a folder, which is removed at the end. Under a lock: that of a process that was killed is removed first.

    Raises NotReady where what is there stays: a build may have made files as another user. The build that made them
    has ended as it has, and the next one says so.
    """
    cache_folder.make_empty(place)
    try:
        yield
    finally:
        with suppress(OSError):
            cache_folder.remove(place)


def require_at(mirror: Mirror, commit: str, folder: Path) -> None:
    """Raise Failed where a build moved the clone: what it made is of another one. Without `.git` nobody can tell."""
    if (folder / ".git").exists():
        with suppress(GitFailed):
            now = git.run(["rev-parse", "HEAD"], folder, mirror.env).strip()
            if now != commit:
                raise Failed(f"the build left {folder} at {now}, and not at {commit}",
                             "take out of `build` what moves it, such as git pull, git checkout or git commit")


def _clone(mirror: Mirror, commit: str, submodules: Mapping[str, Path], folder: Path) -> None:
    def run(*args: str) -> None:
        git.run(args, folder if folder.exists() else folder.parent, mirror.env, timeout=git.SLOW)

    run("clone", "--quiet", "--shared", "--no-checkout", "--", str(mirror.folder), str(folder))
    run("remote", "set-url", "origin", mirror.repo)
    run("checkout", "--quiet", "--detach", commit, "--")
    if (folder / ".gitmodules").exists():
        urls = [word for url, path in submodules.items() for word in ("-c", f"url.{path}.insteadOf={url}")]
        run(*urls, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive")
