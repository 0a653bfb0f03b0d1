"""The authorization server: access tokens for clients that prove who they are, and word of tokens and their end.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html, https://www.rfc-editor.org/rfc/rfc6749,
https://www.rfc-editor.org/rfc/rfc7662, https://www.rfc-editor.org/rfc/rfc7009, ADR 0021
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from service.access.assertions import Assertions
from service.access.fetching import Documents
from service.access.keys import ALGORITHMS
from service.access.refusing import Refusal
from service.access.scopes import granted
from service.access.signing import Signer
from service.access.tokens import LONGEST, Believed, Issued, Surroundings, Tokens
from service.storage.registrations import Registration, Registrations

GRANT: Final = "client_credentials"
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHOD: Final = "private_key_jwt"

CAPABILITIES: Final = ("client-confidential-asymmetric", "permission-v1", "permission-v2")
_SECOND: Final = 1000
_BASE_PATH: Final = "/fhir"

Form = Mapping[str, str]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where clients find what, as they see it."""

    fhir: str
    token: str
    introspection: str
    revocation: str
    keys: str


def addresses(base_url: str) -> Addresses:
    """The addresses of a server whose FHIR base clients see as `base_url`.

    They lie beside the base where it ends in `/fhir`, else at the root of its host.
    """
    if base_url.endswith(_BASE_PATH):
        root = base_url.removesuffix(_BASE_PATH)
    else:
        parts = urlsplit(base_url)
        root = f"{parts.scheme}://{parts.netloc}"
    return Addresses(
        base_url, f"{root}/auth/token", f"{root}/auth/introspect", f"{root}/auth/revoke", f"{root}/auth/jwks"
    )


class Authority:
    """Gives out tokens and says what they are worth; `tokens` believes them."""

    def __init__(
        self,
        surroundings: Surroundings,
        signer: Signer,
        registrations: Registrations,
        tokens: Tokens,
        documents: Documents,
    ) -> None:
        self.addresses = addresses(surroundings.base_url)
        self._signer = signer
        self._tokens = tokens
        self._assertions = Assertions(registrations, documents, self.addresses.token, surroundings.clock)

    async def token(self, form: Form) -> tuple[Registration, Issued]:
        """An access token, and the client that it is for.

        Raises:
            Refusal: it is not given out.
            Unavailable: the store cannot be reached.
        """
        kind = form.get("grant_type")
        if not kind:
            raise Refusal("invalid_request", "grant_type is missing.")
        if kind != GRANT:
            raise Refusal("unsupported_grant_type", f"The only grant_type here is {GRANT}.")
        client = await self._client(form)
        requested = form.get("scope", "")
        if not requested:
            raise Refusal("invalid_scope", "scope is missing: say what the token shall allow.", client=client)
        scopes = granted(self._tokens.setting(), requested, client.scopes)
        if not scopes:
            reason = "Nothing of the scopes requested is allowed to this client."
            raise Refusal("invalid_scope", reason, client=client)
        issued = self._tokens.issue(client, scopes)
        if len(issued.token) > LONGEST:
            reason = "These are too many scopes for one token; ask for fewer."
            raise Refusal("invalid_scope", reason, client=client)
        return client, issued

    async def introspect(self, form: Form, token: bytes | None) -> tuple[Registration, Json]:
        """Who asks, and what the token in the form is worth: for its own client and its locality's administrators.

        `token` is the one by which the asking client shows who it is, None where it shows an assertion.

        Raises:
            Refusal: nobody that we know asks, or for nothing.
            Unavailable: the store cannot be reached.
        """
        asking = await self._asking(form, token)
        believed = await self._tokens.believed(_given(form))
        if believed is None or not _may_know(asking, believed):
            return asking, {"active": False}
        return asking, _described(believed, self.addresses.fhir)

    async def revoke(self, form: Form, token: bytes | None) -> Registration:
        """Calls the token in the form back; the client that did so. One that is worth nothing stays so.

        Raises:
            Refusal: nobody that we know asks, or for nothing, or it is another client's token.
            Unavailable: the store cannot be reached.
        """
        asking = await self._asking(form, token)
        believed = await self._tokens.believed(_given(form))
        if believed is not None:
            if not _may_know(asking, believed):
                reason = "The token was given to another client."
                raise Refusal("unauthorized_client", reason, client=asking)
            await self._tokens.call_back(believed)
        return asking

    def keys(self) -> Json:
        """The JWK Set by which our tokens can be checked."""
        return self._signer.document()

    def configuration(self) -> Json:
        """The SMART configuration, without what goes with signing people in: that is not done here.

        `code_challenge_methods_supported` is wanted of every server, whatever it can do.

        Source: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#metadata
        """
        return {
            "token_endpoint": self.addresses.token,
            "token_endpoint_auth_methods_supported": [METHOD],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "grant_types_supported": [GRANT],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["system/*.cruds", "system/*.rs", "system/*.read", "system/*.write"],
            "introspection_endpoint": self.addresses.introspection,
            "revocation_endpoint": self.addresses.revocation,
            "jwks_uri": self.addresses.keys,
            "capabilities": list(CAPABILITIES),
        }

    async def _client(self, form: Form) -> Registration:
        """The client that a form's assertion proves.

        Raises:
            Refusal: none.
        """
        kind, assertion = form.get("client_assertion_type"), form.get("client_assertion")
        if not kind or not assertion:
            raise Refusal("invalid_request", "client_assertion_type and client_assertion are both wanted.")
        if kind != ASSERTION:
            raise Refusal("invalid_client", f"The only client_assertion_type here is {ASSERTION}.")
        client = await self._assertions.client(assertion)
        if form.get("client_id", client.id) != client.id:
            raise Refusal("invalid_client", "client_id is not the client of the assertion.", client=client)
        return client

    async def _asking(self, form: Form, token: bytes | None) -> Registration:
        """Who asks, by a token of its own or by an assertion.

        Raises:
            Refusal: nobody that we know.
        """
        if token is None:
            return await self._client(form)
        believed = await self._tokens.believed(token)
        if believed is None:
            raise Refusal("invalid_client", "The access token of the request is not believed.", 401)
        return believed.registration


def _given(form: Form) -> bytes:
    token = form.get("token", "")
    if not token:
        raise Refusal("invalid_request", "token is missing.")
    return token.encode()[: LONGEST + 1]


def _may_know(asking: Registration, believed: Believed) -> bool:
    of = believed.registration
    return asking.id == of.id or (asking.administrator and asking.locality == of.locality)


def _described(believed: Believed, base_url: str) -> Json:
    """The answer about a token that counts.

    Source: https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
    """
    described: Json = {
        "active": True,
        "scope": believed.scope,
        "client_id": believed.registration.id,
        "sub": believed.registration.id,
        "iss": believed.issuer,
        "aud": base_url,
        "iat": believed.issued // _SECOND,
        "exp": believed.expires // _SECOND,
        "token_type": "bearer",
    }
    if believed.name:
        described["jti"] = believed.name
    if believed.patient is not None:
        described["patient"] = believed.patient
    if believed.user is not None:
        described["fhirUser"] = f"{base_url}/{'/'.join(believed.user)}"
    return described
