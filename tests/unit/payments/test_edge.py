"""What a bank is told when its call is refused before anything looked at it: SNAP's form, with the service's own code."""

from __future__ import annotations

import json

import pytest

from chassis.problems import BAD_REQUEST, OVERLOADED, Rejected
from services.payments.api.snap.routes import at_the_edge


@pytest.mark.parametrize(
    ("path", "rejected", "code"),
    [
        ("/snap/v1.0/transfer-va/payment", Rejected(OVERLOADED), "4292500"),
        ("/snap/v1.0/transfer-va/inquiry", Rejected(OVERLOADED), "4292400"),
        ("/snap/v1.0/access-token/b2b", Rejected(BAD_REQUEST), "4007300"),
    ],
)
def test_overload_is_told_in_the_form_of_the_standard(path: str, rejected: Rejected, code: str) -> None:
    response = at_the_edge(path, rejected)
    assert json.loads(bytes(response.body))["responseCode"] == code
    assert response.status_code == int(code[:3])
