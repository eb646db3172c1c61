"""PURE: the settings as a table for a terminal, a program or the documentation."""

from hub.settings import Settings, default_of, described, is_secret, variable

_HEAD = """# Settings

Each setting is a variable `TEGATA_…`, or a line of the same name in small letters and without the prefix in
`tegata.toml` (in the working folder, or where `TEGATA_CONFIG` points). A variable counts before the file. A secret may
stand in a file of its own: `…_FILE` names it. An unknown setting is an error that names the nearest one.

This page is written by `tegata settings --markdown`.

| variable | default | meaning |
| --- | --- | --- |"""


def rows(settings: Settings) -> list[dict[str, str]]:
    """Give each setting for another program."""
    return [{"variable": name, "value": value, "meaning": text} for name, value, text in described(settings)]


def text(settings: Settings) -> str:
    """Write each setting for a person at a terminal."""
    return "\n\n".join(f"{name}={value}\n    {meaning}" for name, value, meaning in described(settings))


def markdown() -> str:
    """Write the documentation's page; it shows defaults, never a machine's values."""
    lines = [_HEAD]
    for name, field in Settings.model_fields.items():
        secret = f" (secret: also `{variable(name)}_FILE`)" if is_secret(name) else ""
        default = f"`{default_of(name)}`" if default_of(name) else "(empty)"
        lines.append(f"| `{variable(name)}` | {default} | {str(field.description).replace('|', ' or ')}{secret} |")
    return "\n".join(lines)
