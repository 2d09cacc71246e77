"""Settlement: each door is open to its roles alone."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tests.integration.payments.office import Office
from tests.integration.payments.people import BRANCH
from tests.support.service import Harness
from tests.support.settlement import DAY, marked


async def test_each_door_is_open_to_its_roles_alone(h: Harness, office: Office) -> None:
    file = (await office.upload(marked())).json()["file_id"]
    keepers, readers = {"central", "operator"}, {"central", "operator", "auditor"}
    doors: Sequence[tuple[str, str, set[str]]] = [
        ("POST", "/settlements/layouts", keepers),
        ("GET", "/settlements/layouts", readers),
        ("POST", f"/settlements/days/bank-a/{DAY}/files", keepers),
        ("GET", f"/settlements/days/bank-a/{DAY}", readers),
        ("POST", f"/settlements/days/bank-a/{DAY}/credits", keepers),
        ("POST", f"/settlements/days/bank-a/{DAY}/corrections", {"central"}),
        ("POST", f"/settlements/days/bank-a/{DAY}/corrections/{UUID(int=1)}/approval", {"central"}),
        ("POST", f"/settlements/days/bank-a/{DAY}/corrections/{UUID(int=1)}/refusal", {"central"}),
        ("GET", "/settlements/files", readers),
        ("GET", f"/settlements/files/{file}", readers),
        ("GET", f"/settlements/files/{file}/lines", readers),
        ("GET", "/settlements/cases", readers),
        ("GET", f"/settlements/cases/{UUID(int=1)}", readers),
        ("POST", f"/settlements/cases/{UUID(int=1)}/take", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/status", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/close", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/bookings", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/bookings/{UUID(int=2)}/approval", {"central"}),
        ("POST", f"/settlements/cases/{UUID(int=1)}/bookings/{UUID(int=2)}/refusal", {"central"}),
    ]
    roles = {"agent", "officer", "checker", "coordinator", "participant", "central", "auditor", "operator", "service"}
    for method, path, allowed in doors:
        assert (await h.client.request(method, path)).status_code == 401
        for role in sorted(roles):
            headers = h.token(roles=[role], branch_id=BRANCH)
            status = (await h.client.request(method, path, headers=headers)).status_code
            assert (status == 403) == (role not in allowed), (method, path, role, status)
