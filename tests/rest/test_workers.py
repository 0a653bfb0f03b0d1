"""Worker processes: they share a port, are restarted, and finish what they accepted.

Source: docs/adr/0011-worker-processes.md
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from service.rest import workers
from service.storage.open import migrate
from tests.rest.asking import patient
from tests.rest.serving import ROOT, command, eventually, is_ready, serving

SANDBOX = ("--sandbox", "--workers")


@pytest.fixture
def filled(tmp_path) -> str:
    """A migrated SQLite database that is not empty, so that the sandbox leaves it alone."""
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(url)
    command("sandbox", "--patients", "1", database_url=url)
    return url


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("count", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(tmp_path, filled, count, number):
    with serving(tmp_path, filled, *SANDBOX, count) as server:
        pids = server.workers()
        assert len(pids) == (0 if count == "1" else 2)
        eventually(lambda: server.said().count('"event":"worker_started"') == int(count), "all start")
        assert server.stop(number) == 0
        assert all(gone(pid) for pid in pids)
        assert server.said().count('"event":"worker_stopped"') == int(count)


def test_what_was_accepted_is_finished_and_kept(tmp_path, filled):
    """A transaction is under way when the order to stop comes: it is answered, and it is there afterwards."""
    entries = [
        {"resource": patient(id=f"late-{n}"), "request": {"method": "PUT", "url": f"Patient/late-{n}"}}
        for n in range(1500)
    ]
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    head = (
        "POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with serving(tmp_path, filled, *SANDBOX, "2") as server:
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port)) as client:
            client.sendall(head + body[:-1])
            time.sleep(0.2)  # so that a worker holds the request when the signal comes
            server.process.send_signal(signal.SIGTERM)
            client.sendall(body[-1:])
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answer.lower()
        assert server.process.wait(60) == 0
    with serving(tmp_path, filled, *SANDBOX, "2") as server:
        assert httpx.get(f"{server.url}/fhir/Patient/late-1499").status_code == 200


def test_a_worker_that_dies_is_replaced_and_the_others_go_on(tmp_path, filled):
    with serving(tmp_path, filled, *SANDBOX, "2") as server:
        eventually(lambda: server.said().count('"event":"worker_started"') == 2, "both start")
        first, second = server.workers()
        os.kill(first, signal.SIGKILL)
        assert is_ready(server.url)
        eventually(lambda: len(server.workers()) == 2 and first not in server.workers(), "a new worker")
        assert second in server.workers()
        eventually(lambda: server.said().count('"event":"worker_started"') == 3, "it starts")
        assert '"event":"worker_died"' in server.said()
        assert server.stop() == 0


def test_workers_end_when_the_parent_is_killed_and_the_port_is_free_again(tmp_path, filled):
    with serving(tmp_path, filled, *SANDBOX, "2") as server:
        pids = server.workers()
        port = str(httpx.URL(server.url).port)
        server.process.kill()
        server.process.wait(60)
        with serving(tmp_path, filled, *SANDBOX, "2", "--port", port) as again:
            assert httpx.get(f"{again.url}/fhir/metadata").status_code == 200
        eventually(lambda: all(gone(pid) for pid in pids), "the orphans end")


def test_all_workers_answer_and_write_to_one_store(tmp_path, filled):
    with serving(tmp_path, filled, *SANDBOX, "2") as server, ThreadPoolExecutor(8) as threads:

        def write(number: int) -> int:
            with httpx.Client(
                base_url=server.url
            ) as client:  # a connection each: they spread over the workers
                return client.put(
                    f"/fhir/Patient/many-{number}", json=patient(id=f"many-{number}")
                ).status_code

        assert list(threads.map(write, range(60))) == [201] * 60
        found = httpx.get(f"{server.url}/fhir/Patient?_count=100").json()["entry"]
        assert sum(entry["resource"]["id"].startswith("many-") for entry in found) == 60
        assert server.stop() == 0


def test_a_second_server_cannot_share_the_port(tmp_path, filled):
    with serving(tmp_path, filled, *SANDBOX, "2") as server:
        port = str(httpx.URL(server.url).port)
        done = command("serve", "--sandbox", "--port", port, database_url=filled, check=False)
        assert done.returncode == 1
        assert f"port {port}" in done.stderr


def test_connections_are_dealt_out_among_the_sockets():
    sockets = workers.bind("127.0.0.1", 0, 4)
    port = sockets[0].getsockname()[1]
    assert {each.getsockname()[1] for each in sockets} == {port}
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
    accepted = []
    for listening in sockets:
        listening.setblocking(False)
        taken = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                listening.accept()[0].close()
                taken += 1
        accepted.append(taken)
    assert sum(accepted) == 64
    assert min(accepted) > 0
    for each in [*clients, *sockets]:
        each.close()


def test_a_body_above_the_limit_is_refused_while_it_is_sent(tmp_path, filled):
    """No end of the body ever comes; the answer does, and the connection can be used for it."""
    with serving(tmp_path, filled, *SANDBOX, "1", BODY_BYTES="100000") as server:
        address = httpx.URL(server.url)
        endless = b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        with socket.create_connection((address.host, address.port)) as client:
            client.sendall(endless)
            for _ in range(30):
                client.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_waits_for_100_is_refused_before_it_sends(tmp_path, filled):
    with serving(tmp_path, filled, *SANDBOX, "1") as server:
        address = httpx.URL(server.url)
        head = "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        for length, answer in ((10**9, b"HTTP/1.1 413 "), (2, b"HTTP/1.1 100 Continue\r\n")):
            with socket.create_connection((address.host, address.port)) as client:
                client.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
                assert client.recv(len(answer)) == answer


def test_what_is_no_http_is_the_clients_fault(tmp_path, filled):
    with serving(tmp_path, filled, *SANDBOX, "1") as server:
        address = httpx.URL(server.url)
        for nonsense in (
            b"HELLO\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        ):
            with socket.create_connection((address.host, address.port)) as client:
                client.sendall(nonsense)
                assert client.recv(100).startswith(b"HTTP/1.1 400 ")
        assert is_ready(server.url)


def test_first_workers_that_cannot_start_end_the_server():
    script = """
import sys
from service.rest import logs, workers
async def app(scope, receive, send):
    raise RuntimeError
sys.exit(workers.serve(app, workers.bind("127.0.0.1", 0, 2), 5, logs.logger("info", sys.stdout.buffer)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 3
