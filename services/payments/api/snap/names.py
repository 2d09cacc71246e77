"""Who a bank shows before the customer confirms."""

from __future__ import annotations

from typing import Final

from chassis.privacy.vault import Vault
from services.payments.commands.targets import OneBill, Target
from services.payments.groups import KeptBalance, KeptCollective

DEPOSIT: Final = "SALDO AGEN PERISAI"


def name_of(target: Target, vault: Vault) -> str | None:
    """A person's name from its encrypted copy (None: forgotten); of a collective bill how many it is for; of an agent's code no name."""
    match target:
        case KeptCollective():
            return f"TAGIHAN KOLEKTIF {target.bill.heads} PESERTA"
        case KeptBalance():
            return DEPOSIT
    kept = target.kept if isinstance(target, OneBill) else target
    return vault.open("payers", "name", kept.payer.participant_id, kept.name, of=kept.payer.participant_id)
