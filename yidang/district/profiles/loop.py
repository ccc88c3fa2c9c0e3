from dataclasses import replace

from yidang.district.profiles.plain import PLAIN

LOOP = replace(PLAIN, id="loop")
