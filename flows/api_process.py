"""The server process itself: Prefect's API and UI, for as long as its standard input is open."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

_GRACE_SECONDS = 10


def end_with(descriptor: int, grace_seconds: float = 0) -> None:
    """End this process and its group when the other end of a pipe closes.

    The other end is held by the parent alone, so it closes however the parent dies. The process
    must lead its group. It is asked to end `grace_seconds` before it is killed.
    """

    def watch() -> None:
        while os.read(descriptor, 1):
            pass
        if grace_seconds:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(grace_seconds)
        os.killpg(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def main() -> None:
    """Serve on the loopback port given as the only argument."""
    end_with(sys.stdin.fileno(), _GRACE_SECONDS)
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
