"""What is done should this process die before it could clean up: a runner that is killed leaves no server behind.

Source: read(2): the end of a pipe is seen when the last process that could write to it has ended
"""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAITING = 'read -r left; [ "$left" = well ] && exit 0; '


@contextlib.contextmanager
def lifeline(script: str, *arguments: str) -> Iterator[None]:
    """Run the shell script, which gets the arguments, if this process ends within the block, in whatever way.

    Leaving the block, by an exception too, calls it off: whoever can still do so cleans up itself.
    """
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", _WAITING + script, "lifeline", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # what ends our group must not end it
    )
    try:
        yield
    finally:
        watcher.communicate(b"well\n")
