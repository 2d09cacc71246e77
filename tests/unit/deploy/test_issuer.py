"""The token issuer, over HTTP, as a verifier and as an administrator see it."""

import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidKeyIdError, InvalidTokenError
from joserfc.jwk import KeySet

from deploy.local.issuer.app import compose
from deploy.local.outside.environment import Environment, SettingError
from tests.unit.deploy.serving import party

ADMIN = {"Authorization": "Bearer admin-secret"}
AGENT = {
    "client_secret": "agent-secret",
    "sub": "agent-budi",
    "roles": ["agent"],
    "wadah_id": "w-1",
    "agent_id": "a-1",
}


def variables(folder: Path, **more: str) -> dict[str, str]:
    return {"DATA_DIR": str(folder), "ADMIN_TOKEN": "admin-secret", "ISSUER": "http://issuer.test", **more}


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with party(compose, variables(tmp_path)) as client:
        yield client


async def token_of_agent(issuer: httpx.AsyncClient) -> str:
    await issuer.put("/admin/accounts/budi", json=AGENT, headers=ADMIN)
    answer = await issuer.post("/token", data={"grant_type": "client_credentials"}, auth=("budi", "agent-secret"))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def minted(client: httpx.AsyncClient, /, **wish: Any) -> str:
    answer = await client.post("/admin/tokens", json={"sub": "x", "roles": ["service"], **wish}, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def verified(issuer: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """The claims as a verifier gets them: discovery, keys, signature, times, issuer, audience."""
    keys = KeySet.import_key_set((await issuer.get("/jwks")).json())
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": "http://issuer.test"},
        aud={"essential": True, "value": "perisai"},
        exp={"essential": True},
        nbf={"essential": True},
    )
    rules.validate(decoded.claims)
    return decoded.claims


class TestToken:
    async def test_carries_the_claims_of_the_account_for_fifteen_minutes(self, issuer: httpx.AsyncClient) -> None:
        claims = await verified(issuer, await token_of_agent(issuer))
        assert {name: claims[name] for name in ("sub", "roles", "wadah_id", "agent_id")} == {
            "sub": "agent-budi",
            "roles": ["agent"],
            "wadah_id": "w-1",
            "agent_id": "a-1",
        }
        assert "branch_id" not in claims and "participant_id" not in claims
        assert claims["exp"] - claims["nbf"] == 900
        assert abs(claims["iat"] - time.time()) < 10

    async def test_accepts_the_secret_in_the_form_too(self, issuer: httpx.AsyncClient) -> None:
        await issuer.put("/admin/accounts/budi", json=AGENT, headers=ADMIN)
        form = {"grant_type": "client_credentials", "client_id": "budi", "client_secret": "agent-secret"}
        answer = await issuer.post("/token", data=form)
        assert (answer.status_code, answer.json()["token_type"], answer.json()["expires_in"]) == (200, "Bearer", 900)
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(("name", "secret"), [("budi", "wrong-secret"), ("nobody", "agent-secret")])
    async def test_wrong_secret_and_unknown_client_look_alike(
        self, issuer: httpx.AsyncClient, name: str, secret: str
    ) -> None:
        await issuer.put("/admin/accounts/budi", json=AGENT, headers=ADMIN)
        answer = await issuer.post("/token", data={"grant_type": "client_credentials"}, auth=(name, secret))
        assert answer.status_code == 401
        assert answer.json() == {"error": "invalid_client", "error_description": "unknown client or wrong secret"}

    @pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode()])
    async def test_unreadable_basic_header_is_an_invalid_client(self, issuer: httpx.AsyncClient, header: str) -> None:
        answer = await issuer.post(
            "/token", data={"grant_type": "client_credentials"}, headers={"Authorization": header}
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    async def test_other_grant_is_refused(self, issuer: httpx.AsyncClient) -> None:
        answer = await issuer.post("/token", data={"grant_type": "password"})
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")

    async def test_removed_account_gets_no_more_tokens(self, issuer: httpx.AsyncClient) -> None:
        await token_of_agent(issuer)
        assert (await issuer.delete("/admin/accounts/budi", headers=ADMIN)).status_code == 204
        answer = await issuer.post("/token", data={"grant_type": "client_credentials"}, auth=("budi", "agent-secret"))
        assert answer.status_code == 401


class TestKeys:
    async def test_discovery_names_the_keys_and_the_token_endpoint(self, issuer: httpx.AsyncClient) -> None:
        found = (await issuer.get("/.well-known/openid-configuration")).json()
        assert found.items() >= {
            ("issuer", "http://issuer.test"),
            ("jwks_uri", "http://issuer.test/jwks"),
            ("token_endpoint", "http://issuer.test/token"),
        }

    async def test_publishes_no_private_part(self, issuer: httpx.AsyncClient) -> None:
        (key,) = (await issuer.get("/jwks")).json()["keys"]
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert (key["crv"], key["alg"], key["use"]) == ("P-256", "ES256", "sig")

    async def test_token_given_before_a_rotation_still_verifies_after_it(self, issuer: httpx.AsyncClient) -> None:
        before = await token_of_agent(issuer)
        rotated = (await issuer.post("/rotate", headers=ADMIN)).json()
        after = await token_of_agent(issuer)
        assert len(rotated["published"]) == 2
        assert jwt_header(before)["kid"] != jwt_header(after)["kid"] == rotated["kid"]
        assert (await verified(issuer, before))["sub"] == (await verified(issuer, after))["sub"] == "agent-budi"

    async def test_key_and_accounts_survive_a_restart(self, tmp_path: Path) -> None:
        async with party(compose, variables(tmp_path)) as issuer:
            token = await token_of_agent(issuer)
        async with party(compose, variables(tmp_path)) as issuer:
            assert (await verified(issuer, token))["sub"] == "agent-budi"
            assert (await issuer.get("/admin/accounts", headers=ADMIN)).json() == {
                "budi": {"sub": "agent-budi", "roles": ["agent"], "wadah_id": "w-1", "agent_id": "a-1"}
            }

    async def test_old_key_is_forgotten_when_its_last_token_has_expired(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wall = Mock(**{"time.return_value": 1_780_000_000.0})
        monkeypatch.setattr("deploy.local.issuer.clock.time", wall)
        async with party(compose, variables(tmp_path, TOKEN_LIFE_S="60", ROTATION_OVERLAP_S="90")) as issuer:
            (old,) = (await issuer.get("/jwks")).json()["keys"]
            kid = (await issuer.post("/rotate", headers=ADMIN)).json()["kid"]
            wall.time.return_value += 89
            assert await published(issuer) == {old["kid"], kid}
            wall.time.return_value += 1
            assert await published(issuer) == {kid}


class TestMinting:
    async def test_expired_token(self, issuer: httpx.AsyncClient) -> None:
        with pytest.raises(ExpiredTokenError):
            await verified(issuer, await minted(issuer, starts_in_s=-3600, life_s=900))

    async def test_not_yet_valid_token(self, issuer: httpx.AsyncClient) -> None:
        with pytest.raises(InvalidTokenError):
            await verified(issuer, await minted(issuer, starts_in_s=3600))

    async def test_token_of_a_key_that_is_not_published(self, issuer: httpx.AsyncClient) -> None:
        with pytest.raises((BadSignatureError, InvalidKeyIdError, ValueError)):
            await verified(issuer, await minted(issuer, key="unpublished"))

    async def test_foreign_issuer_and_audience(self, issuer: httpx.AsyncClient) -> None:
        token = await minted(issuer, issuer="http://elsewhere.test", audience="others")
        keys = KeySet.import_key_set((await issuer.get("/jwks")).json())
        claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
        assert (claims["iss"], claims["aud"]) == ("http://elsewhere.test", "others")


class TestAdmin:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/rotate"), ("PUT", "/admin/accounts/x"), ("GET", "/admin/accounts"), ("POST", "/admin/tokens")],
    )
    async def test_needs_the_admin_token(self, issuer: httpx.AsyncClient, method: str, path: str) -> None:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = await issuer.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "admin_only")

    async def test_unknown_role_is_refused_without_echoing_the_secret(self, issuer: httpx.AsyncClient) -> None:
        answer = await issuer.put("/admin/accounts/x", json={**AGENT, "roles": ["emperor"]}, headers=ADMIN)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["roles.0"]
        assert "agent-secret" not in answer.text


class TestAccountsFile:
    async def test_its_accounts_can_ask_for_tokens(self, tmp_path: Path) -> None:
        path = tmp_path / "accounts.json"
        path.write_text(json.dumps({"accounts": [{"client_id": "budi", **AGENT}]}))
        async with party(compose, variables(tmp_path, ACCOUNTS_FILE=str(path))) as issuer:
            answer = await issuer.post(
                "/token", data={"grant_type": "client_credentials"}, auth=("budi", "agent-secret")
            )
            assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"accounts": [{"client_id": "b"}]}', "is wrong at accounts.0."),
            ("{", "is not JSON"),
        ],
    )
    async def test_a_wrong_file_ends_in_a_sentence(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "accounts.json"
        path.write_text(text)
        with pytest.raises(SettingError, match=said):
            compose(Environment(variables(tmp_path, ACCOUNTS_FILE=str(path))))


def jwt_header(token: str) -> dict[str, Any]:
    encoded = token.partition(".")[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return header


async def published(issuer: httpx.AsyncClient) -> set[str]:
    return {key["kid"] for key in (await issuer.get("/jwks")).json()["keys"]}
