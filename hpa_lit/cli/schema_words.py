"""What a JSON schema lets be written for a setting, in words."""

import json
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from pydantic_core import ErrorDetails

from hpa_lit.errors import meant

PART = "part"  # the kind of mistake that a part's own settings have
_ABSENT: Any = object()
# What values of a type of JSON are called.
_WORDS = {
    "string": ["a text"],
    "boolean": ["true", "false"],
    "null": ["null"],
    "object": ["a mapping as {NAME: VALUE}"],
}


def faults(schema: dict[str, Any], values: Mapping[str, Any], mistake: ErrorDetails) -> Iterator[tuple[str, str]]:
    """The dotted key of a setting, and in words what is wrong with it and what to write instead.

    Args:
        schema: JSON schema of all settings.
        values: All settings.
        mistake: As pydantic found it: its kind, the keys that lead to the setting, then what leads on inside its value.
    """
    kind, place = mistake["type"], ".".join(map(str, mistake["loc"]))
    if kind == PART:
        yield from ((f"{place}.{key}", f"{place}.{fault}") for key, fault in mistake["ctx"]["faults"].items())
        return
    if kind == "extra_forbidden":
        *above, key = map(str, mistake["loc"])
        section = reduce(lambda node, name: _child(schema, node, name) or {}, above, schema)
        near = meant(key, section.get("properties", {}))
        yield place, f"{place}: there is no such setting{near or ', leave it out'}"
        return
    node, value, keys = schema, values, list[str]()
    for key in map(str, mistake["loc"]):
        if (child := _child(schema, node, key)) is None or not isinstance(value, Mapping):
            break
        node, value = child, value.get(key, _ABSENT)
        keys.append(key)
    name = ".".join(keys)
    said = f"{name} is missing" if value is _ABSENT else f"{name}={_text(value)}"
    yield name, f"{said}: {_wanted(node)}"


def words(schema: dict[str, Any], key: str) -> list[str]:
    """The words that may be written for a dotted key, ``/`` for any path; a key that is not declared may be one."""
    node: dict[str, Any] | None = schema
    for name in key.split("."):
        node = _child(schema, node, name) if node is not None else None
    return ["/"] if node is None else list(dict.fromkeys(_words(node)))


def _wanted(schema: dict[str, Any]) -> str:
    """What to write for a value."""
    if "description" in schema and "properties" not in schema:
        return str(schema["description"])
    return f"{'choose' if _is_choice(schema) else 'give'} {_either(schema)}"


def _child(schema: dict[str, Any], node: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The schema of a key of a section, or of a mapping of any keys; None where nothing is said of one."""
    for section in node.get("anyOf", [node]):
        section = _whole(schema, section)
        more = section.get("additionalProperties")
        if child := section.get("properties", {}).get(key) or (more if isinstance(more, dict) else None):
            return _whole(schema, child)
    return None


def _whole(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where another stands in its place."""
    whole: dict[str, Any] = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return whole


def _is_choice(schema: dict[str, Any]) -> bool:
    """Whether all that may be written is a few words."""
    if "anyOf" in schema or "items" in schema:
        return all(map(_is_choice, schema.get("anyOf") or [schema["items"]]))
    return bool({"enum", "const"} & schema.keys()) or schema.get("type") in ("boolean", "null")


def _either(schema: dict[str, Any]) -> str:
    """What may be written, such as ``best, last or a whole number above 0``."""
    *others, last = dict.fromkeys(_alternatives(schema))
    return f"{', '.join(others)} or {last}" if others else last


def _alternatives(schema: dict[str, Any]) -> Iterator[str]:
    """What may be written for a value, in words."""
    if "description" in schema and "properties" not in schema:  # of a section, it is the docstring
        yield str(schema["description"]).removeprefix("give ")
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _alternatives(one)
    elif "enum" in schema or "const" in schema:
        yield from map(_text, schema.get("enum") or [schema["const"]])
    elif schema["type"] == "array":
        if least := schema.get("minItems"):
            most = schema.get("maxItems")
            count = least if most == least else f"{least} or more" if most is None else f"{least} to {most}"
            yield f"a list of {count}, each {_either(schema['items'])}"
        else:
            yield from _alternatives(schema["items"])
            yield "several as [A,B]"
    elif schema["type"] in ("integer", "number"):
        yield ("a whole number" if schema["type"] == "integer" else "a number") + _range(schema)
    elif schema.get("format") == "path":
        yield "a path such as ./name"
    else:
        yield from _WORDS[schema["type"]]


def _words(schema: dict[str, Any]) -> Iterator[str]:
    """The words of choices, and ``/`` where a path may be."""
    if "anyOf" in schema or "items" in schema:
        for one in schema.get("anyOf") or [schema["items"]]:
            yield from _words(one)
    elif "enum" in schema or "const" in schema:
        yield from map(_text, schema.get("enum") or [schema["const"]])
    elif schema.get("type") == "boolean":
        yield from _WORDS["boolean"]
    elif schema.get("format") == "path":
        yield "/"


def _range(schema: dict[str, Any]) -> str:
    bounds = {
        key: f"{bound:g}" if isinstance(bound, float) else str(bound)
        for key in ("minimum", "maximum", "exclusiveMinimum")
        if (bound := schema.get(key)) is not None
    }
    up_to = bounds.get("maximum")
    if "exclusiveMinimum" in bounds:
        return f" above {bounds['exclusiveMinimum']}" + (f" and up to {up_to}" if up_to else "")
    if "minimum" in bounds:
        return f" from {bounds['minimum']} " + (f"to {up_to}" if up_to else "on")
    return ""


def _text(value: object) -> str:
    """A value as the command line has it."""
    return value if isinstance(value, str) else json.dumps(value)
