"""A server that speaks S3, in a process of its own: `python -m tests.standins.s3` says where it listens.

It is moto's, which remembers in memory; a test takes a bucket of its own.
"""

import atexit
import functools
import itertools
import subprocess
import sys
import uuid
from pathlib import Path

from adapters.images.s3 import Bucket, S3Shelf

REGION = "eu-central-1"
_numbers = itertools.count(1)


@functools.cache
def endpoint() -> str:
    """One server a test process; it ends with it."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.standins.s3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    def end() -> None:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.wait(20)

    atexit.register(end)
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def bucket(prefix: str = "") -> Bucket:
    """A new one, empty."""
    name = f"pictures-{next(_numbers)}-{uuid.uuid4().hex[:12]}"
    made = Bucket(name, prefix, endpoint(), REGION, "a-key", "a-secret")
    shelf = S3Shelf(made)
    client = await shelf._opened()
    await client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    await shelf.close()
    return made


def main() -> None:
    """Until its standard input ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
