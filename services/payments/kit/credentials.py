"""What a bank's team holds of a sandbox: partners that differ in what was agreed, and numbers to pay. Test keys, never those of production."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel, ConfigDict, Field


class Side(BaseModel):
    """One partner as it knows itself. `asymmetric`: it signs its calls with its key and needs no token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partner_id: str
    client_key: str
    client_secret: str = Field(repr=False)
    private_key: str = Field(repr=False)
    """PEM."""
    prefix: str
    asymmetric: bool = False

    def key(self) -> rsa.RSAPrivateKey:
        """The private key. Raises ValueError for a text that is none."""
        key = load_pem_private_key(self.private_key.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("not an RSA key")
        return key


class QrCode(BaseModel):
    """The code of a bill that nobody paid: our reference of it, its sum as it is written, and the contribution code that owes the bill."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    amount: str
    customer_no: str


class VoidedPayment(BaseModel):
    """A payment of `plain` that its files never showed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer_no: str
    payment_request_id: str
    amount: str


class Credentials(BaseModel):
    """`sides` by what is special about them: plain, key, bca, shut, limited, strict, shop (a chain of shops), acquirer and acquirer-key (of QR
    codes, symmetric and asymmetric); `numbers` by what is true of them: owing, blocked, closed, deposit, collective; expired: of a
    registration that was not paid in time, overdue: the own number of its bill; ended: of a collective bill whose people all paid alone;
    single: own numbers of open bills, and standing: the contribution codes of the same people, in the same order; withdrawn: own numbers of
    bills that were cancelled; first: of somebody whose first payment `shop` does not take; small and large: bills below and above what it takes.

    `codes`: of `acquirer`. `business_offset_s`: business time minus wall time, which a sandbox may have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str
    business_offset_s: int = 0
    sides: Mapping[str, Side]
    numbers: Mapping[str, tuple[str, ...]]
    codes: tuple[QrCode, ...] = ()
    voided: tuple[VoidedPayment, ...] = ()
