"""What the API takes and gives about money that went astray or leaves. Only an account's own page names a person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chassis.http import Day, field_fault, names_nobody
from contracts.events.astray import AccountNumber, Action, BankCode, PayeeKind
from contracts.values import Code

Evidence = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./:_#-]{0,99}$")]
"""What a reader can find again: a file and its line, an account line, a letter's number. No names, no text about people."""
Rupiahs = Annotated[int, Field(strict=True, gt=0, lt=2**53)]
PartnerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,31}$")]

_NEEDED = {
    Action.MATCH: ("participant_id", "bill_id"),
    Action.CREDIT: ("participant_id",),
    Action.RETURN: ("payee_account_id",),
    Action.ASSIGN: ("account",),
    Action.VOID: ("evidence",),
    Action.REFUND: ("payee_account_id",),
}


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProposalWanted(_Asked):
    """MATCH names participant and bill, CREDIT a participant, RETURN and REFUND a payee account, ASSIGN an account, VOID its evidence.

    Without `amount`: all of it.
    """

    action: Action
    payment_id: UUID
    amount: Rupiahs | None = None
    reason: Code
    evidence: Evidence | None = None
    participant_id: UUID | None = None
    bill_id: UUID | None = None
    account: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9:-]{0,99}$")] | None = None
    payee_account_id: UUID | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> ProposalWanted:
        for name in _NEEDED[self.action]:
            if getattr(self, name) is None:
                raise field_fault(
                    "missing_for_action",
                    id="Isian yang diperlukan tindakan ini belum ada: MATCH peserta dan tagihan, CREDIT peserta, "
                    "RETURN dan REFUND rekening, ASSIGN akun, VOID bukti.",
                    en="A field that this action needs is missing: MATCH participant and bill, CREDIT participant, "
                    "RETURN and REFUND payee account, ASSIGN account, VOID evidence.",
                )
        return self


class WithdrawalWanted(_Asked):
    """Without `amount`: the whole balance. The account is one of the agent's own participation or of the Wadah."""

    amount: Rupiahs | None = None
    reason: Code
    payee_account_id: UUID


class Refusing(_Asked):
    reason: Code


class ProposalShown(BaseModel):
    """`action` WITHDRAW: money of the balance of `agent_id` goes back to the agent, and `payment_id` will name it.

    `others_pending`: other proposals about the same money that wait too; approving one may leave too little for another, which is refused then.
    """

    proposal_id: UUID
    action: str
    payment_id: UUID
    amount: int
    reason: str
    evidence: str | None
    participant_id: UUID | None
    bill_id: UUID | None
    account: str | None
    payee_account_id: UUID | None
    made_by: str
    made_at: datetime
    status: str
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    agent_id: UUID | None
    others_pending: list[UUID]


class ProposalsShown(BaseModel):
    """`next` continues the list; null at its end."""

    proposals: list[ProposalShown]
    next: UUID | None


class CaseShown(BaseModel):
    """`held` rupiah still wait, for `age_days` full days; `waits_for` says whose turn it is.

    `pending`: every proposal about it that waits for a decision; `proposal_id` is the first of them.
    """

    payment_id: UUID
    partner: str
    channel: str
    channel_reference: str
    participant_id: UUID | None
    branch_id: UUID | None
    amount: int
    held: int
    reason: str
    effective_at: datetime
    since: datetime
    age_days: int
    owner: str | None
    waits_for: Literal["maker", "checker", "nobody"]
    proposal_id: UUID | None
    pending: list[UUID]
    outcome: str | None
    closed_at: datetime | None


class CasesShown(BaseModel):
    cases: list[CaseShown]
    next: UUID | None


class PayeeWanted(_Asked):
    """PARTICIPANT and WADAH name their owner; PAYER is somebody who paid and is no participant of ours."""

    kind: PayeeKind
    owner_id: UUID | None = None
    bank_code: BankCode
    number: AccountNumber = Field(repr=False)
    holder: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(repr=False)

    @model_validator(mode="after")
    def _names_its_owner(self) -> PayeeWanted:
        if (self.kind is PayeeKind.PAYER) != (self.owner_id is None):
            raise field_fault(
                "owner_does_not_fit",
                id="Sebut owner_id untuk peserta atau Wadah, dan kosongkan untuk pembayar lain.",
                en="Name owner_id for a participant or a Wadah, and leave it out for another payer.",
            )
        return self


class Verifying(_Asked):
    """`evidence`: what the account was compared with, in a person's words; no number of the account or of a person."""

    evidence: Annotated[Evidence, AfterValidator(names_nobody)]


class PayeeShown(BaseModel):
    payee_account_id: UUID
    kind: str
    owner_id: UUID | None
    bank_code: str
    number_ends: str | None
    recorded_by: str
    verified_by: str | None
    evidence: str | None
    retired_for: str | None


class PayeeInFull(PayeeShown):
    """For the two people who look at it; blank once the person is forgotten."""

    number: str | None
    holder: str | None


class OrderShown(BaseModel):
    """`account` owes the money; nothing moves in the ledger until the transfer is confirmed."""

    order_id: UUID
    purpose: str
    reference: str
    payee_account_id: UUID
    amount: int
    account: str
    payment_id: UUID | None
    participant_id: UUID | None
    status: str
    ordered_at: datetime
    closed_at: datetime | None
    partner: str | None
    paid_on: date | None
    evidence: str | None
    failed_for: str | None


class OrdersShown(BaseModel):
    orders: list[OrderShown]
    next: UUID | None


class Confirming(_Asked):
    """`partner`: the bank whose account of ours was debited on `paid_on` (WIB)."""

    partner: PartnerName
    paid_on: Day
    evidence: Evidence


class RefundShown(BaseModel):
    """`order_status` is that of the transfer; null while nobody ordered one. Credit that was left has no months, and an id of its own."""

    payment_id: UUID
    participant_id: UUID
    amount: int
    months: list[str]
    reason: str
    since: datetime
    order_status: str | None


class RefundsShown(BaseModel):
    refunds: list[RefundShown]
    next: UUID | None
