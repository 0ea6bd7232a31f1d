"""python -m tests.support.supervisords CONF…: a real supervisord for each file, all forked of one process, so that they
share the memory of their code and the time to import it. They end with this process's group."""

from __future__ import annotations

import os
import signal
import sys

from supervisor import supervisord


def main(confs: list[str]) -> None:
    for conf in confs:
        if os.fork() == 0:
            os.chdir(os.path.dirname(conf))
            supervisord.main(["-n", "-s", "-c", conf])
            os._exit(0)
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
