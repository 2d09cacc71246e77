"""Invented people: every body is different, the same number always gives the same person.

A form is P1 of the payload table: 600 to 750 bytes of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

FIRST_BIRTHDAY = date(1961, 1, 1)
BIRTHDAYS = 16_000
SERIALS = 9_999
DISTRICTS = ("367401", "360303", "317106", "327505", "357801", "337402", "127106", "517103", "737105")
FIRST = ("Siti", "Budi", "Agus", "Dewi", "Rina", "Joko", "Sri", "Wahyu", "Nur", "Eko", "Ratna", "Hadi", "Lina", "Tono")
LAST = ("Contoh", "Teladan", "Rekaan", "Umpama", "Misal", "Ibarat", "Karangan", "Percobaan")
TRADES = ("Pedagang keliling sayur dan buah", "Nelayan kapal kecil", "Pengemudi ojek daring", "Penjahit rumahan")
PRICE = 36_800
"""The monthly sum of the form below: JKK, JKM and JHT at an income of one million, before any discount."""


def form(number: int) -> dict[str, Any]:
    """The registration form of person `number` (from 0 on)."""
    born = FIRST_BIRTHDAY + timedelta(days=number % BIRTHDAYS)
    serial = 1 + (number // BIRTHDAYS) % SERIALS
    district = DISTRICTS[(number // 7) % len(DISTRICTS)]
    female = number % 2 == 1
    name = f"{FIRST[number % len(FIRST)]} {LAST[(number // 3) % len(LAST)]} Warga {number:07d}"
    return {
        "nik": f"{district}{born.day + 40 * female:02d}{born:%m%y}{serial:04d}",
        "name": name,
        "birth_place": "Tangerang",
        "birth_date": born.isoformat(),
        "sex": "F" if female else "M",
        "phone": f"0812{10_000_000 + number}",
        "email": f"warga.contoh.{number:07d}@contoh.example",
        "address": f"Kp. Contoh RT 0{1 + number % 9}/RW 0{1 + number % 7} No. {number % 400}, Kel. Teladan, Kec. Umpama, Kota Tangerang 15114",
        "occupation": TRADES[number % len(TRADES)],
        "sector": "OTHER",
        "work_place": f"Pasar Contoh Blok {chr(65 + number % 26)}, Kota Tangerang",
        "working_hours": "08.00-17.00 WIB, Senin sampai Sabtu",
        "income": 1_000_000,
        "programmes": ["JKK", "JKM", "JHT"],
        "consent": {"given": True, "text_version": "2025-01"},
    }


def body(number: int) -> bytes:
    """The form as it travels."""
    return json.dumps(form(number)).encode()


class People:
    """Hands out persons nobody has seen yet, over all benchmarks of a run."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count()

    def take(self, number: int) -> list[int]:
        return [next(self._numbers) for _ in range(number)]
