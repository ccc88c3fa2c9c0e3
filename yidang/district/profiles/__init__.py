"""The districts that can be made: the plain one, and one after each source case with its countable numbers.

What a case claims and cannot be counted is not planted as a number: docs/cases/ says of each claim where it is seen, or
why there is only a remark.
"""

from yidang.district.profile import Profile
from yidang.district.profiles.baoan import BAOAN
from yidang.district.profiles.gaoping import GAOPING
from yidang.district.profiles.keqiao import KEQIAO
from yidang.district.profiles.loop import LOOP
from yidang.district.profiles.plain import PLAIN
from yidang.district.profiles.pukou import PUKOU

# Of the worlds that are made when nobody names another seed.
SEED = 20260630
PROFILES: dict[str, Profile] = {profile.id: profile for profile in (PLAIN, PUKOU, KEQIAO, GAOPING, LOOP, BAOAN)}

__all__ = ["PLAIN", "PROFILES", "SEED", "Profile"]
