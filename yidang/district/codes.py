"""Valid codes for made-up projects and owners: GB/T 40058 project codes, GB 32100 credit codes."""

from __future__ import annotations

from random import Random

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, Z, S, V
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def mod_11_10(digits: str) -> str:
    """ISO 7064 MOD 11,10 check digit of a string of digits."""
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def project_code(year: int, month: int, region: str, line: str, kind: str, serial: int) -> str:
    """'YYMM-RRRRRR-DD-TT-NNNNNC' (24 characters). line: DD, kind: TT, serial: 0…99999."""
    body = f"{year % 100:02d}{month:02d}{region}{line}{kind}{serial:05d}"
    return f"{body[:4]}-{region}-{line}-{kind}-{serial:05d}{mod_11_10(body)}"


def is_valid_project_code(code: str) -> bool:
    digits = code.replace("-", "")
    return len(code) == 24 and len(digits) == 20 and digits.isdigit() and mod_11_10(digits[:19]) == digits[19]


def credit_code(random: Random, region: str, head: str = "91") -> str:
    """A valid 18-character credit code with a random organisation number; region: 6 digits.

    head: registering authority and kind of body, '91' enterprise, '12' public institution, '11' government office.
    """
    organisation = "".join(random.choices(CREDIT_ALPHABET, k=8))
    body = head + region + organisation + _organisation_check(organisation)
    return body + _credit_check(body)


def is_valid_credit_code(code: str) -> bool:
    return (
        len(code) == 18
        and all(character in CREDIT_ALPHABET for character in code[:8] + code[17])
        and _organisation_check(code[8:16]) == code[16]
        and _credit_check(code[:17]) == code[17]
    )


def _organisation_check(organisation: str) -> str:
    total = sum(
        ORGANISATION_ALPHABET.index(character) * weight
        for character, weight in zip(organisation, ORGANISATION_WEIGHTS, strict=True)
    )
    return "0123456789X0"[11 - total % 11]


def _credit_check(body: str) -> str:
    total = sum(CREDIT_ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return CREDIT_ALPHABET[(31 - total % 31) % 31]
