from dataclasses import replace

from yidang.district.profiles.plain import PLAIN

KEQIAO = replace(PLAIN, id="keqiao")
