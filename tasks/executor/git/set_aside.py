"""Sets aside what a deploy would overwrite in a clone and in its submodules; the way back restores it.

Edits and files in the way go into git's stash, under the deploy's label; where the HEAD of a submodule stood is kept by
a reference. Two marks make that whole: an undo after a power cut sees how far it had come, and may run twice.
"""

from __future__ import annotations

from typing import Sequence

from ..errors import NotReady
from ..protocol import OWN_NAMES
from ..system.output_lines import Say
from . import file_modes, refs, unfinished_checkout
from .command import Git
from .in_the_way import InTheWay, in_the_way, replacements, special
from .stash import Stash
from .state import read
from .submodules import gone, moved, nested, with_nested
from .tree_paths import named, path_of
from .way_back import require_way_back

KEPT = "refs/fabvisor/set-aside/"
BEGUN, COMPLETE, INDEX, HEAD = "/begun", "/complete", "/index", "/head"


def _is_mark(name: str) -> bool:
    return name.startswith(file_modes.NOTES) or name.endswith((BEGUN, COMPLETE))


class SetAside:
    """`takes_untracked`: whether files of a person that are in the way are set aside, too; else they are refused."""

    def __init__(self, git: Git, label: str, takes_untracked: bool = False) -> None:
        self._git = git
        self._label = label
        self._takes_untracked = takes_untracked
        self._in_the_way = label + ", in the way"
        self._in_place_of_files = label + ", in place of files"

    def push(self, say: Say) -> None:
        """Set all edits aside, and leave each submodule at the commit that its superproject has."""
        self._mark(BEGUN)
        if not self._git.hash_of("HEAD^{commit}"):
            self._take_index_away()
            self._mark(COMPLETE)
            return
        for submodule in nested(self._git):
            self._keep_head(submodule.git)
            self._push(submodule.git, say)
            submodule.git.first_line("checkout", "--detach", "--quiet", submodule.commit + "^0", "--")
        self._push(self._git, say)
        self._mark(COMPLETE)

    def keep_head(self) -> str:
        """Keep a commit that somebody made on top of ours, on no branch; returns the reference."""
        name = KEPT + self._label + HEAD
        self._git.run("update-ref", name, "HEAD")
        return name

    def has_kept_head(self) -> bool:
        return self._has(HEAD)

    def exists(self) -> bool:
        return self._has(BEGUN) or Stash(self._git).find(self._label) is not None

    def is_complete(self) -> bool:
        """Whether a checkout may overwrite what is there. Deploys of older versions made no marks."""
        return self._has(COMPLETE) or not self._has(BEGUN)

    def forget_marks(self) -> None:
        """Once the deploy is committed nothing is given back any more. What the stash and references keep stays."""
        for git in with_nested(self._git):
            refs.remove(git, [file_modes.NOTES, KEPT], _is_mark)

    def begin_return(self) -> None:
        """Note that things are given back from now on: a checkout would overwrite them."""
        self._git.run("update-ref", "-d", KEPT + self._label + COMPLETE)

    def give_back(self, say: Say) -> None:
        Stash(self._git).pop(self._label, say)
        for submodule in nested(self._git):
            self._put_head_back(submodule.git)
            Stash(submodule.git).bring_back(self._in_the_way)
            Stash(submodule.git).pop(self._label, say)
            Stash(submodule.git).bring_back(self._in_place_of_files)
        for label in (self._in_place_of_files, self._in_the_way):
            Stash(self._git).bring_back(label)
        self._bring_index_back()
        self._git.run("update-ref", "-d", KEPT + self._label + BEGUN)

    def look(self, git: Git, commit: str) -> InTheWay:
        """What is in the way of the commit. Raises NotReady where some of it must not be set aside."""
        left = in_the_way(git, commit)
        own = [path for path in left.ignored + left.untracked if path.partition("/")[0] in OWN_NAMES]
        if own and git is self._git:
            raise NotReady("the commit has files of its own where Fabvisor keeps logs and releases: "
                           + named(own),
                           "take them out of the repository, or give them another name there")
        if left.fixed:
            raise NotReady(f"in the way of the commit, in {git.directory}, are repositories or special files, which git"
                           f" cannot stash: {named(left.fixed)}",
                           "move them away on the host")
        if left.untracked and not self._takes_untracked:
            raise NotReady(f"files that git does not know are in the way of the commit, in {git.directory}: "
                           + named(left.untracked),
                           "move them away on the host; or add --set-aside, which stashes them")
        return left

    def look_at_all(self, commit: str, settings: Sequence[str]) -> None:
        """As look(), also in each submodule that the commit moves; what it lacks there is fetched, with these settings
        of git. Raises Unusable where git could not go back from the commit."""
        self.look(self._git, commit)
        require_way_back(self._git, commit)
        for submodule in moved(self._git, commit, settings):
            self.look(submodule.git, submodule.commit)
            require_way_back(submodule.git, submodule.commit)

    def require_stashable(self) -> None:
        """Raise NotReady where git cannot stash what lies in the place of a tracked file, in submodules, too."""
        for git in with_nested(self._git):
            found = {*special(git, [*map(path_of, read(git).edits)]), *replacements(git).fixed}
            if found:
                raise NotReady(f"in the place of tracked files, in {git.directory}, are repositories or special files, "
                               f"which git cannot stash: {named(sorted(found))}",
                               "move them away on the host")

    def make_way(self, git: Git, commit: str, say: Say) -> None:
        """Stash what is in the way of the commit, in the clone or in a submodule, and mark that its checkout begins.
        Raises NotReady."""
        left = self.look(git, commit)
        departing = gone(git, commit)
        for submodule in departing:
            for inner in [*nested(submodule.git), submodule]:
                Stash(inner.git).push(self._in_the_way, say, takes_all=True)
        if departing:
            left = in_the_way(git, commit)
        paths = [*left.ignored, *left.untracked]
        if paths:
            say(f"in the way of the commit, and in git's stash now: {named(paths)}")
            Stash(git).take_away(paths, self._in_the_way)
        unfinished_checkout.begin(git, commit)

    def _take_index_away(self) -> None:
        """Keep the index, and empty it: git cannot stash before the first commit."""
        self._git.run("update-ref", KEPT + self._label + INDEX, self._git.run("write-tree")[0])
        self._git.run("read-tree", "--empty")

    def _bring_index_back(self) -> None:
        if self._has(INDEX):
            self._git.run("read-tree", KEPT + self._label + INDEX)
            self._git.run("update-ref", "-d", KEPT + self._label + INDEX)

    def _push(self, git: Git, say: Say) -> None:
        """Stash all edits, and first what a person put in the place of tracked files, or of their folders: git's own
        stash would delete it, or fail."""
        left = replacements(git)
        if left.ignored or left.untracked:
            Stash(git).take_away([*left.ignored, *left.untracked], self._in_place_of_files)
        Stash(git).push(self._label, say)

    def _keep_head(self, git: Git) -> None:
        branch = git.first_line("symbolic-ref", "--quiet", "HEAD")
        if branch:
            git.run("symbolic-ref", KEPT + self._label, branch)
        else:
            git.run("update-ref", KEPT + self._label, "HEAD")

    def _put_head_back(self, git: Git) -> None:
        """Put HEAD back where it was. Its reference is removed, so that a second try overwrites nothing."""
        name = KEPT + self._label
        commit = git.hash_of(name)
        if commit:
            branch = git.first_line("symbolic-ref", "--quiet", name)
            # A HEAD that has not moved may have its edits still: the stash may not have been made.
            if git.hash_of("HEAD") != commit:
                git.run("checkout", "--detach", "--quiet", "--force", commit + "^0", "--")
            if branch:
                git.run("symbolic-ref", "HEAD", branch)
            git.run("update-ref", "--no-deref", "-d", name)

    def _mark(self, mark: str) -> None:
        """Make a mark: a reference to any object that is here."""
        there = self._git.hash_of("HEAD^{commit}") or self._git.empty_tree()
        self._git.run("update-ref", KEPT + self._label + mark, there)

    def _has(self, mark: str) -> bool:
        return self._git.hash_of(KEPT + self._label + mark) is not None
