"""The OpenAPI document is true: what Schemathesis makes of it never breaks the server and gets what is documented.

Source: https://schemathesis.readthedocs.io/
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.rest.serving import PATIENCE, serving

# One type with all interactions, one that is read only, types with operations of their own, a compartment by
# type and as a whole, exports and their jobs, and the routes of the whole system; the others are made by the same lines.
PATHS = (
    r"^/fhir(/(Goal|AuditEvent|ValueSet|CodeSystem|_history|_search|metadata|\$validate)(/.*)?)?$"
    r"|^/fhir/(Observation/\$lastn|Patient/\{id\}/((\*|Goal)(/_search)?|\$everything))$"
    r"|^/fhir/(\$export|Patient/\$export|Group/\{id\}/\$export|jobs/.*)$"
)
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

OPERATIONS = 60  # as many at least stand under those paths


@pytest.mark.slow
def test_the_document_is_true_and_nothing_breaks(tmp_path):
    with serving(tmp_path, f"sqlite:///{tmp_path / 'thrive.db'}", "--sandbox") as server:
        done = subprocess.run(
            [
                sys.executable,
                "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json",
                "--include-path-regex", PATHS, "--checks", CHECKS,
                "--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", "1",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=4 * PATIENCE, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None
    assert int(tested[1]) >= OPERATIONS
