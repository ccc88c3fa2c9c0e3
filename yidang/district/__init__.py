"""The made-up district (虚构示例数据): a simulated world written into the own systems of eight departments.

`generate()` is the whole interface. Nothing here knows the platform.
"""

from yidang.district.generate import DistrictSummary, generate, request, require_no_other
from yidang.district.profiles import PLAIN, PROFILES, SEED

__all__ = ["PLAIN", "PROFILES", "SEED", "DistrictSummary", "generate", "request", "require_no_other"]
