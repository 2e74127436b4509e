"""CloudFormation's intrinsic functions, from a template and its parameters alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
_DYNAMIC = "{{resolve:"


class Nothing(Enum):
    """`AWS::NoValue`: the property or item is left out."""

    VALUE = 0


class Wrong(Exception):
    """What can't be resolved, with its place."""


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, int, float))


@dataclass
class Resolver:
    """The functions of one template. ``problems`` are collected, so that all are reported at once."""

    parameters: Mapping[str, Any]  # with the pseudo parameters
    conditions: Mapping[str, Any]  # as written
    mappings: Mapping[str, Any]
    resource: Callable[[str, str], str]  # the attribute of a resource; that of Ref is empty. Raises LookupError
    problems: list[str] = field(default_factory=list)
    _known: dict[str, bool | None] = field(default_factory=dict)

    def resolve(self, value: Any, place: str) -> Any:
        """The value without functions; what can't be resolved is left out, and is a problem."""
        try:
            return self._value(value, place)
        except Wrong as wrong:
            self.problems.append(str(wrong))
            return Nothing.VALUE

    def is_true(self, name: str, place: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self.conditions:
            raise Wrong(f"{place}: there is no condition {name}")
        if self._known.get(name, False) is None:
            raise Wrong(f"Conditions.{name}: depends on itself")
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self._condition(self.conditions[name], f"Conditions.{name}")
        return bool(self._known[name])

    def _value(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            return _there([self.resolve(each, f"{place}[{index}]") for index, each in enumerate(value)])
        if isinstance(value, dict):
            return self._function(value, place) if _is_function(value) else self._members(value, place)
        if isinstance(value, str) and _DYNAMIC in value:
            raise Wrong(f"{place}: a dynamic reference can't be read without AWS")
        return value

    def _members(self, value: Mapping[str, Any], place: str) -> dict[str, Any]:
        found = {key: self.resolve(each, f"{place}.{key}") for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not Nothing.VALUE}

    def _function(self, value: Mapping[str, Any], place: str) -> Any:
        if len(value) > 1:
            raise Wrong(f"{place}: a function stands alone, without other keys")
        ((name, given),) = value.items()
        if name not in _FUNCTIONS:
            why = "is only for Conditions" if name in _CONDITIONS else "isn't supported"
            raise Wrong(f"{place}: {name} {why}")
        return _FUNCTIONS[name](self, given, place)

    def _arguments(self, given: Any, place: str, count: int) -> list[Any]:
        if not isinstance(given, list) or len(given) != count:
            raise Wrong(f"{place}: the function takes a list of {count}")
        return given

    # --- references ---

    def ref(self, given: Any, place: str) -> Any:
        if given == "AWS::NoValue":
            return Nothing.VALUE
        if given in self.parameters:
            return self.parameters[given]
        return self._attribute(str(given), "", place)

    def get_att(self, given: Any, place: str) -> str:
        parts = given.split(".", 1) if isinstance(given, str) else given
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(each, str) for each in parts):
            raise Wrong(f"{place}: Fn::GetAtt takes the name of a resource and an attribute")
        return self._attribute(parts[0], parts[1], place)

    def _attribute(self, name: str, attribute: str, place: str) -> str:
        try:
            return self.resource(name, attribute)
        except LookupError as error:
            raise Wrong(f"{place}: {error.args[0]}") from None

    def sub(self, given: Any, place: str) -> str:
        template, variables = (given, {}) if isinstance(given, str) else self._arguments(given, place, 2)
        if not isinstance(template, str) or not isinstance(variables, dict):
            raise Wrong(f"{place}: Fn::Sub takes a text, or a text and its variables")
        own = {name: self._text(value, f"{place}.{name}") for name, value in variables.items()}

        def filled(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return f"${{{match[2]}}}"
            return own[name] if name in own else self._text(_reference(name), place)

        return _VARIABLE.sub(filled, template)

    # --- texts and lists ---

    def _text(self, value: Any, place: str) -> str:
        found = self._value(value, place)
        if not _is_scalar(found):
            raise Wrong(f"{place}: must be a text")
        return text(found)

    def _list(self, value: Any, place: str) -> list[Any]:
        found = self._value(value, place)
        if not isinstance(found, list):
            raise Wrong(f"{place}: must be a list")
        return found

    def join(self, given: Any, place: str) -> str:
        delimiter, values = self._arguments(given, place, 2)
        found = self._list(values, place)
        if not all(map(_is_scalar, found)):
            raise Wrong(f"{place}: Fn::Join joins texts only")
        return _literal(delimiter, place).join(map(text, found))

    def split(self, given: Any, place: str) -> list[str]:
        delimiter, value = self._arguments(given, place, 2)
        if not _literal(delimiter, place):
            raise Wrong(f"{place}: Fn::Split needs a delimiter")
        return self._text(value, place).split(delimiter)

    def select(self, given: Any, place: str) -> Any:
        index, values = self._arguments(given, place, 2)
        number, found = self._text(index, place), self._list(values, place)
        if not number.isdecimal() or int(number) >= len(found):
            raise Wrong(f"{place}: Fn::Select finds no item {number} in a list of {len(found)}")
        return found[int(number)]

    def base64(self, given: Any, place: str) -> str:
        return base64.b64encode(self._text(given, place).encode()).decode()

    def find_in_map(self, given: Any, place: str) -> Any:
        keys = [self._text(each, place) for each in self._arguments(given, place, 3)]
        found: Any = self.mappings
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                raise Wrong(f"{place}: Mappings has no {'.'.join(keys)}")
            found = found[key]
        return found

    # --- conditions ---

    def choose(self, given: Any, place: str) -> Any:
        name, yes, no = self._arguments(given, place, 3)
        return self._value(yes if self.is_true(str(name), place) else no, place)

    def _condition(self, value: Any, place: str) -> bool:
        if not isinstance(value, dict) or len(value) != 1:
            raise Wrong(f"{place}: must be a function of conditions")
        ((name, given),) = value.items()
        if name == "Condition":
            return self.is_true(str(given), place)
        if name not in _CONDITIONS:
            raise Wrong(f"{place}: {name} isn't a function of conditions")
        return _CONDITIONS[name](self, given, place)

    def equals(self, given: Any, place: str) -> bool:
        left, right = (self._value(each, place) for each in self._arguments(given, place, 2))
        return text(left) == text(right) if _is_scalar(left) and _is_scalar(right) else bool(left == right)

    def invert(self, given: Any, place: str) -> bool:
        return not self._condition(self._arguments(given, place, 1)[0], place)

    def every(self, given: Any, place: str) -> bool:
        return all(self._condition(each, place) for each in self._several(given, place))

    def some(self, given: Any, place: str) -> bool:
        return any(self._condition(each, place) for each in self._several(given, place))

    def _several(self, given: Any, place: str) -> list[Any]:
        if not isinstance(given, list) or not 2 <= len(given) <= 10:
            raise Wrong(f"{place}: the function takes 2 to 10 conditions")
        return given

    # --- assertions of Rules ---

    def holds(self, value: Any, place: str) -> bool:
        """Whether an assertion or a rule's condition holds."""
        return self._condition(value, place)

    def contains(self, given: Any, place: str) -> bool:
        values, wanted = self._arguments(given, place, 2)
        return text(self._value(wanted, place)) in list(map(text, self._list(values, place)))

    def each_in(self, given: Any, place: str) -> bool:
        values, allowed = (self._list(each, place) for each in self._arguments(given, place, 2))
        return set(map(text, values)) <= set(map(text, allowed))

    def each_equals(self, given: Any, place: str) -> bool:
        values, wanted = self._arguments(given, place, 2)
        return set(map(text, self._list(values, place))) <= {self._text(wanted, place)}


def _reference(name: str) -> dict[str, str]:
    return {"Fn::GetAtt" if "." in name else "Ref": name}


def _literal(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise Wrong(f"{place}: the delimiter is a text, not a function")
    return value


def _there(values: list[Any]) -> list[Any]:
    return [each for each in values if each is not Nothing.VALUE]


def _is_function(value: Mapping[str, Any]) -> bool:
    return any(key == "Ref" or str(key).startswith("Fn::") for key in value)


_FUNCTIONS: Mapping[str, Callable[[Resolver, Any, str], Any]] = {
    "Ref": Resolver.ref,
    "Fn::GetAtt": Resolver.get_att,
    "Fn::Sub": Resolver.sub,
    "Fn::Join": Resolver.join,
    "Fn::Split": Resolver.split,
    "Fn::Select": Resolver.select,
    "Fn::If": Resolver.choose,
    "Fn::FindInMap": Resolver.find_in_map,
    "Fn::Base64": Resolver.base64,
}
_CONDITIONS: Mapping[str, Callable[[Resolver, Any, str], bool]] = {
    "Fn::Equals": Resolver.equals,
    "Fn::Not": Resolver.invert,
    "Fn::And": Resolver.every,
    "Fn::Or": Resolver.some,
    "Fn::Contains": Resolver.contains,
    "Fn::EachMemberIn": Resolver.each_in,
    "Fn::EachMemberEquals": Resolver.each_equals,
}
