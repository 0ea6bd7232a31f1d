"""Begins the helper in root's interpreter: makes the modules importable that the next line brings, and runs it.

Lines, since sudo and Python's `input` share one pipe: standard input is read as text from its first byte on.
"""

import base64
import marshal
import sys
import types

modules = marshal.loads(base64.b64decode(sys.stdin.readline()))
packages = {name.rpartition(".")[0] for name in modules}
for name, code in modules.items():
    module = sys.modules[name] = types.ModuleType(name)
    module.__package__ = name if name in packages else name.rpartition(".")[0]
    module.__path__ = []
    exec(code, module.__dict__)
sys.modules["executor.sudo.sudo_helper"].main(sys.stdin, sys.stdout)
