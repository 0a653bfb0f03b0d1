"""A real S3 API server on this machine: S3Proxy, in a Java process, on a folder of its own.

Maven fetches it (tests/s3proxy/pom.xml). Where Java or Maven is not installed, or nothing can be fetched, the tests
that want it are skipped with the reason.

Source: https://github.com/gaul/s3proxy/wiki, https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

from tests.lifeline import lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = Path(__file__).parent / "s3proxy"
POM = FILES / "pom.xml"
VERSION = "2.6.0"
FETCH_SECONDS = 300
START_SECONDS = 60
IDENTITY, CREDENTIAL = "local-identity", "local-credential"
BUCKET = "thrive"


class S3Absent(RuntimeError):  # noqa: N818 - a state of the machine, not a fault of ours
    """No S3 API server can be started here; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address, the folder that it keeps its objects in, and its process."""

    endpoint: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """What a client has in its environment."""
        return {
            "AWS_ACCESS_KEY_ID": IDENTITY,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
            "AWS_REGION": "us-east-1",
        }

    def store(self) -> S3Store:
        """The bucket, as whoever knows the keys sees it."""
        return S3Store(
            BUCKET,
            endpoint=self.endpoint,
            access_key_id=IDENTITY,
            secret_access_key=CREDENTIAL,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def unfinished(self) -> list[str]:
        """The uploads that were begun and neither completed nor aborted, as the server keeps them in its folder."""
        return [path.name for path in self.folder.rglob(".mpus-*") if any(path.iterdir())]


def _jars() -> Path:
    """A folder of the server's jars."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        raise S3Absent("Java and Maven are not installed")
    folder = Path(tempfile.gettempdir()) / f"thrive-s3proxy-{VERSION}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as beside:
        fetched = subprocess.run(
            [
                *("mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"),
                *("-DincludeScope=runtime", f"-DoutputDirectory={beside}/jars"),
            ],
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
        if fetched.returncode:
            raise S3Absent("Maven could not fetch S3Proxy")
        with contextlib.suppress(OSError):  # another was quicker
            shutil.move(f"{beside}/jars", folder)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Yield a running server with an empty bucket, which keeps its objects in the folder. Raises S3Absent."""
    jars = _jars()
    data = folder / "data"
    data.mkdir(parents=True)
    endpoint = f"http://127.0.0.1:{_free_port()}"
    settings = {
        "s3proxy.endpoint": endpoint,
        "s3proxy.ignore-unknown-headers": "true",  # the checksum that a request to delete has with it
        "s3proxy.authorization": "aws-v2-or-v4",
        "s3proxy.identity": IDENTITY,
        "s3proxy.credential": CREDENTIAL,
        "jclouds.provider": "filesystem-nio2",
        "jclouds.identity": "nobody",
        "jclouds.credential": "nothing",
        "jclouds.filesystem.basedir": str(data),
    }
    properties = folder / "s3proxy.conf"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("java", "-Xmx256m", f"-Dlogback.configurationFile={FILES / 'logback.xml'}"),
                *("-cp", f"{jars}/*", "org.gaul.s3proxy.Main", "--properties", str(properties)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        with lifeline('kill "$1"', str(process.pid)):
            ours = Server(endpoint, data, process)
            _await(ours, folder / "log")
            yield ours
    finally:
        process.kill()
        process.wait()


def _await(ours: Server, log: Path) -> None:
    """Makes the bucket, as soon as the server takes requests."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and ours.process.poll() is None:
        url = obstore.sign(ours.store(), "PUT", "", timedelta(seconds=60))
        with contextlib.suppress(OSError):
            urllib.request.urlopen(urllib.request.Request(url, method="PUT")).close()
            return
        time.sleep(0.2)
    raise S3Absent(f"S3Proxy did not start: {log.read_text(errors='replace')[-2000:]}")
