"""Opens the file store that a URL names: a folder, or `s3://bucket/folder`.

Source: ADR 0024
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from service.storage.files import Files
from service.storage.files_bucket import BucketFiles
from service.storage.files_folder import FolderFiles

_MARK: Final = 16  # hexadecimal digits

MARK: Final = "files"
"""The name of the secret from which a database has the name of its own folder below the URL."""


def open_files(url: str, below: bytes, endpoint: str | None = None) -> Files:
    """The file store of one database; `endpoint` is the address of an S3-compatible store that is not S3 itself.

    `below` tells the database from others, which may name the same URL: each has a folder of its own there,
    because whatever lies in it and belongs to no job is taken for rubbish.
    """
    mark = sha256(below).hexdigest()[:_MARK]
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return BucketFiles(parts.netloc, f"{parts.path.strip('/')}/{mark}".lstrip("/"), endpoint)
    return FolderFiles(Path(url) / mark)
