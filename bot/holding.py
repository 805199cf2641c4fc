"""What a worker holds."""

import asyncio
from dataclasses import dataclass, field

from bot.model import Job


@dataclass(slots=True)
class Held:
    """A job this worker has, and the task that works on it."""

    job: Job
    drawing: bool
    asked: float  #: for it: monotonic seconds, from which its lease counts
    task: asyncio.Task[None] = field(init=False)
    cancelled: bool = False  #: by the person
    ending: bool = False
    missed: bool = False  #: at the last heartbeat it was not this worker's; it may just have been finished
    begun: bool = False
    sent: bool = False  #: its backend was asked, and may have to be paid

    def end(self) -> None:
        """Cancels the task once: a second cancel would hit it while it tidies up.

        One that has not begun would end without tidying up, so it is left to see for itself.
        """
        if not self.ending:
            self.ending = True
            if self.begun:
                self.task.cancel()
