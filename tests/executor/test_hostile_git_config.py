"""git's own settings of the host's user, all at once: a deploy, a way back, a release and a pack do as ever."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tasks.executor import git
from tests.executor.place import Place, clone_of, next_commit, quiet

# They change what commands print, and whether they succeed.
HOSTILE = {
    "advice.detachedHead": "true", "apply.whitespace": "error", "apply.ignoreWhitespace": "change",
    "branch.sort": "-committerdate", "checkout.defaultRemote": "upstream", "checkout.guess": "false",
    "checkout.workers": "4", "clone.defaultRemoteName": "upstream", "color.advice": "always", "color.branch": "always",
    "color.diff": "always", "color.grep": "always", "color.remote": "always", "color.status": "always",
    "color.transport": "always", "color.ui": "always", "column.ui": "always", "commit.gpgSign": "true",
    "core.abbrev": "4", "core.autocrlf": "true", "core.checkStat": "minimal", "core.commentChar": ";",
    "core.eol": "crlf", "core.fsmonitor": "true", "core.hooksPath": "/nonexistent", "core.ignoreStat": "true",
    "core.logAllRefUpdates": "false", "core.pager": "false", "core.quotePath": "true", "core.safecrlf": "true",
    "core.splitIndex": "true", "core.symlinks": "false", "core.untrackedCache": "true", "core.whitespace": "cr-at-eol",
    "diff.algorithm": "patience", "diff.context": "0", "diff.external": "false", "diff.ignoreSubmodules": "all",
    "diff.interHunkContext": "9", "diff.mnemonicPrefix": "true", "diff.noprefix": "true",
    "diff.orderFile": "/nonexistent", "diff.relative": "true", "diff.renames": "copies", "diff.submodule": "log",
    "diff.wordRegex": ".", "feature.experimental": "true", "feature.manyFiles": "true", "fetch.output": "compact",
    "fetch.parallel": "4", "fetch.prune": "true", "fetch.pruneTags": "true", "fetch.recurseSubmodules": "true",
    "fetch.showForcedUpdates": "false", "format.pretty": "oneline", "grep.column": "true", "grep.fullName": "true",
    "grep.lineNumber": "true", "grep.patternType": "fixed", "help.autoCorrect": "prompt",
    "i18n.commitEncoding": "ISO-8859-1", "i18n.logOutputEncoding": "ISO-8859-1", "index.version": "4",
    "init.defaultBranch": "a..b", "init.defaultObjectFormat": "sha256", "init.defaultRefFormat": "reftable",
    "init.templateDir": "/nonexistent", "log.abbrevCommit": "true", "log.date": "iso",
    "log.decorate": "full", "log.follow": "true", "log.showRoot": "false", "log.showSignature": "true",
    "merge.conflictStyle": "diff3", "merge.renames": "false", "merge.renormalize": "true", "merge.verbosity": "5",
    "pager.log": "false", "pager.status": "false", "rerere.autoUpdate": "true", "rerere.enabled": "true",
    "safe.bareRepository": "explicit", "stash.showPatch": "true", "status.branch": "true",
    "status.relativePaths": "false", "status.renames": "copies", "status.short": "true", "status.showStash": "true",
    "status.showUntrackedFiles": "all", "status.submoduleSummary": "true", "submodule.propagateBranches": "true",
    "submodule.recurse": "true", "tag.gpgSign": "true", "tag.sort": "-version:refname", "user.useConfigOnly": "true",
    "worktree.guessRemote": "true", "worktree.useRelativePaths": "true",
}


def set_up(home: Path) -> None:
    sections = [name.partition(".") for name in HOSTILE]
    (home / ".gitconfig").write_text("".join(
        f"[{section}]\n\t{key} = {HOSTILE[f'{section}.{key}']!r}\n".replace("'", '"') for section, _, key in sections))


@pytest.mark.promise(11)
def test_settings_of_the_hosts_user_change_no_deploy(nested: Place, home: Path, tmp_path: Path,
                                                     request: pytest.FixtureRequest) -> None:
    (nested.work / "text").write_text("one\ntwo\nthree\n")
    nested.forward(nested.commit())
    next_commit(nested, ".")
    new = nested.commit("echo Gr\u00fc\u00dfe > text")
    nested.run("printf 'one \\n \\ttwo\\nthree\\n' > text; git add text; echo more >> text;"
               " echo mine > part/inner/file")
    before = nested.snapshot()
    request.addfinalizer((home / ".gitconfig").unlink)
    set_up(home)
    nested.forward(new, set_aside=True)
    clone = nested.ctx.clone
    assert clone.state() == git.State(new, None, {})
    assert "Gr\u00fc\u00dfe" in clone.commits.subject(new)
    assert (nested.folder / "part/inner/file").read_text() == "part/inner 2\n"
    tree = git.Worktree(str(tmp_path / "tree"), clone)
    tree.make(new, quiet)
    assert tree.exists() and tree.state() == git.State(new, None, {})
    tree.remove()
    nested.back(set_aside=True)
    store = git.store(clone.git, "git@example.com:part.git", new)
    assert store.first_line("rev-parse", "--is-bare-repository") == "true"
    fresh = clone_of(nested.work, tmp_path / "fresh")
    fresh.create()
    fresh.remote.fetch(quiet)
    fresh.checkout(new, quiet)
    assert fresh.state() == git.State(new, None, {})
    assert fresh.head_at(time.time()) == new
    (home / ".gitconfig").write_text("")
    shutil.rmtree(Path(clone.git.common_dir()) / "fabvisor-submodules")
    assert nested.snapshot() == before
