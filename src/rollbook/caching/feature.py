"""What this package adds to rollbook."""

from rollbook.caching.documents import CacheBarrier, CacheLease
from rollbook.web.features import Feature

CACHING = Feature(documents=(CacheLease, CacheBarrier))
