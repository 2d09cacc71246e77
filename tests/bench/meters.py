"""What the services count about themselves, scraped before and after: statements, events, sizes of batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Meters:
    """Samples by name and labels, summed over processes; or, as a difference, what was added in between."""

    samples: Mapping[Series, float]

    @classmethod
    async def of(cls, urls: Sequence[str]) -> Meters:
        found: dict[Series, float] = {}
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            for url in urls:
                text = (await client.get(f"{url}/metrics")).raise_for_status().text
                for family in text_string_to_metric_families(text):
                    for sample in family.samples:
                        series = (sample.name, tuple(sorted(sample.labels.items())))
                        found[series] = found.get(series, 0.0) + sample.value
        return cls(found)

    def __sub__(self, earlier: Meters) -> Meters:
        return Meters({series: value - earlier.samples.get(series, 0.0) for series, value in self.samples.items()})

    def total(self, name: str, **labels: str) -> float:
        """Sum over all series of this name that carry these labels."""
        wanted = set(labels.items())
        return sum(value for (found, own), value in self.samples.items() if found == name and wanted <= set(own))

    @property
    def statements(self) -> float:
        return self.total("perisai_sql_statements_total")

    @property
    def commits(self) -> float:
        return self.total("perisai_sql_commits_total")

    @property
    def events(self) -> float:
        return self.total("perisai_events_appended_total")

    def batch_size(self, pct: float, *, use_case: str | None = None) -> float:
        """Upper bound of the histogram's bucket that holds this percentile of batches; 0 without any."""
        buckets: dict[float, float] = {}
        for (name, own), value in self.samples.items():
            labels = dict(own)
            if name == "perisai_batch_items_bucket" and use_case in (None, labels.get("use_case")):
                bound = float(labels["le"].replace("+Inf", "inf"))
                buckets[bound] = buckets.get(bound, 0.0) + value
        total = max(buckets.values(), default=0.0)
        return next((bound for bound in sorted(buckets) if total and buckets[bound] >= pct / 100 * total), 0.0)
