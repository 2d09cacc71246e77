"""Everything that is committed about the contracts is current and compatible: `python -m contracts.check`."""

from __future__ import annotations

from contracts import asyncapi, snapshots


def main() -> int:
    """0 when schemas are compatible and current and docs/asyncapi.json is too; says which file is not."""
    return max(snapshots.main([]), asyncapi.main([]))


if __name__ == "__main__":
    raise SystemExit(main())
