"""Every test that needs Kafka or PostgreSQL gets real ones, from the first of these that applies:

1. KAFKA_BOOTSTRAP and DATABASE_URL are given: used as they are; one that does not answer fails the run, it never falls through.
2. containers, if a daemon answers and has the images, or if TEST_STACK=containers demands them.
3. the embedded stack of deploy/local.

There is one stack for all workers of a run: whoever needs it first starts it, the controller ends it. A test never skips for want of
a stack. Each test owns its databases, topics and groups, so all run side by side.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg

from deploy import topics
from deploy.local import dev, places
from deploy.local.places import PROJECT
from deploy.local.postgres import databases
from deploy.local.servers import given_kafka, given_postgres
from deploy.local.trouble import Trouble
from tests.support import containers

FOLDER = "PERISAI_TEST_FOLDER"  # set by the controller, inherited by its workers
CONTROLLER = "PERISAI_TEST_CONTROLLER"


@dataclass(frozen=True)
class Database:
    """A migrated database of one service, and who may come in how."""

    name: str
    owner_url: str
    writer_url: str
    reader_url: str


@dataclass(frozen=True)
class Stack:
    """Where Kafka and PostgreSQL are, what they are, and how they were found ("given", "containers", "embedded")."""

    kafka_bootstrap: str
    admin_url: str
    kafka: str
    postgres: str
    found: str
    containers: tuple[str, ...] = ()

    def own_name(self, what: str = "t") -> str:
        """A name that no other test has: for topic prefixes, groups, instances."""
        return f"{what}{os.urandom(5).hex()}"

    @asynccontextmanager
    async def own_topics(self) -> AsyncIterator[str]:
        """All declared topics under a prefix of the test's own ("t1f….participants"), deleted at the end; gives the prefix with its dot."""
        prefix = f"{self.own_name()}."
        declared = topics.declared(prefix=prefix)
        await topics.ensure(self.kafka_bootstrap, declared)
        try:
            yield prefix
        finally:
            await topics.delete(self.kafka_bootstrap, declared)

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Database]:
        """A migrated and empty database for one test at a time. Emptied and lent again: making one costs ten times as much.

        Not lent again is one that a failed test leaves, or one that held many rows: the dead ones and their statistics would decide the plans
        of the next test.
        """
        free = _FREE.setdefault((self.admin_url, service), [])
        lent = free.pop() if free else await self._new_database(service)
        yield lent
        if await self._empty(lent) <= FEW_ROWS:
            free.append(lent)

    async def _new_database(self, service: str) -> Database:
        """A copy of the migrated template; it ends with the run's stack, or with this worker on given servers."""
        server = databases.Server(self.admin_url)
        template = await asyncio.to_thread(_template, self, service)
        name = self.own_name(f"test_{service}_")
        async with self.admin() as connection:
            owner = databases.role_name(service, "owner")
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER "{owner}"')
            await databases.grant_connect(connection, service, name)
            writer = databases.role_name(service, "writer")
            await connection.execute(f'ALTER ROLE "{writer}" IN DATABASE "{name}" SET {_PATIENCE}')
        _MADE.append(name)
        return Database(name, *(server.url(service, role, database=name) for role in databases.ROLES))

    async def _empty(self, database: Database) -> int:
        """How many rows it held."""
        connection = await asyncpg.connect(self.admin_of(database.name))
        try:
            await connection.execute(_END_OTHERS)
            await connection.execute(_EMPTY)
            return int(await connection.fetchval("SELECT current_setting('perisai.emptied')"))
        finally:
            await connection.close()

    def admin_of(self, database: str) -> str:
        """The admin's URL to a database, given by its name or anybody's URL to it."""
        return f"{self.admin_url.rpartition('/')[0]}/{database.rpartition('/')[2]}"

    async def analyze(self, database: str, *tables: str) -> None:
        """Statistics of what a test filled. Of a writer PostgreSQL takes ANALYZE with a warning, and does nothing."""
        connection = await asyncpg.connect(self.admin_of(database))
        try:
            await connection.execute(f"ANALYZE {', '.join(tables)}")
        finally:
            await connection.close()

    @asynccontextmanager
    async def empty_database(self) -> AsyncIterator[str]:
        """An empty database of its own; gives the admin's URL to it."""
        name = self.own_name("test_")
        async with self.admin() as connection:
            await connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield self.admin_of(name)
        finally:
            async with self.admin() as connection:
                await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def admin(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection of the role that may create databases."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            yield connection
        finally:
            await connection.close()


_FREE: dict[tuple[str, str], list[Database]] = {}
"""Databases of this worker that no test has at the moment."""
_MADE: list[str] = []
_PATIENCE = "idle_in_transaction_session_timeout = '25s'"
"""Of a writer that a test calls directly: nobody would run it again, as a consumer or a caller does, if a busy machine kept it waiting."""
_END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
FEW_ROWS = 5_000
_EMPTY = """DO $$ DECLARE place text; held bigint; total bigint := 0; BEGIN
  FOR place IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic_version%' LOOP
    EXECUTE 'DELETE FROM ' || place; GET DIAGNOSTICS held = ROW_COUNT; total := total + held; END LOOP;
  PERFORM set_config('perisai.emptied', total::text, false);
  FOR place IN SELECT oid::regclass FROM pg_class
    WHERE relnamespace = 'shadow'::regnamespace AND relkind = 'r' AND (pg_relation_size(oid) > 0 OR relname LIKE '%, as first built')
    LOOP EXECUTE 'DROP TABLE ' || place; END LOOP; END $$"""


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter (as root PostgreSQL runs as another user), removed with what was put elsewhere for it."""
    umask = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="perisai-open-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        os.umask(umask)
        places.remove(folder)


def find() -> Stack:
    """The run's stack, started if this is the first to ask for it. Raises Trouble; nothing is fallen back from."""
    folder = Path(os.environ[FOLDER])
    facts = folder / "stack.json"
    with _alone(folder / "starting"):
        if not facts.exists():
            facts.write_text(json.dumps(asdict(_start(folder))))
        known = json.loads(facts.read_text())
    return Stack(**known | {"containers": tuple(known["containers"])})


def used(folder: Path) -> Stack | None:
    """The stack that the run used, or None if no test asked for one."""
    facts = folder / "stack.json"
    return Stack(**json.loads(facts.read_text())) if facts.exists() else None


def planned() -> str:
    """Which of the three it will be, as far as that can be told without starting anything."""
    demanded = os.environ.get("TEST_STACK")
    if os.environ.get("KAFKA_BOOTSTRAP") or os.environ.get("DATABASE_URL"):
        return "given by KAFKA_BOOTSTRAP and DATABASE_URL"
    return f"{demanded} (TEST_STACK)" if demanded else "containers if a daemon has the images, else embedded"


def drop_made(folder: Path) -> None:
    """What this worker made on servers that outlive the run."""
    stack = used(folder)
    if stack is not None and stack.found == "given" and _MADE:
        asyncio.run(_drop(stack))


async def _drop(stack: Stack) -> None:
    async with stack.admin() as connection:
        for name in _MADE:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def end(folder: Path) -> None:
    """Ends what the run started."""
    if stack := used(folder):
        containers.remove(stack.containers)
    dev.down(folder / "embedded")


def _start(folder: Path) -> Stack:
    kafka, postgres, demanded = (
        os.environ.get("KAFKA_BOOTSTRAP"),
        os.environ.get("DATABASE_URL"),
        os.environ.get("TEST_STACK"),
    )
    if demanded not in (None, "", "containers", "embedded"):
        raise Trouble(f"TEST_STACK={demanded} is unknown; it is `containers` or `embedded`, or not set.")
    if bool(kafka) != bool(postgres):
        raise Trouble("Only one of KAFKA_BOOTSTRAP and DATABASE_URL is set; tests take both from outside or neither.")
    if kafka and postgres:
        return asyncio.run(_given(kafka, postgres))
    if demanded == "containers" or (demanded != "embedded" and containers.at_hand()):
        return Stack(found="containers", **containers.start())
    facts = dev.up(folder / "embedded", until_exit_of=int(os.environ[CONTROLLER]))
    return Stack(
        facts["KAFKA_BOOTSTRAP"], facts["DATABASE_URL"], facts["kafka"], f"PostgreSQL {facts['postgres']}", "embedded"
    )


async def _given(bootstrap: str, url: str) -> Stack:
    kafka, postgres = await given_kafka(bootstrap), await given_postgres(url)
    return Stack(bootstrap, url, kafka.about, f"PostgreSQL {postgres.version}", "given")


def _template(stack: Stack, service: str) -> str:
    """The name of a migrated database to copy, made once per state of the code."""
    name = f"template_{service}_{_digest(service)}"
    with _alone(Path(os.environ[FOLDER]) / f"{name}.lock"):
        asyncio.run(_migrate_once(stack, service, name))
    return name


async def _migrate_once(stack: Stack, service: str, name: str) -> None:
    server = databases.Server(stack.admin_url)
    async with stack.admin() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", name)  # another run on the same server
        if await connection.fetchval("SELECT datistemplate FROM pg_database WHERE datname = $1", name):
            return
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # left half made
        await databases.create_roles(connection, server, service)
        await databases.create_database(connection, name, databases.role_name(service, "owner"))
        _migrate(service, server.url(service, "owner", database=name))
        await connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE true')


def _migrate(service: str, owner_url: str) -> None:
    argv = [sys.executable, "-m", "chassis.migrate", service]
    done = subprocess.run(
        argv,
        cwd=PROJECT,
        env=os.environ | {"PERISAI_OWNER_DATABASE_URL": owner_url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble(
            f"The migrations of {service} failed.", tail=tuple((done.stdout + done.stderr).splitlines()[-20:])
        )


def _digest(service: str) -> str:
    """Of all code a migration may depend on."""
    digest = hashlib.sha256()
    for folder in (PROJECT / "chassis", PROJECT / "services" / service):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
