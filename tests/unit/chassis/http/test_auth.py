"""Tokens: only one that passes every check opens anything, and a refusal says no more than that."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from chassis.http import Principal, allow, auth
from chassis.http.app import create_app
from chassis.http.auth import Verifier
from chassis.http.keys import FixedKeys
from chassis.problems import Refusal
from tests.support.clock import FakeClock
from tests.support.tokens import AUDIENCE, ISSUER, TokenIssuer, new_key

Ask = Callable[[dict[str, str]], Awaitable[httpx.Response]]
BRANCH = UUID(int=7)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer(clock: FakeClock) -> TokenIssuer:
    return TokenIssuer(clock)


async def refused(issuer: TokenIssuer, token: str) -> str:
    with pytest.raises(Refusal) as caught:
        await issuer.verifier.principal(token)
    return caught.value.rejected.problem.code


async def test_valid_token_names_the_principal(issuer: TokenIssuer) -> None:
    token = issuer.token(sub="agent-1", roles=["agent", "participant"], branch_id=BRANCH, agent_id=UUID(int=8))
    assert await issuer.verifier.principal(token) == Principal(
        "agent-1", frozenset({"agent", "participant"}), branch_id=BRANCH, agent_id=UUID(int=8)
    )


async def test_audience_may_be_one_of_several(issuer: TokenIssuer) -> None:
    assert (await issuer.verifier.principal(issuer.token(aud=["other", "perisai"]))).roles


WRONG: dict[str, dict[str, Any]] = {
    "other issuer": {"iss": "https://evil.test"},
    "no issuer": {"iss": None},
    "other service's token": {"aud": "payroll"},
    "no audience": {"aud": None},
    "no expiry": {"exp": None},
    "no issue time": {"iat": None},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "subject with control characters": {"sub": "a\nb"},
    "subject that is no text": {"sub": 5},
    "no roles": {"roles": None},
    "empty roles": {"roles": []},
    "roles that are no list": {"roles": "operator"},
    "roles that are no texts": {"roles": [{"operator": True}]},
    "scope that is no id": {"branch_id": "all"},
    "expiry that is no number": {"exp": "never"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
async def test_wrong_claim_is_unauthorized(issuer: TokenIssuer, changes: dict[str, Any]) -> None:
    assert await refused(issuer, issuer.token(**changes)) == "unauthorized"


class TestTime:
    @pytest.mark.parametrize(("passed_s", "valid"), [(0, True), (599, True), (604, True), (606, False), (9999, False)])
    async def test_token_expires_on_the_wall_clock(
        self, issuer: TokenIssuer, clock: FakeClock, passed_s: int, valid: bool
    ) -> None:
        token = issuer.token()
        clock.move_wall(timedelta(seconds=passed_s))
        if valid:
            assert (await issuer.verifier.principal(token)).roles
        else:
            assert await refused(issuer, token) == "unauthorized"

    async def test_business_time_means_nothing_to_a_token(self, issuer: TokenIssuer, clock: FakeClock) -> None:
        token = issuer.token()
        clock.set(clock.business() + timedelta(days=400))
        assert (await issuer.verifier.principal(token)).roles

    async def test_token_of_the_future_is_refused(self, issuer: TokenIssuer, clock: FakeClock) -> None:
        now = int(clock.wall().timestamp())
        for token in (issuer.token(nbf=now + 60), issuer.token(iat=now + 60)):
            assert await refused(issuer, token) == "unauthorized"

    async def test_token_that_lives_over_an_hour_is_refused(self, issuer: TokenIssuer, clock: FakeClock) -> None:
        now = int(clock.wall().timestamp())
        assert (await issuer.verifier.principal(issuer.token(exp=now + 3600))).roles
        assert await refused(issuer, issuer.token(exp=now + 3601)) == "unauthorized"


class TestSecondUse:
    """A signature is computed once; everything that can change is asked again."""

    async def test_known_token_expires_all_the_same(self, issuer: TokenIssuer, clock: FakeClock) -> None:
        token = issuer.token()
        assert (await issuer.verifier.principal(token)).roles
        clock.move_wall(timedelta(seconds=606))
        assert await refused(issuer, token) == "unauthorized"

    async def test_known_token_dies_with_its_key(self, clock: FakeClock) -> None:
        issuer = TokenIssuer(clock)
        keys = FixedKeys(KeySet([issuer.key]))
        issuer.verifier = Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=clock)
        token = issuer.token()
        assert (await issuer.verifier.principal(token)).roles
        keys._keys.clear()
        assert await refused(issuer, token) == "unauthorized"

    async def test_known_token_is_proven_again_under_another_key_of_that_id(self, clock: FakeClock) -> None:
        issuer = TokenIssuer(clock)
        keys = FixedKeys(KeySet([issuer.key]))
        issuer.verifier = Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=clock)
        token = issuer.token()
        assert (await issuer.verifier.principal(token)).roles
        keys._keys[issuer.key.kid or ""] = new_key()
        assert await refused(issuer, token) == "unauthorized"

    async def test_changed_copy_of_a_known_token_is_refused(self, issuer: TokenIssuer) -> None:
        token = issuer.token()
        assert (await issuer.verifier.principal(token)).roles
        head, claims, signature = token.split(".")
        changed = claims[:8] + ("A" if claims[8] != "A" else "B") + claims[9:]
        assert await refused(issuer, f"{head}.{changed}.{signature}") == "unauthorized"

    async def test_only_so_many_are_remembered(self, issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auth, "MOST_PROVEN", 2)
        tokens = [issuer.token(sub=f"agent-{n}") for n in range(4)]
        assert [(await issuer.verifier.principal(token)).subject for token in [*tokens, tokens[0]]][-1] == "agent-0"
        assert len(issuer.verifier._proven) == 2


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


class TestForgery:
    async def test_other_key_under_a_known_id(self, issuer: TokenIssuer) -> None:
        forged = issuer.token(key=new_key(), header={"kid": issuer.key.kid})
        assert await refused(issuer, forged) == "unauthorized"

    async def test_unknown_key(self, issuer: TokenIssuer) -> None:
        assert await refused(issuer, issuer.token(key=new_key())) == "unauthorized"

    async def test_no_signature(self, issuer: TokenIssuer) -> None:
        claims = issuer.token().split(".")[1]
        for algorithm in ("none", "None", "NONE"):
            header = encoded({"alg": algorithm, "kid": issuer.key.kid})
            assert await refused(issuer, f"{header}.{claims}.") == "unauthorized"

    async def test_public_key_used_as_a_shared_secret(self, issuer: TokenIssuer) -> None:
        claims = json.loads(base64.urlsafe_b64decode(issuer.token().split(".")[1] + "=="))
        secret = issuer.key.as_pem(private=False)
        told = ".".join(encoded(part) for part in ({"alg": "HS256", "kid": issuer.key.kid}, claims))
        signature = hmac.digest(secret, told.encode(), "sha256")
        token = f"{told}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert await refused(issuer, token) == "unauthorized"

    async def test_algorithm_that_is_not_pinned(self, issuer: TokenIssuer) -> None:
        claims = json.loads(base64.urlsafe_b64decode(issuer.token().split(".")[1] + "=="))
        key = RSAKey.generate_key(2048)
        header = {"alg": "PS256", "kid": issuer.key.kid}
        assert await refused(issuer, jwt.encode(header, claims, key, algorithms=["PS256"])) == "unauthorized"

    @pytest.mark.parametrize("part", [0, 1, 2])
    async def test_changed_byte_in_any_part(self, issuer: TokenIssuer, part: int) -> None:
        parts = issuer.token().split(".")
        for at in range(0, len(parts[part]) - 1, 7):
            changed = parts[part][:at] + ("A" if parts[part][at] != "A" else "B") + parts[part][at + 1 :]
            assert await refused(issuer, ".".join([*parts[:part], changed, *parts[part + 1 :]])) == "unauthorized"

    @pytest.mark.parametrize(
        "token", ["", ".", "..", "a.b.c", "x" * 10_000, "é.é.é", "eyJhbGciOiJFUzI1NiJ9.e30.", "null"]
    )
    async def test_nonsense(self, issuer: TokenIssuer, token: str) -> None:
        assert await refused(issuer, token) == "unauthorized"


class TestRoute:
    @pytest.fixture
    def ask(self, issuer: TokenIssuer) -> Ask:
        router = APIRouter()

        @router.get("/mine")
        async def mine(principal: Annotated[Principal, Depends(allow("agent", "officer"))]) -> list[str]:
            return sorted(principal.roles)

        app = create_app("shop", routers=[router], verifier=issuer.verifier, checks={})

        async def ask(headers: dict[str, str]) -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
                return await client.get("/mine", headers=headers)

        return ask

    async def test_one_of_the_roles_is_enough(self, issuer: TokenIssuer, ask: Ask) -> None:
        answer = await ask(issuer.headers("officer", "agent", branch_id=uuid4()))
        assert (answer.status_code, answer.json()) == (200, ["agent", "officer"])

    async def test_a_role_that_the_route_does_not_admit_lends_it_nothing(self, issuer: TokenIssuer, ask: Ask) -> None:
        """Or a checker of one branch who is an auditor too would decide in every other."""
        answer = await ask(issuer.headers("officer", "auditor", branch_id=uuid4()))
        assert (answer.status_code, answer.json()) == (200, ["officer"])

    async def test_other_role_is_forbidden(self, issuer: TokenIssuer, ask: Ask) -> None:
        answer = await ask(issuer.headers("coordinator"))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")

    @pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "token"])
    async def test_no_token_is_unauthorized(self, ask: Ask, value: str | None) -> None:
        answer = await ask({} if value is None else {"Authorization": value})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
