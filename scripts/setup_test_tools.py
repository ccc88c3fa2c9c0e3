#!/usr/bin/env python3
"""Install what the tests need beyond Python packages: Chromium, LibreOffice, poppler, CJK fonts, servers of sources.

As root on Debian/Ubuntu it installs what is missing; elsewhere it says what to install and fails: a test that
skipped silently would be worse than a clear refusal.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# program → Debian package. podman and debootstrap build and run the images (docs/containers.md).
TOOLS = {
    "chromium": "chromium",
    "soffice": "libreoffice-writer",
    "pdftoppm": "poppler-utils",
    "fc-list": "fontconfig",
    "podman": "podman",
    "buildah": "buildah",
    "runc": "runc",
    "debootstrap": "debootstrap",
    "fuse-overlayfs": "fuse-overlayfs",
    "mariadbd": "mariadb-server-core",
    "mariadb": "mariadb-client-core",
    "sshd": "openssh-server",
}
FONTS = "fonts-noto-cjk"


def main() -> int:
    packages = sorted({package for program, package in TOOLS.items() if not is_here(program)})
    if not has_cjk_font():
        packages.append(FONTS)
    if not packages:
        return 0
    listing = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"✗ The tests need programs that are not here.\n  → sudo apt-get install {listing}", file=sys.stderr)
        return 1
    print(f"  … installing for the tests: {listing}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        [
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            *packages,
            "netavark",
            "aardvark-dns",
            "iptables",
        ],
    ):
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        if result.returncode:
            print(
                f"✗ {' '.join(command)} failed:\n{result.stderr[-2000:]}\n  → Check the Debian mirror.", file=sys.stderr
            )
            return 1
    return 0


def is_here(program: str) -> bool:
    # servers lie in /usr/sbin, which an ordinary user's PATH may lack
    return bool(shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin"))


def has_cjk_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True).stdout.strip())


if __name__ == "__main__":
    sys.exit(main())
