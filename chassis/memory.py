"""What the start of a process made stays until its end: the garbage collector looks at what came later alone, and seldom.

A batch makes some ten thousand objects and drops them in no cycle. By its defaults the collector walks every module and every cached key
again and again meanwhile.
"""

from __future__ import annotations

import gc

YOUNG = 20_000
"""Net new objects before the youngest generation is looked through: about one batch of 500 events."""


def settle() -> None:
    """Once, when everything is imported and wired."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
