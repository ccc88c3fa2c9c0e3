from dataclasses import replace

from yidang.district.profiles.plain import PLAIN

BAOAN = replace(PLAIN, id="baoan")
