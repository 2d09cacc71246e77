"""Delivery receipts: each goes to the webhook until the customer answers 2xx, with growing pauses, for a day at most."""

import asyncio
import json
import logging
import random
import sqlite3
from datetime import UTC, datetime

import httpx

from deploy.local.gateway.clock import now, timestamp
from deploy.local.gateway.settings import Settings
from deploy.local.gateway.signature import sign_receipt
from deploy.local.gateway.store import Receipt, Store
from deploy.local.outside.stop import Stop

_AT_ONCE = 16
_LOOK_EVERY_S = 0.05


class Courier:
    """Works in the background of the gateway."""

    def __init__(self, settings: Settings, store: Store, stop: Stop) -> None:
        self._settings, self._store, self._stop = settings, store, stop
        self._http = httpx.AsyncClient(timeout=settings.receipt_timeout_s, trust_env=False)

    async def run(self) -> None:
        """Until the gateway stops; receipts in hand are finished, the others wait in the store."""
        async with self._http:
            while not self._stop.wanted:
                try:
                    due = self._store.due(now().timestamp(), _AT_ONCE)
                    await asyncio.gather(*(self._carry(receipt) for receipt in due))
                except sqlite3.Error:  # such as a full disk: heals, and the receipts are still in the store
                    logging.exception("the store cannot be used; trying again")
                    due = []
                if not due:
                    await self._stop.pause(_LOOK_EVERY_S)

    async def _carry(self, receipt: Receipt) -> None:
        if receipt.tries == 0:
            self._store.arrived(receipt)
        if self._settings.webhook_url is None:
            self._store.end(receipt, "abandoned")
        elif await self._deliver(self._settings.webhook_url, receipt):
            self._store.end(receipt, "acknowledged")
        elif now().timestamp() - receipt.first_due_at > self._settings.give_up_s:
            logging.error("receipt of %s abandoned after %s tries", receipt.message_id, receipt.tries + 1)
            self._store.end(receipt, "abandoned")
        else:
            self._store.postpone(receipt, now().timestamp() + self._wait_s(receipt.tries))

    async def _deliver(self, webhook_url: str, receipt: Receipt) -> bool:
        """True when the customer took it."""
        body = receipt_body(receipt)
        sent_at = timestamp(now())
        try:
            headers = {
                "Content-Type": "application/json",
                "X-Timestamp": sent_at,
                "X-Signature": sign_receipt(self._settings.webhook_secret, sent_at, body),
            }
            answer = await self._http.post(webhook_url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        except Exception:  # settles: whatever is met when a customer dies in mid-answer, the receipt is tried again
            logging.exception("a receipt could not be handed over; it is tried again")
            return False
        return answer.is_success

    def _wait_s(self, tries: int) -> float:
        longest = min(self._settings.backoff_cap_s, self._settings.backoff_s * 2.0 ** min(tries, 20))
        return longest * random.uniform(0.5, 1)


def receipt_body(receipt: Receipt) -> bytes:
    """The JSON a customer gets; the same for every try, `at` being when the message met its fate."""
    fields = {
        "message_id": receipt.message_id,
        "reference": receipt.reference,
        "status": receipt.status,
        **({"reason": receipt.reason} if receipt.reason else {}),
        "at": timestamp(datetime.fromtimestamp(receipt.first_due_at, UTC), timespec="milliseconds"),
    }
    return json.dumps(fields, separators=(",", ":")).encode()
