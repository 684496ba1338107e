"""`mixnet launch`: who is started where and with what, output, exit codes, restarts, Ctrl-C; nothing is left behind, no key is shown."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import mixnet as mx
import pytest
from mixnet.launch import command, job, keys, mpi, serve, slurm, ssh

PACKAGE = pathlib.Path(mx.__file__).resolve().parents[1]
SECRET = "s" * 39 + "$"
PAIR = ("p" * 40, SECRET)
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("DMLC_", "MIXNET_PS_"))} | {"PYTHONPATH": str(PACKAGE)}
# A stand-in for a member that only says what it was given.
SHOW = "import os; print(' '.join(f'{k}={v}' for k, v in sorted(os.environ.items()) if k.startswith(('DMLC_', 'MIXNET_PS', 'MIXNET_L', 'X'))))"


def start(*arguments, env=None, cwd=None):
    command_line = [sys.executable, "-m", "mixnet", "launch", *map(str, arguments)]
    return subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**ENV, **(env or {})}, cwd=cwd)


def launch(*arguments, **options):
    """(exit code, standard output, standard error)."""
    process = start(*arguments, **options)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out, err


def alive(text):
    """Command lines of processes that have `text` in them."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in words:
            found.append(words)
    return found


def gone(text, seconds=10):
    """Whether no process with `text` in its command line is left within a time."""
    deadline = time.monotonic() + seconds
    while alive(text):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "group.key"
    path.write_text("\n".join(PAIR) + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def python(tmp_path):
    """A Python whose `-m mixnet serve` is a member that shows what it was given and waits; all else is the real one's."""
    path = tmp_path / "python"
    text = f'#!/bin/sh\nif [ "$3" = serve ]; then {sys.executable} -S -c "{SHOW}"; exec sleep 3600.{os.getpid()}; fi\nexec {sys.executable} "$@"\n'
    path.write_text(text)
    path.chmod(0o755)
    return path


def variables(line):
    return dict(word.split("=", 1) for word in line.partition(" | ")[2].split())


def test_members_and_their_environment(python, key):
    options = ["-n", 2, "-s", 1, "--python", python, "--key", key, "--timeout-s", 2.5, "--elastic", "--env", "XA=b c"]
    code, out, err = launch(*options, "--grace-s", 1, sys.executable, "-S", "-c", SHOW.replace("'X'", "'XNONE'"))
    assert code == 0, err
    lines = {line.partition(" | ")[0]: variables(line) for line in out.splitlines() if "XA=" not in line}
    assert sorted(lines) == ["worker 0", "worker 1"]
    for rank in (0, 1):
        env = lines[f"worker {rank}"]
        assert env["DMLC_ROLE"] == "worker" and env["DMLC_WORKER_ID"] == str(rank) and "DMLC_SERVER_ID" not in env
        assert env["DMLC_NUM_WORKER"] == "2" and env["DMLC_NUM_SERVER"] == "1" and env["DMLC_PS_ROOT_URI"] == "127.0.0.1"
        assert env["MIXNET_PS_TIMEOUT_S"] == "2.5" and env["MIXNET_PS_ELASTIC"] == "1" and env["MIXNET_PS_KEY_FILE"] == str(key)
        assert env["DMLC_PS_ROOT_PORT"] == lines["worker 0"]["DMLC_PS_ROOT_PORT"] and int(env["DMLC_PS_ROOT_PORT"]) > 0
    for name, role in (("scheduler", "scheduler"), ("server 0", "server")):
        text = next(line for line in out.splitlines() if line.startswith(name))
        assert f"DMLC_ROLE={role}" in text and "XA=b c" in text
    assert gone(f"sleep 3600.{os.getpid()}") and SECRET not in out + err


def test_a_failure_ends_the_others(tmp_path):
    mark = f"3601.{os.getpid()}"
    begin = time.monotonic()
    code, out, err = launch("-n", 3, "-s", 0, "sh", "-c", f"[ $DMLC_WORKER_ID = 1 ] && {{ echo bad; exit 7; }}; (setsid sleep {mark} &) ; sleep {mark}")
    assert code == 7 and "[launch] worker 1 ended with exit code 7; ending the others\n" == err and out == "worker 1 | bad\n"
    assert gone(f"sleep {mark}", 0) and time.monotonic() - begin < 10


def test_a_signal_is_named(tmp_path):
    code, _, err = launch("-n", 1, "-s", 0, "sh", "-c", "kill -9 $$")
    assert code == 137 and err == "[launch] worker 0 was ended by SIGKILL\n"


def test_a_member_that_does_not_listen_is_killed():
    mark = f"3602.{os.getpid()}"
    stubborn = f"trap '' TERM INT; echo ready; while :; do sleep {mark}; done"
    begin = time.monotonic()
    code, _, _ = launch("-n", 2, "-s", 0, "--grace-s", 1, "sh", "-c", f"[ $DMLC_WORKER_ID = 1 ] && sleep 0.5 && exit 3; {stubborn}")
    assert code == 3 and gone(f"sleep {mark}", 0) and time.monotonic() - begin < 10


def test_output_is_whole_lines():
    program = "import sys\nfor i in range(2000): print(str(i) * 20)\nsys.stdout.write('no end'); sys.stderr.write('error text')"
    code, out, err = launch("-n", 3, "-s", 0, sys.executable, "-S", "-c", program)
    assert code == 0 and sorted(err.splitlines()) == [f"worker {rank} | error text" for rank in range(3)]
    for rank in range(3):
        mine = [line.partition(" | ")[2] for line in out.splitlines() if line.startswith(f"worker {rank} | ")]
        assert mine == [str(i) * 20 for i in range(2000)] + ["no end"]


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_are_forwarded(number, code):
    mark = f"3603.{os.getpid()}"
    program = f"import sys, time\ntry:\n    print('ready', flush=True); time.sleep({mark})\nexcept KeyboardInterrupt:\n    print('interrupted')"
    process = start("-n", 2, "-s", 0, sys.executable, "-S", "-c", program)
    assert {process.stdout.readline(), process.stdout.readline()} == {"worker 0 | ready\n", "worker 1 | ready\n"}
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == code and gone(mark, 0)
    assert out.count("interrupted") == (2 if number == signal.SIGINT else 0)


def test_nothing_is_left_when_the_launcher_is_killed():
    mark = f"3604.{os.getpid()}"
    process = start("-n", 2, "-s", 0, "sh", "-c", f"(setsid sleep {mark} &); echo ready; exec sleep {mark}")
    assert {process.stdout.readline(), process.stdout.readline()} == {"worker 0 | ready\n", "worker 1 | ready\n"}
    process.kill()
    process.communicate(timeout=20)
    assert gone(f"sleep {mark}")


def test_nothing_is_left_when_a_guard_is_killed():
    mark = f"3605.{os.getpid()}"
    process = start("-n", 1, "-s", 0, "sh", "-c", f"(setsid sleep {mark} &); echo ready $PPID; exec sleep {mark}")
    guard = int(process.stdout.readline().split()[-1])
    os.kill(guard, signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 137 and "was ended by SIGKILL" in err and gone(f"sleep {mark}", 0)


def test_the_group_begins_again(tmp_path):
    text = 'echo "$MIXNET_LAUNCH_ATTEMPT $DMLC_PS_ROOT_PORT"; [ $MIXNET_LAUNCH_ATTEMPT = 2 ] || [ $DMLC_WORKER_ID = 0 ]'
    code, out, err = launch("-n", 2, "-s", 0, "--restart", 3, "sh", "-c", text)
    assert code == 0 and "the group begins again (2 of 3)" in err and "(3 of 3)" not in err
    assert re.findall(r"worker 1 \| (\d)", out) == ["0", "1", "2"]
    code, _, err = launch("-n", 1, "-s", 0, "--restart", 1, "sh", "-c", "exit 4")
    assert code == 4 and err.count("ended with exit code 4") == 2


def test_a_member_of_an_elastic_group_begins_again(tmp_path):
    text = f"[ $DMLC_WORKER_ID = 0 ] && {{ sleep 1.5; echo end; exit 0; }}; echo try >> {tmp_path}/tries; [ $(wc -l < {tmp_path}/tries) = 3 ]"
    code, out, err = launch("-n", 2, "-s", 0, "--elastic", "--restart", 2, "sh", "-c", text)
    assert code == 0 and out == "worker 0 | end\n" and "worker 1 ended with exit code 1; it begins again (2 of 2)" in err


def test_an_elastic_group_goes_on():
    code, out, err = launch("-n", 2, "-s", 0, "--elastic", "sh", "-c", "[ $DMLC_WORKER_ID = 1 ] && exit 5; sleep 1; echo end")
    assert code == 0 and out == "worker 0 | end\n" and err == "[launch] worker 1 ended with exit code 5; the others go on\n"
    assert launch("-n", 2, "-s", 0, "--elastic", "sh", "-c", "exit 6")[0] == 6


def fake(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_ssh(tmp_path, python, key):
    """A stand-in for ssh writes down its arguments and lets a shell run the rest, as sshd would."""
    record = tmp_path / "record"
    text = f'#!/bin/sh\nprintf "%s\\n" "$@" >> {record}\nwhile [ "$1" != -- ]; do shift; done\nexec env -i PATH="$PATH" HOST="$2" csh_or_sh -c "$3"\n'
    env = fake(tmp_path, "ssh", text.replace("csh_or_sh", "/bin/sh"))
    hosts = tmp_path / "hosts"
    hosts.write_text("# machines\nuser@127.0.0.1 slots=2\n127.0.0.2:1\n")
    folder = tmp_path / "a folder with 'quotes' and $HOME"
    folder.mkdir()
    worker = "import os; print(os.getcwd(), os.environ['HOST'], os.environ['MIXNET_PS_KEY'][:3], os.environ['DMLC_NODE_HOST'], os.environ['XQ'])"
    options = ["-n", 3, "-s", 1, "--launcher", "ssh", "--hosts", hosts, "--key", key, "--python", python, "--grace-s", 1, "--env", "XQ=$a 'b"]
    code, out, err = launch(*options, sys.executable, "-c", worker, env=env, cwd=folder)
    assert code == 0, err
    found = sorted(line for line in out.splitlines() if line.startswith("worker"))
    places = ["127.0.0.1", "127.0.0.2", "127.0.0.1"]  # server 0 took the first slot
    users = ["user@" * (place == "127.0.0.1") + place for place in places]
    assert found == [f"worker {i} | {folder} {user} sss 127.0.0.1 $a 'b" for i, user in enumerate(users)]
    assert SECRET not in record.read_text() + err and gone(f"3600.{os.getpid()}", 0)


def test_ssh_that_breaks_ends_the_member(tmp_path):
    env = fake(tmp_path, "ssh", '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nexec /bin/sh -c "$3"\n')
    (tmp_path / "hosts").write_text("127.0.0.1\n")
    mark = f"3606.{os.getpid()}"
    process = start("-n", 1, "-s", 0, "--launcher", "ssh", "--hosts", tmp_path / "hosts", "sh", "-c", f"echo ready; sleep {mark}", env=env)
    assert process.stdout.readline() == "worker 0 | ready\n"
    process.kill()
    process.communicate(timeout=20)
    assert gone(f"sleep {mark}")


def test_slurm(tmp_path, python, key):
    """A stand-in for srun starts as many tasks as it is asked for."""
    record = tmp_path / "record"
    text = f"""#!{sys.executable}
import os, subprocess, sys
open({str(record)!r}, "w").write("\\n".join(sys.argv))
count = int(next(a for a in sys.argv if a.startswith("--ntasks=")).partition("=")[2])
command = sys.argv[1:]
while command[0].startswith("--"): command.pop(0)
tasks = [subprocess.Popen(command, env={{**os.environ, "SLURM_PROCID": str(i)}}) for i in range(count)]
sys.exit(max(task.wait() for task in tasks))
"""
    env = fake(tmp_path, "srun", text)
    options = ["-n", 2, "-s", 0, "--launcher", "slurm", "--key", key, "--address", "127.0.0.1", "--python", sys.executable]
    code, out, err = launch(*options, sys.executable, "-c", "import os; print(os.environ['DMLC_ROLE'], os.environ['MIXNET_PS_KEY'][:3])", env=env)
    assert code == 0 and sorted(out.splitlines()) == [f"worker {i} | worker sss" for i in range(2)], err
    code, _, err = launch(*options, "sh", "-c", "exit $((DMLC_WORKER_ID * 9))", env=env)
    assert code == 9 and "[launch] worker 1 ended with exit code 9\n" in err and "[launch] srun ended with exit code 9\n" in err
    assert SECRET not in record.read_text()


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no toolchain: mpirun")
def test_mpi():
    options = ["-n", 2, "-s", 0, "--launcher", "mpi"]
    program = "import os; print(os.environ['DMLC_ROLE'], os.environ['DMLC_WORKER_ID'], os.environ['XA'])"
    code, out, err = launch(*options, "--env", "XA=a,b;c", sys.executable, "-c", program)
    assert code == 0 and sorted(out.splitlines()) == [f"worker {i} | worker {i} a,b;c" for i in range(2)], err
    mark = f"3607.{os.getpid()}"
    code, _, err = launch(*options, "sh", "-c", f"[ $DMLC_WORKER_ID = 1 ] && exit 9; sleep {mark}")
    assert code == 9 and "worker 1 ended with exit code 9" in err and gone(f"sleep {mark}")


def test_command_lines():
    work = job.Job(["python", "a b.py"], 2, 1, [("h1", 2), ("u@h2", 1)], PAIR, env={"A": "1"}, address="10.0.0.1", port=9000, python="/p y/python")
    processes = ssh.processes(work)
    assert [p.name for p in processes] == ["scheduler", "server 0", "worker 0", "worker 1"]
    assert [p.command[p.command.index("--") + 1] for p in processes[1:]] == ["h1", "h1", "u@h2"]
    assert "'/p y/python'" in processes[1].command[-1] and all(SECRET not in word for p in processes for word in p.command)
    assert json.loads(processes[2].first_line)["command"] == ["python", "a b.py"]
    line = mpi.mpirun(work, 3, open_mpi=True)
    assert line[:1] == ["mpirun"] and line[line.index("-n") + 1] == "3" and line[line.index("--host") + 1] == "h1:2,u@h2:1"
    assert ["-x", "MIXNET_PS_KEY"] == line[line.index("MIXNET_PS_KEY") - 1 :][:2] and SECRET not in line
    line = mpi.mpirun(work, 3, open_mpi=False)
    assert line[line.index("-hosts") + 1] == "h1:2,u@h2:1" and "MIXNET_LAUNCH,MIXNET_PS_KEY" in line[line.index("-genvlist") + 1]
    assert "--nodelist=h1,u@h2" in slurm.srun(work, 3) and "--kill-on-bad-exit=1" in slurm.srun(work, 3)
    members = jobs_of_ranks(work)
    assert [m["name"] for m in members] == ["server 0", "worker 0", "worker 1"] and members[1]["env"] == {"DMLC_ROLE": "worker", "DMLC_WORKER_ID": "0"}


def jobs_of_ranks(work):
    return job.ranks_description(work)["members"]


def test_hosts(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("a\nb:3 # three\n\nroot@c slots=2\n")
    assert job.read_hosts(path) == [("a", 1), ("b", 3), ("root@c", 2)]
    for bad in ("-oProxyCommand=x", "a 0", "a b c", "a:x", "$(x)", ""):
        path.write_text(bad + "\n")
        with pytest.raises(mx.MXNetError, match=r"\[launch\].*expected"):
            job.read_hosts(path)
    with pytest.raises(mx.MXNetError, match="No such file"):
        job.read_hosts(tmp_path / "none")


def test_keys(tmp_path, key):
    assert keys.read(key) == PAIR
    written = keys.write(tmp_path, PAIR)
    assert written.stat().st_mode & 0o777 == 0o600 and keys.read(written) == PAIR
    key.chmod(0o640)
    with pytest.raises(mx.MXNetError, match="mode 600.*640"):
        keys.read(key)
    written.write_text("short\nlines\n")
    with pytest.raises(mx.MXNetError, match="two lines of 40 characters"):
        keys.read(written)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-n", 1], r"\[launch\] command: expected what each worker runs"),
        (["-n", 0, "true"], "expected a whole number from 1 on, got '0'"),
        (["-n", 1, "--launcher", "ssh", "true"], r"\[launch\] hosts: expected a file of hosts for --launcher ssh"),
        (["-n", 1, "--key", "a", "--no-key", "true"], "expected one of --key and --no-key"),
        (["-n", 1, "--key", "/nowhere/key", "true"], r"\[launch\] key: /nowhere/key: No such file"),
        (["-n", 1, "--no-key", "--address", "10.1.2.3", "true"], "expected all members on this machine, got the address 10.1.2.3"),
        (["-n", 1, "-s", 0, "--address", "192.0.2.7", "true"], "expected one of this machine with a free port"),
        (["-n", 1, "--env", "1=2", "true"], "expected NAME=VALUE"),
        (["-n", 1, "--no-key", "--restore", "x", "true"], "--restore: expected --elastic"),
        (["-n", 1, "-s", 2, "--copies", 3, "true"], "--copies: expected at most the 2 servers, got 3"),
        (["-n", 1, "--timeout-s", "-1", "true"], "expected seconds, got '-1'"),
        (["-n", 1, "--updater", "no function", "true"], "expected module:function"),
        (["-n", 1, "-s", 0, "there-is-no-such-program"], r"worker 0: there-is-no-such-program: No such file"),
    ],
)
def test_mistakes(arguments, message):
    code, out, err = launch(*arguments)
    assert code != 0 and out == "" and re.search(message, err), err
    assert "Traceback" not in err


def test_a_launcher_that_is_not_there(tmp_path):
    (tmp_path / "hosts").write_text("127.0.0.1\n")
    env = {"PATH": str(tmp_path)}
    code, _, err = launch("-n", 1, "-s", 0, "--launcher", "ssh", "--hosts", tmp_path / "hosts", "true", env=env)
    assert code == 127 and err == "[launch] worker 0: ssh: No such file or directory\n"
    code, _, err = launch("-n", 1, "-s", 0, "--launcher", "mpi", "true", env=env)
    assert code == 1 and "[launch] mpirun: expected Open MPI or MPICH" in err
    if not command.on_ray.importlib.util.find_spec("ray"):
        code, _, err = launch("-n", 1, "-s", 0, "--launcher", "ray", "true")
        assert code == 1 and "pip install ray" in err


def test_serve_says_what_is_missing(tmp_path, monkeypatch):
    process = subprocess.run([sys.executable, "-m", "mixnet", "serve"], env=ENV, capture_output=True, text=True)
    assert process.returncode == 1 and process.stderr == "[serve] DMLC_ROLE: expected scheduler or server, got nothing\n"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_for_serving.py").write_text("def add(key, sum, stored): stored += sum\n")
    assert serve.load("mine_for_serving:add").__name__ == "add" and serve.load(None) is None
    with pytest.raises(mx.MXNetError, match=r"\[serve\] updater: mine_for_serving:no"):
        serve.load("mine_for_serving:no")


def test_ports_are_kept():
    first = command.Reservation("127.0.0.1")
    with pytest.raises(mx.MXNetError, match="free port"):
        listening = __import__("socket").socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        command.Reservation("127.0.0.1", listening.getsockname()[1])
    listening.close()
    assert first.port > 0
    first.close()
