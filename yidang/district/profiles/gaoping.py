from dataclasses import replace

from yidang.district.profiles.plain import PLAIN

GAOPING = replace(PLAIN, id="gaoping")
