"""Value types shared by every contract: money, months, identifiers, codes of the domain glossary.
 Money is whole rupiah. Civil months are months in Asia/Jakarta (WIB). Numbers that people read out (NIK, KPJ, codes,
phones) are text."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache, total_ordering
from typing import Annotated, Any, NewType
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AwareDatetime,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

WIB = ZoneInfo("Asia/Jakarta")

Rupiah = NewType("Rupiah", int)
Amount = Annotated[Rupiah, Field(ge=0, lt=2**53, strict=True)]
"""Whole rupiah, never negative, exact in every JSON reader."""
Difference = Annotated[Rupiah, Field(ge=-(2**53) + 1, lt=2**53, strict=True)]
"""Whole rupiah that may be below zero: a balance carried forward, a correction."""
USUAL_GRACE_MONTHS = 3
"""Of contribution months whose events say nothing else (Perdir 22/2022)."""
USUAL_DROP_MONTHS = 3
"""Of statements that say nothing else (Perdir 13/2022)."""
Count = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Instant = AwareDatetime

BranchId = NewType("BranchId", UUID)
WadahId = NewType("WadahId", UUID)
AgentId = NewType("AgentId", UUID)
OutreachId = NewType("OutreachId", UUID)
ReassignmentId = NewType("ReassignmentId", UUID)
ParticipantId = NewType("ParticipantId", UUID)
BillId = NewType("BillId", UUID)
PaymentId = NewType("PaymentId", UUID)
NotificationId = NewType("NotificationId", UUID)
TransferOrderId = NewType("TransferOrderId", UUID)
DisputeId = NewType("DisputeId", UUID)
ProposalId = NewType("ProposalId", UUID)
PayeeAccountId = NewType("PayeeAccountId", UUID)
CaseId = NewType("CaseId", UUID)
SettlementFileId = NewType("SettlementFileId", UUID)
ParameterSetId = NewType("ParameterSetId", UUID)
ErasureId = NewType("ErasureId", UUID)
ExportId = NewType("ExportId", UUID)

Nik = Annotated[str, StringConstraints(pattern=r"^[0-9]{16}$")]
NikHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Keyed hash (HMAC-SHA256, hex) of a NIK: finds a person, names nobody."""
Kpj = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]
ContributionCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A stable lower-case reason code."""
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=255)]
LongText = Annotated[str, StringConstraints(max_length=1000)]


class Programme(StrEnum):
    """Social security programmes open to BPU (Permenaker 5/2021 Art. 31): JKK and JKM as one bundle, JHT on top."""

    JKK = "JKK"
    JKM = "JKM"
    JHT = "JHT"


class Sector(StrEnum):
    """Sector of the primary occupation; decides the window of the discount (PP 50/2025)."""

    TRANSPORT = "TRANSPORT"
    OTHER = "OTHER"


class FundingSource(StrEnum):
    """Who pays; STATE (APBN) and LOCAL_GOV (APBD) get no discount (PP 50/2025)."""

    SELF = "SELF"
    DONOR = "DONOR"
    EMPLOYER = "EMPLOYER"
    STATE = "STATE"
    LOCAL_GOV = "LOCAL_GOV"


class Sex(StrEnum):
    FEMALE = "F"
    MALE = "M"


class Language(StrEnum):
    INDONESIAN = "id"
    ENGLISH = "en"


@total_ordering
class ContributionMonth:
    """One calendar month in WIB that a contribution pays for; JSON form "2026-04". Ordered; `month + n` moves by n
    months."""

    __slots__ = ("_ordinal",)

    def __init__(self, year: int, month: int) -> None:
        if not (1900 <= year <= 9999 and 1 <= month <= 12):
            raise ValueError(f"no such month: {year}-{month}")
        self._ordinal = year * 12 + month - 1

    @classmethod
    def parse(cls, text: str) -> ContributionMonth:
        """Reads "YYYY-MM"; raises ValueError for anything else."""
        if len(text) != 7 or text[4] != "-" or not (text[:4] + text[5:]).isdecimal() or not text.isascii():
            raise ValueError("a contribution month is written YYYY-MM")
        return cls(int(text[:4]), int(text[5:]))

    @classmethod
    def of(cls, instant: datetime) -> ContributionMonth:
        """The WIB month in which an aware instant lies."""
        return _month_of(instant)

    @property
    def year(self) -> int:
        return self._ordinal // 12

    @property
    def month(self) -> int:
        return self._ordinal % 12 + 1

    @property
    def starts_at(self) -> datetime:
        """00:00 WIB of the first day, as UTC."""
        return _start_of(self.year, self.month)

    @property
    def ends_at(self) -> datetime:
        """24:00 WIB of the last day (the first instant no longer inside), as UTC."""
        return (self + 1).starts_at

    def __add__(self, months: int) -> ContributionMonth:
        ordinal = self._ordinal + months
        return ContributionMonth(ordinal // 12, ordinal % 12 + 1)

    def __sub__(self, other: ContributionMonth) -> int:
        return self._ordinal - other._ordinal

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContributionMonth) and self._ordinal == other._ordinal

    def __lt__(self, other: ContributionMonth) -> bool:
        return self._ordinal < other._ordinal

    def __hash__(self) -> int:
        return hash(self._ordinal)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    def __repr__(self) -> str:
        return f"ContributionMonth({self.year}, {self.month})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.chain_schema(
            [core_schema.str_schema(), core_schema.no_info_plain_validator_function(cls.parse)]
        )
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$", "title": "ContributionMonth"}


@lru_cache(maxsize=1_024)
def _month_of(instant: datetime) -> ContributionMonth:
    """Kept, as all items of a batch ask for the same instant."""
    local = instant.astimezone(WIB)
    return ContributionMonth(local.year, local.month)


@lru_cache(maxsize=1_024)
def _start_of(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=WIB).astimezone(UTC)
