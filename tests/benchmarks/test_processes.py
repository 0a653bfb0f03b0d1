import os
import signal
import socket
import subprocess
import sys

from benchmarks import processes


def test_our_own_memory_and_time():
    [usage] = processes.usages([os.getpid()])
    assert usage.pid == os.getpid()
    assert 0 < usage.own <= usage.resident <= usage.peak
    assert usage.cpu > 0
    assert "python" in usage.command


def test_whoever_listens_on_a_port_is_found():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert os.getpid() in processes.listeners(port)
    assert os.getpid() not in processes.listeners(port)


def test_children_belong_to_the_family_until_they_end():
    code = "import sys; sys.stdout.write('up'); sys.stdout.flush(); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.read(2) == b"up"
    assert child.pid in processes.family([os.getpid()])
    assert processes.alive(child.pid)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    assert child.pid not in processes.family([os.getpid()])
    assert not processes.alive(child.pid)
    assert processes.usages([child.pid]) == []
