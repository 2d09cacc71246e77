"""Message texts: a versioned template in the recipient's language, filled with the notice's values and the person's
name at sending time.

A template file is never changed once a notice was queued with it: a change is a new version beside it. A value that is
missing is an error, never a blank in somebody's message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from jinja2 import PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from contracts.values import ContributionMonth, Language
from services.notifications.domain import wording


class Unrenderable(ValueError):
    """The template is missing or asks for a value that the notice does not have. Names the template, never a value."""


class Texts:
    """All templates of the package `services.notifications`, plain text."""

    def __init__(self) -> None:
        self._environments = {language: _environment(language) for language in Language}

    def render(self, template: str, version: int, language: Language, values: Mapping[str, str], *, name: str) -> str:
        """The text to send. Raises Unrenderable."""
        try:
            return (
                self._environments[language]
                .get_template(f"{template}/{version}.{language}.txt")
                .render(values, name=name)
            )
        except (TemplateError, ValueError) as error:
            raise Unrenderable(f"{template} version {version} in {language}: {type(error).__name__}") from None


def _environment(language: Language) -> SandboxedEnvironment:
    # No autoescape: these are plain texts, not HTML, and a name must arrive as it is written.
    environment = SandboxedEnvironment(
        loader=PackageLoader("services.notifications"), undefined=StrictUndefined, autoescape=False, auto_reload=False
    )
    environment.filters |= {
        "rupiah": lambda amount: wording.rupiah(int(amount), language),
        "date": lambda day: wording.long_date(date.fromisoformat(day), language),
        "span": lambda first, last: wording.span(
            ContributionMonth.parse(first), ContributionMonth.parse(last), language
        ),
    }
    return environment
