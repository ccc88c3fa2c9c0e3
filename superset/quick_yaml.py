"""YAML by libyaml in the scripts that read and write hundreds of assets: half their time went into PyYAML's own."""

import yaml


def use_libyaml() -> None:
    """For yaml.safe_load and yaml.safe_dump, Superset's own calls too; they look these names up when called."""
    yaml.SafeLoader = yaml.CSafeLoader
    yaml.SafeDumper = yaml.CSafeDumper
