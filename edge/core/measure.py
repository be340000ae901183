"""Numbers that are counted or measured: kind of metric, unit and meaning are declared at their field."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Meaning:
    """The meaning of a field, as an annotation; in JSON schemas its description."""

    meaning: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Called by pydantic; see https://docs.pydantic.dev/latest/concepts/json_schema/."""
        return {**handler(schema), "description": self.meaning}


@dataclass(frozen=True)
class Measure(Meaning):
    """A number, or several of them by ``labels``; the length of a list.

    A counter only grows until a restart, a gauge is what is there now. A summary are percentiles, a histogram
    counts up to several bounds.
    """

    kind: Literal["counter", "gauge", "summary", "histogram"]
    unit: str
    labels: tuple[str, ...] = ()


def counter(unit: str, meaning: str, *labels: str) -> Measure:
    """Something that is counted since the start."""
    return Measure(meaning, "counter", unit, labels)


def gauge(unit: str, meaning: str, *labels: str) -> Measure:
    """Something as it is now."""
    return Measure(meaning, "gauge", unit, labels)


def measures(declared: type, *, within: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Measure]]:
    """Every measure of a dataclass by its path of names, those of a dataclass in a field included."""
    for name, hint in get_type_hints(declared, include_extras=True).items():
        path = (*within, name)
        yield from ((path, found) for found in get_args(hint)[1:] if isinstance(found, Measure))
        nested = _dataclass_in(hint)
        if nested is not None:
            yield from measures(nested, within=path)


def value_at(measured: object, path: tuple[str, ...]) -> Any:
    """The value at a path of names; None where something on the way is None."""
    for name in path:
        measured = None if measured is None else getattr(measured, name)
    return measured


def _dataclass_in(hint: Any) -> type | None:
    """The dataclass that a type is, perhaps annotated or optional; or None."""
    if get_origin(hint) is Annotated:
        return _dataclass_in(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return next(filter(None, map(_dataclass_in, get_args(hint))), None)
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None
