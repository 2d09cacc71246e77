"""Branches, Wadah and agents in the numbers the benchmarks name, through the doors, as the demonstration's own history does it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from deploy.local.outreach import history
from deploy.local.outreach.doors import Doors, Person, until
from tests.bench import people

if TYPE_CHECKING:
    from tests.bench.ground import Ground

AT_ONCE = 8


async def populate(ground: Ground) -> list[Person]:
    """Adds what is missing to the estate's one branch, one Wadah and its agents; gives all active agents."""
    doors, sizes, cast = ground.town.doors, ground.sizes, ground.town.cast
    branches = [cast.officer, *[await _branch(doors, n) for n in range(2, sizes.branches + 1)]]
    wadah = [cast.coordinator]
    for number in range(2, sizes.wadah + 1):
        wadah.append(await _wadah(doors, number, branches[number % len(branches)]))
    agents = list(cast.agents)
    wanted = max(0, sizes.agents - len(agents))
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(person: int, coordinator: Person) -> Person:
        async with gate:
            return await _agent(doors, person, coordinator)

    numbers = ground.people.take(wanted)
    agents += await asyncio.gather(*(one(n, wadah[i % len(wadah)]) for i, n in enumerate(numbers)))
    return agents


async def _branch(doors: Doors, number: int) -> Person:
    """Gives the branch's officer."""
    form = {"code": f"BEN-{number:02d}", "name": f"Cabang Contoh {number}", "city": "Kota Contoh"}
    made = await doors.post(
        "registration",
        "/branches",
        history.CENTRAL,
        {**form, "time_zone": "Asia/Jakarta"},
        key=f"bench-branch-{number}",
    )
    return Person(f"bench-officer-{number}", "officer", {"branch_id": made["branch_id"]})


async def _wadah(doors: Doors, number: int, officer: Person) -> Person:
    """Gives the Wadah's coordinator."""
    form = {
        "name": f"Wadah Contoh {number}",
        "agreement_number": f"PKS/{number:03d}/2025",
        "scheme": "NEW",
        "term_from": "2025-05-01",
        "term_to": "2026-04-30",
    }
    made = await doors.post("registration", "/wadah", officer, form, key=f"bench-wadah-{number}")
    return Person(f"bench-coordinator-{number}", "coordinator", {**officer.scope, "wadah_id": made["wadah_id"]})


async def _agent(doors: Doors, number: int, coordinator: Person) -> Person:
    """Registered by the branch, paid, protected, proposed by the Wadah, certified and activated."""
    branch = {"branch_id": coordinator.scope["branch_id"]}
    officer = Person(f"bench-certifier-{branch['branch_id']}", "officer", branch)
    head = Person(f"bench-head-{branch['branch_id']}", "checker", branch)
    form, key = people.form(number), f"bench-agent-{number}"
    registered = await doors.post("registration", "/participants", officer, form, key=f"{key}-register")
    participant = registered["participant_id"]

    async def billed() -> bool:
        return bool(await doors.find("payments", "/bills", officer, participant_id=participant))

    async def protected() -> bool:
        found = await doors.get("registration", f"/participants/{participant}", officer)
        return str(found["status"]) == "protected"

    await until(f"the first bill of agent {number}", billed)
    await doors.outside("bank", "POST", "/pay", {"customer_no": registered["contribution_code"]})
    await until(f"protection of agent {number}", protected)
    proposal = {"participant_id": participant, "name": form["name"], "phone": form["phone"]}
    agent = (await doors.post("registration", "/agents", coordinator, proposal, key=f"{key}-propose"))["agent_id"]
    certified = {"certificate_number": f"SERT-B{number:06d}", "certified_on": "2025-05-05"}
    await doors.post("registration", f"/agents/{agent}/certification", officer, certified, key=f"{key}-certify")
    await doors.post("registration", f"/agents/{agent}/activation", head, key=f"{key}-activate")
    return Person(key, "agent", {**coordinator.scope, "agent_id": agent})
