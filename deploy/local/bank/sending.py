"""One payment on its way to the biller: every call made for it, and what is known of its outcome.

Doubt is sticky: once a call may have worked, only the payment's own success or refusal ends it.
"""

import asyncio
from dataclasses import replace

from deploy.local.bank.answers import PAYMENT, STATUS, Reply, Verdict, judge_payment, judge_status
from deploy.local.bank.behaviour import Behaviour
from deploy.local.bank.books import Books, Payment, State
from deploy.local.bank.line import Envelope, Line

# Of several answers to one payment the strongest counts: a success stands whatever a copy was told.
_STRENGTH = [Verdict.TRY_AGAIN, Verdict.NOT_PROCESSED, Verdict.REFUSED, Verdict.DOUBTFUL, Verdict.DONE]
_LOST = Reply("", "the answer was lost")


def spoilt_envelope(behaviour: Behaviour) -> Envelope:
    """A new envelope with the signature and timestamp this behaviour wants."""
    return Envelope(corrupt_signature=behaviour.corrupt_signature, stale_s=behaviour.stale_s)


class Sending:
    """Calls of one payment with the behaviour asked for. `state` is what the books should say now."""

    def __init__(self, line: Line, payment: Payment, behaviour: Behaviour, *, in_doubt: bool = False) -> None:
        assert payment.body is not None
        self._line, self._payment, self._behaviour = line, payment, behaviour
        self._fields, self._in_doubt, self._to_lose = payment.body, in_doubt, behaviour.drop_answers
        self.external_id = payment.external_id or ""
        self.answers = list(payment.answers)
        self.last = Reply(payment.code, payment.message)
        self.state = State.UNKNOWN if in_doubt else State.PENDING

    @property
    def final(self) -> bool:
        return self.state in (State.DONE, State.REFUSED)

    async def first(self) -> None:
        """The payment, once or, when doubled, twice."""
        envelope = spoilt_envelope(self._behaviour)
        if self._behaviour.repeat_external_id and self._behaviour.double == "no":
            envelope = replace(envelope, external_id=self.external_id)  # still that of the inquiry
        if self._behaviour.double == "no":
            self._learn([await self._pay(envelope, advise=False)])
            return
        copy = Envelope()
        if self._behaviour.repeat_external_id:
            copy = replace(copy, external_id=envelope.external_id)
        if self._behaviour.double == "after":
            verdicts = [await self._pay(envelope, advise=False), await self._pay(copy, advise=False)]
        else:
            both = asyncio.gather(self._pay(envelope, advise=False), self._pay(copy, advise=False))
            verdicts = list(await both)
        self._learn(verdicts)

    async def again(self) -> None:
        """The same payment once more: as advice when an earlier call may have worked, else as it was."""
        self._learn([await self._pay(Envelope(), advise=self._in_doubt)])

    async def ask(self) -> bool:
        """Asks for the status; True when the biller does not hold the payment, so that advice is due."""
        wanted = ("partnerServiceId", "customerNo", "virtualAccountNo")
        request_id = self._payment.payment_request_id
        fields = {name: self._fields[name] for name in wanted}
        fields |= {"inquiryRequestId": request_id, "paymentRequestId": request_id, "additionalInfo": {}}
        reply = self._take(await self._line.call(STATUS, fields, Envelope()), lose=False)
        verdict = judge_status(reply, request_id)
        if verdict is Verdict.NOT_THERE:
            return True
        self._learn([verdict])
        return False

    def give_up(self) -> None:
        """No more tries now: doubt stays doubt, and what surely was not processed is refused."""
        if not self.final:
            self.state = State.UNKNOWN if self._in_doubt else State.REFUSED

    def record(self, books: Books) -> None:
        """Writes what is known. A payment cut short in mid-call is unknown: the call may have worked."""
        state = State.UNKNOWN if self.state is State.PENDING else self.state
        books.close(
            self._payment.payment_request_id,
            state,
            code=self.last.code,
            message=self.last.message,
            answers=self.answers,
            external_id=self.external_id,
        )

    async def _pay(self, envelope: Envelope, *, advise: bool) -> Verdict:
        self.external_id = envelope.external_id
        fields = {**self._fields, "flagAdvise": "Y" if advise else "N"}
        reply = self._take(await self._line.call(PAYMENT, fields, envelope), lose=True)
        return judge_payment(reply, self._payment.payment_request_id)

    def _take(self, reply: Reply, *, lose: bool) -> Reply:
        if lose and self._to_lose > 0:
            self._to_lose -= 1
            reply = _LOST
        self.last = reply
        self.answers.append(reply.code or "none")
        return reply

    def _learn(self, verdicts: list[Verdict]) -> None:
        verdict = max(verdicts, key=_STRENGTH.index)
        self._in_doubt = self._in_doubt or verdict is Verdict.DOUBTFUL
        if verdict is Verdict.DONE:
            self.state = State.DONE
        elif verdict is Verdict.REFUSED or (verdict is Verdict.NOT_PROCESSED and not self._in_doubt):
            self.state = State.REFUSED
