"""The wish to stop, known to everything that waits, so that nothing sleeps on while a process should end."""

import asyncio


class Stop:
    """Set once, when the process is told to end."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def wanted(self) -> bool:
        return self._event.is_set()

    async def pause(self, seconds: float) -> bool:
        """Waits up to `seconds`; True when the time is over, False at once when the process should end."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout=seconds)
        except TimeoutError:
            return True
        return False
