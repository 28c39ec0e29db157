"""The zygote: a warm interpreter that forks once per submission.

Run by zygote.py as a script, in an interpreter without site-packages on its path. Holds no secret:
neither references nor hidden inputs nor the course's secret ever enter this process or its
environment. Talks with the grader over one socket, a JSON message a packet:

    {"run": limits} + sockets   ->  {"started": pid}, later {"ended": ...}
    {"kill": true}              ->  the submission and all it started are killed
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_PACKAGE = str(Path(__file__).resolve().parents[2])


def main() -> None:
    import json
    import os
    import socket

    control = socket.socket(fileno=int(sys.argv[1]))
    size, raw = int.from_bytes(control.recv(8), "little"), b""
    while len(raw) < size:
        packet = control.recv(1 << 16)
        if not packet:
            raise SystemExit(1)
        raw += packet
    config = json.loads(raw)
    sys.path[:] = ["", *config["view"]["search"]]
    sys.prefix = sys.exec_prefix = config["prefix"]
    os.environ.clear()
    os.environ.update(config["environment"])
    sys.path.append(_PACKAGE)
    try:
        server = _start(config, control)
    except BaseException as error:
        control.send(json.dumps({"failed": f"{type(error).__name__}: {error}"[:4000]}).encode())
        raise SystemExit(1) from None
    server.loop()


def _start(config: dict, control: Any) -> Any:
    import gc

    # Imported before the jail, which hides this package's files.
    from autograder.engine import fork_server, jail
    from autograder.engine.libraries import View

    view = View.from_json(config["view"])
    place = jail.enter(view, config["layers"], config["folder"], config["allows"])
    sys.path.remove(_PACKAGE)
    server = fork_server.ForkServer(
        control, place, config["allows"], config["modules"], config["hidden"]
    )
    jail.started(place)
    gc.collect()
    gc.freeze()
    server.tell({"ready": sorted(place.layers)})
    return server


if __name__ == "__main__":
    main()
