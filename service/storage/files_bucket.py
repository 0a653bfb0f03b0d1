"""Files in a bucket of an S3-compatible store: large ones in parts, which count when all of them are there.

The library reads the usual `AWS_…` variables of the environment: keys, region, role. An upload that fails is
given up with its parts. Of those that were on their way at that moment, and of what a killed process had begun,
some may stay with the store, invisible, until its own rule for unfinished uploads removes them.

Source: ADR 0024, https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from service.storage.files import full, oldest, received, unavailable

if TYPE_CHECKING:
    from obstore import Attributes

CHUNK: Final = 1024 * 1024
"""Units: bytes that are read at a time."""
_PART: Final = 6 * 1024 * 1024
"""Units: bytes of a part. S3 wants five million at least, and takes ten thousand parts."""
_AT_ONCE: Final = 2  # parts of a file that are on their way at once, and so in memory
_DELETED: Final = 1000  # paths that one request may delete
_PATIENCE: Final = timedelta(seconds=20)  # for one file operation, with its repetitions
_REPETITIONS: Final = 5
# Whoever follows a link to the store is told by it alone what the file is.
# Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-file-request
_ATTRIBUTES: Final[Attributes] = {"Content-Type": "application/fhir+ndjson"}
# What S3-compatible stores say where there is no room. S3 itself never does.
_NO_ROOM: Final = ("StorageFull", "QuotaExceeded", "InsufficientStorage")

_NO_BUCKET: Final = "NoSuchBucket"


class BucketFiles:
    """Keeps the `Files` protocol in a bucket, below a folder of it."""

    def __init__(self, bucket: str, prefix: str, endpoint: str | None) -> None:
        """`endpoint` is the store's address where that is not S3's own, such as `http://127.0.0.1:9000`."""
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            endpoint=endpoint,
            virtual_hosted_style_request=endpoint is None,
            client_options={"allow_http": endpoint is not None, "timeout": _PATIENCE},
            retry_config={"max_retries": _REPETITIONS, "retry_timeout": _PATIENCE},
        )

    def put(self, path: str, chunks: Iterable[bytes]) -> int:
        """As `Files.put`."""
        counted = _Counted(chunks)
        try:
            with _told():
                obstore.put(
                    self._store,
                    path,
                    counted,
                    attributes=_ATTRIBUTES,
                    chunk_size=_PART,
                    max_concurrency=_AT_ONCE,
                )
        except Exception as failure:
            if counted.fault is not None:
                # What the parts under way say of the upload that was given up is not the reason.
                raise counted.fault from None
            if isinstance(failure, FileNotFoundError):
                unavailable(failure)
            raise
        return counted.size

    async def receive(self, path: str, chunks: AsyncIterable[bytes]) -> int:
        """As `Files.receive`."""
        return await received(self.put, path, chunks)

    async def read(self, path: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """As `Files.read`."""
        if end is not None and start >= end:
            return
        with _told():
            size = (await obstore.head_async(self._store, path))["size"]
            if start >= size:
                return
            wanted = (start, size if end is None else min(end, size))
            found = await obstore.get_async(self._store, path, options={"range": wanted})
            async for chunk in found.stream(min_chunk_size=CHUNK):
                for at in range(0, len(chunk), CHUNK):
                    yield bytes(chunk[at : at + CHUNK])

    async def size(self, path: str) -> int | None:
        """As `Files.size`."""
        with _told():
            try:
                return (await obstore.head_async(self._store, path))["size"]
            except FileNotFoundError:
                return None

    async def delete(self, path: str) -> None:
        """As `Files.delete`."""
        await self._delete([path])

    async def listed(self, prefix: str) -> tuple[str, ...]:
        """As `Files.listed`."""
        if not prefix.endswith("/"):
            raise ValueError("A prefix ends with a slash.")
        with _told():
            return tuple([one["path"] async for page in obstore.list(self._store, prefix) for one in page])

    async def delete_all(self, prefix: str) -> None:
        """As `Files.delete_all`."""
        await self._delete(await self.listed(prefix))

    async def idle(self, before: int) -> tuple[str, ...]:
        """As `Files.idle`."""
        with _told():
            ages = [
                (one["path"], int(one["last_modified"].timestamp() * 1000))
                async for page in obstore.list(self._store)
                for one in page
            ]
        return oldest(ages, before)

    async def tidy(self, now: int) -> None:
        """As `Files.tidy`: unfinished uploads are the store's to remove."""
        del now

    async def link(self, path: str, seconds: int) -> str | None:
        """As `Files.link`."""
        with _told():
            return await obstore.sign_async(self._store, "GET", path, timedelta(seconds=seconds))

    async def _delete(self, paths: Iterable[str]) -> None:
        every = list(paths)
        with _told():
            for start in range(0, len(every), _DELETED):
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, every[start : start + _DELETED])


class _Counted:
    """Chunks on their way, how many bytes they were, and what was raised where they come from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.size = 0
        self.fault: BaseException | None = None

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            raise
        except BaseException as fault:
            self.fault = fault
            raise
        self.size += len(chunk)
        return chunk


@contextmanager
def _told() -> Iterator[None]:
    """Turns what the library says into what we say; that a file is not there stays as it is."""
    try:
        yield
    except FileNotFoundError as missing:
        if _NO_BUCKET in str(missing):
            unavailable(missing)
        raise
    except (BaseError, OSError) as failure:
        if any(word in str(failure) for word in _NO_ROOM):
            full(failure)
        unavailable(failure)
