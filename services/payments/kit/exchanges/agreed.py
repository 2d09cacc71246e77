"""What was agreed with one partner and not with another: hours, limits, stricter forms (snap.md section 1)."""

from __future__ import annotations

from collections.abc import Sequence

from services.payments.kit import reasons
from services.payments.kit.cases import Case, Step, single
from services.payments.kit.exchanges.access import inquiry_like
from services.payments.kit.exchanges.numbers import asks
from services.payments.kit.stage import SERVICES, Message, Stage, changed


def _strict(stage: Stage) -> Message:
    return stage.inquiry(stage.any_number(), "strict", channelCode=6011)


CASES: Sequence[Case] = (
    Case(
        "outside the agreed hours",
        [
            Step("no inquiry is answered", asks("shut"), "4032406"),
            Step("the bill is quoted to another partner", asks(), "2002400"),
            Step(
                "no new money is taken", lambda stage: stage.payment(stage.number(), stage.quoted(), "shut"), "4032506"
            ),
            Step(
                "status is told at any hour",
                lambda stage: stage.status(stage.number(), "shut", paymentRequestId=stage.id()),
                "4042601",
            ),
        ],
    ),
    Case(
        "above the agreed number of payments a day",
        [
            Step("the bill is quoted", asks("limited"), "2002400"),
            Step("and not taken", lambda stage: stage.payment(stage.number(), stage.quoted(), "limited"), "4032504"),
        ],
    ),
    single(
        "a deposit above the agreed sum",
        lambda stage: stage.payment(stage.number("deposit"), "100001.00", "limited"),
        "4032502",
        reason=reasons.ABOVE_DEPOSIT,
    ),
    *(
        single(
            f"stricter: {service} with a token that is unknown",
            inquiry_like(service, side="strict", token="nobody-s"),
            f"401{SERVICES[service]}03",
        )
        for service in ("inquiry", "payment", "status")
    ),
    single(
        "stricter: letters in X-EXTERNAL-ID",
        lambda stage: changed(_strict(stage), headers={"X-EXTERNAL-ID": "abc"}),
        "4002401",
        naming="X-EXTERNAL-ID",
    ),
    single(
        "stricter: a field that is mandatory by agreement",
        lambda stage: stage.inquiry(stage.any_number(), "strict"),
        "4002402",
        naming="channelCode",
    ),
    single(
        "stricter: a channel that was not agreed",
        lambda stage: changed(_strict(stage), headers={"CHANNEL-ID": "1"}),
        "4012400",
    ),
    single("stricter: all as agreed", _strict, "2002400"),
)
