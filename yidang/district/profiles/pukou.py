from dataclasses import replace

from yidang.district.profiles.plain import PLAIN

PUKOU = replace(PLAIN, id="pukou")
