"""The acquirer's own books: one row per code, with the money that was taken for it."""

import sqlite3
from dataclasses import dataclass
from typing import Any

INITIATED, PAID, REFUNDED, CANCELLED, FAILED = "01", "00", "04", "05", "06"

SCHEMA = """
create table if not exists codes (
    number integer primary key,
    reference_no text not null unique,     -- ours
    merchant_reference text not null unique,
    amount integer not null,               -- as asked for, rupiah
    paid_amount integer not null default 0,
    status text not null default '01',
    expires_at text not null,
    paid_at text,                          -- business time in WIB
    told integer not null default 0        -- the merchant accepted our notice of its last status
);
create index if not exists codes_by_day on codes (substr(paid_at, 1, 10));
"""


@dataclass(frozen=True)
class Code:
    number: int
    reference_no: str
    merchant_reference: str
    amount: int
    paid_amount: int
    status: str
    expires_at: str
    paid_at: str | None
    told: bool

    @property
    def content(self) -> str:
        """What is drawn; only its acquirer reads more out of it than that it is its own."""
        return f"00020101021226ID.PERISAI.LOCAL.{self.reference_no}5303360540{self.amount}6304LOCL"

    def view(self) -> dict[str, Any]:
        return {**self.__dict__, "content": self.content}


class Books:
    """The table of codes. Every method is one committed step."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def make(self, merchant_reference: str, amount: int, expires_at: str) -> Code | None:
        """The code of this reference, the same again for the same wish; None when it was made for another amount."""
        found = self.find(merchant_reference=merchant_reference)
        if found is None:
            number = self._database.execute("select coalesce(max(number), 0) + 1 from codes").fetchone()[0]
            self._database.execute(
                "insert into codes (number, reference_no, merchant_reference, amount, expires_at) values (?, ?, ?, ?, ?)",
                (number, f"Q{number:011d}", merchant_reference, amount, expires_at),
            )
            found = self.find(merchant_reference=merchant_reference)
        return found if found is not None and found.amount == amount else None

    def settle(self, code: Code, status: str, *, amount: int | None = None, at: str | None = None) -> Code:
        """The code with a new status, and with the money taken for it."""
        self._database.execute(
            "update codes set status = ?, paid_amount = coalesce(?, paid_amount), paid_at = coalesce(?, paid_at),"
            " told = 0 where number = ?",
            (status, amount, at, code.number),
        )
        found = self.find(reference_no=code.reference_no)
        assert found is not None
        return found

    def told(self, code: Code) -> None:
        """The merchant accepted the notice of this status."""
        self._database.execute("update codes set told = 1 where number = ? and status = ?", (code.number, code.status))

    def find(self, *, merchant_reference: str | None = None, reference_no: str | None = None) -> Code | None:
        rows = self._select("where merchant_reference = ?1 or reference_no = ?2", (merchant_reference, reference_no))
        return rows[0] if rows else None

    def by_content(self, content: str) -> Code | None:
        """The code of what a wallet read."""
        return next((code for code in self._select("", ()) if code.content == content), None)

    def taken_on(self, business_day: str) -> list[Code]:
        """Money that was taken on this WIB day and not given back, in the order of the codes."""
        return self._select("where substr(paid_at, 1, 10) = ? and status = ? order by number", (business_day, PAID))

    def recent(self, *, status: str | None, limit: int, offset: int) -> list[Code]:
        """Newest first."""
        return self._select(
            "where ?1 is null or status = ?1 order by number desc limit ?2 offset ?3", (status, limit, offset)
        )

    def totals(self) -> dict[str, dict[str, int]]:
        rows = self._database.execute("select status, count(*), sum(paid_amount) from codes group by status")
        return {row[0]: {"count": row[1], "rupiah": row[2]} for row in rows}

    def _select(self, rest: str, values: tuple[Any, ...]) -> list[Code]:
        found = self._database.execute(f"select * from codes {rest}", values).fetchall()
        return [Code(**{**dict(row), "told": bool(row["told"])}) for row in found]
