"""One person's AsyncSSH: copies a file to the target and back, with new keys every 4 MB, and prints its SHA-256 as JSON.

Arguments: address, port, user, key, file.
"""

import asyncio
import hashlib
import json
import sys
import warnings

warnings.simplefilter("ignore")

import asyncssh  # noqa: E402

address, port, user, key, path = sys.argv[1:]


async def main():
    async with asyncssh.connect(
        address, int(port), username=user, client_keys=[key], known_hosts=None, agent_path=None, rekey_bytes="4m"
    ) as connection:
        async with connection.start_sftp_client() as sftp:
            await sftp.put(path, f"{path}.put")
            await sftp.get(f"{path}.put", f"{path}.got")
        ran = await connection.run("cat; echo err >&2; exit 7", input="given\n")
    with open(f"{path}.got", "rb") as file:
        got = hashlib.sha256(file.read()).hexdigest()
    print(json.dumps({"got": got, "out": ran.stdout, "err": ran.stderr, "code": ran.exit_status}))


asyncio.run(main())
