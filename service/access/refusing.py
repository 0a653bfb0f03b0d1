"""Refusals of the token endpoint and its neighbours, in OAuth's words.

Source: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
"""

from __future__ import annotations

from typing import Literal

from service.storage.registrations import Registration

Error = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "temporarily_unavailable",
]


class Refusal(Exception):  # noqa: N818 - the field's word
    """A request refused: `error` is OAuth's code, `reason` a sentence in ASCII that quotes nothing secret.

    `client` is who asked or claims to be who asked, where there is such a client.
    """

    def __init__(
        self, error: Error, reason: str, status: int = 400, *, client: Registration | None = None
    ) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason
        self.status = status
        self.client = client


def unavailable(reason: str, client: Registration) -> Refusal:
    """A refusal that may be otherwise in a while; OAuth has no word for it at this endpoint but its neighbour's."""
    return Refusal("temporarily_unavailable", reason, 503, client=client)
