"""/openapi.json is true: schemathesis reads it from the running bot, and asks what it allows and what it does not."""

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.house import open_house
from tests.programs import new_key
from tests.web import open_site


async def test_s36_the_document_holds_against_the_running_bot(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, open_site(house) as site:
        options = [
            f"--header=Authorization: Bearer {await new_key(house)}",
            "--phases=examples,coverage,fuzzing",
            "--max-examples=15",
            "--generation-deterministic",
            "--no-shrink",
            "--continue-on-failure",
            "--request-timeout=10",
            # A prompt of blanks fits any schema and is refused all the same.
            "--exclude-checks=positive_data_acceptance",
        ]
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{site.url}/openapi.json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()[-6000:]
        assert "passed" in output.decode()
        assert house.recorder.named("alert") == []
