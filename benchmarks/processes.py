"""A group of worker processes with their scheduler and servers on this machine, without encryption, for as long as a program of ours runs.

run(command, workers, servers) gives what each worker wrote as its last line, read as JSON. Nobody is left behind, whatever happens.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile

SERVE = "from mixnet.kvstore_server import serve; serve()"


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _environment(role, workers, servers, port, threads):
    names = {"DMLC_ROLE": role, "DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": port, "DMLC_NUM_WORKER": workers, "DMLC_NUM_SERVER": servers}
    names.update(OMP_NUM_THREADS=threads, OMP_WAIT_POLICY="PASSIVE")
    return {**os.environ, **{name: str(value) for name, value in names.items()}}


def run(command, workers, servers=1, timeout=600):
    """`command`: of a worker, after the name of the Python program. RuntimeError with its last words where one fails."""
    port, threads = _free_port(), max(1, os.cpu_count() // workers)
    started, outputs = [], []
    try:
        for role, count in (("scheduler", 1), ("server", servers), ("worker", workers)):
            for index in range(count):
                environment = _environment(role, workers, servers, port, threads if role == "worker" else 1)
                environment[f"DMLC_{role.upper()}_ID"] = str(index)
                arguments = [sys.executable, *command] if role == "worker" else [sys.executable, "-c", SERVE]
                output = tempfile.TemporaryFile("w+")
                process = subprocess.Popen(arguments, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
                started.append((f"{role} {index}", process, output))
                if role == "worker":
                    outputs.append(output)
        for name, process, output in reversed(started):
            if process.wait(timeout) != 0:
                raise RuntimeError(f"{name} ended with {process.returncode}: {_text(output)[-2000:]}")
        return [json.loads(_text(output).splitlines()[-1]) for output in outputs]
    except subprocess.TimeoutExpired:
        words = "\n".join(f"{name}: {_text(output)[-300:]}" for name, _, output in started)
        raise RuntimeError(f"the group has not ended after {timeout} s\n{words}") from None
    finally:
        for _, process, output in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            output.close()


def _text(output):
    output.seek(0)
    return output.read()


def run_alone(command, timeout=600):
    """One process without a group."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
