"""One person's paramiko: runs a step by way of the gateway and prints what came of it as JSON.

Arguments: step, way (direct or jump), address, port, login, key, host key (base64), folder or path.
"""

import base64
import contextlib
import hashlib
import json
import sys
import time

import paramiko

step, way, address, port, login, key_path, host_key, folder = sys.argv[1:]
port = int(port)


def client(host, user, sock=None):
    key = paramiko.Ed25519Key(filename=key_path)
    key.load_certificate(key_path + "-cert.pub")
    connection = paramiko.SSHClient()
    connection.set_missing_host_key_policy(paramiko.RejectPolicy())
    name = f"[{host}]:{port}"
    gateway_key = paramiko.Ed25519Key(data=base64.b64decode(host_key))
    connection.get_host_keys().add(name, gateway_key.get_name(), gateway_key)
    connection.connect(
        host, port=port, username=user, pkey=key, sock=sock, allow_agent=False, look_for_keys=False, timeout=30
    )
    return connection


def connect():
    if way == "direct":
        return client(address, f"{login}+web-01"), None
    outer = client(address, "daypass")
    channel = outer.get_transport().open_channel("direct-tcpip", ("web-01", port), ("127.0.0.1", 0))
    return client("web-01", login, channel), outer


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def run_command(connection):
    stdin, stdout, stderr = connection.exec_command("cat; echo err >&2; exit 7")
    # A command that is refused ends without reading.
    with contextlib.suppress(OSError):
        stdin.write("given\n")
        stdin.channel.shutdown_write()
    return {"out": stdout.read().decode(), "err": stderr.read().decode(), "code": stdout.channel.recv_exit_status()}


def move_files(connection):
    sftp = connection.open_sftp()
    sent = sftp.put(f"{folder}/given", f"{folder}/put").st_size
    sftp.get(f"{folder}/put", f"{folder}/got")
    sftp.mkdir(f"{folder}/sub")
    sftp.rename(f"{folder}/put", f"{folder}/sub/put")
    sftp.chmod(f"{folder}/sub/put", 0o600)
    listed = sftp.listdir(f"{folder}/sub")
    with sftp.open(f"{folder}/written", "w") as file:
        file.write("text")
    sftp.remove(f"{folder}/written")
    sftp.close()
    return {"sent": sent, "got": sha256(f"{folder}/got"), "listed": listed}


def use_shell(connection):
    channel = connection.invoke_shell(term="xterm", width=91, height=31)
    channel.send(b"stty size; echo shell $((40 + 2)); exit 3\r")
    shown = b""
    until = time.monotonic() + 30
    channel.settimeout(30)
    while time.monotonic() < until:
        more = channel.recv(4096)
        if not more:
            break
        shown += more
    return {"shown": shown.decode(), "code": channel.recv_exit_status()}


def read_path(connection):
    with connection.open_sftp() as sftp, sftp.open(folder) as file:
        return file.read().decode()


def write_path(connection):
    with connection.open_sftp() as sftp, sftp.open(folder, "w") as file:
        file.write("content")
    return ""


STEPS = {"exec": run_command, "sftp": move_files, "shell": use_shell, "read": read_path, "write": write_path}

connection, outer = connect()
try:
    print(json.dumps(STEPS[step](connection)))
except Exception as error:  # The test reads what a person would.
    print(json.dumps({"failed": f"{type(error).__name__}: {error}"}))
    sys.exit(1)
finally:
    connection.close()
    if outer is not None:
        outer.close()
