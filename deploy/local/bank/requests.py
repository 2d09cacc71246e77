"""What customers and tests may ask of the bank."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from deploy.local.bank.behaviour import Behaviour
from deploy.local.bank.settings import Settings
from deploy.local.outside.problems import Problem

CustomerNo = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,20}$")]
Amount = Annotated[int, Field(strict=True, ge=1, le=10**12)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Numbered(_Asked):
    """Names a virtual account by exactly one of its two forms."""

    customer_no: CustomerNo | None = None
    virtual_account: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Za-z]{1,28}$")] | None = (
        None
    )

    @model_validator(mode="after")
    def _one_number(self) -> "_Numbered":
        if (self.customer_no is None) == (self.virtual_account is None):
            raise ValueError("give either customer_no or virtual_account")
        return self

    def number(self, settings: Settings) -> str:
        """The customer number; of a virtual account, what follows our prefix."""
        if self.customer_no is not None:
            return self.customer_no
        number = (self.virtual_account or "").removeprefix(settings.va_prefix)
        if number == self.virtual_account or not 1 <= len(number) <= 20:
            raise Problem(
                422, "foreign_number", f"a virtual account here is {settings.va_prefix} and 1 to 20 characters"
            )
        return number


class Inquire(_Numbered):
    """`POST /inquire`."""

    behaviour: Behaviour = Behaviour()


class Pay(_Numbered):
    """`POST /pay`; without a behaviour the mode's counts, and without `wait` the answer comes at once."""

    amount: Amount | None = None
    behaviour: Behaviour | None = None
    wait: bool = True


class PayMany(_Asked):
    """`POST /pay-many`."""

    customer_nos: Annotated[list[CustomerNo], Field(min_length=1, max_length=100_000)]
    amount: Amount | None = None
    concurrency: Annotated[int, Field(ge=1, le=200)] = 16
    behaviour: Behaviour | None = None
    wait: bool = False


class PlayBadDay(_Asked):
    """`POST /bad-day`: one visit of each of these customers; what goes wrong with whom is drawn from the seed."""

    customer_nos: Annotated[list[CustomerNo], Field(min_length=1, max_length=100_000)]
    seed: int = 7
    concurrency: Annotated[int, Field(ge=1, le=200)] = 16


class Repeat(_Asked):
    """`POST /payments/{id}/repeat`: the same payment with these changes, for what the biller says to it."""

    amount: Amount | None = None
    customer_no: CustomerNo | None = None
    advise: bool = False
    same_external_id: bool = False


class SetBehaviour(Behaviour):
    """`POST /behaviour`: the mode for so many payments, or until changed."""

    payments: Annotated[int, Field(ge=1)] | None = None

    def behaviour(self) -> Behaviour:
        return Behaviour(**self.model_dump(exclude={"payments"}))


class SetClock(_Asked):
    """`POST /clock`. Between these years an instant has a day in every time zone."""

    now: AwareDatetime

    @field_validator("now")
    @classmethod
    def _has_a_day_everywhere(cls, now: datetime) -> datetime:
        if not _FIRST <= now <= _LAST:
            raise ValueError("give an instant of the years 1970 to 2999")
        return now


_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)
