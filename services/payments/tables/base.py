"""What every table of payments shares."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
INSTANT = sa.TIMESTAMP(timezone=True)
