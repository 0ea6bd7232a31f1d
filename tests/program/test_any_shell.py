"""Scripts of sh as commands for any login shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tasks.program.quoting import for_any_shell, for_sh

TEXTS = ["it's", "a\nb", "!x !! ^y", "100%s %%d", "$HOME `id` $(id)", "\\ \\' \\n \\041", '"', "~ {a,b} * ? [a]",
         "# ; & | < >", "h\u00e9 \u4e2d", "--", "-n", "x" * 20_000, "\udce9"]


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish", "tcsh"])
def test_every_login_shell_hands_a_script_on_to_sh(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    script = "".join(f"printf '<%s>' {for_sh(text)} && export A=1\n" for text in TEXTS) + "exit 5"
    done = subprocess.run([shell, "-c", for_any_shell(script)], capture_output=True, check=False)
    assert done.stdout.decode("utf-8", "surrogateescape") == "".join(f"<{text}>" for text in TEXTS), done
    assert (done.returncode, done.stderr) == (5, b"")
