import atexit
import gc
import os
import sys
import types

# Of what imports make nothing is garbage: it lives as long as the command. Python would look through it now and then
# and once more at its end, a tenth of a second of every command.
gc.disable()

if __name__ == "__main__":              # ./fab: the command `fab`, but sooner there
    # Invoke imports unittest.mock, and with it asyncio, for nothing but its own helpers of tests.
    sys.modules["unittest.mock"] = unused = types.ModuleType("unittest.mock")
    vars(unused)["Mock"] = None

    from fabric.main import program

    del sys.modules["unittest.mock"]
    sys.argv[0] = "fab"
    sys.exit(program.run())

# Invoke switches Python's cache of compiled modules off, which would cost each command a tenth of a second.
sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))

from tasks import namespace  # noqa: E402

gc.freeze()
gc.set_threshold(50_000)                # what a command makes is little
gc.enable()
atexit.register(gc.freeze)

if "--complete" in sys.argv[1:]:        # Fabric's own knows names of tasks and options only
    from tasks._completion import answer

    sys.stdout.write(answer(namespace, sys.argv, os.environ))
    sys.exit()

__all__ = ["namespace"]
