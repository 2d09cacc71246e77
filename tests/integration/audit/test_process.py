"""A whole process of audit on a real broker: what is on the topics is in the archive, signed, and its own checkpoints with it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

from chassis.process import Process
from services.audit.app import SERVICE
from services.audit.verification.run import verify
from tests.integration.audit.world import ORIGIN, SEED, World
from tests.support.eventually import eventually
from tests.support.service import harness
from tests.support.stack import Stack
from tests.support.topics import write_topic
from tests.support.toy import running


async def test_records_of_every_topic_are_archived_signed_and_verified(stack: Stack, tmp_path: Path) -> None:
    async with (
        stack.own_topics() as prefix,
        harness(
            SERVICE,
            stack,
            kafka_bootstrap=stack.kafka_bootstrap,
            topic_prefix=prefix,
            http_port=0,
            audit_log=ORIGIN,
            audit_signing_key=base64.b64encode(SEED).decode(),
            audit_folder=tmp_path / "checkpoints",
            audit_sign_every_s=0.1,
        ) as h,
    ):
        w = World(h, "")
        sent = w.branches(30)
        began = datetime.now(UTC)
        records = [(one.key, one.value, one.headers) for one in [*sent, *sent[:5]]]
        await write_topic(stack.kafka_bootstrap, f"{prefix}agency", records)
        await write_topic(stack.kafka_bootstrap, f"{prefix}participants", [(b"nobody", b"{}", [])])
        async with running(Process(h.app)):
            own = "SELECT count(*) FROM archive WHERE type = 'CheckpointSigned'"

            async def all_there() -> bool:
                return bool(await w.one("SELECT count(*) FROM sightings") >= 37 and await w.one(own))

            await eventually(all_there)
        verdicts = await w.rows("SELECT verdict, count(*) FROM sightings WHERE topic <> 'audit' GROUP BY 1 ORDER BY 1")
        assert verdicts == [("first", 30), ("repeat", 5), ("stranger", 1)]
        assert await w.one("SELECT min(written_at) FROM sightings") >= began.replace(microsecond=0)
        outcome = await verify(h.app.engine, w.settings.public_key, w.folder)
        assert (outcome.findings, outcome.events >= 30) == ([], True)
