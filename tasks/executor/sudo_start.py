"""Begins the helper in root's interpreter: makes the modules importable that the next line brings, and runs it.

Lines, since sudo and Python's `input` share one pipe: standard input is read as text from its first byte on.
"""

import base64
import marshal
import sys
import types

modules = marshal.loads(base64.b64decode(sys.stdin.readline()))
for name, code in modules.items():
    module = sys.modules[name] = types.ModuleType(name)
    module.__package__ = name.partition(".")[0]
    module.__path__ = []
    exec(code, module.__dict__)
sys.modules["executor.sudo_helper"].main(sys.stdin, sys.stdout)
